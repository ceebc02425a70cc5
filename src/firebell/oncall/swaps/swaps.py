"""Swaps (spec 1.2): proposed, then accepted as map edits, declined, withdrawn or expired."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from firebell.kit import timers
from firebell.kit.db import Tx
from firebell.kit.errors import Conflict, Forbidden, Invalid, NotFound
from firebell.kit.events import SYSTEM, Actor
from firebell.kit.localtime import format_local
from firebell.kit.text import clean_text
from firebell.oncall.interval_limits import check_interval
from firebell.oncall.model import (
    Schedule,
    Source,
    Swap,
    SwapDecided,
    SwapProposed,
    SwapState,
)
from firebell.oncall.schedules import changes, store
from firebell.oncall.swaps import exchange
from firebell.oncall.swaps import store as swaps_store
from firebell.oncall.swaps.exchange import Stretch
from firebell.people import actions as people


async def propose(
    tx: Tx,
    actor: Actor,
    *,
    schedule_id: int,
    proposer: int,
    other: int,
    mine: Stretch,
    theirs: Stretch,
    reason: str = "",
    now: datetime,
) -> Swap:
    """Offer the proposer's shift `mine` for the shift `theirs` of somebody else, who has to accept."""
    if proposer == other:
        raise Invalid("A swap needs two people.", fields={"other": "Choose somebody else."})
    for stretch in (mine, theirs):
        check_interval("shift", *stretch, now)
        if stretch[0] <= now:
            raise Invalid("This shift has begun.", fields={"start": "Swap shifts that are to come."})
    schedule = await changes.lock(tx, schedule_id)
    await _check_both(tx, schedule, proposer, other, mine, theirs)
    made = await swaps_store.insert_swap(
        tx,
        Swap(
            *(0, schedule_id, proposer, other, *mine, *theirs, SwapState.OPEN, clean_text(reason, 500)),
            *((), now, None),
        ),
    )
    await timers.schedule(tx, changes.SWAP_TIMER, str(made.id), made.expires_at)
    await tx.emit(SwapProposed(made.id), now)
    await changes.audit_swap(tx, actor, "proposed", made, now)
    return made


async def _check_both(
    tx: Tx, schedule: Schedule, proposer: int, other: int, mine: Stretch, theirs: Stretch
) -> None:
    for user, (start, end) in ((proposer, mine), (other, theirs)):
        who = await people.person(tx, user)
        if not who.active:
            raise Conflict(f"{who.name} is not active.")
        if not exchange.own_stretches(schedule, user, start, end):
            raise Conflict(
                f"{who.name} is not on call on {schedule.name} from {format_local(start, who.tz)} {who.tz} on.",
                hint="The schedule may have changed: propose another swap.",
            )


async def _open(tx: Tx, swap_id: int, now: datetime) -> tuple[Schedule, Swap]:
    seen = await swaps_store.swap(tx, swap_id)
    if seen is None:
        raise NotFound(f"There is no swap {swap_id}.", hint="Look at the swaps that are open.")
    schedule = await changes.lock(tx, seen.schedule_id)
    swap = await swaps_store.swap(tx, swap_id)
    assert swap
    if swap.state != SwapState.OPEN or swap.expires_at <= now:
        state = swap.state if swap.state != SwapState.OPEN else SwapState.EXPIRED
        raise Conflict(f"Swap {swap_id} is {state}.", hint="Look at the swaps that are open.")
    return schedule, swap


async def _answered_by(tx: Tx, actor: Actor, swap: Swap) -> None:
    if actor.person_id not in (swap.other, None):
        name = (await people.person(tx, swap.other)).name
        raise Forbidden(f"Only {name} can answer swap {swap.id}.", hint="Withdraw it, or use an override.")


async def accept(tx: Tx, actor: Actor, swap_id: int, now: datetime) -> Swap:
    """Exchange both shifts at once; refused when one of them is not theirs any more."""
    schedule, swap = await _open(tx, swap_id, now)
    await _answered_by(tx, actor, swap)
    mine, theirs = (swap.start, swap.end), (swap.their_start, swap.their_end)
    await _check_both(tx, schedule, swap.proposer, swap.other, mine, theirs)
    made = []
    for (start, end), mapping in exchange.swap_maps(swap.proposer, swap.other, mine, theirs):
        edit = exchange.mapped(start, end, mapping, swap.reason, Source.SWAP, actor.person_id)
        made.append(await store.insert_edit(tx, int(schedule.id), edit, now))
    new = await _decided(tx, actor, swap, SwapState.ACCEPTED, now, tuple(made))
    await changes.finish_change(tx, actor, schedule, now)
    return new


async def _decided(
    tx: Tx, actor: Actor, found: Swap, state: SwapState, now: datetime, edit_ids: tuple[int, ...] = ()
) -> Swap:
    new = replace(found, state=state, edit_ids=edit_ids, decided_at=now)
    await swaps_store.save_swap(tx, new)
    await timers.cancel(tx, changes.SWAP_TIMER, str(found.id))
    if state in (SwapState.ACCEPTED, SwapState.DECLINED):
        await tx.emit(SwapDecided(found.id), now)
    await changes.audit_swap(tx, actor, state, new, now)
    return new


async def decline(tx: Tx, actor: Actor, swap_id: int, now: datetime) -> Swap:
    """Say no: both shifts stay as they are."""
    _, swap = await _open(tx, swap_id, now)
    await _answered_by(tx, actor, swap)
    return await _decided(tx, actor, swap, SwapState.DECLINED, now)


async def withdraw(tx: Tx, actor: Actor, swap_id: int, now: datetime) -> Swap:
    """Take a proposal back."""
    _, swap = await _open(tx, swap_id, now)
    return await _decided(tx, actor, swap, SwapState.WITHDRAWN, now)


async def expire(tx: Tx, swap_ids: Sequence[int], now: datetime) -> set[int]:
    """End proposals of which a shift begins; return those that somebody holds just now."""
    seen = [s for i in swap_ids if (s := await swaps_store.swap(tx, i))]
    free = await store.lock_free(tx, [s.schedule_id for s in seen])
    for old in seen:
        swap = await swaps_store.swap(tx, old.id) if old.schedule_id in free else None
        if swap and swap.state == SwapState.OPEN and swap.expires_at <= now:
            over = replace(swap, state=SwapState.EXPIRED, decided_at=now)
            await swaps_store.save_swap(tx, over)
            await changes.audit_swap(tx, SYSTEM, SwapState.EXPIRED, over, now)
    return {s.id for s in seen if s.schedule_id not in free}
