"""The page as a state machine (spec 2.1 and 2.3), pure: what an event makes of a page.

A page has one timer, `due_at`; its state says what the timer means: the next level when triggered, the end of
an unattended acknowledgement when acked, waking up when snoozed, a new alarm when exhausted. A change of plan
raises `epoch`, which voids every timer and delivery of the plan before it.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from firebell.paging.model import OPEN, UNANSWERED, Page, PageState, Plan

MAX_SNOOZE = timedelta(hours=24)
ACK_TIMEOUT = timedelta(minutes=30)
"""When an acknowledged SEV0 or SEV1 page demands again, unless its policy says otherwise."""
COVERS = timedelta(minutes=30)
"""How long an acknowledgement also stands for alerts that join the page later."""
RE_ALARM = {"high": timedelta(minutes=15), "low": timedelta(hours=4)}
ON_TIME = timedelta(seconds=30)
"""Lateness up to which the next level counts from the planned instant, not from now (spec 2.7)."""


@dataclass(frozen=True, slots=True)
class Ack:
    """A human takes the page; without `owned` it is a sender that says so, and nobody answers for it."""

    owned: bool = True


@dataclass(frozen=True, slots=True)
class Unack:
    """Nobody answers for the page any more."""


@dataclass(frozen=True, slots=True)
class Grow:
    """New alerts joined; `crossed` says that there are now ten, a hundred or a thousand."""

    crossed: bool


@dataclass(frozen=True, slots=True)
class Resolve:
    """Nothing is demanded any more."""


@dataclass(frozen=True, slots=True)
class Snooze:
    """Be silent until `until`."""

    until: datetime


@dataclass(frozen=True, slots=True)
class Escalate:
    """Go to the next level now."""


@dataclass(frozen=True, slots=True)
class Raise:
    """It became more urgent; `severity` is that of an incident, None for alerts."""

    severity: int | None


@dataclass(frozen=True, slots=True)
class Due:
    """The timer of an acked or snoozed page ran out."""


Event = Ack | Unack | Grow | Resolve | Snooze | Escalate | Raise | Due


@dataclass(frozen=True, slots=True)
class Refused:
    """The event does not apply; `reason` is for the person who asked."""

    reason: str


def ack_timeout(plan: Plan, severity: int | None, *, owned: bool = True) -> timedelta | None:
    """Return how long an acknowledgement holds, None for ever: that long only with a person behind it."""
    if plan.ack_timeout_s is not None:
        return timedelta(seconds=plan.ack_timeout_s)
    return ACK_TIMEOUT if severity in (0, 1) or not owned else None


def step(page: Page, event: Event, now: datetime) -> Page | Refused:
    """Return the page after `event`, or why nothing changes; total over states and events."""
    if page.state is PageState.RESOLVED:
        return Refused("already resolved")
    match event:
        case Ack(owned):
            return _acked(page, owned, now)
        case Unack():
            return _unacked(page, now)
        case Grow(crossed):
            return _grown(page, crossed, now)
        case Resolve():
            return _changed(page, PageState.RESOLVED, None, resolved_at=now)
        case Snooze(until):
            return _snoozed(page, until, now)
        case Escalate():
            return _escalated(page, now)
        case Raise(severity):
            return _raised(page, severity, now)
        case Due():
            return _run_out(page, now)


def _changed(page: Page, state: PageState, due_at: datetime | None, **more: datetime | int | None) -> Page:
    return replace(
        page,
        state=state,
        due_at=due_at,
        epoch=page.epoch + 1,
        version=page.version + 1,
        **more,  # type: ignore[arg-type]
    )


def _acked(page: Page, owned: bool, now: datetime) -> Page | Refused:
    if not owned and page.state not in UNANSWERED:
        return Refused("a person has acknowledged it")
    wait = ack_timeout(page.plan, page.severity, owned=owned)
    due_at = now + wait if wait else None
    first = page.first_ack_at or now
    if page.state is PageState.ACKED:
        return replace(page, due_at=due_at, acked_at=now, version=page.version + 1)
    return _changed(page, PageState.ACKED, due_at, acked_at=now, first_ack_at=first, snoozed_until=None)


def _unacked(page: Page, now: datetime) -> Page | Refused:
    return _again(page, now) if page.state is PageState.ACKED else Refused("it is not acknowledged")


def _grown(page: Page, crossed: bool, now: datetime) -> Page | Refused:
    if page.state is not PageState.ACKED:
        return Refused("it is not acknowledged")
    if not crossed and page.acked_at is not None and now - page.acked_at <= COVERS:
        return Refused("the acknowledgement covers it")
    return _again(page, now)


def _snoozed(page: Page, until: datetime, now: datetime) -> Page | Refused:
    if page.severity == 0:
        return Refused("a SEV0 page cannot be snoozed")
    if not now < until <= now + MAX_SNOOZE:
        return Refused("a page can be snoozed for at most 24 hours")
    return _changed(page, PageState.SNOOZED, until, snoozed_until=until)


def _escalated(page: Page, now: datetime) -> Page:
    """Demand from the next level now; an exhausted page has none left and starts over."""
    if page.state is PageState.EXHAUSTED:
        return _afresh(page, now)
    return _changed(page, PageState.TRIGGERED, now, snoozed_until=None)


def _again(page: Page, now: datetime) -> Page:
    """Demand again at the level that was entered last."""
    level = max(page.level - 1, -1)
    return _changed(page, PageState.TRIGGERED, now, level=level, snoozed_until=None)


def _afresh(page: Page, now: datetime) -> Page:
    return _changed(page, PageState.TRIGGERED, now, level=-1, round=0, snoozed_until=None)


def _raised(page: Page, severity: int | None, now: datetime) -> Page | Refused:
    urgent = severity is None or severity <= 1
    more_urgent = urgent and page.urgency == "low"
    more_severe = severity is not None and (page.severity is None or severity < page.severity)
    if not more_urgent and not more_severe:
        return Refused("it is already this urgent")
    page = replace(
        page,
        urgency="high" if urgent else page.urgency,
        severity=severity if more_severe else page.severity,
    )
    match page.state:
        case PageState.ACKED if not urgent:
            return replace(page, version=page.version + 1)
        case PageState.TRIGGERED | PageState.ACKED:
            return _again(page, now)
        case _:
            return _afresh(page, now)


def _run_out(page: Page, now: datetime) -> Page | Refused:
    match page.state:
        case PageState.ACKED:
            return _again(page, now)
        case PageState.SNOOZED:
            return _afresh(page, now)
        case _:
            return Refused("its timer enters the next level")


@dataclass(frozen=True, slots=True)
class Entered:
    """The page notifies `people`; `skipped` are levels at which nobody could be reached."""

    page: Page
    people: tuple[int, ...]
    skipped: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Exhausted:
    """The policy is at its end: the final alarm goes out, and again every 15 minutes or 4 hours."""

    page: Page
    skipped: tuple[int, ...]


Reach = Callable[[int], Sequence[int]]
"""Returns whom a level would reach at this instant."""
Held = Callable[[Sequence[int]], datetime | None]
"""Returns when the first of these people hears of the page, None for now."""


def at_once(_: Sequence[int]) -> None:
    """Hold nothing."""


def advance(
    page: Page, reach: Reach, now: datetime, *, heard: bool = True, held: Held = at_once
) -> Entered | Exhausted:
    """Run the timer of a triggered or exhausted page: enter the next level that reaches a human.

    An empty level costs no time; when no level reaches anybody, or the last repetition is over, the page is
    exhausted. `heard` says whether any message of the page arrived. The wait of a level whose people all
    keep quiet hours begins when the first of them is told.
    """
    assert page.state in (PageState.TRIGGERED, PageState.EXHAUSTED)
    assert page.due_at is not None
    if page.state is PageState.EXHAUSTED:
        return Exhausted(_exhausted(page, page.exhausted_reason or "", now), ())
    levels = page.plan.levels
    skipped: list[int] = []
    level, turn = page.level, page.round
    for _ in levels:
        level += 1
        if level >= len(levels):
            level, turn = 0, turn + 1
        if turn > page.plan.repeat:
            break
        if people := tuple(reach(level)):
            planned = page.due_at if now - page.due_at <= ON_TIME else now
            told = max(planned, held(people) or planned)
            due_at = told + timedelta(seconds=levels[level].ack_within_s)
            entered = replace(page, level=level, round=turn, due_at=due_at, version=page.version + 1)
            return Entered(entered, people, tuple(skipped))
        skipped.append(level)
    reason = (
        "The policy has no levels."
        if not levels
        else "No one could be reached at any level."
        if len(skipped) == len(levels)
        else "No one acknowledged."
        if heard
        else "No message could be delivered."
    )
    return Exhausted(_exhausted(page, reason, now), tuple(skipped))


def dry_run(plan: Plan, reach: Reach, now: datetime) -> list[tuple[datetime, int | None, tuple[int, ...]]]:
    """Return (instant, level, people) of a page that begins at `now` and that nobody takes.

    One round of the levels, then the final alarm after the last round: its level is None.
    """
    at, found = now, []
    for index, level in enumerate(plan.levels):
        people = tuple(reach(index))
        found.append((at, index, people))
        if people:
            at += timedelta(seconds=level.ack_within_s)
    return [*found, (now + (at - now) * (plan.repeat + 1), None, ())]


def _exhausted(page: Page, reason: str, now: datetime) -> Page:
    # each alarm is a plan of its own: the deliveries of the one before are void
    changed = _changed(page, PageState.EXHAUSTED, now + RE_ALARM[page.urgency])
    return replace(changed, exhausted_reason=reason)


def is_open(page: Page) -> bool:
    """Say whether the page still asks for something."""
    return page.state in OPEN
