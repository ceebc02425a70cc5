"""What every change of a schedule shares: the lock, the events that announce it, and the recorded clocks."""

from datetime import datetime, timedelta

from firebell.kit.db.database import Tx
from firebell.kit.db.events import Actor
from firebell.kit.errors import NotFound
from firebell.kit.jobs import timers
from firebell.oncall.model import Schedule, ScheduleChanged, ScheduleSaved, ShiftsReassigned
from firebell.oncall.rota import shifts, tzdata_changes
from firebell.oncall.schedules import store
from firebell.people.action_permissions import internal

ANNOUNCED_AHEAD = timedelta(days=90)
"""How far ahead changes are announced, and cover is requested for absences."""
MAX_ANNOUNCED_CHANGES = 100
CHECKS_TIMER = "oncall.checks"
CLOCKS_TIMER = "oncall.clocks"


async def lock(tx: Tx, schedule_id: int, *, deleting: bool = False) -> Schedule:
    """Lock a schedule against other changes until the transaction ends and return it; raise NotFound.

    With `deleting`, wait for the transactions that hold it.
    """
    if not await store.lock(tx, [schedule_id], strength="for update" if deleting else "for no key update"):
        raise NotFound(f"There is no schedule {schedule_id}.")
    return (await store.schedules(tx, [schedule_id]))[0]


@internal("Part of the action that changed the schedule.")
async def finish_change(tx: Tx, actor: Actor, before: Schedule, now: datetime) -> Schedule:
    """Return a locked schedule as it is after a change, and announce the change.

    Emits `ScheduleSaved`, which withdraws requests and swaps of shifts that now belong to someone else, and what
    `announce` emits.
    """
    after = (await store.schedules(tx, [before.id]))[0]
    await timers.schedule_once(tx, CHECKS_TIMER, str(before.id), now + timedelta(days=1))
    await tx.emit(ScheduleSaved(after, actor), now)
    await announce(tx, before, after, actor.label, now)
    return after


@internal("Part of the action that changed the schedule.")
async def announce(tx: Tx, before: Schedule, after: Schedule, by: str, now: datetime, why: str = "") -> None:
    """Emit `ScheduleChanged` and `ShiftsReassigned` if on-call differs within 90 days."""
    differences = shifts.diff(before, after, now, now + ANNOUNCED_AHEAD)[:MAX_ANNOUNCED_CHANGES]
    if differences:
        await tx.emit(ScheduleChanged(after.id, by, tuple(differences), why), now)
        await tx.emit(ShiftsReassigned(after), now)
    await tx.live("oncall")


async def record_clocks(tx: Tx, schedule: Schedule, now: datetime, *, seen: bool = False) -> None:
    """Record the clocks of a schedule's time zones; a clock that moves a turn is kept until `seen`."""
    known = {} if seen else (await store.clocks(tx, [schedule.id]))[schedule.id]
    await store.set_clocks(tx, schedule.id, tzdata_changes.clocks_to_record(schedule, known, now))
    await timers.schedule_once(tx, CLOCKS_TIMER, "all", now + timedelta(days=1))


async def record_all_clocks(tx: Tx, now: datetime) -> None:
    """Record the clocks of every schedule that is not locked, and schedule the next run for tomorrow."""
    free = sorted(await store.lock_free(tx, await store.ids(tx)))
    for schedule in await store.schedules(tx, free, since=now) if free else []:
        await record_clocks(tx, schedule, now)
    await timers.schedule(tx, CLOCKS_TIMER, "all", now + timedelta(days=1))
