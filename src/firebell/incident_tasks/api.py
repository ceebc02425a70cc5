"""The API of the tasks of incidents."""

from datetime import datetime
from typing import Annotated

from fastapi import Query
from pydantic import ConfigDict, Field, StrictBool

from firebell.incident_tasks import actions, queries, store
from firebell.incident_tasks.model import Task, TaskState
from firebell.incident_tasks.queries import Scope
from firebell.incidents import actions as incidents
from firebell.kit.references import parse_ref
from firebell.kit.web import api
from firebell.kit.web.api import (
    ApiInput,
    ApiOutput,
    Id,
    Instant,
    PageParams,
    PathId,
    QueryBool,
    Text,
    problems,
)
from firebell.people.permissions import Verb
from firebell.people.unit_of_work import Work, work

router = api.router("tasks")

Reader = Annotated[Work, work(Verb.INCIDENT_READ)]
Responder = Annotated[Work, work(Verb.INCIDENT_UPDATE)]
ItemWriter = Annotated[Work, work(Verb.ACTION_ITEM_WRITE)]
TaskText = Annotated[
    Text,
    Field(min_length=1, max_length=actions.TEXT_MAX_CHARS, examples=["Watch the lag of ledger-db-3"]),
]


class TaskShown(ApiOutput):
    """A task of an incident."""

    id: int
    incident: Annotated[str, Field(examples=["INC-3"])]
    text: str
    owner_id: int | None
    due_at: datetime | None
    required: Annotated[bool, Field(description="must be done or moved before the incident is closed")]
    state: TaskState
    entry_id: Annotated[int | None, Field(description="the timeline entry it was created from")]
    created_at: datetime
    created_by: str
    changed_at: Annotated[datetime, Field(description="when its state last changed")]
    changed_by: str


class TaskActionItem(ApiOutput):
    """The action item that was made of a task."""

    item: Annotated[str, Field(examples=["ACT-7"])]
    task: TaskShown


class NewTask(ApiInput):
    """A task to add."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"text": "List orders charged twice"}]})

    text: TaskText
    owner_id: Id | None = None
    due_at: Instant | None = None
    required: StrictBool = True
    entry_id: Id | None = None


class ChangedTask(ApiInput):
    """What to change of a task; what is left out stays as it is."""

    text: TaskText | None = None
    owner_id: Id | None = None
    due_at: Instant | None = None
    required: StrictBool | None = None
    state: TaskState | None = None


def _task(task: Task) -> TaskShown:
    return TaskShown(
        id=task.id,
        incident=f"INC-{task.incident_id}",
        text=task.text,
        owner_id=task.owner_id,
        due_at=task.due_at,
        required=task.is_required,
        state=task.state,
        entry_id=task.entry_id,
        created_at=task.created_at,
        created_by=task.created_by,
        changed_at=task.changed_at,
        changed_by=task.changed_by,
    )


@router.get("/tasks", summary="List unfinished tasks, newest first", responses=problems(404))
async def list_unfinished_tasks(
    w: Reader,
    pagination: PageParams,
    scope: Annotated[
        Scope,
        Query(description="your own, those of your teams and of their services without an owner, or all"),
    ] = Scope.MINE,
    overdue: Annotated[QueryBool, Query(description="only those whose time is over")] = False,
    incident: Annotated[
        Text | None, Query(description="only those of an incident", examples=["INC-3"])
    ] = None,
) -> list[TaskShown]:
    wanted = queries.filter_of(
        scope,
        w.person_id,
        overdue_at=w.now if overdue else None,
        incident_id=(await incidents.incident(w.tx, parse_ref("INC", incident))).id if incident else None,
    )
    tasks = await queries.newest(w.tx, wanted, pagination.limit, pagination.before)
    pagination.link([task.id for task in tasks])
    return [_task(task) for task in tasks]


@router.get("/incidents/{ref}/tasks", summary="List the tasks of an incident", responses=problems(404))
async def list_tasks(w: Reader, ref: Text) -> list[TaskShown]:
    incident = await incidents.incident(w.tx, parse_ref("INC", ref))
    return [_task(task) for task in await store.of_incident(w.tx, incident.id)]


@router.post(
    "/incidents/{ref}/tasks",
    status_code=201,
    summary="Add a task to an incident",
    responses=problems(404, 409),
)
async def add_task(w: Responder, ref: Text, body: NewTask) -> TaskShown:
    task = await actions.add_task(
        w.tx,
        w.actor,
        parse_ref("INC", ref),
        body.text,
        w.now,
        owner_id=body.owner_id,
        due_at=body.due_at,
        is_required=body.required,
        entry_id=body.entry_id,
    )
    return _task(task)


@router.patch(
    "/incidents/{ref}/tasks/{task_id}",
    summary="Change a task, finish it, or move it to the follow-ups",
    responses=problems(404, 409),
)
async def change_task(w: Responder, ref: Text, task_id: PathId, body: ChangedTask) -> TaskShown:
    incident_id = parse_ref("INC", ref)
    values = body.model_dump(include=body.model_fields_set - {"state"})
    nullable = ("owner_id", "due_at")
    changes = {
        {"required": "is_required"}.get(name, name): value
        for name, value in values.items()
        if value is not None or name in nullable
    }
    task = await actions.change_task(w.tx, w.actor, incident_id, task_id, changes, w.now)
    if body.state is not None:
        task = await actions.set_task_state(w.tx, w.actor, incident_id, task_id, body.state, w.now)
    return _task(task)


@router.post(
    "/incidents/{ref}/tasks/{task_id}/action-item",
    summary="Make an action item of a task, and finish the task",
    responses=problems(404, 409),
)
async def make_action_item(w: ItemWriter, ref: Text, task_id: PathId) -> TaskActionItem:
    incident_id = parse_ref("INC", ref)
    item = await actions.make_action_item(w.tx, w.actor, incident_id, task_id, w.now)
    tasks = await store.of_incident(w.tx, incident_id)
    return TaskActionItem(item=item.ref, task=next(_task(task) for task in tasks if task.id == task_id))
