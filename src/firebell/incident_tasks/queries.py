"""Read models of tasks: those of an incident with their owners, those of a person, and what blocks closing."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from firebell.incident_tasks import store
from firebell.incident_tasks.model import Task, TaskState
from firebell.incidents import actions as incidents
from firebell.incidents.model import Incident
from firebell.kit.db.database import Tx
from firebell.people import actions as people
from firebell.people.model import Person

UNFINISHED = (TaskState.OPEN, TaskState.FOLLOW_UP)


@dataclass(frozen=True, slots=True)
class IncidentTasks:
    """The tasks of an incident by state, and their owners by id."""

    tasks: Sequence[Task]
    owners: dict[int, Person]

    def in_state(self, state: str) -> list[Task]:
        """Return the tasks in a state: those with a due time first, by that, the others in their order."""
        listed = [task for task in self.tasks if task.state == state]
        return sorted(listed, key=lambda t: (t.due_at is None, t.due_at or t.created_at, t.id))

    def __bool__(self) -> bool:
        """Return True: the incident page shows its tasks, also if there are none yet."""
        return True


async def of_incident(tx: Tx, incident: Incident, now: datetime) -> IncidentTasks:
    """Return the tasks of an incident."""
    tasks = await store.of_incident(tx, incident.id)
    owners = await people.people_by_id(tx, [task.owner_id for task in tasks if task.owner_id])
    return IncidentTasks(tasks, owners)


async def open_required(tx: Tx, incident_id: int) -> tuple[str, ...]:
    """Return the texts of the required tasks that are neither done nor moved to the follow-ups."""
    tasks = await store.of_incident(tx, incident_id)
    return tuple(task.text for task in tasks if task.is_required and task.state is TaskState.OPEN)


async def closing_conditions(tx: Tx, incident: Incident, now: datetime) -> list[incidents.ClosingCondition]:
    """Return the condition that every required task is done or moved."""
    return [incidents.open_tasks_condition(incident, await open_required(tx, incident.id))]


async def of_owner(tx: Tx, person_id: int, limit: int) -> list[tuple[Task, Incident]]:
    """Return a person's unfinished tasks with their incidents: by due time, those without one last."""
    tasks = await store.of_owner(tx, person_id, UNFINISHED, limit)
    by_id = await incidents.incidents_by_id(tx, list({task.incident_id for task in tasks}))
    ordered = sorted(tasks, key=lambda t: (t.due_at is None, t.due_at or t.created_at, t.id))
    return [(task, by_id[task.incident_id]) for task in ordered if task.incident_id in by_id]
