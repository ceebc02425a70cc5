"""Buttons of a message as the attachments of Mattermost, and answers that only one person sees (pure)."""

from collections.abc import Sequence
from typing import Any

from firebell.chat.adapter_base.markdown_text import escape
from firebell.chat.adapter_base.message_model import Button, Content, clip
from firebell.chat.intents import button_values
from firebell.chat.intents.reply_model import Reply, ReplyButton
from firebell.chat.mattermost.action_tokens import SignButton

NAME_MAX_CHARS = 60
REPLY_MAX_CHARS = 8_000
_STYLES = {"primary": "primary", "danger": "danger"}
_SHOWN_BUTTONS = 10


def _integration(url: str, context: dict[str, Any]) -> dict[str, Any]:
    return {"url": url, "context": context}


def _button(number: int, button: Button, url: str, sign: SignButton) -> dict[str, Any]:
    action = {
        "id": f"b{number}",
        "type": "button",
        "name": clip(button.label, NAME_MAX_CHARS),
        "integration": _integration(url, {"token": sign(button.action, button.value, button.confirm)}),
    }
    return action | ({"style": _STYLES[button.style]} if button.style in _STYLES else {})


def _menu(menu: Sequence[Button], url: str, sign: SignButton) -> dict[str, Any]:
    options = [{"text": clip(each.label, NAME_MAX_CHARS), "value": str(i)} for i, each in enumerate(menu)]
    # what an option does is in the context, which the server keeps to itself
    actions = {str(i): sign(each.action, each.value, each.confirm) for i, each in enumerate(menu)}
    return {
        "id": "menu",
        "type": "select",
        "name": "More actions",
        "options": options,
        "integration": _integration(url, {"options": actions}),
    }


def of_content(content: Content, url: str, sign: SignButton) -> list[dict[str, Any]]:
    """Return the buttons and the menu of a message; those that open a page are links in its text."""
    actions = [_button(i, each, url, sign) for i, each in enumerate(content.buttons) if not each.url]
    menu = [each for each in content.menu if not each.url]
    if menu:
        actions.append(_menu(menu, url, sign))
    return [{"fallback": clip(content.text, 200), "actions": actions}] if actions else []


def _links(buttons: Sequence[ReplyButton]) -> str:
    return " · ".join(
        f"[{escape(each.label)}]({each.url})" for each in buttons if each.url and ")" not in each.url
    )


def text_of(reply: Reply) -> str:
    """Return an answer as Markdown, with its links."""
    links = _links(reply.buttons)
    text = "\n".join(escape(line) for line in clip(reply.text or "Done.", REPLY_MAX_CHARS).split("\n"))
    return f"{text}\n\n{links}" if links else text


def plain_answer(reply: Reply) -> dict[str, Any]:
    """Return an answer to a slash command without buttons, which only the person who typed it sees."""
    return {"response_type": "ephemeral", "text": text_of(reply), "skip_slack_parsing": True}


def command_answer(reply: Reply, url: str, sign: SignButton) -> dict[str, Any]:
    """Return the answer to a slash command, which only the person who typed it sees."""
    buttons = [
        Button(
            each.label,
            button_values.RUN,
            button_values.encode(each.intent, reply.composed_at),
            style=_style(each),
        )
        for each in reply.buttons[:_SHOWN_BUTTONS]
        if each.intent is not None
    ]
    actions = [_button(i, each, url, sign) for i, each in enumerate(buttons)]
    answer = plain_answer(reply)
    return answer | ({"attachments": [{"fallback": "", "actions": actions}]} if actions else {})


def _style(button: ReplyButton) -> str:
    return "danger" if button.danger else "primary" if button.primary else ""
