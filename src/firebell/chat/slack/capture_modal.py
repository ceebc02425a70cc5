"""The form that adds a message of Slack to a timeline (pure)."""

import json
from collections.abc import Sequence
from typing import Any

from firebell.chat.intents.captured_messages import CapturedMessage
from firebell.chat.intents.model import CaptureMessage
from firebell.chat.slack import limits, modals
from firebell.chat.slack.payloads import text_at
from firebell.chat.slack.reply_blocks import plain_text
from firebell.chat.slack.text import clip

CALLBACK = "fb_capture"
KINDS = {
    "note": "Note",
    "finding": "Finding",
    "decision": "Decision",
    "mitigation": "Mitigation",
    "update": "Update",
}


def capture_view(
    message: CapturedMessage, incident: int | None, choices: Sequence[tuple[int, str]]
) -> dict[str, Any]:
    """Return the form for a message: its kind, its text, and the incident if the channel does not say it."""
    carried = {"i": incident, "c": message.channel, "t": message.ts, "u": message.author}
    kinds = [_option(value, label) for value, label in KINDS.items()]
    blocks = [
        _input("kind", "Kind", {"type": "static_select", "options": kinds, "initial_option": kinds[0]}),
        _input(
            "text",
            "Text",
            {
                "type": "plain_text_input",
                "multiline": True,
                "max_length": limits.INPUT_TEXT,
                "initial_value": clip(message.text, limits.INPUT_TEXT),
            },
        ),
    ]
    if incident is None:
        incidents = [_option(str(number), label) for number, label in choices[: limits.OPTIONS]]
        blocks.insert(0, _input("incident", "Incident", {"type": "static_select", "options": incidents}))
    return {
        "type": "modal",
        "callback_id": CALLBACK,
        "title": plain_text("Add to timeline", limits.VIEW_TITLE),
        "submit": plain_text("Add to timeline", limits.VIEW_TITLE),
        "close": plain_text("Cancel", limits.VIEW_TITLE),
        "private_metadata": json.dumps(carried),
        "blocks": blocks,
    }


def read_capture(view: Any) -> CaptureMessage | modals.FieldErrors | None:
    """Return what a submitted form adds to the timeline, or its errors; None if it is another form."""
    if text_at(view, "callback_id") != CALLBACK:
        return None
    carried = modals.metadata(view)
    values = view.get("state", {}).get("values")
    kind = text_at(values, "kind", "kind", "selected_option", "value")
    text = text_at(values, "text", "text", "value").strip()
    chosen = text_at(values, "incident", "incident", "selected_option", "value")
    incident = carried.get("i")
    if chosen.isascii() and chosen.isdecimal() and len(chosen) < 19:
        incident = int(chosen)
    if not isinstance(incident, int) or isinstance(incident, bool):
        return modals.FieldErrors({"incident": "Select an incident."})
    if kind not in KINDS:
        return modals.FieldErrors({"kind": "Select a kind."})
    if not text:
        return modals.FieldErrors({"text": "Enter a text."})
    message = CapturedMessage(
        channel=text_at(carried, "c"), ts=text_at(carried, "t"), author=text_at(carried, "u"), text=text
    )
    return CaptureMessage(incident, kind, message)


def _option(value: str, label: str) -> dict[str, Any]:
    return {"text": plain_text(label, limits.OPTION_TEXT), "value": value}


def _input(name: str, label: str, element: dict[str, Any]) -> dict[str, Any]:
    return {
        "type": "input",
        "block_id": name,
        "label": plain_text(label, limits.INPUT_LABEL),
        "element": {"action_id": name, **element},
    }
