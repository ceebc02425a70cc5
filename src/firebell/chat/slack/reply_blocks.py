"""Answers as messages of Slack that only one person sees (pure)."""

from datetime import datetime
from typing import Any

from firebell.chat.intents import button_values
from firebell.chat.intents.reply_model import Reply, ReplyButton
from firebell.chat.slack import limits
from firebell.chat.slack.text import clip, escape, length

Message = dict[str, Any]
_SHOWN_BUTTONS = 10


def plain_text(text: str, limit: int) -> dict[str, Any]:
    """Return a text object in which Slack formats nothing."""
    return {"type": "plain_text", "text": clip(text, limit), "emoji": False}


def ephemeral(reply: Reply) -> Message:
    """Return an answer that only the person who asked sees."""
    return {
        "response_type": "ephemeral",
        "replace_original": False,
        "text": clip(escape(clip(reply.text, limits.TEXT // 2)), limits.TEXT),
        "blocks": blocks(reply),
    }


def blocks(reply: Reply) -> list[dict[str, Any]]:
    """Return the blocks of an answer: its text, then its buttons."""
    shown = [{"type": "section", "text": plain_text(reply.text or "Done.", limits.SECTION_TEXT)}]
    buttons = [
        element
        for i, button in enumerate(reply.buttons[:_SHOWN_BUTTONS])
        if (element := _button(i, button, reply.composed_at)) is not None
    ]
    return [*shown, {"type": "actions", "elements": buttons}] if buttons else shown


def _button(number: int, button: ReplyButton, composed_at: datetime | None) -> dict[str, Any] | None:
    """Return a button, None if what it carries is too long for one."""
    element: dict[str, Any] = {"type": "button", "text": plain_text(button.label, limits.BUTTON)}
    if button.intent is not None:
        value = button_values.encode(button.intent, composed_at)
        if length(value) > limits.VALUE:
            return None
        element |= {"action_id": f"{button_values.RUN}_{number}", "value": value}
    else:
        if not 0 < length(button.url) <= limits.URL:
            return None
        element |= {"action_id": f"{button_values.OPEN}_{number}", "url": button.url}
    if button.danger or button.primary:
        element["style"] = "danger" if button.danger else "primary"
    return element
