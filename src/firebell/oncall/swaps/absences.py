"""Vacations: a stretch of absence that asks for cover for every shift that it touches."""

from dataclasses import replace
from datetime import datetime

from firebell.kit import timers
from firebell.kit.db import Tx
from firebell.kit.errors import Conflict, NotFound
from firebell.kit.events import Actor
from firebell.kit.text import clean_text
from firebell.oncall.interval_limits import check_interval
from firebell.oncall.model import Absence, Cover, CoverState
from firebell.oncall.schedules import changes, store
from firebell.oncall.swaps import store as swaps_store
from firebell.people import actions as people


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
    """Note an absence and ask for cover for its shifts; until somebody takes one, it stays theirs."""
    check_interval("vacation", start, end, now)
    who = await people.person(tx, person_id)
    await store.lock(tx, await store.ids(tx))
    for other in await swaps_store.vacations(tx, person_id=person_id, since=now):
        if other.start < end and start < other.end:
            raise Conflict(
                f"{who.name} has a vacation from {other.start:%Y-%m-%d %H:%M} UTC on already.",
                hint=f"Cancel vacation {other.id} first, or choose another time.",
            )
    made = await swaps_store.insert_vacation(
        tx, person_id, start, end, clean_text(reason, 500), actor.person_id, now
    )
    asked = [
        cover
        for schedule in await store.schedules(
            tx, await store.ids_naming(tx, person_id, now), since=now, until=end
        )
        for cover in await changes.cover_absences(tx, schedule, [made], now)
    ]
    await tx.audit(actor, "vacation.added", f"person:{person_id}", now, start=start, end=end)
    await tx.live("oncall")
    return made, asked


async def cancel(tx: Tx, actor: Actor, vacation_id: int, now: datetime) -> Absence:
    """Take an absence back: what is open is withdrawn, what somebody has taken stays with them."""
    await store.lock(tx, await store.ids(tx))
    absence = await swaps_store.lock_vacation(tx, vacation_id)
    if absence is None:
        raise NotFound(f"There is no vacation {vacation_id}, or it is canceled.")
    await swaps_store.cancel_vacation(tx, vacation_id, now)
    for cover in await swaps_store.covers(tx, vacation_ids=[vacation_id], state=CoverState.OPEN):
        gone = replace(cover, state=CoverState.WITHDRAWN, decided_at=now)
        await swaps_store.save_cover(tx, gone)
        await timers.cancel(tx, changes.COVER_TIMER, str(cover.id))
    await tx.audit(actor, "vacation.cancelled", f"person:{absence.person_id}", now, vacation=vacation_id)
    await tx.live("oncall")
    return absence
