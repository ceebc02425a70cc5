"""Texts about coming, beginning and ending shifts, each in the time zone of its reader (pure)."""

from datetime import datetime

from firebell.kit.durations import duration
from firebell.kit.localtime import format_interval, format_local

SAFE_WAYS_TO_REACH = 2
"""With fewer verified contact methods that fail independently, the person on call is warned."""

Message = tuple[str, str]
"""A title and a text."""


def before(
    schedule: str, start: datetime, end: datetime | None, tz: str, now: datetime, *, wakes: bool, ways: int
) -> Message:
    """Return the reminder of a coming shift; it begins with the warning when nothing can wake the person.

    `ways` is how many verified contact methods fail independently of each other.
    """
    shift = f"You are on call for {schedule} from {format_interval(start, end, tz)}."
    if wakes:
        if ways < SAFE_WAYS_TO_REACH:
            shift += (
                " You have only one verified contact method. Add a second one under Settings, Notifications."
            )
        return f"On call in {duration(start - now)}: {schedule}", shift
    warning = (
        "You have no verified contact method that can wake you."
        " Add ntfy or a webhook under Settings, Notifications, and send a test."
    )
    return (
        f"On call in {duration(start - now)}, but nothing can wake you: {schedule}",
        f"{warning}\n\n{shift}",
    )


def began(schedule: str, end: datetime | None, tz: str, outgoing: str, *, documented: bool) -> Message:
    """Return the message at the start of a shift; `documented` if there is a handoff to read."""
    until = f"until {format_local(end, tz)} ({tz})" if end else "until further notice"
    sentences = [f"You receive the pages of {schedule} {until}."]
    if outgoing:
        sentences.append(f"You take over from {outgoing}.")
    if documented:
        sentences.append("Read the handoff and acknowledge it.")
    return f"You are on call now: {schedule}", " ".join(sentences)


def ended(schedule: str, incoming: str) -> Message:
    """Return the message at the end of a shift."""
    after = f"{incoming} took over." if incoming else "No one is on call after you: coverage gap."
    return f"Your shift is over: {schedule}", f"{after} Add anything missing to the handoff."
