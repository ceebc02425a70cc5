"""Who takes part in a calendar event, by their own answers (RFC 5545 3.2.12, RFC 7986 6.2; pure)."""

import re
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

_ABSENT_ANSWERS = {"DECLINED", "DELEGATED"}
_NOT_TAKING_PART = "NON-PARTICIPANT"
_EMAIL = re.compile(r"[^@\s:/]+@[^@\s:/]+")


@dataclass(frozen=True, slots=True)
class Attendance:
    """The email addresses of who takes part, and of who said no; both in the order of the event."""

    coming: tuple[str, ...]
    declined: tuple[str, ...]


def attendance(event: Any) -> Attendance:
    """Return who takes part in an event.

    Someone who declined or delegated is listed as declined; someone who only gets a copy (NON-PARTICIPANT) is left
    out.
    """
    value = event.get("ATTENDEE", [])
    coming: dict[str, None] = {}
    declined: dict[str, None] = {}
    for attendee in value if isinstance(value, list) else [value]:
        email, parameters = email_of(attendee), getattr(attendee, "params", {})
        if not email or _parameter(parameters, "ROLE").upper() == _NOT_TAKING_PART:
            continue
        refused = _parameter(parameters, "PARTSTAT").upper() in _ABSENT_ANSWERS
        (declined if refused else coming)[email] = None
    return Attendance(tuple(coming), tuple(e for e in declined if e not in coming))


def email_of(attendee: Any) -> str:
    """Return the email address of a calendar user, "" when it has none.

    The EMAIL parameter comes first: beside it the value may be a path of the server's own. Otherwise it is
    the `mailto:` address, percent-decoded and without its query, or a bare address.
    """
    named = _parameter(getattr(attendee, "params", {}), "EMAIL").removeprefix("mailto:")
    if _EMAIL.fullmatch(named):
        return named
    value = str(attendee).strip()
    if value[:7].lower() == "mailto:":
        value = unquote(value[7:].partition("?")[0]).strip()
    return value if _EMAIL.fullmatch(value) else ""


def _parameter(parameters: Any, name: str) -> str:
    value = parameters.get(name, "")
    return str(value[0] if isinstance(value, list) and value else value).strip()
