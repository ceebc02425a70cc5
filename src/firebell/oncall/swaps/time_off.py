"""Time off: an absence that requests cover for every shift in it."""

from dataclasses import replace
from datetime import datetime

from firebell.kit.db.database import Tx
from firebell.kit.db.events import Actor
from firebell.kit.errors import Conflict, NotFound
from firebell.kit.jobs import timers
from firebell.kit.localtime import format_local
from firebell.kit.text import clean_text
from firebell.oncall.interval_limits import check_interval
from firebell.oncall.model import REASON_MAX_CHARS, Absence, Cover, CoverState
from firebell.oncall.schedules import store
from firebell.oncall.swaps import request_opening, schedule_changes
from firebell.oncall.swaps import store as swaps_store
from firebell.people import actions as people
from firebell.people.action_permissions import permits, require_party
from firebell.people.permissions import Verb


@permits(Verb.TIME_OFF_WRITE)
async def add(
    tx: Tx,
    actor: Actor,
    *,
    person_id: int,
    start: datetime,
    end: datetime,
    reason: str = "",
    now: datetime,
) -> tuple[Absence, list[Cover]]:
    """Add time off and request cover for its shifts; each stays the person's until someone accepts.

    Raise `Conflict` if the person has time off then already.
    """
    check_interval("time off", start, end, now)
    person = await people.person(tx, person_id)
    await store.lock(tx, await store.ids(tx))
    for other in await swaps_store.absences(tx, person_id=person_id, since=now):
        if other.start < end and start < other.end:
            raise Conflict(
                f"{person.name} already has time off from {format_local(other.start, person.tz)} {person.tz}.",
                hint=f"Cancel time off {other.id} first, or choose another time.",
            )
    absence = await swaps_store.insert_absence(
        tx, person_id, start, end, clean_text(reason, REASON_MAX_CHARS, "reason"), actor.person_id, now
    )
    requested = [
        cover
        for schedule in await store.schedules(
            tx, await store.ids_naming(tx, person_id, now), since=now, until=end
        )
        for cover in await schedule_changes.cover_absences(tx, schedule, [absence], now)
    ]
    await tx.audit(actor, "vacation.added", f"person:{person_id}", now, start=start, end=end)
    await tx.live("oncall")
    return absence, requested


@permits(Verb.TIME_OFF_WRITE)
async def cancel(tx: Tx, actor: Actor, vacation_id: int, now: datetime) -> Absence:
    """Cancel time off: its open cover requests are withdrawn, taken ones stay."""
    await store.lock(tx, await store.ids(tx))
    absence = await swaps_store.lock_absence(tx, vacation_id)
    if absence is None:
        raise NotFound(f"There is no time off {vacation_id}, or it is canceled.")
    await require_party(tx, actor, (absence.person_id,))
    await swaps_store.cancel_absence(tx, vacation_id, now)
    for cover in await swaps_store.covers(tx, vacation_ids=[vacation_id], state=CoverState.OPEN):
        withdrawn = replace(cover, state=CoverState.WITHDRAWN, decided_at=now)
        await swaps_store.save_cover(tx, withdrawn)
        await timers.cancel(tx, request_opening.COVER_TIMER, str(cover.id))
    await tx.audit(actor, "vacation.cancelled", f"person:{absence.person_id}", now, vacation=vacation_id)
    await tx.live("oncall")
    return absence
