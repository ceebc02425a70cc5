"""Requests for cover (spec 1.2): open, then taken, withdrawn or expired."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from firebell.kit import timers
from firebell.kit.db import Tx
from firebell.kit.errors import Conflict, Invalid, NotFound
from firebell.kit.events import SYSTEM, Actor
from firebell.kit.localtime import format_local
from firebell.kit.text import clean_text
from firebell.oncall import actions
from firebell.oncall.interval_limits import check_interval
from firebell.oncall.model import Cover, CoverDeclined, CoverState, CoverTaken, Schedule, Source
from firebell.oncall.schedules import changes, store
from firebell.oncall.swaps import exchange
from firebell.oncall.swaps import store as swaps_store
from firebell.people import actions as people


async def ask(
    tx: Tx,
    actor: Actor,
    *,
    schedule_id: int,
    requester: int,
    start: datetime,
    end: datetime,
    asked: Sequence[int] = (),
    reason: str = "",
    now: datetime,
) -> Cover:
    """Ask to be relieved on `[start, end)`; the requester stays on duty until somebody takes it."""
    start = max(start, now)
    check_interval("request", start, end, now)
    schedule = await changes.lock(tx, schedule_id)
    who = await people.person(tx, requester)
    if not exchange.own_stretches(schedule, requester, start, end):
        raise Conflict(
            f"{who.name} is not on call on {schedule.name} then.", hint="Ask for the time of a shift."
        )
    for cover in await swaps_store.covers(tx, schedule_ids=[schedule_id], state=CoverState.OPEN):
        if cover.requester == requester and cover.start < end and start < cover.end:
            raise Conflict(
                f"Request {cover.id} asks for cover from {format_local(cover.start, who.tz)} {who.tz} on already.",
                hint="Withdraw it first, or ask for another time.",
            )
    known = await people.people_by_id(tx, asked)
    if wrong := [i for i in asked if i == requester or i not in known or not known[i].active]:
        name = known[wrong[0]].name if wrong[0] in known else f"Person {wrong[0]}"
        raise Invalid(f"{name} cannot be asked.", fields={"asked": "Choose somebody else."})
    new = changes.new_cover(schedule_id, requester, start, end, now, clean_text(reason, 500))
    made = await changes.add_cover(tx, replace(new, asked=tuple(dict.fromkeys(asked))), now)
    await changes.audit_cover(tx, actor, "asked", made, now)
    return made


async def _open(tx: Tx, cover_id: int, now: datetime) -> tuple[Schedule, Cover]:
    """Return an open request with its schedule, which is locked."""
    seen = await swaps_store.cover(tx, cover_id)
    if seen is None:
        raise NotFound(f"There is no request {cover_id}.", hint="Look at the requests that are open.")
    schedule = await changes.lock(tx, seen.schedule_id)
    cover = await swaps_store.cover(tx, cover_id)
    assert cover
    if cover.state != CoverState.OPEN or cover.expires_at <= now:
        state = cover.state if cover.state != CoverState.OPEN else CoverState.EXPIRED
        raise Conflict(f"Request {cover_id} is {state}.", hint="Look at the requests that are open.")
    return schedule, cover


async def take(
    tx: Tx,
    actor: Actor,
    cover_id: int,
    by: int,
    *,
    start: datetime | None = None,
    end: datetime | None = None,
    now: datetime,
) -> Cover:
    """Take a request, or the part `[start, end)` of it; what is left of it stays open.

    Refused when `by` asked for it, left, or is on call on the schedule then (S-DOUBLE): one of two shifts
    of theirs would be nobody's. Return what was taken; a part is a request of its own.
    """
    schedule, cover = await _open(tx, cover_id, now)
    who = await people.person(tx, by)
    if by == cover.requester:
        raise Conflict(f"{who.name} asked for this cover.", hint="Withdraw the request instead.")
    if not who.active:
        raise Conflict(f"{who.name} is not active.", hint="Somebody else has to take it.")
    low, high = max(start or cover.start, cover.start, now), min(end or cover.end, cover.end)
    if low >= high:
        raise Invalid("This part lies outside the request.", fields={"start": "Choose a part of it."})
    if busy := exchange.own_stretches(schedule, by, low, high):
        raise Conflict(
            f"{who.name} is on call on {schedule.name} already from {format_local(busy[0][0], who.tz)} {who.tz} on"
            " (S-DOUBLE).",
            hint="Take a part of the request, or swap the shifts.",
        )
    source = Source.VACATION if cover.vacation_id else Source.COVER
    edit = exchange.mapped(low, high, {cover.requester: by}, cover.reason, source, actor.person_id)
    edit_id = await store.insert_edit(tx, int(schedule.id), edit, now)
    taken = await _split(tx, cover, low, high, now)
    taken = replace(
        taken, state=CoverState.TAKEN, taken_by=by, edit_id=edit_id, expires_at=low, decided_at=now
    )
    await swaps_store.save_cover(tx, taken)
    await tx.emit(CoverTaken(taken.id), now)
    await changes.audit_cover(tx, actor, "taken", taken, now)
    await changes.finish_change(tx, actor, schedule, now)
    return taken


async def _split(tx: Tx, found: Cover, low: datetime, high: datetime, now: datetime) -> Cover:
    """Return the request for `[low, high)` alone: the old one when nothing is left of it, else a new one."""
    left = exchange.minus([(max(found.start, now), found.end)], [(low, high)])
    if not left:
        await timers.cancel(tx, changes.COVER_TIMER, str(found.id))
        return replace(found, start=low, end=high)
    first, *more = (replace(found, start=a, end=b, expires_at=changes.expiry(a, b, now)) for a, b in left)
    await swaps_store.save_cover(tx, first)
    await timers.schedule(tx, changes.COVER_TIMER, str(first.id), first.expires_at)
    for rest in more:
        made = await swaps_store.insert_cover(tx, rest)
        await timers.schedule(tx, changes.COVER_TIMER, str(made.id), made.expires_at)
    return await swaps_store.insert_cover(tx, replace(found, start=low, end=high))


async def decline(tx: Tx, actor: Actor, cover_id: int, by: int, now: datetime) -> Cover:
    """Say no; others may still take it."""
    _, cover = await _open(tx, cover_id, now)
    if by == cover.requester:
        raise Conflict("This request is your own.", hint="Withdraw it instead.")
    new = replace(cover, declined=tuple(dict.fromkeys((*cover.declined, by))))
    await swaps_store.save_cover(tx, new)
    if by not in cover.declined:
        await tx.emit(CoverDeclined(cover_id, by), now)
    await changes.audit_cover(tx, actor, "declined", new, now)
    return new


async def withdraw(tx: Tx, actor: Actor, cover_id: int, now: datetime) -> Cover:
    """Ask no more: the requester stays on duty."""
    _, cover = await _open(tx, cover_id, now)
    new = replace(cover, state=CoverState.WITHDRAWN, decided_at=now)
    await swaps_store.save_cover(tx, new)
    await timers.cancel(tx, changes.COVER_TIMER, str(cover_id))
    await changes.audit_cover(tx, actor, "withdrawn", new, now)
    return new


async def give_back(tx: Tx, actor: Actor, cover_id: int, now: datetime) -> None:
    """Undo a taken cover: its edit goes, and the request is open again while there is time."""
    cover = await swaps_store.cover(tx, cover_id)
    if cover is None or cover.edit_id is None:
        raise NotFound(f"Nobody has taken request {cover_id}.")
    if cover.end <= now:
        raise Conflict("The shift is over.")
    await actions.remove_edit(tx, actor, cover.edit_id, now)


async def expire(tx: Tx, cover_ids: Sequence[int], now: datetime) -> set[int]:
    """End requests whose time has come; return those that somebody holds just now."""
    seen = [c for i in cover_ids if (c := await swaps_store.cover(tx, i))]
    free = await store.lock_free(tx, [c.schedule_id for c in seen])
    for old in seen:
        cover = await swaps_store.cover(tx, old.id) if old.schedule_id in free else None
        if cover and cover.state == CoverState.OPEN and cover.expires_at <= now:
            over = replace(cover, state=CoverState.EXPIRED, decided_at=now)
            await swaps_store.save_cover(tx, over)
            await changes.audit_cover(tx, SYSTEM, "expired", over, now)
    return {c.id for c in seen if c.schedule_id not in free}
