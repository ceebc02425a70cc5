"""The API of scheduled maintenance."""

from datetime import datetime
from typing import Annotated

from pydantic import ConfigDict, Field

from firebell.alerts import queries as alert_queries
from firebell.kit.findings import FindingLevel
from firebell.kit.matchers import MAX_INPUT_CHARS
from firebell.kit.web import api
from firebell.kit.web.api import (
    ApiInput,
    ApiOutput,
    Id,
    Instant,
    PageParams,
    PathId,
    StrictBool,
    StrictInt,
    Text,
    problems,
)
from firebell.people.permissions import Verb
from firebell.people.unit_of_work import Work, work
from firebell.status_pages import actions as page_actions
from firebell.status_pages.maintenance import actions, findings, muting, published_texts, recurrence
from firebell.status_pages.maintenance_windows import store
from firebell.status_pages.maintenance_windows.model import (
    DEFAULT_REMINDERS,
    MAX_REMINDERS,
    Maintenance,
    MaintenancePlan,
    MaintenanceStage,
    Muting,
)
from firebell.status_pages.publishing.actions import BODY_MAX_CHARS, EDIT_REASON_MAX_CHARS, NAME_MAX_CHARS

router = api.router("status pages")

Reader = Annotated[Work, work(Verb.STATUS_PAGE_READ)]
AlertReader = Annotated[Work, work(Verb.ALERT_READ)]
Publisher = Annotated[Work, work(Verb.STATUS_PAGE_PUBLISH)]
Manager = Annotated[Work, work(Verb.STATUS_PAGE_WRITE)]
UpdateText = Annotated[Text, Field(max_length=BODY_MAX_CHARS)]
ReminderMinutes = Annotated[StrictInt, Field(ge=1, le=actions.LONGEST_REMINDER_MINUTES)]


class MaintenanceUpdateShown(ApiOutput):
    """A published update of a maintenance window."""

    seq: int
    stage: MaintenanceStage
    body: str
    display_at: datetime
    actor: str
    version: int
    translations: Annotated[dict[str, str], Field(description="the text in other languages, by language")]


class MaintenanceFinding(ApiOutput):
    """Something wrong with a maintenance window, such as T-OVERRUN."""

    code: str
    level: FindingLevel
    message: str
    advice: str


class MutedAlertShown(ApiOutput):
    """An alert that maintenance muted."""

    id: int
    title: str
    status: Annotated[str, Field(examples=["firing"])]
    severity: str | None
    service: Annotated[str, Field(description="slug")]
    starts_at: datetime
    count: int
    is_muted: Annotated[bool, Field(description="false once the mute has ended and the alert pages")]
    page: Annotated[str | None, Field(description="its page since the mute ended, if it still fired")]


class MutingShown(ApiOutput):
    """The services whose alerts are muted while a window is in progress, until its planned end at the latest."""

    service_ids: Annotated[
        list[int], Field(description="the services; empty for those behind the components")
    ]
    matchers: Annotated[str, Field(description="which of their alerts; empty for all")]


class MaintenanceShown(ApiOutput):
    """A maintenance window of a status page."""

    id: str
    name: str
    stage: MaintenanceStage
    scheduled_for: datetime
    scheduled_until: datetime
    started_at: datetime | None
    ended_at: datetime | None
    component_ids: list[int]
    auto_start: bool
    auto_end: bool
    reminders: Annotated[list[int], Field(description="minutes before the start")]
    notice: Annotated[str, Field(description="Short notice, Emergency, or empty with 24 hours of notice")]
    repeats: bool
    muting: Annotated[MutingShown | None, Field(description="null if alerts page as usual")]
    updates: list[MaintenanceUpdateShown]
    findings: list[MaintenanceFinding]


class NewMuting(ApiInput):
    """Mute the alerts of these services, or of those behind the components, if they meet the matchers."""

    service_ids: Annotated[list[Id], Field(default_factory=list, max_length=200)]
    matchers: Annotated[Text, Field(max_length=MAX_INPUT_CHARS, examples=['{severity=~"warning|info"}'])] = ""


class NewMaintenance(ApiInput):
    """Maintenance to schedule.

    Without `scheduled_for` it starts now. `rule` is an RRULE: the windows repeat in the time zone of the page.
    """

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "name": "Database upgrade",
                    "body": "Checkout may pause for up to 10 minutes.",
                    "scheduled_for": "2027-01-10T01:00:00Z",
                    "scheduled_until": "2027-01-10T03:00:00Z",
                    "component_ids": [1],
                }
            ]
        }
    )

    name: Annotated[Text, Field(max_length=NAME_MAX_CHARS)]
    body: UpdateText
    scheduled_for: Instant | None = None
    scheduled_until: Instant
    component_ids: Annotated[list[Id], Field(max_length=page_actions.MAX_COMPONENTS)]
    auto_start: StrictBool = True
    auto_end: StrictBool = True
    reminders: Annotated[
        list[ReminderMinutes],
        Field(default_factory=lambda: list(DEFAULT_REMINDERS), max_length=MAX_REMINDERS),
    ]
    rule: Annotated[Text, Field(max_length=recurrence.MAX_RULE_CHARS, examples=["FREQ=WEEKLY;BYDAY=SU"])] = ""
    muting: NewMuting | None = None


class MaintenanceText(ApiInput):
    """What to publish with a change; without a text, a sentence that says what changed."""

    body: UpdateText = ""


class NewMaintenanceUpdate(ApiInput):
    """An update to publish."""

    body: UpdateText


class NewEnd(MaintenanceText):
    """When the maintenance ends instead."""

    scheduled_until: Instant


class NewTimes(NewEnd):
    """When the maintenance starts and ends instead."""

    scheduled_for: Instant


class EditedMaintenanceUpdate(ApiInput):
    """The new text of a published update."""

    body: UpdateText
    reason: Annotated[Text, Field(max_length=500)] = ""


class TranslatedMaintenanceUpdate(ApiInput):
    """The text of a published update in another language."""

    body: UpdateText


class RetractedMaintenanceUpdate(ApiInput):
    """Why the text of a published update is erased, without the text."""

    reason: Annotated[Text, Field(max_length=EDIT_REASON_MAX_CHARS)]


class StoppedRepeating(ApiOutput):
    """How many windows of a series were canceled."""

    cancelled: int


def _shown(window: Maintenance, now: datetime) -> MaintenanceShown:
    return MaintenanceShown(
        id=window.public_id,
        name=window.name,
        stage=window.stage,
        scheduled_for=window.scheduled_for,
        scheduled_until=window.scheduled_until,
        started_at=window.started_at,
        ended_at=window.ended_at,
        component_ids=sorted(window.component_ids),
        auto_start=window.auto_start,
        auto_end=window.auto_end,
        reminders=list(window.reminders),
        notice=window.notice_label,
        repeats=window.series_id is not None,
        muting=MutingShown(service_ids=list(window.muting.service_ids), matchers=window.muting.matchers)
        if window.muting
        else None,
        updates=[
            MaintenanceUpdateShown(
                seq=update.seq,
                stage=update.stage,
                body=update.body,
                display_at=update.display_at,
                actor=update.actor,
                version=update.version,
                translations=dict(update.translations),
            )
            for update in window.updates
        ],
        findings=[
            MaintenanceFinding(code=each.code, level=each.level, message=each.message, advice=each.advice)
            for each in findings.overdue([window], now)
        ],
    )


_BASE = "/status-pages/{slug}/maintenance"
_ONE = f"{_BASE}/{{maintenance_id}}"
_REFUSED = problems(404, 409)


@router.get(_BASE, summary="List maintenance, the last published first", responses=problems(404))
async def list_maintenance(w: Reader, slug: Text, pagination: PageParams) -> list[MaintenanceShown]:
    page = await page_actions.status_page(w.tx, slug)
    windows = await store.latest(w.tx, page.id, pagination.limit, pagination.before)
    pagination.link([window.id for window in windows])
    return [_shown(window, w.now) for window in windows]


@router.post(_BASE, status_code=201, summary="Schedule maintenance, or start it now", responses=_REFUSED)
async def schedule_maintenance(w: Manager, slug: Text, body: NewMaintenance) -> MaintenanceShown:
    page = await page_actions.status_page(w.tx, slug)
    plan = MaintenancePlan(
        body.name,
        body.body,
        body.scheduled_for,
        body.scheduled_until,
        tuple(body.component_ids),
        body.auto_start,
        body.auto_end,
        tuple(body.reminders),
        body.rule,
        Muting(tuple(body.muting.service_ids), body.muting.matchers) if body.muting else None,
    )
    window = await actions.schedule_maintenance(w.tx, w.actor, page.id, plan, w.now)
    return _shown(window, w.now)


@router.get(_ONE, summary="Show maintenance", responses=problems(404))
async def show_maintenance(w: Reader, slug: Text, maintenance_id: Text) -> MaintenanceShown:
    page = await page_actions.status_page(w.tx, slug)
    return _shown(await actions.maintenance(w.tx, page.id, maintenance_id), w.now)


@router.post(f"{_ONE}/start", summary="Start maintenance now", responses=_REFUSED)
async def start_maintenance(
    w: Publisher, slug: Text, maintenance_id: Text, body: MaintenanceText
) -> MaintenanceShown:
    page = await page_actions.status_page(w.tx, slug)
    window = await actions.start_maintenance(w.tx, w.actor, page.id, maintenance_id, body.body, w.now)
    return _shown(window, w.now)


@router.post(f"{_ONE}/verify", summary="Say that the work is done and is being checked", responses=_REFUSED)
async def verify_maintenance(
    w: Publisher, slug: Text, maintenance_id: Text, body: MaintenanceText
) -> MaintenanceShown:
    page = await page_actions.status_page(w.tx, slug)
    window = await actions.verify_maintenance(w.tx, w.actor, page.id, maintenance_id, body.body, w.now)
    return _shown(window, w.now)


@router.post(
    f"{_ONE}/complete", summary="Complete maintenance, or verify it while an alert fires", responses=_REFUSED
)
async def complete_maintenance(
    w: Publisher, slug: Text, maintenance_id: Text, body: MaintenanceText
) -> MaintenanceShown:
    page = await page_actions.status_page(w.tx, slug)
    window = await actions.complete_maintenance(w.tx, w.actor, page.id, maintenance_id, body.body, w.now)
    return _shown(window, w.now)


@router.post(f"{_ONE}/cancel", summary="Cancel maintenance, or end it early", responses=_REFUSED)
async def cancel_maintenance(
    w: Publisher, slug: Text, maintenance_id: Text, body: MaintenanceText
) -> MaintenanceShown:
    page = await page_actions.status_page(w.tx, slug)
    window = await actions.cancel_maintenance(w.tx, w.actor, page.id, maintenance_id, body.body, w.now)
    return _shown(window, w.now)


@router.post(f"{_ONE}/extend", summary="Change when maintenance ends", responses=_REFUSED)
async def extend_maintenance(
    w: Publisher, slug: Text, maintenance_id: Text, body: NewEnd
) -> MaintenanceShown:
    page = await page_actions.status_page(w.tx, slug)
    window = await actions.extend_maintenance(
        w.tx, w.actor, page.id, maintenance_id, body.scheduled_until, body.body, w.now
    )
    return _shown(window, w.now)


@router.post(f"{_ONE}/postpone", summary="Move maintenance that has not started", responses=_REFUSED)
async def postpone_maintenance(
    w: Publisher, slug: Text, maintenance_id: Text, body: NewTimes
) -> MaintenanceShown:
    page = await page_actions.status_page(w.tx, slug)
    window = await actions.postpone_maintenance(
        w.tx, w.actor, page.id, maintenance_id, body.scheduled_for, body.scheduled_until, body.body, w.now
    )
    return _shown(window, w.now)


@router.post(
    f"{_ONE}/updates", status_code=201, summary="Publish an update of maintenance", responses=_REFUSED
)
async def add_maintenance_update(
    w: Publisher, slug: Text, maintenance_id: Text, body: NewMaintenanceUpdate
) -> MaintenanceShown:
    page = await page_actions.status_page(w.tx, slug)
    window = await actions.add_maintenance_update(w.tx, w.actor, page.id, maintenance_id, body.body, w.now)
    return _shown(window, w.now)


@router.patch(
    f"{_ONE}/updates/{{seq}}",
    summary="Replace the text of a published update; the log keeps the earlier one",
    responses=problems(404),
)
async def edit_maintenance_update(
    w: Publisher, slug: Text, maintenance_id: Text, seq: PathId, body: EditedMaintenanceUpdate
) -> MaintenanceShown:
    page = await page_actions.status_page(w.tx, slug)
    window = await published_texts.edit_maintenance_update(
        w.tx, w.actor, page.id, maintenance_id, seq, body.body, body.reason, w.now
    )
    return _shown(window, w.now)


@router.get(
    f"{_ONE}/muted-alerts",
    summary="List the newest alerts that maintenance muted, firing or not",
    responses=problems(404),
)
async def list_muted_alerts(w: AlertReader, slug: Text, maintenance_id: Text) -> list[MutedAlertShown]:
    page = await page_actions.status_page(w.tx, slug)
    muted = await muting.muted_now(w.tx, await actions.maintenance(w.tx, page.id, maintenance_id), w.now)
    return [
        MutedAlertShown(
            id=each.alert.id,
            title=each.alert.title,
            status=each.alert.status,
            severity=each.alert.severity,
            service=each.service.slug,
            starts_at=each.alert.starts_at,
            count=each.alert.count,
            is_muted=each.mute is not None and each.mute.is_muted,
            page=each.page,
        )
        for each in await alert_queries.alert_details(w.tx, muted.alerts if muted else ())
    ]


@router.post(
    f"{_ONE}/stop-muting",
    summary="Stop muting alerts during maintenance; those still firing will page",
    responses=problems(404),
)
async def stop_muting(w: Publisher, slug: Text, maintenance_id: Text) -> MaintenanceShown:
    page = await page_actions.status_page(w.tx, slug)
    return _shown(await actions.stop_muting(w.tx, w.actor, page.id, maintenance_id, w.now), w.now)


@router.put(
    f"{_ONE}/updates/{{seq}}/translations/{{locale}}",
    summary="Publish the text of an update of maintenance in another language of the page",
    responses=problems(404),
)
async def translate_maintenance_update(
    w: Publisher,
    slug: Text,
    maintenance_id: Text,
    seq: PathId,
    locale: Text,
    body: TranslatedMaintenanceUpdate,
) -> MaintenanceShown:
    page = await page_actions.status_page(w.tx, slug)
    window = await published_texts.translate_maintenance_update(
        w.tx, w.actor, page.id, maintenance_id, seq, locale, body.body, w.now
    )
    return _shown(window, w.now)


@router.post(
    f"{_ONE}/updates/{{seq}}/retract",
    summary="Erase the text of a published update of maintenance everywhere; the log keeps its hash",
    responses=problems(404),
)
async def retract_maintenance_update(
    w: Manager, slug: Text, maintenance_id: Text, seq: PathId, body: RetractedMaintenanceUpdate
) -> MaintenanceShown:
    page = await page_actions.status_page(w.tx, slug)
    window = await published_texts.retract_maintenance_update(
        w.tx, w.actor, page.id, maintenance_id, seq, body.reason, w.now
    )
    return _shown(window, w.now)


@router.post(
    f"{_ONE}/stop-repeating",
    summary="Cancel the windows of a series that have not started",
    responses=_REFUSED,
)
async def stop_repeating(w: Manager, slug: Text, maintenance_id: Text) -> StoppedRepeating:
    page = await page_actions.status_page(w.tx, slug)
    cancelled = await actions.stop_repeating(w.tx, w.actor, page.id, maintenance_id, w.now)
    return StoppedRepeating(cancelled=cancelled)
