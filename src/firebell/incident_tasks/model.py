"""Tasks of incidents."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class TaskState(StrEnum):
    """The state of a task; a follow-up is for after the incident."""

    OPEN = "open"
    DONE = "done"
    FOLLOW_UP = "follow_up"


@dataclass(frozen=True, slots=True)
class Task:
    """A task; a required one that is open keeps its incident from being closed.

    `entry_id` is the timeline entry it was created from, `changed_at` when its state last changed.
    """

    id: int
    incident_id: int
    text: str
    owner_id: int | None
    due_at: datetime | None
    is_required: bool
    state: TaskState
    entry_id: int | None
    created_at: datetime
    created_by: str
    changed_at: datetime
    changed_by: str
    version: int
    is_response: bool = False
    """True for the task that the response of a SEV2 adds for the next business day."""

    def is_overdue(self, now: datetime) -> bool:
        """Return True if it is not done although its time is over."""
        return self.state is not TaskState.DONE and self.due_at is not None and self.due_at < now


@dataclass(frozen=True, slots=True)
class TaskFilter:
    """Which unfinished tasks a list shows; an empty field restricts nothing.

    With `team_of`, those of the members of a person's teams, and those without an owner in incidents of the
    services of these teams.
    """

    owner_id: int | None = None
    team_of: int | None = None
    incident_id: int | None = None
    due_before: datetime | None = None
