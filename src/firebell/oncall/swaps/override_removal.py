"""Removes overrides, with the cover or swap that they belong to."""

from dataclasses import replace
from datetime import datetime

from firebell.kit.db.database import Tx
from firebell.kit.db.events import Actor
from firebell.kit.errors import NotFound
from firebell.oncall.model import SwapState
from firebell.oncall.schedules import change_undo, changes, override_store
from firebell.oncall.swaps import request_opening
from firebell.oncall.swaps import store as swaps_store
from firebell.people.action_permissions import permits
from firebell.people.permissions import Verb


@permits(Verb.OVERRIDE_WRITE)
async def remove_override(
    tx: Tx, actor: Actor, edit_id: int, now: datetime, *, schedule_id: int | None = None
) -> None:
    """Remove an override; one that has begun ends now, so that past shifts stay for reports and pay.

    Reopens the cover request that it answered, and undoes all of the swap that it belongs to. Raise NotFound if
    it is over, removed, or not of `schedule_id`.
    """
    owner = await override_store.schedule_of(tx, edit_id)
    old = await changes.lock(tx, owner) if owner is not None and schedule_id in (None, owner) else None
    if old is None or edit_id not in [e.id for e in old.overrides if e.end > now]:
        raise NotFound("This override does not exist, or it has already ended or been removed.")
    removed_ids = [edit_id]
    if swap := await swaps_store.swap_of_override(tx, edit_id):
        removed_ids = list(swap.edit_ids)
        withdrawn = replace(swap, state=SwapState.WITHDRAWN, edit_ids=(), decided_at=now)
        await swaps_store.save_swap(tx, withdrawn)
    if cover := await swaps_store.cover_of_override(tx, edit_id):
        await request_opening.reopen(tx, cover, now)
    await override_store.remove(tx, old.id, removed_ids, now)
    details = change_undo.restore_details(old, removed_ids, final=bool(swap or cover))
    await tx.audit(
        actor, "schedule.override_removed", f"schedule:{old.id}", now, edits=removed_ids, **details
    )
    await changes.finish_change(tx, actor, old, now)
