"""Undo of a removed override and of an ended shadowing, from their audit entries."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from firebell.kit import undo
from firebell.kit.db.database import Tx
from firebell.kit.db.events import Actor
from firebell.oncall.model import Schedule, Shadow
from firebell.oncall.schedules import changes, override_store, parts_store
from firebell.people.action_permissions import permits
from firebell.people.permissions import Verb


def restore_details(schedule: Schedule, edit_ids: Sequence[int], *, final: bool) -> dict[str, Any]:
    """Return the audit details that restore these overrides: their ends; `final` forbids the undo."""
    return {"final": final, "ends": {e.id: e.end.isoformat() for e in schedule.overrides if e.id in edit_ids}}


@permits(Verb.OVERRIDE_WRITE)
async def restore_override(tx: Tx, actor: Actor, entry: undo.Entry, now: datetime) -> Schedule:
    """Restore a removed override that belonged to no cover and no swap; raise `Conflict` when it is over."""
    schedule = await changes.lock(tx, entry.subject_id)
    ends = {int(i): datetime.fromisoformat(end) for i, end in entry.detail["ends"].items()}
    if entry.detail["final"] or not await override_store.restore(tx, schedule.id, ends, entry.at, now):
        raise undo.changed_since(
            "a cover or swap depended on it, or it is over.", "Create the override again."
        )
    await tx.audit(actor, "schedule.override_restored", entry.subject, now, edits=list(ends))
    await changes.finish_change(tx, actor, schedule, now)
    return schedule


@permits(Verb.SCHEDULE_WRITE)
async def restore_shadow(tx: Tx, actor: Actor, entry: undo.Entry, now: datetime) -> Schedule:
    """Restore an ended shadowing with its people and times."""
    schedule = await changes.lock(tx, entry.subject_id)
    detail = entry.detail
    start, end = (
        datetime.fromisoformat(detail[column]) if detail[column] else None
        for column in ("starts_at", "ends_at")
    )
    assert start is not None
    await parts_store.insert_shadow(
        tx, schedule.id, Shadow(id=0, user=detail["person_id"], of=detail["of_id"], start=start, end=end), now
    )
    await tx.audit(
        actor, "schedule.shadow", entry.subject, now, person=detail["person_id"], of=detail["of_id"]
    )
    await tx.live("oncall")
    return schedule
