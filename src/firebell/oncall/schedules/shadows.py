"""Shadows: people who learn get copies of what goes to someone on call."""

from datetime import datetime

from firebell.kit.db import Tx
from firebell.kit.errors import Invalid, NotFound
from firebell.kit.events import Actor
from firebell.oncall.interval_limits import check_interval
from firebell.oncall.model import Shadow
from firebell.oncall.schedules import changes, store
from firebell.people import actions as people


async def add_shadow(
    tx: Tx,
    actor: Actor,
    *,
    schedule_id: int,
    person_id: int,
    of: int | None = None,
    start: datetime,
    end: datetime | None = None,
    now: datetime,
) -> int:
    """Let somebody learn: they get copies, and are never a target and never coverage."""
    if end is not None:
        check_interval("shadowing", start, end, now)
    for i in (person_id, of):
        if i is not None and not (await people.person(tx, i)).active:
            raise Invalid(f"Person {i} is not active.", fields={"person": "Choose an active person."})
    if person_id == of:
        raise Invalid("A person can’t shadow themselves.", fields={"of": "Choose someone else."})
    await changes.lock(tx, schedule_id)
    made = await store.insert_shadow(tx, schedule_id, Shadow(0, person_id, of, start, end), now)
    await tx.audit(actor, "schedule.shadow", f"schedule:{schedule_id}", now, person=person_id, of=of)
    await tx.live("oncall")
    return made


async def remove_shadow(tx: Tx, actor: Actor, schedule_id: int, shadow_id: int, now: datetime) -> None:
    """End a shadowing."""
    kept = await store.delete_shadow(tx, schedule_id, shadow_id)
    if kept is None:
        raise NotFound(f"This schedule has no shadow {shadow_id}.")
    await tx.audit(actor, "schedule.shadow_removed", f"schedule:{schedule_id}", now, shadow=shadow_id, **kept)
    await tx.live("oncall")
