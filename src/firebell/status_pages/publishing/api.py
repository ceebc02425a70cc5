"""The API of what is published on status pages: incidents, their updates and translations."""

from collections.abc import Collection
from datetime import datetime
from typing import Annotated

from pydantic import Field

from firebell.incidents import actions as incidents
from firebell.kit.errors import Invalid
from firebell.kit.references import parse_ref
from firebell.kit.text import to_number
from firebell.kit.web import api
from firebell.kit.web.api import (
    ApiInput,
    ApiOutput,
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
from firebell.status_pages import actions, impact, incident_store
from firebell.status_pages.model import (
    CHOOSABLE,
    ComponentStatus,
    Impact,
    PublicIncident,
    Stage,
    UpdateKind,
)
from firebell.status_pages.publishing import actions as publishing
from firebell.status_pages.publishing import retraction
from firebell.status_pages.publishing.actions import NewUpdate
from firebell.status_pages.publishing.update_input import status_of

router = api.router("status pages")

Reader = Annotated[Work, work(Verb.STATUS_PAGE_READ)]
Publisher = Annotated[Work, work(Verb.STATUS_PAGE_PUBLISH)]
Manager = Annotated[Work, work(Verb.STATUS_PAGE_WRITE)]
StatusCode = Annotated[
    Text, Field(examples=["partial_outage"], description=f"one of {', '.join(s.code for s in CHOOSABLE)}")
]


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


def _incident(published: PublicIncident, hidden_ids: Collection[int] = ()) -> PublicIncidentShown:
    """Return a public incident as the API shows it, without the reference of an incident in `hidden_ids`."""
    is_hidden = published.incident_id is None or published.incident_id in hidden_ids
    return PublicIncidentShown(
        id=published.public_id,
        name=published.name,
        incident=None if is_hidden else f"INC-{published.incident_id}",
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


@router.get(
    "/status-pages/{slug}/incidents",
    summary="List what a status page published, newest first",
    responses=problems(404),
)
async def list_public_incidents(w: Reader, slug: Text, pagination: PageParams) -> list[PublicIncidentShown]:
    page = await actions.status_page(w.tx, slug)
    listed = await incident_store.latest_incidents(w.tx, page.id, pagination.limit, pagination.before)
    pagination.link([published.id for published in listed])
    hidden_ids = await incidents.hidden_ids(w.tx)
    return [_incident(published, hidden_ids) for published in listed]


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
