"""The bodies of events: their models are the documentation in OpenAPI (pure; spec 10.13)."""

from datetime import date, datetime
from typing import Annotated, Literal

from pydantic import BaseModel, Field


class WebhookBody(BaseModel):
    """A part of a body; receivers ignore fields that they do not know, because a version may add some."""


class WebhookNamed(WebhookBody):
    """A team, a service or a schedule."""

    slug: str
    name: str


class WebhookPerson(WebhookBody):
    """A person."""

    id: int
    name: str


class WebhookAlertGroup(WebhookBody):
    """Alerts of one service that share a page, as they were when the event was composed."""

    id: int
    title: str
    urgency: Literal["high", "low"]
    severity: Annotated[str | None, Field(description="of its most severe alert")]
    state: Literal["open", "acknowledged", "resolved"]
    alerts: int
    firing: int
    opened_at: datetime
    closed_at: datetime | None
    service: WebhookNamed | None
    team: WebhookNamed | None
    page: Annotated[str, Field(description="reference of its page, such as PG-7")]
    url: str


class WebhookPage(WebhookBody):
    """A page as it was when the event was composed."""

    ref: Annotated[str, Field(description="such as PG-7")]
    title: str
    urgency: Literal["high", "low"]
    severity: Annotated[int | None, Field(description="of its incident, 0 to 3")]
    state: Literal["triggered", "acknowledged", "snoozed", "exhausted", "resolved"]
    subject: Annotated[Literal["alert_group", "incident", "manual"], Field(description="what it is about")]
    alert_group: int | None
    incident: Annotated[str | None, Field(description="reference, such as INC-7")]
    service: WebhookNamed | None
    team: WebhookNamed | None
    policy: Annotated[str, Field(description="name of its escalation policy")]
    level: Annotated[int | None, Field(description="level notified last; the first is 1")]
    acknowledged_by: list[WebhookPerson]
    triggered_at: datetime
    acknowledged_at: datetime | None
    snoozed_until: datetime | None
    resolved_at: datetime | None
    url: str


class WebhookRole(WebhookBody):
    """A role of an incident and who has it."""

    role: str
    person: WebhookPerson


class WebhookIncident(WebhookBody):
    """An incident as it was when the event was composed."""

    ref: Annotated[str, Field(description="such as INC-7")]
    title: str
    summary: str
    severity: Annotated[int, Field(description="0 to 3, where 0 is the most severe")]
    provisional: bool
    phase: str
    type: str
    visibility: Literal["open", "private"]
    services: list[WebhookNamed]
    teams: list[WebhookNamed]
    roles: list[WebhookRole]
    detected_at: datetime
    declared_at: datetime | None
    mitigated_at: datetime | None
    resolved_at: datetime | None
    closed_at: datetime | None
    url: str


class WebhookPostmortem(WebhookBody):
    """A published post-mortem; its text is in the API."""

    kind: str
    version: int
    incidents: Annotated[list[str], Field(description="references, such as INC-7")]
    published_at: datetime | None
    url: str


class WebhookActionItem(WebhookBody):
    """An action item as it was when the event was composed."""

    ref: Annotated[str, Field(description="such as ACT-7")]
    title: str
    kind: str
    priority: Annotated[int, Field(description="1 is the most urgent")]
    state: str
    owner: WebhookPerson | None
    team: WebhookNamed | None
    due: date
    done_at: datetime | None
    incident: Annotated[str | None, Field(description="reference, such as INC-7")]
    url: str


class WebhookSchedule(WebhookBody):
    """A schedule, and who is on call when the event is composed."""

    slug: str
    name: str
    time_zone: str
    team: WebhookNamed | None
    on_call: Annotated[list[WebhookPerson], Field(description="empty is a gap")]
    until: Annotated[datetime | None, Field(description="when that changes; null if not within 35 days")]
    next: list[WebhookPerson]
    url: str


class WebhookShiftChange(WebhookBody):
    """An interval for which who is on call changed."""

    start: datetime
    end: datetime
    before: list[WebhookPerson]
    after: list[WebhookPerson]


class WebhookMaintenance(WebhookBody):
    """A maintenance window of a status page."""

    id: str
    name: str
    stage: str
    scheduled_for: datetime
    scheduled_until: datetime
    started_at: datetime | None
    ended_at: datetime | None
    services: list[WebhookNamed]
    text: Annotated[str, Field(description="of its latest update")]
    status_page: str
    url: str


class WebhookSilence(WebhookBody):
    """A silence; without services it is for all."""

    id: int
    matchers: str
    comment: str
    author: str
    services: list[WebhookNamed]
    starts_at: datetime
    ends_at: datetime
    ended_at: datetime | None
    url: str


class AlertGroupEvent(WebhookBody):
    """What happened to a group of alerts."""

    alert_group: WebhookAlertGroup
    by: Annotated[str, Field(description="who acknowledged or resolved it")]


class PageEvent(WebhookBody):
    """What happened to a page."""

    page: WebhookPage
    by: Annotated[str, Field(description="who did it; Firebell for what its rules do")]


class IncidentEvent(WebhookBody):
    """What happened to an incident; the fields that do not apply to the type are null."""

    incident: WebhookIncident
    before: Annotated[str | int | None, Field(description="phase or severity before the change")] = None
    after: Annotated[str | int | None, Field(description="phase or severity after it")] = None
    role: Annotated[WebhookRole | None, Field(description="role that changed")] = None
    change: Annotated[Literal["assigned", "ended"] | None, Field(description="of the role")] = None
    text: Annotated[str | None, Field(description="of the update")] = None
    by: Annotated[str | None, Field(description="author of the update")] = None
    into: Annotated[str | None, Field(description="reference of the incident into which it was merged")] = (
        None
    )


class PostmortemEvent(WebhookBody):
    """A post-mortem was published."""

    postmortem: WebhookPostmortem
    incident: Annotated[WebhookIncident | None, Field(description="null for a near miss without one")]


class ActionItemEvent(WebhookBody):
    """What happened to an action item."""

    action_item: WebhookActionItem
    by: str


class ScheduleEvent(WebhookBody):
    """Who is on call changed, or will change."""

    schedule: WebhookSchedule
    by: Annotated[str, Field(description="who changed it; empty for a shift that begins or ends")] = ""
    reason: str = ""
    changes: Annotated[tuple[WebhookShiftChange, ...], Field(description="within 90 days, at most 100")] = ()


class MaintenanceEvent(WebhookBody):
    """What happened to a maintenance window."""

    maintenance_window: WebhookMaintenance


class SilenceEvent(WebhookBody):
    """What happened to a silence."""

    silence: WebhookSilence
    by: str


class WebhookTestEvent(WebhookBody):
    """An event that someone sent to try an endpoint."""

    endpoint: str
    message: str
    by: str


EventData = (
    AlertGroupEvent
    | PageEvent
    | IncidentEvent
    | PostmortemEvent
    | ActionItemEvent
    | ScheduleEvent
    | MaintenanceEvent
    | SilenceEvent
    | WebhookTestEvent
)


class WebhookEnvelope(WebhookBody):
    """What every body has besides `data`."""

    type: str
    timestamp: Annotated[datetime, Field(description="when it happened")]
    version: Annotated[
        str, Field(description="of the body; it grows only if a field is removed or changes its meaning")
    ]
    sequence: Annotated[
        int, Field(description="grows with each change of one subject, so that a late message is recognized")
    ]


DATA_BY_PREFIX: dict[str, type[WebhookBody]] = {
    "alert_group.": AlertGroupEvent,
    "page.": PageEvent,
    "incident.postmortem_published": PostmortemEvent,
    "incident.": IncidentEvent,
    "action_item.": ActionItemEvent,
    "schedule.": ScheduleEvent,
    "maintenance_window.": MaintenanceEvent,
    "silence.": SilenceEvent,
    "webhook.": WebhookTestEvent,
}


def data_model(event_type: str) -> type[WebhookBody]:
    """Return the model of the `data` of a type."""
    return next(model for prefix, model in DATA_BY_PREFIX.items() if event_type.startswith(prefix))
