"""Actions on the tasks of incidents. Each writes a timeline entry and updates open browsers."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from firebell.action_items import actions as action_items
from firebell.action_items.model import ActionItem
from firebell.incident_tasks import store
from firebell.incident_tasks.model import Task, TaskState
from firebell.incidents import actions as incidents
from firebell.incidents.model import Incident, IncidentMerged
from firebell.kit.db.database import Tx
from firebell.kit.db.events import SYSTEM, Actor
from firebell.kit.errors import Conflict, Invalid, NotFound
from firebell.kit.text import clean_text
from firebell.kit.truncation import cut
from firebell.people import actions as people
from firebell.people.action_permissions import internal, permits
from firebell.people.permissions import Verb

TEXT_MAX_CHARS = 500
LONGEST = timedelta(days=366)
ENTRY_KIND = "task"
"""The kind of the timeline entries of this slice."""
_STATE_TEXTS = {
    TaskState.DONE: "finished the task “{text}”",
    TaskState.FOLLOW_UP: "moved the task “{text}” to the follow-ups",
    TaskState.OPEN: "reopened the task “{text}”",
}


async def _checked(tx: Tx, incident: Incident, values: Mapping[str, Any], now: datetime) -> dict[str, Any]:
    """Return the values of a task as they are stored; raise `Invalid` or `Conflict` naming the field."""
    checked = dict(values)
    if "text" in values:
        checked["text"] = clean_text(" ".join(str(values["text"]).split()), TEXT_MAX_CHARS, name="task")
        if not checked["text"]:
            raise Invalid("The task is empty.", fields={"text": "Enter what is to be done."})
    if (due_at := values.get("due_at")) is not None and not now - LONGEST < due_at < now + LONGEST:
        raise Invalid("The time is too far away.", fields={"due_at": "Enter a time within a year."})
    if (owner_id := values.get("owner_id")) is not None:
        owner = await people.person(tx, owner_id)
        if not owner.active:
            raise Conflict(f"{owner.name} is deactivated.", fields={"owner_id": "Choose someone else."})
        if not await incidents.readers_among(tx, [incident], [owner]):
            raise Conflict(
                f"{owner.name} can't see {incident.ref}, which is private.",
                fields={"owner_id": "Choose someone involved in the incident, or a manager."},
            )
    return checked


async def _record_task(tx: Tx, actor: Actor, task: Task, text: str, change: str, now: datetime) -> None:
    data = {"task": task.id, "state": task.state}
    await incidents.record_entry(tx, actor, task.incident_id, ENTRY_KIND, text, data, now)
    await tx.audit(
        actor, f"incident.{change}", f"INC-{task.incident_id}", now, task=task.id, state=task.state
    )
    if task.owner_id is not None:
        await tx.live(f"person-{task.owner_id}")


@permits(Verb.INCIDENT_UPDATE)
async def add_task(
    tx: Tx,
    actor: Actor,
    incident_id: int,
    text: str,
    now: datetime,
    *,
    owner_id: int | None = None,
    due_at: datetime | None = None,
    is_required: bool = True,
    entry_id: int | None = None,
) -> Task:
    """Add a task to an incident; a required one has to be done or moved before the incident can be closed.

    Raise `Conflict` if the incident was merged, because no one would look for the task there.
    """
    # locked, so that no task is added while the incident is merged or closed
    incident = await incidents.locked(tx, incident_id)
    if incident.merged_into is not None:
        raise Conflict(
            f"{incident.ref} was merged into INC-{incident.merged_into}.", hint="Add the task there."
        )
    if entry_id is not None and entry_id not in {e.id for e in await incidents.timeline(tx, incident_id)}:
        raise NotFound(f"INC-{incident_id} has no entry {entry_id}.")
    values = await _checked(tx, incident, {"text": text, "owner_id": owner_id, "due_at": due_at}, now)
    task = await store.insert(
        tx, incident_id, values["text"], owner_id, due_at, is_required, entry_id, actor.label, now
    )
    owner = f" for {(await people.person(tx, owner_id)).name}" if owner_id else ""
    await _record_task(tx, actor, task, f"added the task “{task.text}”{owner}", "task_added", now)
    return task


async def _locked(tx: Tx, incident_id: int, task_id: int) -> Task:
    """Lock an incident and then one of its tasks, in the order of a merge; raise `NotFound`."""
    incident = await incidents.locked(tx, incident_id)
    task = await store.lock(tx, incident_id, task_id)
    if task is None:
        into = incident.merged_into
        hint = f"It was merged into INC-{into}, which has its unfinished tasks." if into else ""
        raise NotFound(f"{incident.ref} has no task {task_id}.", hint=hint)
    return task


@permits(Verb.INCIDENT_UPDATE)
async def change_task(
    tx: Tx, actor: Actor, incident_id: int, task_id: int, values: Mapping[str, Any], now: datetime
) -> Task:
    """Change the text, owner, due time or necessity of a task, as `values` names them. Idempotent."""
    old = await _locked(tx, incident_id, task_id)
    checked = await _checked(tx, await incidents.incident(tx, incident_id), values, now)
    changes = {name: value for name, value in checked.items() if value != getattr(old, name)}
    if not changes:
        return old
    task = await store.change(tx, task_id, **changes)
    text = f"changed the task “{task.text}”"
    if changes.keys() == {"owner_id"}:
        owner = (await people.person(tx, task.owner_id)).name if task.owner_id else "no one"
        is_own = task.owner_id is not None and task.owner_id == actor.person_id
        text = f"took the task “{task.text}”" if is_own else f"assigned the task “{task.text}” to {owner}"
    await _record_task(tx, actor, task, text, "task_changed", now)
    return task


@permits(Verb.INCIDENT_UPDATE)
async def set_task_state(
    tx: Tx, actor: Actor, incident_id: int, task_id: int, state: TaskState, now: datetime
) -> Task:
    """Finish a task, move it to the follow-ups, or reopen it. Idempotent."""
    old = await _locked(tx, incident_id, task_id)
    if old.state is state:
        return old
    task = await store.change(tx, task_id, state=state, changed_at=now, changed_by=actor.label)
    text = _STATE_TEXTS[state].format(text=task.text)
    await _record_task(tx, actor, task, text, "task_moved", now)
    return task


@permits(Verb.ACTION_ITEM_WRITE)
async def make_action_item(tx: Tx, actor: Actor, incident_id: int, task_id: int, now: datetime) -> ActionItem:
    """Make an action item of a task and finish the task. Idempotent: a task becomes one item."""
    task = await _locked(tx, incident_id, task_id)
    owner = await people.person(tx, task.owner_id) if task.owner_id is not None else None
    item = await action_items.add_item(
        tx,
        actor,
        cut(task.text, action_items.TITLE_MAX_CHARS),
        now,
        incident_id=incident_id,
        task_id=task.id,
        detail=task.text if len(task.text) > action_items.TITLE_MAX_CHARS else "",
        owner_id=owner.id if owner is not None and owner.active else None,
    )
    if task.state is not TaskState.DONE:
        await set_task_state(tx, actor, incident_id, task_id, TaskState.DONE, now)
    return item


@internal("Called by the response of a SEV2.")
async def add_response_task(
    tx: Tx, actor: Actor, incident_id: int, text: str, due_at: datetime, now: datetime
) -> Task:
    """Add the task of an incident's response, which keeps no incident from being closed. Idempotent."""
    if old := await store.of_response(tx, incident_id):
        return old
    assignments = (await incidents.roles(tx, [incident_id]))[incident_id]
    owner_id = assignments[0].person_id if assignments else None
    task = await store.insert(
        tx, incident_id, text, owner_id, due_at, False, None, actor.label, now, is_response=True
    )
    await _record_task(tx, actor, task, f"Added the task “{task.text}”.", "task_added", now)
    return task


async def assign_response_task(tx: Tx, incident_id: int, person_id: int) -> None:
    """Give the task of an incident's response to who takes a role, if it has no owner."""
    task = await store.of_response(tx, incident_id)
    if task is not None and task.owner_id is None and task.state is TaskState.OPEN:
        await store.change(tx, task.id, owner_id=person_id)
        await tx.live(f"person-{person_id}")


async def set_response_task_state(tx: Tx, incident_id: int, state: TaskState, now: datetime) -> None:
    """Finish the task of an incident's response with the incident, or reopen it. Idempotent."""
    task = await store.of_response(tx, incident_id)
    if task is not None and task.state is not state:
        await store.change(tx, task.id, state=state, changed_at=now, changed_by=SYSTEM.label)


async def merge_tasks(tx: Tx, event: IncidentMerged, now: datetime) -> None:
    """Move the unfinished tasks of a merged incident, so that they still keep the other from being closed."""
    await store.move_unfinished(tx, event.incident_id, event.into_id)
