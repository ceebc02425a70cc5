"""The API of status pages: their settings, components, and what is published on them."""

from datetime import date, datetime
from typing import Annotated

from pydantic import ConfigDict, Field

from firebell.incidents import actions as incidents
from firebell.kit.errors import Invalid
from firebell.kit.references import parse_ref
from firebell.kit.text import to_number
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
    TimeZone,
    problems,
)
from firebell.people.permissions import Verb
from firebell.people.unit_of_work import Work, work
from firebell.status_pages import actions, impact, incident_store, publishing, queries, retraction, store
from firebell.status_pages.model import (
    CHOOSABLE,
    ComponentStatus,
    Impact,
    PageVisibility,
    PublicIncident,
    Stage,
    UpdateKind,
)
from firebell.status_pages.publishing import NewUpdate
from firebell.status_pages.update_input import status_of
from firebell.status_pages.view import ComponentView, StatusView

router = api.router("status pages")

Reader = Annotated[Work, work(Verb.STATUS_PAGE_READ)]
Publisher = Annotated[Work, work(Verb.STATUS_PAGE_PUBLISH)]
Manager = Annotated[Work, work(Verb.STATUS_PAGE_WRITE)]
StatusCode = Annotated[
    Text, Field(examples=["partial_outage"], description=f"one of {', '.join(s.code for s in CHOOSABLE)}")
]


class ComponentShown(ApiOutput):
    """A component with its status, which follows from what was published."""

    id: int
    public_id: str
    name: str
    description: str
    group_id: int | None
    position: int
    start_date: date
    shows_uptime: bool
    service_ids: list[int]
    status: str
    uptime_90d: Annotated[float | None, Field(description="from 0 to 1; null without data")]


class StatusPageShown(ApiOutput):
    """A status page as of now."""

    slug: str
    name: str
    url: str
    tz: str
    about: str
    support_url: str
    visibility: PageVisibility
    partial_weight: Annotated[int, Field(description="percent of a partial outage that counts as downtime")]
    degraded_weight: int
    indicator: str
    description: str
    components: list[ComponentShown]


class NewStatusPage(ApiInput):
    """A status page to create, with a component for each of the services."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"slug": "kestrel", "name": "Kestrel", "tz": "Europe/Stockholm"}]}
    )

    slug: Text
    name: Text
    tz: TimeZone
    visibility: PageVisibility = PageVisibility.PUBLIC
    service_ids: Annotated[list[Id], Field(default_factory=list, max_length=actions.MAX_COMPONENTS)]
    component_names: Annotated[
        dict[str, Text],
        Field(
            default_factory=dict,
            max_length=actions.MAX_COMPONENTS,
            description="what customers call a service, by its id; its own name without",
            examples=[{"3": "Checkout"}],
        ),
    ]


class ChangedStatusPage(ApiInput):
    """What to change of a status page; what is left out stays as it is."""

    name: Text | None = None
    tz: TimeZone | None = None
    about: Text | None = None
    support_url: Text | None = None
    visibility: PageVisibility | None = None
    partial_weight: Annotated[StrictInt, Field(ge=0, le=100)] | None = None
    degraded_weight: Annotated[StrictInt, Field(ge=0, le=100)] | None = None


class NewComponent(ApiInput):
    """A component to add."""

    name: Text
    group_id: Id | None = None
    service_ids: Annotated[list[Id], Field(default_factory=list, max_length=1000)]
    start_date: date | None = None


class ChangedComponent(ApiInput):
    """What to change of a component; what is left out stays as it is."""

    name: Text | None = None
    description: Text | None = None
    group_id: Id | None = None
    position: Annotated[StrictInt, Field(ge=1, le=10_000)] | None = None
    start_date: date | None = None
    shows_uptime: StrictBool | None = None
    service_ids: Annotated[list[Id], Field(max_length=1000)] | None = None


class EffectShown(ApiOutput):
    """A component has this status from `since` on."""

    component_id: int
    status: str
    since: datetime


class UpdateShown(ApiOutput):
    """A published update."""

    seq: int
    stage: Stage
    kind: UpdateKind
    body: str
    components: list[EffectShown]
    display_at: datetime
    next_update_at: datetime | None
    eta_at: Annotated[datetime | None, Field(description="when it is expected to be over, an estimate")]
    actor: str
    version: int
    translations: Annotated[dict[str, str], Field(description="the text in other languages, by language")]
    notify: Annotated[bool, Field(description="false if subscribers were not notified")]


class PublicIncidentShown(ApiOutput):
    """An incident as a status page tells it."""

    id: str
    name: str
    incident: Annotated[str | None, Field(examples=["INC-3"])]
    stage: Stage
    impact: str
    published_at: datetime
    monitoring_at: datetime | None
    resolved_at: datetime | None
    regressions: int
    continued_at: Annotated[
        str | None, Field(description="the id of the public incident that continues it, if any")
    ]
    updates: list[UpdateShown]


class TranslatedUpdate(ApiInput):
    """The text of an update in another language of the page."""

    body: Annotated[Text, Field(max_length=publishing.BODY_MAX_CHARS)]


class UpdateInput(ApiInput):
    """An update to publish.

    `components` gives statuses by the id of the component; one that is left out keeps its status. `after` is the
    number of updates that you have read: if someone published since, the answer is 409.
    """

    stage: Stage
    body: Annotated[Text, Field(max_length=publishing.BODY_MAX_CHARS)]
    components: Annotated[
        dict[str, StatusCode], Field(default_factory=dict, max_length=actions.MAX_COMPONENTS)
    ]
    since: Instant | None = None
    next_update_at: Instant | None = None
    after: Annotated[StrictInt, Field(ge=0, le=100_000)] | None = None
    kind: UpdateKind = UpdateKind.UPDATE
    eta_at: Instant | None = None
    notify: Annotated[
        StrictBool, Field(description="false: subscribers are not notified; not for a correction")
    ] = True
    translations: Annotated[
        dict[str, Annotated[Text, Field(max_length=publishing.BODY_MAX_CHARS)]],
        Field(default_factory=dict, max_length=50, description="the text in other languages of the page"),
    ]


class NewPublicIncident(UpdateInput):
    """An incident to publish, with its first update."""

    name: Annotated[Text, Field(max_length=publishing.NAME_MAX_CHARS)]
    incident: Annotated[Text | None, Field(examples=["INC-3"])] = None
    impact: Annotated[Text | None, Field(examples=["minor"])] = None
    continues: Annotated[
        Text, Field(max_length=20, description="the id of a resolved incident that this one continues")
    ] = ""


class RetractedUpdate(ApiInput):
    """Why a text must not be read anymore; readers see the reason instead."""

    reason: Annotated[
        Text, Field(max_length=publishing.EDIT_REASON_MAX_CHARS, examples=["It named a customer."])
    ]


class EditedUpdate(ApiInput):
    """The new text of an update."""

    body: Annotated[Text, Field(max_length=publishing.BODY_MAX_CHARS)]
    reason: Annotated[Text, Field(max_length=publishing.EDIT_REASON_MAX_CHARS)] = ""


def _component(shown: ComponentView) -> ComponentShown:
    component = shown.component
    return ComponentShown(
        id=component.id,
        public_id=component.public_id,
        name=component.name,
        description=component.description,
        group_id=component.group_id,
        position=component.position,
        start_date=component.start_date,
        shows_uptime=component.shows_uptime,
        service_ids=list(component.service_ids),
        status=shown.status.code,
        uptime_90d=None if shown.uptime is None else float(shown.uptime),
    )


def _page(view: StatusView, public_url: str) -> StatusPageShown:
    page = view.snapshot.page
    return StatusPageShown(
        slug=page.slug,
        name=page.name,
        url=f"{public_url}/s/{page.slug}",
        tz=page.tz,
        about=page.about,
        support_url=page.support_url,
        visibility=page.visibility,
        partial_weight=page.partial_weight,
        degraded_weight=page.degraded_weight,
        indicator=view.indicator.impact.code,
        description=view.indicator.description,
        components=[_component(each) for each in view.components],
    )


def _incident(published: PublicIncident) -> PublicIncidentShown:
    return PublicIncidentShown(
        id=published.public_id,
        name=published.name,
        incident=f"INC-{published.incident_id}" if published.incident_id else None,
        stage=published.stage,
        impact=impact.impact(published).code,
        published_at=published.published_at,
        monitoring_at=published.monitoring_at,
        resolved_at=published.resolved_at,
        regressions=published.regressions,
        continued_at=published.continued_at.public_id if published.continued_at else None,
        updates=[
            UpdateShown(
                seq=update.seq,
                stage=update.stage,
                kind=update.kind,
                body=update.body,
                components=[
                    EffectShown(component_id=e.component_id, status=e.status.code, since=e.since)
                    for e in update.effects
                ],
                display_at=update.display_at,
                next_update_at=update.next_update_at,
                eta_at=update.eta_at,
                actor=update.actor,
                translations=dict(update.translations),
                version=update.version,
                notify=not update.is_quiet,
            )
            for update in published.updates
        ],
    )


@router.get("/status-pages", summary="List status pages")
async def list_status_pages(w: Reader) -> list[StatusPageShown]:
    return [
        _page(await queries.view_of(w.tx, page, w.now), w.ctx.public_url) for page in await store.pages(w.tx)
    ]


@router.post("/status-pages", status_code=201, summary="Create a status page", responses=problems(404, 409))
async def create_status_page(w: Manager, body: NewStatusPage) -> StatusPageShown:
    page = await actions.create_status_page(
        w.tx,
        w.actor,
        slug=body.slug,
        name=body.name,
        tz=body.tz,
        visibility=body.visibility,
        component_of=body.service_ids,
        component_names={
            to_number(key, "component_names", least=1): name for key, name in body.component_names.items()
        },
        now=w.now,
    )
    return _page(await queries.view_of(w.tx, page, w.now), w.ctx.public_url)


@router.get("/status-pages/{slug}", summary="Show a status page", responses=problems(404))
async def show_status_page(w: Reader, slug: Text) -> StatusPageShown:
    page = await actions.status_page(w.tx, slug)
    return _page(await queries.view_of(w.tx, page, w.now), w.ctx.public_url)


@router.patch("/status-pages/{slug}", summary="Change a status page", responses=problems(404))
async def change_status_page(w: Manager, slug: Text, body: ChangedStatusPage) -> StatusPageShown:
    page = await actions.status_page(w.tx, slug)
    values = {name: value for name, value in body.model_dump(exclude_unset=True).items() if value is not None}
    changed = await actions.update_status_page(w.tx, w.actor, page.id, values, w.now)
    return _page(await queries.view_of(w.tx, changed, w.now), w.ctx.public_url)


@router.post(
    "/status-pages/{slug}/components",
    status_code=201,
    summary="Add a component to a status page",
    responses=problems(404, 409),
)
async def add_component(w: Manager, slug: Text, body: NewComponent) -> StatusPageShown:
    page = await actions.status_page(w.tx, slug)
    await actions.add_component(
        w.tx,
        w.actor,
        page.id,
        name=body.name,
        service_ids=body.service_ids,
        group_id=body.group_id,
        start_date=body.start_date,
        now=w.now,
    )
    return _page(await queries.view_of(w.tx, page, w.now), w.ctx.public_url)


@router.patch(
    "/status-pages/{slug}/components/{component_id}", summary="Change a component", responses=problems(404)
)
async def change_component(
    w: Manager, slug: Text, component_id: PathId, body: ChangedComponent
) -> StatusPageShown:
    page = await actions.status_page(w.tx, slug)
    values = {
        name: value
        for name, value in body.model_dump(exclude_unset=True).items()
        if value is not None or name == "group_id"
    }
    await actions.update_component(w.tx, w.actor, page.id, component_id, values, w.now)
    return _page(await queries.view_of(w.tx, page, w.now), w.ctx.public_url)


@router.get(
    "/status-pages/{slug}/incidents",
    summary="List what a status page published, newest first",
    responses=problems(404),
)
async def list_public_incidents(w: Reader, slug: Text, pagination: PageParams) -> list[PublicIncidentShown]:
    page = await actions.status_page(w.tx, slug)
    listed = await incident_store.latest_incidents(w.tx, page.id, pagination.limit, pagination.before)
    pagination.link([published.id for published in listed])
    return [_incident(published) for published in listed]


def _impact(code: str | None) -> Impact | None:
    allowed = {each.code: each for each in Impact if each is not Impact.MAINTENANCE}
    if code is not None and code not in allowed:
        raise Invalid(f"{code[:40]!r} is not an impact.", fields={"impact": f"Use {', '.join(allowed)}."})
    return None if code is None else allowed[code]


def _update(body: UpdateInput) -> NewUpdate:
    statuses: dict[int, ComponentStatus] = {}
    for component_id, code in body.components.items():
        statuses[to_number(component_id, "components", least=1)] = status_of(code)
    return NewUpdate(
        *(body.stage, body.body, statuses, body.since, body.next_update_at, body.after, body.kind),
        eta_at=body.eta_at,
        translations=body.translations,
        is_quiet=not body.notify,
    )


@router.post(
    "/status-pages/{slug}/incidents",
    status_code=201,
    summary="Publish an incident on a status page",
    responses=problems(403, 404, 409),
)
async def publish_incident(w: Publisher, slug: Text, body: NewPublicIncident) -> PublicIncidentShown:
    page = await actions.status_page(w.tx, slug)
    about = await incidents.incident(w.tx, parse_ref("INC", body.incident)) if body.incident else None
    published = await publishing.open_incident(
        w.tx,
        w.actor,
        page.id,
        body.name,
        _update(body),
        w.now,
        incident_id=about.id if about else None,
        impact=_impact(body.impact),
        continues=body.continues,
    )
    return _incident(published)


@router.post(
    "/status-pages/{slug}/incidents/{public_id}/updates",
    status_code=201,
    summary="Publish the next update of an incident",
    responses=problems(403, 404, 409),
)
async def publish_update(w: Publisher, slug: Text, public_id: Text, body: UpdateInput) -> PublicIncidentShown:
    page = await actions.status_page(w.tx, slug)
    published = await publishing.publish_update(w.tx, w.actor, page.id, public_id, _update(body), w.now)
    return _incident(published)


@router.patch(
    "/status-pages/{slug}/incidents/{public_id}/updates/{seq}",
    summary="Replace the text of a published update; the log keeps the earlier one",
    responses=problems(403, 404, 409),
)
async def edit_update(
    w: Publisher, slug: Text, public_id: Text, seq: PathId, body: EditedUpdate
) -> PublicIncidentShown:
    page = await actions.status_page(w.tx, slug)
    published = await publishing.edit_update(
        w.tx, w.actor, page.id, public_id, seq, body.body, body.reason, w.now
    )
    return _incident(published)


@router.put(
    "/status-pages/{slug}/incidents/{public_id}/updates/{seq}/translations/{locale}",
    summary="Publish the text of an update in another language of the page",
    responses=problems(403, 404, 409),
)
async def translate_update(
    w: Publisher, slug: Text, public_id: Text, seq: PathId, locale: Text, body: TranslatedUpdate
) -> PublicIncidentShown:
    page = await actions.status_page(w.tx, slug)
    published = await publishing.translate_update(
        w.tx, w.actor, page.id, public_id, seq, locale, body.body, w.now
    )
    return _incident(published)


@router.post(
    "/status-pages/{slug}/incidents/{public_id}/updates/{seq}/retract",
    summary="Erase the text of a published update everywhere; the log keeps its hash",
    responses=problems(403, 404),
)
async def retract_update(
    w: Manager, slug: Text, public_id: Text, seq: PathId, body: RetractedUpdate
) -> PublicIncidentShown:
    page = await actions.status_page(w.tx, slug)
    published = await retraction.retract_update(w.tx, w.actor, page.id, public_id, seq, body.reason, w.now)
    return _incident(published)
