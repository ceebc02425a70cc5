"""Every change of a schedule: one at a time, and what follows from it for the people."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from firebell.kit import due
from firebell.kit.db import Tx
from firebell.kit.errors import NotFound
from firebell.kit.events import Actor
from firebell.oncall import clocks, exchange, exchange_store, shifts, store
from firebell.oncall.model import (
    Cover,
    CoverAsked,
    CoverState,
    Schedule,
    ScheduleChanged,
    Vacation,
)

TOLD_AHEAD = timedelta(days=90)
"""How far ahead a change of duty is told, and vacations ask for cover."""
TOLD_AT_MOST = 100
CLOCKS_TIMER = "oncall.clocks"
COVER_TIMER = "oncall.cover"
SWAP_TIMER = "oncall.swap"


async def locked(tx: Tx, schedule_id: int) -> Schedule:
    """Return a schedule that nobody else changes until the transaction ends; raise `NotFound`."""
    if not await store.lock(tx, [schedule_id]):
        raise NotFound(f"There is no schedule {schedule_id}.")
    return (await store.schedules(tx, [schedule_id]))[0]


async def saved(tx: Tx, actor: Actor, before: Schedule, now: datetime) -> Schedule:
    """Return a locked schedule after its change, having told whom it concerns.

    Emits `ScheduleChanged` when duty differs within 90 days, and asks for cover where the change puts
    somebody on duty in their vacation.
    """
    after = (await store.schedules(tx, [int(before.id)]))[0]
    await _tell(tx, before, after, actor.label, now)
    return after


async def _tell(tx: Tx, before: Schedule, after: Schedule, by: str, now: datetime, why: str = "") -> None:
    changes = shifts.diff(before, after, now, now + TOLD_AHEAD)[:TOLD_AT_MOST]
    if changes:
        told = tuple((a, b, ids(old), ids(new)) for a, b, old, new in changes)
        await tx.emit(ScheduleChanged(int(after.id), by, told, why), now)
        await cover_vacations(tx, after, await exchange_store.vacations(tx, since=now), now)
    await tx.live("oncall")


async def note_clocks(tx: Tx, schedule: Schedule, now: datetime, *, seen: bool = False) -> None:
    """Write down what the clocks of a schedule's zones do, but what moves a turn only when somebody has seen it."""
    known = {} if seen else (await store.clocks(tx, [int(schedule.id)]))[schedule.id]
    await store.set_clocks(tx, int(schedule.id), clocks.noted(schedule, known, now))
    await due.schedule_once(tx, CLOCKS_TIMER, "all", now + timedelta(days=1))


async def look_at_clocks(tx: Tx, now: datetime) -> None:
    """Write down the clocks of every schedule as far as newer data moves nothing, and look again tomorrow."""
    free = sorted(await store.lock_free(tx, await store.ids(tx)))
    for schedule in await store.schedules(tx, free, since=now) if free else []:
        await note_clocks(tx, schedule, now)
    await due.schedule(tx, CLOCKS_TIMER, "all", now + timedelta(days=1))


async def left(tx: Tx, person_id: int, name: str, now: datetime) -> None:
    """Tell what it changes on every schedule that somebody is not active any more."""
    for schedule_id in await store.lock(tx, await store.ids(tx)):
        after = (await store.schedules(tx, [schedule_id], since=now))[0]
        before = replace(after, inactive=after.inactive - {person_id})
        await _tell(tx, before, after, name, now, f"{name} left")


def ids(users: Sequence[int | str]) -> tuple[int, ...]:
    """Return people of a stored schedule by their ids."""
    return tuple(int(u) for u in users)


async def cover_vacations(
    tx: Tx, schedule: Schedule, vacations: Sequence[Vacation], now: datetime
) -> list[Cover]:
    """Ask for cover for what these vacations touch from `now` on and nobody was asked for yet."""
    if not vacations:
        return []
    known = await exchange_store.covers(tx, schedule_ids=[int(schedule.id)], since=now)
    made = []
    for vacation in vacations:
        for start, end in exchange.unasked(schedule, vacation, known, now, vacation.end):
            new = new_cover(int(schedule.id), vacation.person_id, start, end, now)
            made.append(await add_cover(tx, _of_vacation(new, vacation), now))
    return made


def _of_vacation(new: Cover, vacation: Vacation) -> Cover:
    return replace(new, vacation_id=vacation.id, reason=vacation.reason)


def new_cover(
    schedule_id: int, requester: int, start: datetime, end: datetime, now: datetime, reason: str = ""
) -> Cover:
    """Return an open request of everybody, not stored yet."""
    expires = expiry(start, end, now)
    return Cover(
        *(0, schedule_id, requester, start, end, expires, CoverState.OPEN, (), (), reason, None, None, None),
        *(now, None),
    )


def expiry(start: datetime, end: datetime, now: datetime) -> datetime:
    """Return until when a request may be taken: its start, or its end when the shift has begun."""
    return start if start > now else end


async def add_cover(tx: Tx, new: Cover, now: datetime) -> Cover:
    """Store an open request, with the timer that ends it."""
    made = await exchange_store.insert_cover(tx, new)
    await due.schedule(tx, COVER_TIMER, str(made.id), made.expires_at)
    await tx.emit(CoverAsked(made.id), now)
    return made


async def reopen(tx: Tx, found: Cover, now: datetime) -> None:
    """The edit that answered a request is gone: ask again, unless its time is over."""
    over = found.end <= now
    again = replace(
        found,
        state=CoverState.EXPIRED if over else CoverState.OPEN,
        expires_at=expiry(found.start, found.end, now),
        taken_by=None,
        edit_id=None,
        decided_at=now if over else None,
    )
    await exchange_store.save_cover(tx, again)
    if not over:
        await due.schedule(tx, COVER_TIMER, str(found.id), again.expires_at)
        await tx.emit(CoverAsked(found.id), now)
