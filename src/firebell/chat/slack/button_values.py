"""What a button of Slack carries: an intent as text, and back (pure)."""

import json
from collections.abc import Callable, Mapping
from typing import Any

from firebell.chat import commands
from firebell.chat.intents import (
    AckPage,
    AddEntry,
    CloseIncident,
    ContinueWithoutRoom,
    CreateRoom,
    EscalatePage,
    Intent,
    JoinRoom,
    OpenModal,
    ResolveIncident,
    ResolvePage,
    ShowStatus,
    SnoozePage,
)
from firebell.chat.rendering import render

RUN, OPEN, MENU = "fb_run", "fb_open", "fb_more"
"""How the ids of buttons begin that do something, of those that only open an address, and the id of a menu."""
SNOOZE_MINUTES = 30
_NO_CHANGE = "No change since the last update."
_PAGE_BUTTONS: Mapping[str, Callable[[int], Intent]] = {
    "fb_ack": AckPage,
    "fb_escalate": EscalatePage,
    "fb_resolve_page": ResolvePage,
    "fb_snooze": lambda page: SnoozePage(page, SNOOZE_MINUTES),
    "fb_note_page": lambda page: OpenModal("page-note", page=page),
    "fb_declare_page": lambda page: OpenModal("declare", page=page),
}
"""The buttons of a page's message; their value is `{"p": 77, "v": 12}`."""
_INCIDENT_BUTTONS: Mapping[str, Callable[[int], Intent]] = {
    "fb_update": lambda incident: OpenModal("update", incident),
    "fb_no_change": lambda incident: AddEntry(incident, "update", _NO_CHANGE),
    "fb_severity": lambda incident: OpenModal("severity", incident),
    "fb_roles": lambda incident: OpenModal("role", incident),
    "fb_task": lambda incident: OpenModal("task", incident),
    "fb_page": lambda incident: OpenModal("page", incident),
    "fb_resolve_incident": ResolveIncident,
    "fb_close": CloseIncident,
    "fb_still_happening": lambda incident: OpenModal("finding", incident),
    "fb_wait": ShowStatus,
    "fb_join": JoinRoom,
    "fb_room_create": CreateRoom,
    "fb_room_skip": ContinueWithoutRoom,
}
"""The buttons of messages about an incident; their value is `{"i": 214}`."""


def encode(intent: Intent) -> str:
    """Return the value of a button that does an intent."""
    if isinstance(intent, OpenModal):
        value: dict[str, Any] = {"m": intent.name}
        value |= {"i": intent.incident} if intent.incident is not None else {}
        value |= {"s": intent.severity} if intent.severity is not None else {}
        value |= {"t": intent.title} if intent.title else {}
        value |= {"p": intent.page} if intent.page is not None else {}
        return _compact(value)
    command, text = render(intent)
    return _compact({"c": command, "t": text})


def decode(action_id: str, value: str) -> tuple[str, Intent] | None:
    """Return the command and the intent of a pressed button, None if it is none of ours."""
    try:
        data = json.loads(value)
    except (ValueError, RecursionError):
        return None
    if not isinstance(data, dict):
        return None
    page_id, incident_id = _id(data.get("p")), _id(data.get("i"))
    if action_id in _PAGE_BUTTONS:
        return None if page_id is None else (commands.PAGE, _PAGE_BUTTONS[action_id](page_id))
    if action_id in _INCIDENT_BUTTONS:
        return None if incident_id is None else (commands.INCIDENT, _INCIDENT_BUTTONS[action_id](incident_id))
    if not action_id.startswith(RUN):
        return None
    if isinstance(name := data.get("m"), str):
        severity = data.get("s")
        is_severity = isinstance(severity, int) and severity in range(4)
        modal = OpenModal(
            name,
            _id(data.get("i")),
            _str(data.get("t")),
            severity if is_severity else None,
            page=_id(data.get("p")),
        )
        return commands.INCIDENT, modal
    command, text = data.get("c"), data.get("t")
    if command not in (commands.INCIDENT, commands.PAGE) or not isinstance(text, str):
        return None
    return command, commands.parse(command, text, None)


def _id(value: Any) -> int | None:
    is_id = isinstance(value, int) and not isinstance(value, bool) and 0 < value < 10**18
    return value if is_id else None


def _str(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _compact(value: dict[str, Any]) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
