"""Swaps ([spec 1.2](docs/spec/1-oncall.md)): open, then accepted, declined, withdrawn or expired."""

from dataclasses import replace
from datetime import datetime

from firebell.kit.db.database import Tx
from firebell.kit.db.events import Actor
from firebell.kit.errors import Conflict, Forbidden, Invalid
from firebell.kit.intervals import Interval, Pair
from firebell.kit.jobs import timers
from firebell.kit.localtime import format_local
from firebell.kit.text import clean_text
from firebell.oncall.interval_limits import check_interval
from firebell.oncall.model import (
    REASON_MAX_CHARS,
    OverrideSource,
    Schedule,
    Swap,
    SwapDecided,
    SwapProposed,
    SwapState,
)
from firebell.oncall.rota.shifts import intervals_on_call
from firebell.oncall.schedules import changes, override_store
from firebell.oncall.swaps import request_opening, resulting_overrides
from firebell.oncall.swaps import store as swaps_store
from firebell.oncall.swaps.request_states import Lifecycle
from firebell.people import actions as people
from firebell.people.action_permissions import permits
from firebell.people.permissions import Verb

_LIFECYCLE: Lifecycle[Swap] = Lifecycle(
    "swap",
    request_opening.SWAP_TIMER,
    swaps_store.swap,
    swaps_store.save_swap,
    request_opening.audit_swap,
    parties=lambda swap: (swap.proposer, swap.other),
)

check_party = _LIFECYCLE.check_party
expire = _LIFECYCLE.expire


@permits(Verb.SHIFT_TRADE)
async def propose(
    tx: Tx,
    actor: Actor,
    *,
    schedule_id: int,
    proposer: int,
    other: int,
    mine: Pair,
    theirs: Pair,
    reason: str = "",
    now: datetime,
) -> Swap:
    """Offer the proposer's shift `mine` for the shift `theirs` of `other`, who has to accept.

    Raise `Conflict` if either of them is not active, or not on call then.
    """
    if proposer == other:
        raise Invalid("A swap needs two people.", fields={"other": "Choose someone else."})
    for start, end in (mine, theirs):
        check_interval("shift", start, end, now)
        if start <= now:
            raise Invalid("This shift has begun.", fields={"start": "Choose shifts that have not begun."})
    schedule = await changes.lock(tx, schedule_id)
    await _check_both(tx, schedule, proposer, other, mine, theirs)
    swap = await swaps_store.insert_swap(
        tx,
        Swap(
            id=0,
            schedule_id=schedule_id,
            proposer=proposer,
            other=other,
            start=mine[0],
            end=mine[1],
            their_start=theirs[0],
            their_end=theirs[1],
            state=SwapState.OPEN,
            reason=clean_text(reason, REASON_MAX_CHARS, "reason"),
            edit_ids=(),
            created_at=now,
            decided_at=None,
        ),
    )
    await timers.schedule(tx, request_opening.SWAP_TIMER, str(swap.id), swap.expires_at)
    await tx.emit(SwapProposed(swap.id), now)
    await request_opening.audit_swap(tx, actor, "proposed", swap, now)
    return swap


async def _check_both(
    tx: Tx, schedule: Schedule, proposer: int, other: int, mine: Pair, theirs: Pair
) -> None:
    for person_id, (start, end) in ((proposer, mine), (other, theirs)):
        person = await people.person(tx, person_id)
        if not person.active:
            raise Conflict(f"{person.name} is not active.")
        if not intervals_on_call(schedule, person_id, start, end):
            raise Conflict(
                f"{person.name} is not on call on {schedule.name} from"
                f" {format_local(start, person.tz)} {person.tz}.",
                hint="The schedule may have changed: propose another swap.",
            )


async def _check_answerer(tx: Tx, actor: Actor, swap: Swap) -> None:
    if actor.person_id not in (swap.other, None):
        name = (await people.person(tx, swap.other)).name
        raise Forbidden(f"Only {name} can answer swap {swap.id}.", hint="Withdraw it, or create an override.")


@permits(Verb.SHIFT_TRADE)
async def accept(tx: Tx, actor: Actor, swap_id: int, now: datetime) -> Swap:
    """Exchange both shifts at once; raise `Conflict` if one of them has changed hands."""
    schedule, swap = await _LIFECYCLE.lock_open(tx, swap_id, now)
    await _check_answerer(tx, actor, swap)
    mine, theirs = Interval(swap.start, swap.end), Interval(swap.their_start, swap.their_end)
    await _check_both(tx, schedule, swap.proposer, swap.other, mine, theirs)
    override_ids = []
    for (start, end), mapping in resulting_overrides.swap_maps(swap.proposer, swap.other, mine, theirs):
        override = resulting_overrides.mapping_override(
            start, end, mapping, swap.reason, OverrideSource.SWAP, actor.person_id
        )
        override_ids.append(await override_store.insert(tx, schedule.id, override, now))
    swap = replace(swap, edit_ids=tuple(override_ids))
    accepted = await _LIFECYCLE.close(tx, actor, swap, SwapState.ACCEPTED, now)
    await tx.emit(SwapDecided(swap.id), now)
    await changes.finish_change(tx, actor, schedule, now)
    return accepted


@permits(Verb.SHIFT_TRADE)
async def decline(tx: Tx, actor: Actor, swap_id: int, now: datetime) -> Swap:
    """Decline a swap: both shifts stay as they are."""
    _, swap = await _LIFECYCLE.lock_open(tx, swap_id, now)
    await _check_answerer(tx, actor, swap)
    declined = await _LIFECYCLE.close(tx, actor, swap, SwapState.DECLINED, now)
    await tx.emit(SwapDecided(swap.id), now)
    return declined


@permits(Verb.SHIFT_TRADE)
async def withdraw(tx: Tx, actor: Actor, swap_id: int, now: datetime) -> Swap:
    """Withdraw a proposed swap."""
    return await _LIFECYCLE.withdraw(tx, actor, swap_id, now)
