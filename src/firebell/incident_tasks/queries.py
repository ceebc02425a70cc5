"""Read models of tasks: those of an incident with their owners, those of a person, and what blocks closing."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from firebell.incident_tasks import store, ticket_queue
from firebell.incident_tasks.model import Task, TaskFilter, TaskState
from firebell.incident_tasks.ticket_queue import TicketState
from firebell.incidents import actions as incidents
from firebell.incidents.model import ACTIVE, Incident, Sort
from firebell.incidents.queries import IncidentSummary, summaries
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


class Scope(StrEnum):
    """Whose tasks a list shows."""

    MINE = "mine"
    TEAM = "team"
    ALL = "all"


@dataclass(frozen=True, slots=True)
class ListedTask:
    """A task in a list, with its incident and the name of its owner."""

    task: Task
    incident: Incident
    owner: str


@dataclass(frozen=True, slots=True)
class Ticket:
    """An incident in the ticket queue."""

    summary: IncidentSummary
    state: TicketState


def filter_of(
    scope: Scope, person_id: int, *, overdue_at: datetime | None = None, incident_id: int | None = None
) -> TaskFilter:
    """Return the filter of a person's own tasks, of those of their teams, or of all."""
    return TaskFilter(
        owner_id=person_id if scope is Scope.MINE else None,
        team_of=person_id if scope is Scope.TEAM else None,
        incident_id=incident_id,
        due_before=overdue_at,
    )


async def due_next(tx: Tx, wanted: TaskFilter, limit: int, after: int | None = None) -> list[ListedTask]:
    """Return unfinished tasks by due time, those without one last, as far as they may be read."""
    tasks = await store.due_next(tx, wanted, await incidents.hidden_ids(tx), limit, after)
    by_id = await incidents.incidents_by_id(tx, list({task.incident_id for task in tasks}))
    owners = await people.people_by_id(tx, [task.owner_id for task in tasks if task.owner_id])
    return [
        ListedTask(task, by_id[task.incident_id], owners[task.owner_id].name if task.owner_id else "")
        for task in tasks
        # an incident that became private after the first query is missing from the second
        if task.incident_id in by_id
    ]


async def newest(tx: Tx, wanted: TaskFilter, limit: int, before: int | None = None) -> list[Task]:
    """Return unfinished tasks, newest first, as far as they may be read."""
    return await store.unfinished(tx, wanted, await incidents.hidden_ids(tx), limit, before)


async def count(tx: Tx, wanted: TaskFilter) -> int:
    """Return the number of unfinished tasks that may be read, counted up to 1,000."""
    return await store.count(tx, wanted, await incidents.hidden_ids(tx))


async def waiting_tickets(tx: Tx) -> int:
    """Return the number of incidents in the ticket queue that no one has taken, counted up to 1,000."""
    hidden_ids = await incidents.hidden_ids(tx)
    return await store.count_waiting(tx, int(ticket_queue.SEVERITY), [str(p) for p in ACTIVE], hidden_ids)


async def tickets(
    tx: Tx, state: TicketState | None, limit: int, after: int | None = None
) -> tuple[list[Ticket], int | None]:
    """Return incidents of the ticket queue, oldest first, and the id after which there are more."""
    wanted = ticket_queue.filter_of(state)
    listed = await incidents.matching(tx, wanted, Sort.LONGEST, limit=limit + 1, place=after)
    more = listed[limit - 1].id if len(listed) > limit else None
    shown = [
        Ticket(summary, ticket_queue.ticket_state(summary.phase, is_taken=bool(summary.people)))
        for summary in await summaries(tx, listed[:limit])
    ]
    return [ticket for ticket in shown if state is None or ticket.state is state], more
