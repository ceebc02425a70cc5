"""Sweeps schedules: announces shifts that are due, drafts documents, and schedules the next sweep."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime, timedelta

from firebell.channels.registry import independent_ways, wakes
from firebell.handoffs import messages, milestones, store
from firebell.handoffs.actions import SCHEDULE_LOOKBACK, draft_change, notice_lead
from firebell.handoffs.model import OnCallChanged, ShiftChange
from firebell.kit.db.database import Tx
from firebell.kit.jobs import timers
from firebell.kit.localtime import to_local
from firebell.notify import actions as notify
from firebell.notify.model import Notice
from firebell.oncall.model import Schedule, ShiftsChanged, User
from firebell.oncall.schedules import queries as oncall
from firebell.people import actions as people
from firebell.people.model import Person

TIMER = "handoffs.shift"
MAX_SWEEP_INTERVAL = timedelta(days=7)
"""A schedule is swept at least once a week, even if nothing is due."""
_NONE_KNOWN: Collection[tuple[User, datetime]] = ()


async def sweep(
    tx: Tx,
    schedule_ids: Sequence[int],
    now: datetime,
    known: Collection[tuple[User, datetime]] = _NONE_KNOWN,
) -> None:
    """Announce the shifts of these schedules that are due, draft documents, and schedule the next sweep.

    `known` are starts and ends that the person has already been told of. Idempotent: how far each schedule was
    announced is stored in the same transaction, and notices are unique by key. Nothing is announced again when
    the clock goes back.
    """
    schedules = list((await oncall.schedules_by_id(tx, schedule_ids, since=now - SCHEDULE_LOOKBACK)).values())
    ids = [schedule.id for schedule in schedules]
    announced, lead = await store.announced_until(tx, ids), await notice_lead(tx)
    due = [
        (schedule, milestone)
        for schedule in schedules
        for milestone in milestones.due_now(schedule, announced.get(schedule.id), now, lead)
    ]
    unknown = [(s, m) for s, m in due if m.user is not None and (m.user, m.at) not in known]
    await notify_shifts(tx, unknown, now)
    begun = {s.id for s, m in due if m.kind in (milestones.MilestoneKind.START, milestones.MilestoneKind.END)}
    if begun:
        await tx.emit(OnCallChanged(tuple(sorted(begun))), now)
    for schedule, change in _changes(due):
        await draft_change(tx, schedule, change, now)
    await store.set_announced_until(tx, ids, now)
    await timers.schedule_many(
        tx,
        TIMER,
        [(str(s.id), milestones.next_milestone(s, now, MAX_SWEEP_INTERVAL, lead), 0) for s in schedules],
    )


async def sweep_changed(tx: Tx, event: ShiftsChanged, now: datetime) -> None:
    """Sweep a schedule after a change, without announcing what its people were just notified of."""
    await sweep(tx, [event.schedule_id], now, event.known)


def _changes(due: Iterable[tuple[Schedule, milestones.Milestone]]) -> Iterable[tuple[Schedule, ShiftChange]]:
    """Return each change to draft once, in order, even if both of its milestones are due."""
    return {(s.id, m.change): (s, m.change) for s, m in due if m.change}.values()


async def notify_shifts(tx: Tx, due: Sequence[tuple[Schedule, milestones.Milestone]], now: datetime) -> None:
    """Notify everyone whose shift is coming, begins or ends."""
    if not due:
        return
    people_by_id = await people.people_by_id(tx, list({u for schedule, _ in due for u in schedule.people}))
    methods = await people.methods_of(tx, list({m.user for _, m in due if m.user is not None}))
    verified: dict[int, set[str]] = defaultdict(set)
    for method in methods:
        if method.is_verified:
            verified[method.person_id].add(method.kind)
    notices = []
    for schedule, milestone in due:
        person = people_by_id.get(milestone.user or 0)
        if person and person.active:
            notices.append(_notice(schedule, milestone, person, people_by_id, verified[person.id], now))
    await notify.send_notices(tx, notices, now)


def _notice(
    schedule: Schedule,
    milestone: milestones.Milestone,
    person: Person,
    people_by_id: Mapping[int, Person],
    verified: Collection[str],
    now: datetime,
) -> Notice:
    assert milestone.start
    can_wake = any(map(wakes, verified))
    outgoing, incoming = milestones.people_of(schedule, milestone.at)
    day = to_local(milestone.at, schedule.tz).date()
    documented = any(
        change.at == milestone.at
        for change in milestones.changes(schedule, milestone.at, milestone.at + milestones.DRAFT_LEAD)
    )
    link = f"/oncall/handoffs/{schedule.slug}/{day}" if documented else f"/oncall/{schedule.slug}"
    instant = milestone.start
    match milestone.kind:
        case milestones.MilestoneKind.BEFORE:
            title, note = messages.before(
                schedule.name,
                milestone.start,
                milestone.end,
                person.tz,
                now,
                wakes=can_wake,
                ways=independent_ways(verified),
            )
            link = f"/oncall/{schedule.slug}" if can_wake else "/settings/contact"
        case milestones.MilestoneKind.START:
            title, note = messages.began(
                schedule.name,
                milestone.end,
                person.tz,
                _names(outgoing, people_by_id, person.id),
                documented=documented,
            )
        case _:
            title, note = messages.ended(schedule.name, _names(incoming, people_by_id, person.id))
    if milestone.kind is milestones.MilestoneKind.END:
        instant = milestone.at
    key = f"shift:{milestone.kind}:{schedule.id}:{person.id}:{instant.isoformat()}"
    return Notice(key, person.id, "shift", title, note, link)


def _names(users: Sequence[User], people_by_id: Mapping[int, Person], except_id: int) -> str:
    return ", ".join(people_by_id[u].name for u in users if u in people_by_id and u != except_id)
