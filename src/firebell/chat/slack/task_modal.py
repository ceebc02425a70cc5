"""The form that adds a task (pure)."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from firebell.chat.intents.model import AddTask, ChatTarget
from firebell.chat.slack import limits, modals
from firebell.chat.slack.payloads import at, text_at
from firebell.chat.slack.reply_blocks import plain_text

CALLBACK = "fb_new_task"
TEXT_MAX_CHARS = 500
_REQUIRED = "required"


def task_view(text: str, incident: int | None, choices: Sequence[tuple[int, str]] = ()) -> dict[str, Any]:
    """Return the form: the task, its owner and time, and the incident if the channel does not say it."""
    required = modals.option(_REQUIRED, "Must be done or moved before the incident is closed")
    blocks = [
        modals.labeled("text", "Task", modals.text_input(TEXT_MAX_CHARS, text)),
        modals.labeled("user", "Owner", {"type": "users_select"}, optional=True),
        modals.labeled("due", "Due", {"type": "datetimepicker"}, optional=True),
        modals.labeled(
            "options",
            "Closing",
            {"type": "checkboxes", "options": [required], "initial_options": [required]},
            optional=True,
        ),
    ]
    if incident is None:
        incidents = [modals.option(str(number), label) for number, label in choices[: limits.OPTIONS]]
        select = {"type": "static_select", "options": incidents}
        blocks.insert(0, modals.labeled("incident", "Incident", select))
    return {
        "type": "modal",
        "callback_id": CALLBACK,
        "title": plain_text("Add task", limits.VIEW_TITLE),
        "submit": plain_text("Add task", limits.VIEW_TITLE),
        "close": plain_text("Cancel", limits.VIEW_TITLE),
        "private_metadata": json.dumps({"i": incident} if incident is not None else {}),
        "blocks": blocks,
    }


def read_task(view: Any) -> AddTask | modals.FieldErrors | None:
    """Return the task of a submitted form, what is wrong in it, or None if it is another form."""
    if text_at(view, "callback_id") != CALLBACK:
        return None
    values = at(view, "state", "values")
    chosen = text_at(values, "incident", "incident", "selected_option", "value")
    incident = modals.number(modals.metadata(view), "i")
    if chosen.isascii() and chosen.isdecimal() and len(chosen) < 19:
        incident = int(chosen)
    if incident is None:
        return modals.FieldErrors({"incident": "Select an incident."})
    text = text_at(values, "text", "text", "value").strip()
    if not text:
        return modals.FieldErrors({"text": "Enter what is to be done."})
    user = text_at(values, "user", "user", "selected_user")
    due = at(values, "due", "due", "selected_date_time")
    is_time = isinstance(due, int) and not isinstance(due, bool) and 0 < due < 2**33
    options = at(values, "options", "options", "selected_options")
    return AddTask(
        incident,
        text,
        ChatTarget("user", user) if user else None,
        due_at=datetime.fromtimestamp(due, UTC) if is_time else None,
        is_required=any(text_at(each, "value") == _REQUIRED for each in options)
        if isinstance(options, list)
        else True,
    )
