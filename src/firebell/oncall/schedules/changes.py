"""Every change of a schedule: one at a time, and what follows from it for the people."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from firebell.kit import timers
from firebell.kit.db import Tx
from firebell.kit.errors import NotFound
from firebell.kit.events import Actor
from firebell.oncall.checks import zone_changes
from firebell.oncall.model import (
    Absence,
    Cover,
    CoverAsked,
    CoverLapsed,
    CoverState,
    Schedule,
    ScheduleChanged,
    Swap,
    SwapLapsed,
    SwapState,
)
from firebell.oncall.rota import shifts
from firebell.oncall.schedules import store
from firebell.oncall.swaps import exchange
from firebell.oncall.swaps import store as swaps_store
from firebell.people import actions as people

ANNOUNCED_AHEAD = timedelta(days=90)
"""How far ahead a change of duty is told, and vacations ask for cover."""
MAX_ANNOUNCED_CHANGES = 100
CHECKS_TIMER = "oncall.checks"
CLOCKS_TIMER = "oncall.clocks"
COVER_TIMER = "oncall.cover"
SWAP_TIMER = "oncall.swap"


async def lock(tx: Tx, schedule_id: int) -> Schedule:
    """Return a schedule that nobody else changes until the transaction ends; raise `NotFound`."""
    if not await store.lock(tx, [schedule_id]):
        raise NotFound(f"There is no schedule {schedule_id}.")
    return (await store.schedules(tx, [schedule_id]))[0]


async def finish_change(tx: Tx, actor: Actor, before: Schedule, now: datetime) -> Schedule:
    """Return a locked schedule after its change, having told whom it concerns.

    Emits `ScheduleChanged` when duty differs within 90 days, asks for cover where the change puts somebody on
    duty in their vacation, and withdraws what was asked or offered of shifts that are somebody else's now.
    """
    after = (await store.schedules(tx, [int(before.id)]))[0]
    await timers.schedule_once(tx, CHECKS_TIMER, str(before.id), now + timedelta(days=1))
    await withdraw_stale(tx, actor, after, now)
    await announce(tx, before, after, actor.label, now)
    return after


async def withdraw_stale(tx: Tx, actor: Actor, schedule: Schedule, now: datetime, why: str = "") -> None:
    """Withdraw the open requests and swaps of a locked schedule whose shifts are not theirs any more."""

    def gone(user: int, start: datetime, end: datetime) -> bool:
        low = max(start, now)
        return low < end and not exchange.own_stretches(schedule, user, low, end)

    only = [int(schedule.id)]
    for cover in await swaps_store.covers(tx, schedule_ids=only, state=CoverState.OPEN):
        if gone(cover.requester, cover.start, cover.end):
            reason = why or await _why(tx, schedule, cover.requester)
            await _lapse_cover(tx, actor, schedule, cover, reason, now)
    for swap in await swaps_store.swaps(tx, schedule_ids=only, state=SwapState.OPEN):
        for user, start, end in (
            (swap.proposer, swap.start, swap.end),
            (swap.other, swap.their_start, swap.their_end),
        ):
            if gone(user, start, end):
                reason = why or await _why(tx, schedule, user)
                await _lapse_swap(tx, actor, schedule, swap, reason, now)
                break


async def _why(tx: Tx, schedule: Schedule, user: int) -> str:
    name = (await people.person(tx, user)).name
    return f"{name} left" if user in schedule.inactive else f"{name} is no longer on call then"


async def _lapse_cover(
    tx: Tx, actor: Actor, schedule: Schedule, cover: Cover, why: str, now: datetime
) -> None:
    await swaps_store.save_cover(tx, replace(cover, state=CoverState.WITHDRAWN, decided_at=now, why=why))
    await timers.cancel(tx, COVER_TIMER, str(cover.id))
    event = CoverLapsed(
        *(cover.id, schedule.name, schedule.team_id, cover.requester, cover.asked, cover.declined),
        *(cover.start, cover.end, why),
    )
    await tx.emit(event, now)
    await audit_cover(tx, actor, "withdrawn", cover, now, why=why)


async def _lapse_swap(tx: Tx, actor: Actor, schedule: Schedule, swap: Swap, why: str, now: datetime) -> None:
    await swaps_store.save_swap(tx, replace(swap, state=SwapState.WITHDRAWN, decided_at=now, why=why))
    await timers.cancel(tx, SWAP_TIMER, str(swap.id))
    await tx.emit(SwapLapsed(swap.id, schedule.name, swap.proposer, swap.other, why), now)
    await audit_swap(tx, actor, "withdrawn", swap, now, why=why)


async def audit_cover(tx: Tx, actor: Actor, what: str, cover: Cover, now: datetime, **more: str) -> None:
    """Write down what somebody did with a request for cover."""
    about = {"cover": cover.id, "requester": cover.requester, "start": cover.start, "end": cover.end}
    await tx.audit(actor, f"cover.{what}", f"schedule:{cover.schedule_id}", now, **about, **more)
    await tx.live("oncall")


async def audit_swap(tx: Tx, actor: Actor, what: str, swap: Swap, now: datetime, **more: str) -> None:
    """Write down what somebody did with a proposed swap."""
    about = {"swap": swap.id, "proposer": swap.proposer, "other": swap.other}
    await tx.audit(actor, f"swap.{what}", f"schedule:{swap.schedule_id}", now, **about, **more)
    await tx.live("oncall")


async def announce(tx: Tx, before: Schedule, after: Schedule, by: str, now: datetime, why: str = "") -> None:
    """Tell whom it concerns that duty differs, and ask for cover for shifts in vacations."""
    changes = shifts.diff(before, after, now, now + ANNOUNCED_AHEAD)[:MAX_ANNOUNCED_CHANGES]
    if changes:
        told = tuple((a, b, ids(old), ids(new)) for a, b, old, new in changes)
        await tx.emit(ScheduleChanged(int(after.id), by, told, why), now)
        await cover_absences(tx, after, await swaps_store.vacations(tx, since=now), now)
    await tx.live("oncall")


async def note_clocks(tx: Tx, schedule: Schedule, now: datetime, *, seen: bool = False) -> None:
    """Write down what the clocks of a schedule's zones do, but what moves a turn only when somebody has seen it."""
    known = {} if seen else (await store.clocks(tx, [int(schedule.id)]))[schedule.id]
    await store.set_clocks(tx, int(schedule.id), zone_changes.noted(schedule, known, now))
    await timers.schedule_once(tx, CLOCKS_TIMER, "all", now + timedelta(days=1))


async def look_at_clocks(tx: Tx, now: datetime) -> None:
    """Write down the clocks of every schedule as far as newer data moves nothing, and look again tomorrow."""
    free = sorted(await store.lock_free(tx, await store.ids(tx)))
    for schedule in await store.schedules(tx, free, since=now) if free else []:
        await note_clocks(tx, schedule, now)
    await timers.schedule(tx, CLOCKS_TIMER, "all", now + timedelta(days=1))


def ids(users: Sequence[int | str]) -> tuple[int, ...]:
    """Return people of a stored schedule by their ids."""
    return tuple(int(u) for u in users)


async def cover_absences(
    tx: Tx, schedule: Schedule, vacations: Sequence[Absence], now: datetime
) -> list[Cover]:
    """Ask for cover for what these vacations touch from `now` on and nobody was asked for yet."""
    if not vacations:
        return []
    known = await swaps_store.covers(tx, schedule_ids=[int(schedule.id)], since=now)
    made = []
    for vacation in vacations:
        for start, end in exchange.unasked(schedule, vacation, known, now, vacation.end):
            new = new_cover(int(schedule.id), vacation.person_id, start, end, now)
            made.append(await add_cover(tx, _of_vacation(new, vacation), now))
    return made


def _of_vacation(new: Cover, vacation: Absence) -> Cover:
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
    made = await swaps_store.insert_cover(tx, new)
    await timers.schedule(tx, COVER_TIMER, str(made.id), made.expires_at)
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
    await swaps_store.save_cover(tx, again)
    if not over:
        await timers.schedule(tx, COVER_TIMER, str(found.id), again.expires_at)
        await tx.emit(CoverAsked(found.id), now)
