"""The round of a schedule: what is due about its shifts is told, documents are drafted, the next one is set."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta

from firebell.handoffs import messages, milestones, store
from firebell.handoffs.actions import SINCE, draft_change, notice
from firebell.handoffs.model import Change
from firebell.kit import timers
from firebell.kit.db import Tx
from firebell.kit.localtime import to_local
from firebell.oncall import actions as oncall
from firebell.oncall.model import Schedule, User
from firebell.paging import actions as paging
from firebell.paging.model import Notice
from firebell.people import actions as people
from firebell.people.model import Channel, Person

TIMER = "handoffs.shift"
LOOK = timedelta(days=7)
"""How far ahead the next thing to tell is looked for: a timer runs once a week at least."""
_SILENT = (Channel.EMAIL,)
"""Channels that wake nobody."""
_KNOWN: Collection[tuple[User, datetime]] = ()


async def sweep(
    tx: Tx, schedule_ids: Sequence[int], now: datetime, known: Collection[tuple[User, datetime]] = _KNOWN
) -> None:
    """Tell of the shifts of these schedules what is due, draft what is due, and look again when more is.

    `known` are beginnings and ends of which the person knows already. Twice is once: what was told is
    remembered per schedule in the same transaction, and each word by its key for ever. A clock that went
    back tells nothing again.
    """
    schedules_by_id = await oncall.schedules_by_id(tx, schedule_ids, since=now - SINCE)
    told, before = await store.told(tx, list(schedules_by_id)), await notice(tx)
    marked = [(s, milestones.due_now(s, told.get(int(s.id)), now, before)) for s in schedules_by_id.values()]
    fresh = [(s, m) for s, due_ in marked for m in due_ if m.user is not None and (m.user, m.at) not in known]
    await notify_shifts(tx, fresh, now)
    for schedule, change in _changes(marked):
        await draft_change(tx, schedule, change, now)
    await store.set_told(tx, list(schedules_by_id), now)
    await timers.schedule_many(
        tx,
        TIMER,
        [(str(s.id), milestones.next_milestone(s, now, LOOK, before), 0) for s in schedules_by_id.values()],
    )


def _changes(
    marked: Sequence[tuple[Schedule, Sequence[milestones.Milestone]]],
) -> Sequence[tuple[Schedule, Change]]:
    """Return each change to draft once, in order, even when both of its marks are due."""
    return list({(s.id, m.change): (s, m.change) for s, found in marked for m in found if m.change}.values())


async def notify_shifts(tx: Tx, mine: Sequence[tuple[Schedule, milestones.Milestone]], now: datetime) -> None:
    """Tell everybody whose shift comes, begins or ends."""
    if not mine:
        return
    everyone = {p.id: p for p in await people.people(tx)}
    methods = await people.methods_of(tx, list({int(m.user) for _, m in mine if m.user is not None}))
    ways: dict[int, set[str]] = defaultdict(set)
    for method in methods:
        if method.verified_at:
            ways[method.person_id].add(method.kind)
    told = []
    for schedule, mark in mine:
        person = everyone.get(int(mark.user or 0))
        if person and person.active:
            told.append(_of_shift(schedule, mark, person, everyone, ways[person.id], now))
    await paging.notify(tx, told, now)


def _of_shift(
    schedule: Schedule,
    mark: milestones.Milestone,
    person: Person,
    everyone: Mapping[int, Person],
    ways: Collection[str],
    now: datetime,
) -> Notice:
    assert mark.start
    wakes = not set(ways) <= set(_SILENT)
    leaving, entering = milestones.people_of(schedule, mark.at)
    day = to_local(mark.at, schedule.tz).date()
    documented = any(
        c.at == mark.at for c in milestones.changes(schedule, mark.at, mark.at + milestones.DRAFTED)
    )
    link = f"/oncall/handoffs/{schedule.slug}/{day}" if documented else f"/oncall/{schedule.slug}"
    match mark.kind:
        case milestones.Kind.BEFORE:
            title, note = messages.before(
                schedule.name, mark.start, mark.end, person.tz, now, wakes=wakes, ways=len(ways)
            )
            link = f"/oncall/{schedule.slug}" if wakes else "/settings/contact"
        case milestones.Kind.START:
            title, note = messages.began(
                schedule.name,
                mark.end,
                person.tz,
                _names(leaving, everyone, person.id),
                documented=documented,
            )
        case _:
            title, note = messages.ended(schedule.name, _names(entering, everyone, person.id))
    key = f"shift:{mark.kind}:{schedule.id}:{person.id}:{mark.start.isoformat()}"
    if mark.kind is milestones.Kind.END:
        key = f"shift:{mark.kind}:{schedule.id}:{person.id}:{mark.at.isoformat()}"
    return Notice(key, person.id, "shift", title, note, link)


def _names(users: Sequence[User], everyone: Mapping[int, Person], but: int) -> str:
    return ", ".join(everyone[int(u)].name for u in users if int(u) in everyone and u != but)
