"""What a button in a chat carries: an intent as text, and back (pure)."""

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any, NamedTuple

from firebell.channels.callbacks import instant_of
from firebell.chat.intents import commands
from firebell.chat.intents.command_texts import render
from firebell.chat.intents.model import AckPage, EscalatePage, Intent, OpenModal, PageSomeone, ResolvePage

RUN, OPEN = "fb_run", "fb_open"
"""How the ids of buttons begin that carry an intent, and of those that only open an address."""
_PAGE_BUTTONS: Mapping[str, Callable[[int], Intent]] = {
    "fb_page_ack": AckPage,
    "fb_page_escalate": EscalatePage,
    "fb_page_resolve": ResolvePage,
    "fb_page_declare": lambda page: OpenModal("declare", page=page),
}
"""The buttons of a page's message; their value is `{"p": 77, "v": 12, "at": 1782864000}`."""
NAMED_AT = "at"
"""The key for when the message was composed, or when what it names began, in seconds since 1970.

After a backup is restored, the number in an old message can belong to a different page or incident."""


class Pressed(NamedTuple):
    """The intent of a pressed button and the timestamp that it carries; None for a button from an earlier release."""

    command: str
    intent: Intent
    named_at: datetime | None


def stamp(named_at: datetime | None) -> dict[str, int]:
    """Return the part of a button's value that carries a timestamp."""
    return {} if named_at is None else {NAMED_AT: int(named_at.timestamp())}


def encode(intent: Intent, named_at: datetime | None) -> str:
    """Return the value of a button that runs an intent, with the timestamp `named_at`."""
    if isinstance(intent, OpenModal):
        value: dict[str, Any] = {"m": intent.name}
        value |= {"i": intent.incident} if intent.incident is not None else {}
        value |= {"s": intent.severity} if intent.severity is not None else {}
        value |= {"t": intent.title} if intent.title else {}
        value |= {"p": intent.page} if intent.page is not None else {}
        value |= {"v": 1} if intent.private else {}
        return _compact(value | stamp(named_at))
    command, text = render(intent)
    is_confirmed = isinstance(intent, PageSomeone) and intent.confirmed
    confirmed = {"ok": 1} if is_confirmed else {}
    return _compact({"c": command, "t": text, **confirmed, **stamp(named_at)})


def decode(action_id: str, value: str) -> Pressed | None:
    """Return what a pressed button asks for, or None if the button isn't ours."""
    try:
        data = json.loads(value)
    except (ValueError, RecursionError):
        return None
    if not isinstance(data, dict):
        return None
    read = _intent(action_id, data)
    return Pressed(*read, instant_of(data.get(NAMED_AT))) if read else None


def _intent(action_id: str, data: dict[str, Any]) -> tuple[str, Intent] | None:
    if action_id in _PAGE_BUTTONS:
        page_id = _id(data.get("p"))
        return None if page_id is None else (commands.PAGE, _PAGE_BUTTONS[action_id](page_id))
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
            private=data.get("v") == 1,
        )
        return commands.INCIDENT, modal
    command, text = data.get("c"), data.get("t")
    if command not in (commands.INCIDENT, commands.PAGE) or not isinstance(text, str):
        return None
    intent = commands.parse(command, text, None)
    if isinstance(intent, PageSomeone) and data.get("ok") == 1:
        intent = replace(intent, confirmed=True)
    return command, intent


def _id(value: Any) -> int | None:
    is_id = isinstance(value, int) and not isinstance(value, bool) and 0 < value < 10**18
    return value if is_id else None


def _str(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _compact(value: dict[str, Any]) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
