"""What is done for intents about tasks, by the actions that the web calls."""

from datetime import UTC, datetime, timedelta

from firebell.chat.handlers import task_queries
from firebell.chat.handlers.incident_queries import visible_incident
from firebell.chat.intents.commands import plain
from firebell.chat.intents.model import AddTask, ChangeTask, ListTasks, OpenModal, TaskChange
from firebell.chat.intents.reply_model import Reply, ReplyButton
from firebell.chat.intents.status_texts import one_line
from firebell.chat.linked_users import linking
from firebell.chat.linked_users.chat_context import ChatContext
from firebell.incident_tasks import actions as tasks
from firebell.incident_tasks.model import Task, TaskState
from firebell.incidents.model import Incident
from firebell.kit.db.database import Tx
from firebell.kit.errors import Invalid
from firebell.kit.localtime import to_instant

_UNITS = {"m": "minutes", "h": "hours", "d": "days"}
_STATES = {
    TaskChange.DONE: TaskState.DONE,
    TaskChange.MOVE: TaskState.FOLLOW_UP,
    TaskChange.REOPEN: TaskState.OPEN,
}
_CHANGED = {
    TaskState.DONE: "Task #{task} done.",
    TaskState.FOLLOW_UP: "Task #{task} moved to the follow-ups.",
    TaskState.OPEN: "Task #{task} reopened.",
}
_BUTTONS = 8


def due_at(due: str, tz: str, now: datetime) -> datetime | None:
    """Return when a task is due: after a duration such as 2h, or at a local date and time; a date means its end.

    Raise `Invalid` for any other text, which a form can contain.
    """
    try:
        return _instant(due.strip(), tz, now)
    except (ValueError, OverflowError) as error:
        hint = "Enter a duration such as 2h, or a date and time such as 2026-11-30 14:00."
        raise Invalid(f"“{due[:40]}” is not a time.", fields={"due": hint}) from error


def _instant(due: str, tz: str, now: datetime) -> datetime | None:
    if not due:
        return None
    if due[-1].casefold() in _UNITS:
        return now + timedelta(**{_UNITS[due[-1].casefold()]: int(due[:-1])})
    local = datetime.fromisoformat(" ".join(due.split()))
    if local.tzinfo is not None:
        return local.astimezone(UTC)
    if ":" not in due:
        local = local.replace(hour=23, minute=59)
    return to_instant(local, tz)


def _open_button(context: ChatContext, incident: Incident) -> ReplyButton:
    return ReplyButton("Open room", url=context.url(f"/incidents/{incident.ref}"))


async def add_task(tx: Tx, context: ChatContext, intent: AddTask, now: datetime) -> Reply:
    """Add a task; without a text, ask for it."""
    incident = await visible_incident(tx, context, intent.incident)
    owner = await linking.linked_person(tx, context, intent.owner) if intent.owner else None
    task = await tasks.add_task(
        tx,
        context.actor,
        incident.id,
        plain(intent.text),
        now,
        owner_id=owner.id if owner else None,
        due_at=intent.due_at or due_at(intent.due, context.tz, now),
        is_required=intent.is_required,
    )
    parts = [f"Task #{task.id} added to {incident.ref}"]
    parts += [f"for {owner.name}"] if owner else []
    parts += [f"due {context.at(task.due_at)}"] if task.due_at else []
    buttons = [] if owner else [_button(incident, task, "Take it", TaskChange.TAKE)]
    return Reply(
        f"{', '.join(parts)}.",
        (*buttons, _button(incident, task, "Mark done", TaskChange.DONE), _open_button(context, incident)),
    )


def _button(incident: Incident, task: Task, label: str, change: TaskChange) -> ReplyButton:
    return ReplyButton(label, ChangeTask(incident.id, task.id, change))


async def change_task(tx: Tx, context: ChatContext, intent: ChangeTask, now: datetime) -> Reply:
    """Finish, move or reopen a task, take it, or assign it to someone."""
    incident = await visible_incident(tx, context, intent.incident)
    if (state := _STATES.get(intent.change)) is not None:
        task = await tasks.set_task_state(tx, context.actor, incident.id, intent.task, state, now)
        context.check_known(task.created_at)
        again = [
            ReplyButton("Reopen", ChangeTask(incident.id, intent.task, TaskChange.REOPEN))
            for _ in range(state is not TaskState.OPEN)
        ]
        return Reply(_CHANGED[state].format(task=intent.task), (*again, _open_button(context, incident)))
    owner = await linking.linked_person(tx, context, intent.user) if intent.user else context.person
    assert owner is not None
    changes = {"owner_id": owner.id}
    task = await tasks.change_task(tx, context.actor, incident.id, intent.task, changes, now)
    context.check_known(task.created_at)
    return Reply(f"Task #{intent.task} is assigned to {owner.name}.", (_open_button(context, incident),))


async def list_tasks(tx: Tx, context: ChatContext, intent: ListTasks, now: datetime) -> Reply:
    """List up to 20 open tasks and follow-ups, with buttons for the first ones."""
    incident = await visible_incident(tx, context, intent.incident)
    add = ReplyButton("Add task", OpenModal("task", incident.id))
    rows = await task_queries.listed(tx, incident, now)
    if not rows:
        return Reply(f"No open tasks in {incident.ref}.", (add, _open_button(context, incident)))
    lines = [_line(context, task, owner, now) for task, owner in rows]
    buttons = [
        _button(incident, task, f"Done #{task.id}", TaskChange.DONE)
        for task, _ in rows
        if task.state is TaskState.OPEN
    ]
    return Reply("\n".join(lines), (*buttons[:_BUTTONS], add, _open_button(context, incident)))


def _line(context: ChatContext, task: Task, owner: str, now: datetime) -> str:
    parts = [f"#{task.id} {one_line(task.text, 160)}", owner or "no owner"]
    if task.state is TaskState.FOLLOW_UP:
        parts.append("follow-up")
    elif task.due_at:
        parts.append(f"{'overdue since' if task.is_overdue(now) else 'due'} {context.at(task.due_at)}")
    return ", ".join(parts)
