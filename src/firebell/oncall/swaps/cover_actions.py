"""Cover requests ([spec 1.2](docs/spec/1-oncall.md)): open, then taken, withdrawn or expired."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from firebell.kit.db.database import Tx
from firebell.kit.db.events import Actor
from firebell.kit.errors import Conflict, Invalid, NotFound
from firebell.kit.intervals import Interval, minus, overlap
from firebell.kit.jobs import timers
from firebell.kit.localtime import format_local
from firebell.kit.text import clean_text
from firebell.oncall.interval_limits import check_interval
from firebell.oncall.model import (
    REASON_MAX_CHARS,
    Cover,
    CoverDeclined,
    CoverState,
    CoverTaken,
    OverrideSource,
)
from firebell.oncall.rota.shifts import intervals_on_call
from firebell.oncall.schedules import changes, override_store
from firebell.oncall.swaps import override_removal, request_opening, resulting_overrides
from firebell.oncall.swaps import store as swaps_store
from firebell.oncall.swaps.request_states import Lifecycle
from firebell.people import actions as people
from firebell.people.action_permissions import permits, require_party
from firebell.people.permissions import Verb

_LIFECYCLE: Lifecycle[Cover] = Lifecycle(
    "request",
    request_opening.COVER_TIMER,
    swaps_store.cover,
    swaps_store.save_cover,
    request_opening.audit_cover,
    parties=lambda cover: (cover.requester, cover.taken_by),
)

expire = _LIFECYCLE.expire


@permits(Verb.SHIFT_TRADE)
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
    """Request cover for `[start, end)`; the requester stays on call until someone accepts.

    Raise `Conflict` if the requester is not on call then, or an open request of theirs overlaps.
    """
    start = max(start, now)
    check_interval("request", start, end, now)
    schedule = await changes.lock(tx, schedule_id)
    person = await people.person(tx, requester)
    if not intervals_on_call(schedule, requester, start, end):
        raise Conflict(
            f"{person.name} is not on call on {schedule.name} then.", hint="Choose the time of a shift."
        )
    for cover in await swaps_store.covers(tx, schedule_ids=[schedule_id], state=CoverState.OPEN):
        if cover.requester == requester and cover.start < end and start < cover.end:
            raise Conflict(
                f"Request {cover.id} already asks for cover from"
                f" {format_local(cover.start, person.tz)} {person.tz}.",
                hint="Withdraw it first, or choose another time.",
            )
    await _check_asked(tx, requester, asked)
    new = request_opening.new_cover(
        schedule_id, requester, start, end, now, clean_text(reason, REASON_MAX_CHARS, "reason")
    )
    cover = await request_opening.add_cover(tx, replace(new, asked=tuple(dict.fromkeys(asked))), now)
    await request_opening.audit_cover(tx, actor, "asked", cover, now)
    return cover


async def _check_asked(tx: Tx, requester: int, asked: Sequence[int]) -> None:
    people_by_id = await people.people_by_id(tx, asked)
    for person_id in asked:
        person = people_by_id.get(person_id)
        if person is None or not person.active or person_id == requester:
            name = person.name if person else f"Person {person_id}"
            raise Invalid(f"{name} can’t be asked for cover.", fields={"asked": "Choose someone else."})


@permits(Verb.SHIFT_TRADE)
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
    """Take a request, or the part `[start, end)` of it; the rest stays open.

    Return what was taken; a part becomes a request of its own. Raise `Conflict` if `by` is the requester, is
    not active, or is on call on the schedule then (S-DOUBLE): one of their two shifts would be uncovered.
    """
    schedule, cover = await _LIFECYCLE.lock_open(tx, cover_id, now)
    person = await people.person(tx, by)
    if by == cover.requester:
        raise Conflict(f"{person.name} asked for this cover.", hint="Withdraw the request instead.")
    if not person.active:
        raise Conflict(f"{person.name} is not active.", hint="Someone else has to take the shift.")
    part = overlap((max(start or cover.start, now), end or cover.end), (cover.start, cover.end))
    if part is None:
        raise Invalid(
            "This time is outside the request.", fields={"start": "Choose a time within the request."}
        )
    if busy := intervals_on_call(schedule, by, *part):
        raise Conflict(
            f"{person.name} is already on call on {schedule.name} from"
            f" {format_local(busy[0].start, person.tz)} {person.tz}.",
            hint="Take a part of the request, or swap the shifts.",
        )
    source = OverrideSource.VACATION if cover.vacation_id else OverrideSource.COVER
    override = resulting_overrides.mapping_override(
        *part, {cover.requester: by}, cover.reason, source, actor.person_id
    )
    override_id = await override_store.insert(tx, schedule.id, override, now)
    request = await _split(tx, cover, part, now)
    taken = replace(
        request,
        state=CoverState.TAKEN,
        taken_by=by,
        edit_id=override_id,
        expires_at=part.start,
        decided_at=now,
    )
    await swaps_store.save_cover(tx, taken)
    await tx.emit(CoverTaken(taken.id), now)
    await request_opening.audit_cover(tx, actor, "taken", taken, now)
    await changes.finish_change(tx, actor, schedule, now)
    return taken


async def _split(tx: Tx, cover: Cover, part: Interval, now: datetime) -> Cover:
    """Return the request for only `part`: the same one if nothing is left of it, else a new one."""
    rest = minus([(max(cover.start, now), cover.end)], [part])
    if not rest:
        await timers.cancel(tx, request_opening.COVER_TIMER, str(cover.id))
        return replace(cover, start=part.start, end=part.end)
    first, *others = (
        replace(cover, start=a, end=b, expires_at=request_opening.expiry(a, b, now)) for a, b in rest
    )
    await swaps_store.save_cover(tx, first)
    await timers.schedule(tx, request_opening.COVER_TIMER, str(first.id), first.expires_at)
    for other in others:
        inserted = await swaps_store.insert_cover(tx, other)
        await timers.schedule(tx, request_opening.COVER_TIMER, str(inserted.id), inserted.expires_at)
    return await swaps_store.insert_cover(tx, replace(cover, start=part.start, end=part.end))


@permits(Verb.SHIFT_TRADE)
async def decline(tx: Tx, actor: Actor, cover_id: int, by: int, now: datetime) -> Cover:
    """Record that `by` declined; others can still accept."""
    _, cover = await _LIFECYCLE.lock_open(tx, cover_id, now)
    if by == cover.requester:
        raise Conflict("This request is your own.", hint="Withdraw it instead.")
    declined = replace(cover, declined=tuple(dict.fromkeys((*cover.declined, by))))
    await swaps_store.save_cover(tx, declined)
    if by not in cover.declined:
        await tx.emit(CoverDeclined(cover_id, by), now)
    await request_opening.audit_cover(tx, actor, "declined", declined, now)
    return declined


@permits(Verb.SHIFT_TRADE)
async def withdraw(tx: Tx, actor: Actor, cover_id: int, now: datetime) -> Cover:
    """Withdraw an open request; the requester stays on call."""
    return await _LIFECYCLE.withdraw(tx, actor, cover_id, now)


@permits(Verb.SHIFT_TRADE)
async def give_back(tx: Tx, actor: Actor, cover_id: int, now: datetime) -> None:
    """Undo a taken cover: its override is removed, and the request is open again while there is time."""
    cover = await swaps_store.cover(tx, cover_id)
    if cover is None or cover.edit_id is None:
        raise NotFound(f"No one has taken request {cover_id}.")
    await require_party(tx, actor, _LIFECYCLE.parties(cover))
    if cover.end <= now:
        raise Conflict("This shift is over.")
    await override_removal.remove_override(tx, actor, cover.edit_id, now)
