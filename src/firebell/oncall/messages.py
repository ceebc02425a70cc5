"""Texts about changes of schedules, covers and swaps, each in the time zone of its reader (pure)."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from firebell.kit.intervals import Interval, Pair, union
from firebell.kit.localtime import format_interval, format_local

MAX_LISTED_LINES = 6
"""How many intervals or errors one message lists."""
URGENT_CHANGE_LEAD = timedelta(hours=8)
"""A change that puts someone on call within this time is urgent: they could be asleep until then."""

Message = tuple[str, str]
"""A title and a text."""


def changed(gains: Sequence[Interval], losses: Sequence[Interval], gaps: Sequence[Interval], tz: str) -> str:
    """Return what a change of a schedule means for one person; `gaps` are new coverage gaps."""
    sections = []
    for intervals, heading in (
        (union(gains), "You are on call"),
        (union(losses), "You are no longer on call"),
        (union(gaps), "No one is on call"),
    ):
        if intervals:
            lines = [f"{format_local(start, tz)} to {format_local(end, tz)}" for start, end in intervals]
            sections.append("\n".join([f"{heading} ({tz}):", *_bullets(lines, "more times")]))
    return "\n\n".join(sections)


def errors(schedule: str, problems: Sequence[str]) -> Message:
    """Return the message about errors of a schedule."""
    lines = [*_bullets(problems, "more"), "", "Fix each one from the schedule page."]
    return f"Pages might not reach anyone: {schedule}", "\n".join(lines)


def _bullets(lines: Sequence[str], more: str) -> list[str]:
    bullets = [f"- {line}" for line in lines[:MAX_LISTED_LINES]]
    hidden = len(lines) - MAX_LISTED_LINES
    return [*bullets, f"- and {hidden} {more}"] if hidden > 0 else bullets


def cover_asked(
    schedule: str, requester: str, start: datetime, end: datetime, reason: str, tz: str
) -> Message:
    """Return the message to someone who is asked for cover."""
    return (
        f"{requester} requests cover: {schedule}",
        f"From {format_interval(start, end, tz)}.{_reason(requester, reason)} You are free then."
        f" {requester} stays on call until someone accepts.",
    )


def cover_taken(schedule: str, person: str, start: datetime, end: datetime, tz: str) -> Message:
    """Return the message to the requester whose shift `person` took."""
    return (
        f"{person} covers for you: {schedule}",
        f"{person} is on call instead of you from {format_interval(start, end, tz)}.",
    )


def cover_declined(
    schedule: str, person: str, start: datetime, end: datetime, tz: str, *, others_asked: bool
) -> Message:
    """Return the message to the requester that `person` declined; `others_asked` if others may still accept."""
    after = (
        "Others can still accept." if others_asked else "Everyone you asked has declined: ask someone else."
    )
    return (
        f"{person} can’t cover for you: {schedule}",
        f"From {format_interval(start, end, tz)}. {after} You stay on call until someone accepts.",
    )


def cover_lapsed(schedule: str, requester: str, start: datetime, end: datetime, why: str, tz: str) -> Message:
    """Return the message to those who were asked for cover that is no longer needed."""
    return (
        f"Cover request canceled: {schedule} ({requester})",
        f"From {format_interval(start, end, tz)}: {why}. You don’t need to do anything.",
    )


def swap_proposed(schedule: str, proposer: str, theirs: Pair, yours: Pair, reason: str, tz: str) -> Message:
    """Return the message to the person who is offered a swap."""
    return (
        f"{proposer} proposes a swap: {schedule}",
        f"{proposer} would take your shift from {format_interval(*yours, tz)},"
        f" and you would take theirs from {format_interval(*theirs, tz)}.{_reason(proposer, reason)}",
    )


def swap_decided(schedule: str, other: str, state: str) -> Message:
    """Return the message to the proposer about the answer."""
    after = "The schedule has changed." if state == "accepted" else "The schedule stays as it is."
    return f"{other} {state} your swap: {schedule}", after


def swap_lapsed(schedule: str, other: str, why: str) -> Message:
    """Return the message to each of two people whose proposed swap was withdrawn for them."""
    return f"Swap with {other} canceled: {schedule}", f"{why}. The schedule stays as it is."


def _reason(person: str, reason: str) -> str:
    return f" {person}: “{reason}”" if reason else ""
