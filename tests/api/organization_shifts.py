"""Shifts in the organization with one of everything: a handoff, an override, a cover, a swap and time off."""

from datetime import timedelta

from firebell.handoffs import actions as handoffs
from firebell.kit.db.database import Tx
from firebell.oncall.model import OverrideKind
from firebell.oncall.schedules import actions as oncall
from firebell.oncall.schedules import queries
from firebell.oncall.swaps import cover_actions, swap_actions, time_off
from tests.world import World


async def add_shifts(tx: Tx, w: World) -> None:
    """Draft a handoff, and ask for an override, a cover, a swap and time off."""
    mara, now = await w.actor(w.mara), w.now
    schedule = await queries.by_slug(tx, "payments-primary")
    change = handoffs.next_change(schedule, now)
    assert change
    await handoffs.draft_change(tx, schedule, change, now)
    week = timedelta(days=7)
    await oncall.create_override(
        tx,
        mara,
        schedule_id=1,
        kind=OverrideKind.SET,
        users=[w.jun],
        mapping={},
        start=now + timedelta(hours=1),
        end=now + timedelta(hours=2),
        reason="dentist",
        now=now,
    )
    shifts = {
        w.mara: await queries.shifts_of(tx, w.mara, now),
        w.jun: await queries.shifts_of(tx, w.jun, now),
    }
    mine, theirs = (
        next(s for s in shifts[i] if s.schedule.id == 1 and s.start > now + week) for i in (w.mara, w.jun)
    )
    await cover_actions.ask(
        tx, mara, schedule_id=1, requester=w.mara, start=mine.start, end=mine.end, reason="away", now=now
    )
    await swap_actions.propose(
        tx,
        mara,
        schedule_id=1,
        proposer=w.mara,
        other=w.jun,
        mine=(mine.start, mine.end),
        theirs=(theirs.start, theirs.end),
        now=now,
    )
    await time_off.add(
        tx, mara, person_id=w.mara, start=now + 10 * week, end=now + 11 * week, reason="hiking", now=now
    )
