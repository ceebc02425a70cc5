"""The tasks of an incident as chats list them."""

from datetime import datetime

from firebell.chat.intents.status_texts import one_line
from firebell.incident_tasks import queries
from firebell.incident_tasks.model import Task, TaskState
from firebell.incidents.model import Incident
from firebell.kit.db.database import Tx

LISTED = 20


async def listed(tx: Tx, incident: Incident, now: datetime) -> list[tuple[Task, str]]:
    """Return up to 20 open tasks and follow-ups with their owners' names, empty for none."""
    known = await queries.of_incident(tx, incident, now)
    tasks = [*known.in_state(TaskState.OPEN), *known.in_state(TaskState.FOLLOW_UP)][:LISTED]
    return [
        (task, known.owners[task.owner_id].name if task.owner_id in known.owners else "") for task in tasks
    ]


async def in_progress(tx: Tx, incident: Incident, now: datetime) -> list[str]:
    """Return the open tasks of an incident with their owners, in at most three short texts."""
    known = await queries.of_incident(tx, incident, now)
    return [
        f"{one_line(task.text, 60)} ({known.owners[task.owner_id].name})"
        if task.owner_id in known.owners
        else one_line(task.text, 60)
        for task in known.in_state(TaskState.OPEN)[:3]
    ]
