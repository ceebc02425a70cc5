"""Shadows: people who learn by getting a copy of every page to someone on call."""

from datetime import datetime

from firebell.kit.db.database import Tx
from firebell.kit.db.events import Actor
from firebell.kit.errors import Invalid, NotFound
from firebell.oncall.interval_limits import check_interval
from firebell.oncall.model import Shadow
from firebell.oncall.schedules import changes, parts_store
from firebell.people import actions as people
from firebell.people.action_permissions import permits
from firebell.people.permissions import Verb


@permits(Verb.SCHEDULE_WRITE)
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
    """Add a shadow, who is never a target and never counts as coverage, and return its id."""
    if end is not None:
        check_interval("shadowing", start, end, now)
    for involved_id in (person_id, of):
        if involved_id is not None and not (await people.person(tx, involved_id)).active:
            raise Invalid(
                f"Person {involved_id} is not active.", fields={"person": "Choose an active person."}
            )
    if person_id == of:
        raise Invalid("A person can’t shadow themselves.", fields={"of": "Choose someone else."})
    await changes.lock(tx, schedule_id)
    shadow_id = await parts_store.insert_shadow(
        tx, schedule_id, Shadow(id=0, user=person_id, of=of, start=start, end=end), now
    )
    await tx.audit(actor, "schedule.shadow", f"schedule:{schedule_id}", now, person=person_id, of=of)
    await tx.live("oncall")
    return shadow_id


@permits(Verb.SCHEDULE_WRITE)
async def remove_shadow(tx: Tx, actor: Actor, schedule_id: int, shadow_id: int, now: datetime) -> None:
    """End a shadowing; raise NotFound if the schedule has no such shadow."""
    columns = await parts_store.delete_shadow(tx, schedule_id, shadow_id)
    if columns is None:
        raise NotFound(f"This schedule has no shadow {shadow_id}.")
    await tx.audit(
        actor, "schedule.shadow_removed", f"schedule:{schedule_id}", now, shadow=shadow_id, **columns
    )
    await tx.live("oncall")
