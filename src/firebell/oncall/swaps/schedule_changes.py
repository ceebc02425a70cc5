"""What a changed schedule means for cover requests, swaps and absences."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from firebell.kit.db.database import Tx
from firebell.kit.db.events import Actor
from firebell.kit.jobs import timers
from firebell.oncall.model import (
    Absence,
    Cover,
    CoverLapsed,
    CoverState,
    Schedule,
    ScheduleSaved,
    ShiftsReassigned,
    Swap,
    SwapLapsed,
    SwapState,
)
from firebell.oncall.rota.shifts import intervals_on_call
from firebell.oncall.swaps import request_opening, resulting_overrides, store
from firebell.people import actions as people
from firebell.people.action_permissions import internal


async def withdraw_after_save(tx: Tx, event: ScheduleSaved, now: datetime) -> None:
    """Withdraw the requests and swaps that a saved schedule makes stale."""
    await withdraw_stale(tx, event.actor, event.schedule, now, event.why)


async def cover_reassigned_shifts(tx: Tx, event: ShiftsReassigned, now: datetime) -> None:
    """Request cover for people who are now on call during their time off."""
    await cover_absences(tx, event.schedule, await store.absences(tx, since=now), now)


@internal("Part of the action that changed the schedule.")
async def withdraw_stale(tx: Tx, actor: Actor, schedule: Schedule, now: datetime, why: str = "") -> None:
    """Withdraw open requests and swaps of a locked schedule whose shifts now belong to someone else."""

    def lost(user: int, start: datetime, end: datetime) -> bool:
        low = max(start, now)
        return low < end and not intervals_on_call(schedule, user, low, end)

    only = [schedule.id]
    for cover in await store.covers(tx, schedule_ids=only, state=CoverState.OPEN):
        if lost(cover.requester, cover.start, cover.end):
            reason = why or await _why(tx, schedule, cover.requester)
            await _lapse_cover(tx, actor, schedule, cover, reason, now)
    for swap in await store.swaps(tx, schedule_ids=only, state=SwapState.OPEN):
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
    await store.save_cover(tx, replace(cover, state=CoverState.WITHDRAWN, decided_at=now, why=why))
    await timers.cancel(tx, request_opening.COVER_TIMER, str(cover.id))
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
    await request_opening.audit_cover(tx, actor, "withdrawn", cover, now, why=why)


async def _lapse_swap(tx: Tx, actor: Actor, schedule: Schedule, swap: Swap, why: str, now: datetime) -> None:
    await store.save_swap(tx, replace(swap, state=SwapState.WITHDRAWN, decided_at=now, why=why))
    await timers.cancel(tx, request_opening.SWAP_TIMER, str(swap.id))
    await tx.emit(SwapLapsed(swap.id, schedule.name, swap.proposer, swap.other, why), now)
    await request_opening.audit_swap(tx, actor, "withdrawn", swap, now, why=why)


async def cover_absences(
    tx: Tx, schedule: Schedule, absences: Sequence[Absence], now: datetime
) -> list[Cover]:
    """Request cover for the shifts that these absences touch, unless it was requested before; return the requests."""
    if not absences:
        return []
    existing = await store.covers(tx, schedule_ids=[schedule.id], since=now)
    created = []
    for absence in absences:
        for start, end in resulting_overrides.unrequested_intervals(
            schedule, absence, existing, now, absence.end
        ):
            request = request_opening.new_cover(schedule.id, absence.person_id, start, end, now)
            of_absence = replace(request, vacation_id=absence.id, reason=absence.reason)
            created.append(await request_opening.add_cover(tx, of_absence, now))
    return created
