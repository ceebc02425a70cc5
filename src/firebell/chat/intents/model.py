"""What a person wants, in the terms of Firebell and not of a chat (pure)."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from firebell.chat.intents.captured_messages import CapturedMessage
from firebell.incidents.model import IncidentRole, IncidentType, Phase


@dataclass(frozen=True, slots=True)
class ChatTarget:
    """Who is meant: a `user` or `group` of the chat by id, or a `name`, which is a slug of Firebell."""

    kind: str
    value: str
    label: str = ""


@dataclass(frozen=True, slots=True)
class DeclareIncident:
    """Declare an incident."""

    severity: int
    title: str


@dataclass(frozen=True, slots=True)
class SubmitDeclaration:
    """Declare an incident by the form: without a severity, the answers decide; an unanswered question is absent."""

    title: str
    severity: int | None
    answers: Mapping[str, bool | None]
    service_ids: tuple[int, ...] = ()
    summary: str = ""
    page: int | None = None
    command: bool = False
    drill: bool = False
    incident_type: IncidentType = IncidentType.OPERATIONAL
    private: bool = False


@dataclass(frozen=True, slots=True)
class CaptureMessage:
    """Add a message of the chat to the timeline."""

    incident: int
    kind: str
    message: CapturedMessage


@dataclass(frozen=True, slots=True)
class ForcePhase:
    """Move an incident to a phase although a check says no, with a reason."""

    incident: int
    phase: Phase
    reason: str


@dataclass(frozen=True, slots=True)
class AddEntry:
    """Add an entry to the timeline: an update, note, finding, decision or mitigation."""

    incident: int
    kind: str
    text: str


@dataclass(frozen=True, slots=True)
class PublishUpdate:
    """Publish an update on the status pages that show the incident or its services."""

    incident: int
    text: str


@dataclass(frozen=True, slots=True)
class UnpublishUpdate:
    """Take back what the person published about an incident moments ago."""

    incident: int


@dataclass(frozen=True, slots=True)
class ChangeSeverity:
    """Change the severity."""

    incident: int
    severity: int
    reason: str


@dataclass(frozen=True, slots=True)
class ChangeRole:
    """Take, drop or give a role; `user` is who gets it."""

    incident: int
    role: IncidentRole
    change: str
    user: ChatTarget | None = None


@dataclass(frozen=True, slots=True)
class PageSomeone:
    """Page a person, team, schedule, service or policy; `incident` is the one for which they are paged, if any.

    `confirmed` starts a page beyond the limit of a person.
    """

    target: ChatTarget
    text: str
    incident: int | None = None
    confirmed: bool = False


@dataclass(frozen=True, slots=True)
class AddTask:
    """Add a task; `due` is a duration such as 2h or a local date and time, empty without one.

    A form gives the instant itself, as `due_at`.
    """

    incident: int
    text: str
    owner: ChatTarget | None = None
    due: str = ""
    due_at: datetime | None = None
    is_required: bool = True


class TaskChange(StrEnum):
    """What can be done with a task; a word of the grammar."""

    DONE = "done"
    MOVE = "move"
    REOPEN = "reopen"
    TAKE = "take"
    ASSIGN = "assign"


@dataclass(frozen=True, slots=True)
class ChangeTask:
    """Finish a task, move it to the follow-ups, reopen it, take it, or assign it to `user`."""

    incident: int
    task: int
    change: TaskChange
    user: ChatTarget | None = None


@dataclass(frozen=True, slots=True)
class ListTasks:
    """List the tasks of an incident."""

    incident: int


@dataclass(frozen=True, slots=True)
class ResolveIncident:
    """Resolve the incident; `text` says what ended it."""

    incident: int
    text: str = ""


@dataclass(frozen=True, slots=True)
class CloseIncident:
    """Close the incident."""

    incident: int
    text: str = ""


@dataclass(frozen=True, slots=True)
class ReopenIncident:
    """Reopen the incident."""

    incident: int


@dataclass(frozen=True, slots=True)
class DismissIncident:
    """Dismiss the incident as a false alarm."""

    incident: int
    reason: str


@dataclass(frozen=True, slots=True)
class ShowStatus:
    """Show the status of an incident."""

    incident: int


@dataclass(frozen=True, slots=True)
class ShowSummary:
    """Show what a person who joins needs to know."""

    incident: int


@dataclass(frozen=True, slots=True)
class ShowRoles:
    """Show who holds which role."""

    incident: int


@dataclass(frozen=True, slots=True)
class JoinRoom:
    """Join the room of an incident."""

    incident: int


@dataclass(frozen=True, slots=True)
class ListIncidents:
    """List incidents: open ones, `mine`, `all`, or those with words in their title."""

    search: str = ""


@dataclass(frozen=True, slots=True)
class LinkAccount:
    """Link the user of the chat to a person."""


@dataclass(frozen=True, slots=True)
class ShowHelp:
    """Explain a command, or one verb of it."""

    command: str
    verb: str = ""


@dataclass(frozen=True, slots=True)
class AckPage:
    """Acknowledge a page; without a number, the only open page of the person."""

    page: int | None = None


@dataclass(frozen=True, slots=True)
class ResolvePage:
    """Resolve a page."""

    page: int | None = None
    text: str = ""


@dataclass(frozen=True, slots=True)
class EscalatePage:
    """Escalate a page to its next level."""

    page: int | None = None


@dataclass(frozen=True, slots=True)
class SnoozePage:
    """Snooze a page for a number of minutes."""

    page: int | None
    minutes: int


@dataclass(frozen=True, slots=True)
class NotePage:
    """Add a note to a page."""

    page: int | None
    text: str


@dataclass(frozen=True, slots=True)
class ListPages:
    """List open pages: all, `mine`, or those of my `team`."""

    whose: str = ""


@dataclass(frozen=True, slots=True)
class ShowOnCall:
    """Show who is on call, for a slug or for everything."""

    slug: str = ""


@dataclass(frozen=True, slots=True)
class OpenModal:
    """Ask for what is missing in a modal: declare, severity, role, task, page, dismiss, or a kind of entry."""

    name: str
    incident: int | None = None
    title: str = ""
    severity: int | None = None
    target: ChatTarget | None = None
    page: int | None = None
    private: bool = False


def suggested_type(modal: OpenModal) -> IncidentType:
    """Return the type that the declaration form suggests: security for a private incident."""
    return IncidentType.SECURITY if modal.private else IncidentType.OPERATIONAL


@dataclass(frozen=True, slots=True)
class Usage:
    """The text is not a command: `reason` is a code, `word` what is wrong, `near` the verbs that may be meant."""

    reason: str
    word: str = ""
    near: tuple[str, ...] = ()
    rest: str = field(default="", compare=False)
    """What follows the word, for the verb that is meant."""


Intent = (
    DeclareIncident
    | SubmitDeclaration
    | CaptureMessage
    | ForcePhase
    | AddEntry
    | PublishUpdate
    | UnpublishUpdate
    | ChangeSeverity
    | ChangeRole
    | PageSomeone
    | AddTask
    | ChangeTask
    | ListTasks
    | ResolveIncident
    | CloseIncident
    | ReopenIncident
    | DismissIncident
    | ShowStatus
    | ShowSummary
    | ShowRoles
    | JoinRoom
    | ListIncidents
    | LinkAccount
    | ShowHelp
    | AckPage
    | ResolvePage
    | EscalatePage
    | SnoozePage
    | NotePage
    | ListPages
    | ShowOnCall
    | OpenModal
    | Usage
)
