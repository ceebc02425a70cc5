"""The home page of the app in Slack (pure)."""

from datetime import datetime
from typing import Any

from firebell.chat.handlers.home_queries import HomeFacts
from firebell.chat.handlers.page_queries import OnCallLine
from firebell.chat.intents import button_values
from firebell.chat.intents.model import (
    AckPage,
    Intent,
    LinkAccount,
    ListPages,
    OpenModal,
    ResolvePage,
    ShowSummary,
)
from firebell.chat.intents.status_texts import heading, one_line
from firebell.chat.slack import limits
from firebell.chat.slack.reply_blocks import plain_text
from firebell.chat.slack.text import length

View = dict[str, Any]
_LISTED = 10


def home_view(facts: HomeFacts, notice: str = "") -> View:
    """Return the home page: what waits for the person first; `notice` answers the last press of a button."""
    context = facts.context
    blocks = [_section(notice)] if notice else []
    actions = [
        _button("Declare incident", OpenModal("declare"), 0, style="primary"),
        _button("Page someone", OpenModal("page"), 1),
        _button("Open pages", ListPages(), 2),
    ]
    if context.person is None:
        blocks.append(_section("Your Slack account is not linked to a Firebell account yet."))
        actions = [actions[0], _button("Link my account", LinkAccount(), 1)]
        if context.link_url and length(context.link_url) <= limits.URL:
            actions[1] = _link("Link my account", context.link_url)
    blocks.append({"type": "actions", "elements": actions})
    if context.person is not None:
        blocks += [_header("Your pages"), *_pages(facts)]
    blocks += [_header("Your incidents" if context.person else "Open incidents"), *_incidents(facts)]
    if context.person is not None:
        blocks += [_header("On call now"), *_on_call(facts)]
        blocks.append({"type": "actions", "elements": [_link("Open Firebell", context.url("/"))]})
    return {"type": "home", "blocks": blocks}


def _pages(facts: HomeFacts) -> list[View]:
    waiting = {page.id for page in facts.waiting}
    rows = [
        _section(
            f"{page.ref} {one_line(page.title, 200)}",
            _button("Acknowledge", AckPage(page.id), 0, page.triggered_at, style="primary")
            if page.id in waiting
            else _button("Resolve", ResolvePage(page.id), 0, page.triggered_at),
        )
        for page in facts.pages[:_LISTED]
    ]
    return rows or [_section("No open pages.")]


def _incidents(facts: HomeFacts) -> list[View]:
    rows = [
        _section(
            f"{heading(row.incident)}, {row.phase}",
            _button("Catch up", ShowSummary(row.incident.id), 0, row.incident.declared_at),
        )
        for row in facts.incidents[:_LISTED]
    ]
    return rows or [_section("No open incidents.")]


def _on_call(facts: HomeFacts) -> list[View]:
    lines = [_on_call_line(facts, line) for line in facts.on_call[:_LISTED]]
    return [_section("\n".join(lines) or "No schedules yet.")]


def _on_call_line(facts: HomeFacts, line: OnCallLine) -> str:
    until = f", until {facts.context.at(line.until)}" if line.until else ""
    return f"{line.schedule}: {', '.join(line.names) or 'no one'}{until}"


def _header(text: str) -> View:
    return {"type": "header", "text": plain_text(text, limits.HEADER)}


def _section(text: str, accessory: View | None = None) -> View:
    block: View = {"type": "section", "text": plain_text(text, limits.SECTION_TEXT)}
    return {**block, "accessory": accessory} if accessory else block


def _button(
    label: str, intent: Intent, number: int, began_at: datetime | None = None, style: str = ""
) -> View:
    """Return a button about something that began at `began_at`."""
    return {
        "type": "button",
        "text": plain_text(label, limits.BUTTON),
        "action_id": f"{button_values.RUN}_{number}",
        "value": button_values.encode(intent, began_at),
        **({"style": style} if style else {}),
    }


def _link(label: str, url: str) -> View:
    return {
        "type": "button",
        "text": plain_text(label, limits.BUTTON),
        "action_id": f"{button_values.OPEN}_0",
        "url": url,
    }
