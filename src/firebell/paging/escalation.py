"""The state machine of a page (spec 2.1 and 2.3); pure.

A page has one timer, `due_at`, and its state says what the timer means: the next level when triggered, the
acknowledgment timeout when acked, the end of the snooze when snoozed, the next alarm when exhausted. A change of
plan raises `epoch`, which voids every timer and delivery of the plan before it.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from firebell.paging.model import OPEN, UNANSWERED, Page, PageState, Plan

MAX_SNOOZE = timedelta(hours=24)
ACK_TIMEOUT = timedelta(minutes=30)
"""Acknowledgment timeout of SEV0 and SEV1 pages, unless their policy has one."""
ACK_COVERAGE = timedelta(minutes=30)
"""How long an acknowledgment also covers new alerts of the page."""
ACK_WARNING = timedelta(minutes=5)
"""How long before an acknowledgment runs out its owners are warned, if it holds at least twice as long."""
ALARM_INTERVAL = {"high": timedelta(minutes=15), "low": timedelta(hours=4)}
TIMER_LATENESS_LIMIT = timedelta(seconds=30)
"""Lateness up to which the next wait counts from the due time instead of from now (spec 2.7)."""


@dataclass(frozen=True, slots=True)
class Ack:
    """The page is acknowledged: by a person, or without `owned` by its source."""

    owned: bool = True


@dataclass(frozen=True, slots=True)
class Unack:
    """The page has no active owner anymore."""


@dataclass(frozen=True, slots=True)
class Grow:
    """New alerts arrived; `crossed` if there are now ten, a hundred or a thousand."""

    crossed: bool


@dataclass(frozen=True, slots=True)
class Resolve:
    """The page is over."""


@dataclass(frozen=True, slots=True)
class Snooze:
    """The page is silenced until `until`."""

    until: datetime


@dataclass(frozen=True, slots=True)
class Escalate:
    """The next level is notified now."""


@dataclass(frozen=True, slots=True)
class Raise:
    """The page became more urgent; `severity` is that of its incident, None for alerts."""

    severity: int | None


@dataclass(frozen=True, slots=True)
class Replan:
    """The plan is replaced by that of a newer version of its policy (spec 2.3)."""

    plan: Plan


@dataclass(frozen=True, slots=True)
class Due:
    """The timer of an acked or snoozed page fired."""


Event = Ack | Unack | Grow | Resolve | Snooze | Escalate | Raise | Replan | Due


@dataclass(frozen=True, slots=True)
class Refused:
    """The event does not apply; `reason` is shown to the person."""

    reason: str


def ack_timeout(plan: Plan, severity: int | None, *, owned: bool = True) -> timedelta | None:
    """Return how long an acknowledgment holds; None, only with an owner, if it never times out."""
    if plan.ack_timeout_s is not None:
        return timedelta(seconds=plan.ack_timeout_s)
    return ACK_TIMEOUT if severity in (0, 1) or not owned else None


def ack_warning_at(page: Page) -> datetime | None:
    """Return when to warn that the acknowledgment of a page runs out, None if it does not or is short."""
    if page.state is not PageState.ACKED or page.due_at is None or page.acked_at is None:
        return None
    return page.due_at - ACK_WARNING if page.due_at - page.acked_at >= 2 * ACK_WARNING else None


def step(page: Page, event: Event, now: datetime) -> Page | Refused:
    """Return the page after `event`, or why nothing changes; defined for all states and events."""
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
        case Replan(plan):
            return _replanned(page, plan, now)
        case Due():
            return _timed_out(page, now)


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
    return _reopened(page, now) if page.state is PageState.ACKED else Refused("it is not acknowledged")


def _grown(page: Page, crossed: bool, now: datetime) -> Page | Refused:
    if page.state is not PageState.ACKED:
        return Refused("it is not acknowledged")
    if not crossed and page.acked_at is not None and now - page.acked_at <= ACK_COVERAGE:
        return Refused("the acknowledgment covers it")
    return _reopened(page, now)


def _snoozed(page: Page, until: datetime, now: datetime) -> Page | Refused:
    if page.severity == 0:
        return Refused("a SEV0 page cannot be snoozed")
    if not now < until <= now + MAX_SNOOZE:
        return Refused("a page can be snoozed for at most 24 hours")
    return _changed(page, PageState.SNOOZED, until, snoozed_until=until)


def _escalated(page: Page, now: datetime) -> Page:
    """Return the page with its next level due now; an exhausted page restarts at the first level."""
    if page.state is PageState.EXHAUSTED:
        return _restarted(page, now)
    return _changed(page, PageState.TRIGGERED, now, snoozed_until=None)


def _reopened(page: Page, now: datetime) -> Page:
    """Return the page triggered again at the level that was entered last."""
    level = max(page.level - 1, -1)
    return _changed(page, PageState.TRIGGERED, now, level=level, snoozed_until=None)


def _restarted(page: Page, now: datetime) -> Page:
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
        case PageState.TRIGGERED | PageState.ACKED if not more_urgent:
            # the people of this page know already; the response to the incident pages who does not
            return replace(page, version=page.version + 1)
        case PageState.TRIGGERED | PageState.ACKED:
            return _reopened(page, now)
        case _:
            return _restarted(page, now)


def _replanned(page: Page, plan: Plan, now: datetime) -> Page | Refused:
    """Return the page with another plan: it stays at its level, whose time begins again.

    If the new plan notifies someone else at that level, the level is entered again, so that they are not passed
    over; an exhausted page starts over.
    """
    if page.plan.is_drill:
        return Refused("a drill keeps its plan")
    if page.plan == plan:
        return Refused("it has this plan already")
    old, level = page, min(page.level, len(plan.levels) - 1)
    page = replace(old, plan=plan, level=level, round=min(old.round, plan.repeat), version=old.version + 1)
    match page.state:
        case PageState.ACKED:
            # without a timeout it keeps its timer: an acknowledgment by a sender must end
            wait = ack_timeout(plan, page.severity)
            return replace(page, due_at=now + wait if wait else page.due_at)
        case PageState.TRIGGERED if level >= 0:
            # another position needs a new epoch: its messages must not look like those that were sent
            stays = (page.level, page.round) == (old.level, old.round)
            known = {*plan.levels[level].targets} <= {*old.plan.levels[old.level].targets}
            # what quiet hours hold is planned again, with their end
            if stays and known and page.urgency == "high":
                return replace(page, due_at=now + timedelta(seconds=plan.levels[level].ack_within_s))
            return _reopened(page, now)
        case PageState.EXHAUSTED:
            return _restarted(page, now)
        case _:
            return page


def _timed_out(page: Page, now: datetime) -> Page | Refused:
    match page.state:
        case PageState.ACKED:
            return _reopened(page, now)
        case PageState.SNOOZED:
            return _restarted(page, now)
        case _:
            return Refused("its timer enters the next level")


@dataclass(frozen=True, slots=True)
class Entered:
    """The page notifies `people`; `skipped` are the levels at which no one could be reached."""

    page: Page
    people: tuple[int, ...]
    skipped: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Exhausted:
    """The policy is exhausted: the final alarm is sent, and again every 15 minutes or 4 hours."""

    page: Page
    skipped: tuple[int, ...]


Reach = Callable[[int], Sequence[int]]
"""Returns the people whom a level reaches now."""
Held = Callable[[Sequence[int]], datetime | None]
"""Returns when the first of these people gets the page, None for now."""


def at_once(_: Sequence[int]) -> None:
    """Hold nothing."""


def advance(
    page: Page, reach: Reach, now: datetime, *, has_arrived: bool = True, held: Held = at_once
) -> Entered | Exhausted:
    """Run the timer of a triggered or exhausted page: enter the next level that reaches someone.

    Empty levels are skipped without a wait. The page is exhausted if no level reaches anyone, or after the last
    round. `has_arrived` is True if any message of the page arrived. If quiet hours hold the messages of a whole level,
    its wait begins when the first person gets the page.
    """
    assert page.state in (PageState.TRIGGERED, PageState.EXHAUSTED)
    assert page.due_at is not None
    if page.state is PageState.EXHAUSTED:
        return Exhausted(_exhausted(page, page.exhausted_reason or "", now), ())
    levels = page.plan.levels
    skipped: list[int] = []
    level, round_ = page.level, page.round
    for _ in levels:
        level += 1
        if level >= len(levels):
            level, round_ = 0, round_ + 1
        if round_ > page.plan.repeat:
            break
        if people := tuple(reach(level)):
            planned = page.due_at if now - page.due_at <= TIMER_LATENESS_LIMIT else now
            notified_at = max(planned, held(people) or planned)
            due_at = notified_at + timedelta(seconds=levels[level].ack_within_s)
            entered = replace(page, level=level, round=round_, due_at=due_at, version=page.version + 1)
            return Entered(entered, people, tuple(skipped))
        skipped.append(level)
    reason = (
        "The policy has no levels."
        if not levels
        else "No one could be reached at any level."
        if len(skipped) == len(levels)
        else "No one acknowledged."
        if has_arrived
        else "No message could be delivered."
    )
    return Exhausted(_exhausted(page, reason, now), tuple(skipped))


def dry_run(plan: Plan, reach: Reach, now: datetime) -> list[tuple[datetime, int | None, tuple[int, ...]]]:
    """Return (instant, level, people) of a page that begins at `now` and is never acknowledged.

    These are the levels of the first round, then the final alarm after the last round with None as its level.
    """
    at, steps = now, []
    for index, level in enumerate(plan.levels):
        people = tuple(reach(index))
        steps.append((at, index, people))
        if people:
            at += timedelta(seconds=level.ack_within_s)
    return [*steps, (now + (at - now) * (plan.repeat + 1), None, ())]


def _exhausted(page: Page, reason: str, now: datetime) -> Page:
    # each alarm is a new plan, so the deliveries of the previous alarm are void
    changed = _changed(page, PageState.EXHAUSTED, now + ALARM_INTERVAL[page.urgency])
    return replace(changed, exhausted_reason=reason)


def is_open(page: Page) -> bool:
    """Return True unless the page is resolved."""
    return page.state in OPEN
