"""What every change of a schedule shares: the lock, announcements, stale requests, cover for absences."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from firebell.kit.db.database import Tx
from firebell.kit.db.events import Actor
from firebell.kit.errors import NotFound
from firebell.kit.jobs import timers
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
from firebell.people.authorization import internal

ANNOUNCED_AHEAD = timedelta(days=90)
"""How far ahead changes are announced, and cover is requested for absences."""
MAX_ANNOUNCED_CHANGES = 100
CHECKS_TIMER = "oncall.checks"
CLOCKS_TIMER = "oncall.clocks"
COVER_TIMER = "oncall.cover"
SWAP_TIMER = "oncall.swap"


async def lock(tx: Tx, schedule_id: int) -> Schedule:
    """Lock a schedule against other changes until the transaction ends and return it; raise NotFound."""
    if not await store.lock(tx, [schedule_id]):
        raise NotFound(f"There is no schedule {schedule_id}.")
    return (await store.schedules(tx, [schedule_id]))[0]


@internal("A part of the action that changed the schedule.")
async def finish_change(tx: Tx, actor: Actor, before: Schedule, now: datetime) -> Schedule:
    """Return a locked schedule as it is after a change, and announce the change.

    Emits `ScheduleChanged` if on-call differs within 90 days, requests cover for people who are now on call in
    their time off, and withdraws requests and swaps of shifts that now belong to someone else.
    """
    after = (await store.schedules(tx, [int(before.id)]))[0]
    await timers.schedule_once(tx, CHECKS_TIMER, str(before.id), now + timedelta(days=1))
    await withdraw_stale(tx, actor, after, now)
    await announce(tx, before, after, actor.label, now)
    return after


@internal("A part of the action that changed the schedule.")
async def withdraw_stale(tx: Tx, actor: Actor, schedule: Schedule, now: datetime, why: str = "") -> None:
    """Withdraw open requests and swaps of a locked schedule whose shifts now belong to someone else."""

    def lost(user: int, start: datetime, end: datetime) -> bool:
        low = max(start, now)
        return low < end and not exchange.own_stretches(schedule, user, low, end)

    only = [int(schedule.id)]
    for cover in await swaps_store.covers(tx, schedule_ids=only, state=CoverState.OPEN):
        if lost(cover.requester, cover.start, cover.end):
            reason = why or await _why(tx, schedule, cover.requester)
            await _lapse_cover(tx, actor, schedule, cover, reason, now)
    for swap in await swaps_store.swaps(tx, schedule_ids=only, state=SwapState.OPEN):
        for user, start, end in (
            (swap.proposer, swap.start, swap.end),
            (swap.other, swap.their_start, swap.their_end),
        ):
            if lost(user, start, end):
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
        cover_id=cover.id,
        schedule=schedule.name,
        team_id=schedule.team_id,
        requester=cover.requester,
        asked=cover.asked,
        declined=cover.declined,
        start=cover.start,
        end=cover.end,
        why=why,
    )
    await tx.emit(event, now)
    await audit_cover(tx, actor, "withdrawn", cover, now, why=why)


async def _lapse_swap(tx: Tx, actor: Actor, schedule: Schedule, swap: Swap, why: str, now: datetime) -> None:
    await swaps_store.save_swap(tx, replace(swap, state=SwapState.WITHDRAWN, decided_at=now, why=why))
    await timers.cancel(tx, SWAP_TIMER, str(swap.id))
    await tx.emit(SwapLapsed(swap.id, schedule.name, swap.proposer, swap.other, why), now)
    await audit_swap(tx, actor, "withdrawn", swap, now, why=why)


@internal("A part of the action that changed the schedule.")
async def audit_cover(tx: Tx, actor: Actor, what: str, cover: Cover, now: datetime, **more: str) -> None:
    """Record an audit entry for a cover request."""
    details = {"cover": cover.id, "requester": cover.requester, "start": cover.start, "end": cover.end}
    await tx.audit(actor, f"cover.{what}", f"schedule:{cover.schedule_id}", now, **details, **more)
    await tx.live("oncall")


@internal("A part of the action that changed the schedule.")
async def audit_swap(tx: Tx, actor: Actor, what: str, swap: Swap, now: datetime, **more: str) -> None:
    """Record an audit entry for a swap."""
    details = {"swap": swap.id, "proposer": swap.proposer, "other": swap.other}
    await tx.audit(actor, f"swap.{what}", f"schedule:{swap.schedule_id}", now, **details, **more)
    await tx.live("oncall")


async def announce(tx: Tx, before: Schedule, after: Schedule, by: str, now: datetime, why: str = "") -> None:
    """Emit `ScheduleChanged` if on-call differs, and request cover for shifts during absences."""
    differences = shifts.diff(before, after, now, now + ANNOUNCED_AHEAD)[:MAX_ANNOUNCED_CHANGES]
    if differences:
        changes = tuple((start, end, ids(old), ids(new)) for start, end, old, new in differences)
        await tx.emit(ScheduleChanged(int(after.id), by, changes, why), now)
        await cover_absences(tx, after, await swaps_store.vacations(tx, since=now), now)
    await tx.live("oncall")


async def note_clocks(tx: Tx, schedule: Schedule, now: datetime, *, seen: bool = False) -> None:
    """Record the clocks of a schedule's time zones; a clock that moves a turn is kept until `seen`."""
    known = {} if seen else (await store.clocks(tx, [int(schedule.id)]))[schedule.id]
    await store.set_clocks(tx, int(schedule.id), zone_changes.noted(schedule, known, now))
    await timers.schedule_once(tx, CLOCKS_TIMER, "all", now + timedelta(days=1))


async def look_at_clocks(tx: Tx, now: datetime) -> None:
    """Record the clocks of every schedule that is not locked, and schedule the next run for tomorrow."""
    free = sorted(await store.lock_free(tx, await store.ids(tx)))
    for schedule in await store.schedules(tx, free, since=now) if free else []:
        await note_clocks(tx, schedule, now)
    await timers.schedule(tx, CLOCKS_TIMER, "all", now + timedelta(days=1))


def ids(users: Sequence[int | str]) -> tuple[int, ...]:
    """Return the users of a stored schedule as person ids."""
    return tuple(int(u) for u in users)


async def cover_absences(
    tx: Tx, schedule: Schedule, absences: Sequence[Absence], now: datetime
) -> list[Cover]:
    """Request cover for the shifts that these absences touch, unless it was requested before; return the requests."""
    if not absences:
        return []
    existing = await swaps_store.covers(tx, schedule_ids=[int(schedule.id)], since=now)
    created = []
    for absence in absences:
        for start, end in exchange.unasked(schedule, absence, existing, now, absence.end):
            request = new_cover(int(schedule.id), absence.person_id, start, end, now)
            of_absence = replace(request, vacation_id=absence.id, reason=absence.reason)
            created.append(await add_cover(tx, of_absence, now))
    return created


def new_cover(
    schedule_id: int, requester: int, start: datetime, end: datetime, now: datetime, reason: str = ""
) -> Cover:
    """Return an open request to the whole team, not stored yet."""
    return Cover(
        id=0,
        schedule_id=schedule_id,
        requester=requester,
        start=start,
        end=end,
        expires_at=expiry(start, end, now),
        state=CoverState.OPEN,
        asked=(),
        declined=(),
        reason=reason,
        taken_by=None,
        edit_id=None,
        vacation_id=None,
        created_at=now,
        decided_at=None,
    )


def expiry(start: datetime, end: datetime, now: datetime) -> datetime:
    """Return until when a request can be taken: its start, or its end if the shift has begun."""
    return start if start > now else end


async def add_cover(tx: Tx, new: Cover, now: datetime) -> Cover:
    """Store an open request and schedule its expiry."""
    cover = await swaps_store.insert_cover(tx, new)
    await timers.schedule(tx, COVER_TIMER, str(cover.id), cover.expires_at)
    await tx.emit(CoverAsked(cover.id), now)
    return cover


async def reopen(tx: Tx, cover: Cover, now: datetime) -> None:
    """Reopen a taken request after its override was removed; expire it if its time is over."""
    over = cover.end <= now
    reopened = replace(
        cover,
        state=CoverState.EXPIRED if over else CoverState.OPEN,
        expires_at=expiry(cover.start, cover.end, now),
        taken_by=None,
        edit_id=None,
        decided_at=now if over else None,
    )
    await swaps_store.save_cover(tx, reopened)
    if not over:
        await timers.schedule(tx, COVER_TIMER, str(cover.id), reopened.expires_at)
        await tx.emit(CoverAsked(cover.id), now)
