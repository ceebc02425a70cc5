"""What people are told about their shifts, each in the zone of who reads it (pure)."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from firebell.kit.html import duration
from firebell.kit.localtime import format_local
from firebell.oncall.rota.fairness import union

SHOWN = 6
"""How many stretches a message names."""
SAFE = 2
"""In so many independent ways somebody on call can be reached at least: one of them may fail."""
SOON = timedelta(hours=8)
"""A change that puts somebody on call within this time is urgent: they could be asleep until then."""

Stretch = tuple[datetime, datetime]


def stretch(start: datetime, end: datetime | None, tz: str) -> str:
    """Return from when to when, on the reader's wall clock, with the zone."""
    until = f" to {format_local(end, tz)}" if end else " until further notice"
    return f"{format_local(start, tz)}{until} ({tz})"


def before(
    schedule: str, start: datetime, end: datetime | None, tz: str, now: datetime, *, wakes: bool, ways: int
) -> tuple[str, str]:
    """Return what is said of a coming shift; whoever cannot be woken is told first of all, as S-UNREACHABLE says.

    `ways` are the verified independent ones in which somebody can be reached.
    """
    note = f"You are on call for {schedule} from {stretch(start, end, tz)}."
    if wakes:
        if ways < SAFE:
            note += " Only one way to reach you is verified: add a second under Settings, How I am reached."
        return f"On call in {duration(start - now)}: {schedule}", note
    warning = (
        "No way to wake you is verified: at night a page could only wait for you to read your mail."
        " Add a phone or a push channel under Settings, How I am reached, and send yourself a test."
    )
    return f"On call in {duration(start - now)}, but nothing can wake you: {schedule}", f"{warning}\n\n{note}"


def began(schedule: str, end: datetime | None, tz: str, leaving: str, *, documented: bool) -> tuple[str, str]:
    """Return what is said when a shift begins; `documented` that there is a handoff to read."""
    until = f"until {format_local(end, tz)} ({tz})" if end else "until further notice"
    takes = f" You take over from {leaving}." if leaving else ""
    takes += " Read the handoff and acknowledge it." if documented else ""
    return f"You are on call now: {schedule}", f"Pages of {schedule} come to you {until}.{takes}"


def ended(schedule: str, entering: str) -> tuple[str, str]:
    """Return what is said when a shift ends."""
    after = f"{entering} has taken over." if entering else "Nobody follows you: there is a gap."
    return (
        f"Your shift is over: {schedule}",
        f"{after} What you know and the handoff does not say, write there.",
    )


def changed(gains: Sequence[Stretch], loses: Sequence[Stretch], gaps: Sequence[Stretch], tz: str) -> str:
    """Return what a change of a schedule means for one person; `gaps` are new stretches of nobody."""
    parts = []
    for found, what in (
        (union(gains), "You are on call"),
        (union(loses), "You are no longer on call"),
        (union(gaps), "Nobody is on call"),
    ):
        if found:
            more = [f"and {len(found) - SHOWN} more times"] if len(found) > SHOWN else []
            lines = [f"- {format_local(a, tz)} to {format_local(b, tz)}" for a, b in found[:SHOWN]] + [
                f"- {m}" for m in more
            ]
            parts.append("\n".join([f"{what} ({tz}):", *lines]))
    return "\n\n".join(parts)


def errors(schedule: str, found: Sequence[str]) -> tuple[str, str]:
    """Return what is said of errors of a schedule."""
    shown = [f"- {text}" for text in found[:SHOWN]]
    more = [f"- and {len(found) - SHOWN} more"] if len(found) > SHOWN else []
    note = "\n".join([*shown, *more, "", "The schedule's page has a button for each."])
    return f"A page could reach nobody: {schedule}", note


def asked(schedule: str, who: str, start: datetime, end: datetime, reason: str, tz: str) -> tuple[str, str]:
    """Return what a request for cover says."""
    why = f" {who}: “{reason}”" if reason else ""
    return (
        f"{who} asks for cover: {schedule}",
        f"From {stretch(start, end, tz)}.{why} You are free then. Until somebody takes it, {who} stays on call.",
    )


def taken(schedule: str, who: str, start: datetime, end: datetime, tz: str) -> tuple[str, str]:
    """Return what the requester is told when somebody takes their shift."""
    return (
        f"{who} covers for you: {schedule}",
        f"From {stretch(start, end, tz)} {who} is on call instead of you.",
    )


def declined(
    schedule: str, who: str, start: datetime, end: datetime, tz: str, *, left: bool
) -> tuple[str, str]:
    """Return what the requester is told when somebody says no; `left` that others could still say yes."""
    after = "Others may still take it." if left else "Nobody whom you asked is left: ask somebody else."
    return (
        f"{who} cannot cover for you: {schedule}",
        f"From {stretch(start, end, tz)}. {after} Until somebody takes it, you stay on call.",
    )


def lapsed(schedule: str, who: str, start: datetime, end: datetime, why: str, tz: str) -> tuple[str, str]:
    """Return what those who were asked are told when a request for cover is withdrawn for them."""
    return (
        f"{who} needs no cover any more: {schedule}",
        f"From {stretch(start, end, tz)}: {why}. There is nothing for you to do.",
    )


def swap_proposed(
    schedule: str, who: str, theirs: Stretch, yours: Stretch, reason: str, tz: str
) -> tuple[str, str]:
    """Return what somebody is told of a swap that is proposed to them."""
    why = f" {who}: “{reason}”" if reason else ""
    return (
        f"{who} proposes a swap: {schedule}",
        f"{who} would take your shift from {stretch(*yours, tz)}, and you theirs from {stretch(*theirs, tz)}.{why}",
    )


def swap_decided(schedule: str, who: str, state: str) -> tuple[str, str]:
    """Return what the proposer is told of the answer."""
    after = "The schedule is changed." if state == "accepted" else "The schedule stays as it is."
    return f"{who} {state} your swap: {schedule}", after


def swap_lapsed(schedule: str, who: str, why: str) -> tuple[str, str]:
    """Return what both are told when a proposed swap is withdrawn for them."""
    return f"The swap with {who} is off: {schedule}", f"{why}. The schedule stays as it is."
