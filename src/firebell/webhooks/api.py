"""Webhooks to other systems over JSON."""

from datetime import datetime
from typing import Annotated

from pydantic import ConfigDict, Field

from firebell.catalog import actions as catalog
from firebell.kit.web import api
from firebell.kit.web.api import ApiInput, ApiOutput, Name, PageParams, PathId, StrictBool, Text, problems
from firebell.people import actions as people
from firebell.people.permissions import Verb, allows
from firebell.people.unit_of_work import Work, work
from firebell.webhooks import actions, event_types, queries
from firebell.webhooks.model import EndpointSettings, EndpointState
from firebell.webhooks.queries import EndpointView

router = api.router("webhooks", "/webhooks")

Reader = Annotated[Work, work(Verb.WEBHOOK_READ)]
Writer = Annotated[Work, work(Verb.WEBHOOK_WRITE)]


class WebhookFields(ApiInput):
    """Where events go, and which; an empty list stands for all."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "name": "Data warehouse",
                    "url": "https://hooks.example.org/firebell",
                    "types": ["incident.declared", "incident.closed"],
                    "teams": ["payments"],
                }
            ]
        }
    )

    name: Annotated[Text, Field(min_length=1, max_length=actions.NAME_MAX_CHARS)]
    url: Annotated[
        Text,
        Field(
            min_length=1,
            max_length=2000,
            description="private addresses only if FIREBELL_ALLOWED_NETWORKS has them",
        ),
    ]
    types: Annotated[
        list[Name], Field(default_factory=list, max_length=100, description="see GET /webhooks/types")
    ]
    teams: Annotated[
        list[Name], Field(default_factory=list, max_length=actions.MAX_FILTERED, description="slugs")
    ]
    services: Annotated[
        list[Name],
        Field(
            default_factory=list,
            max_length=actions.MAX_FILTERED,
            description="slugs; events of one of these or of the teams",
        ),
    ]
    private: Annotated[StrictBool, Field(description="also events about private incidents")] = False


class WebhookShown(ApiOutput):
    """A webhook, its health and its numbers."""

    id: int
    name: str
    url: Annotated[str, Field(description="only its host for those who may not change webhooks")]
    types: list[str]
    teams: list[str]
    services: list[str]
    private: bool
    state: EndpointState
    state_reason: Annotated[str, Field(description="why it was disabled")]
    findings: Annotated[list[str], Field(description="N-WEBHOOK if it was disabled after failing for days")]
    failures: Annotated[int, Field(description="failed attempts since the last success")]
    failing_since: datetime | None
    resting_until: Annotated[datetime | None, Field(description="nothing is sent before")]
    last_success_at: datetime | None
    previous_secret_until: Annotated[
        datetime | None, Field(description="until when the old secret signs too")
    ]
    waiting: Annotated[int, Field(description="events that wait")]
    oldest_waiting_at: datetime | None
    delivered_last_day: int
    failed_last_day: int
    created_at: datetime
    created_by: str


class WebhookCreated(WebhookShown):
    """A new webhook with its signing secret, which is shown only here."""

    secret: str


class WebhookSecretRotated(ApiOutput):
    """The new signing secret, and until when the old one signs as well."""

    secret: str
    previous_until: datetime


class WebhookEventType(ApiOutput):
    """A type of event."""

    name: str
    summary: str
    group: str


def _fields(w: Work, view: EndpointView) -> dict[str, object]:
    one, settings, counts = view.endpoint, view.endpoint.settings, view.counts
    may_see = w.rights is not None and allows(w.rights, Verb.WEBHOOK_WRITE)
    return {
        "id": one.id,
        "name": settings.name,
        "url": settings.url if may_see else view.masked_url,
        "types": list(settings.types),
        "teams": [slug for slug, _ in view.teams],
        "services": [slug for slug, _ in view.services],
        "private": settings.is_private,
        "state": one.state,
        "state_reason": one.state_reason,
        "findings": one.findings,
        "failures": one.failures,
        "failing_since": one.failing_since,
        "resting_until": one.resting_until,
        "last_success_at": one.last_success_at,
        "previous_secret_until": one.previous_until,
        "waiting": counts.waiting,
        "oldest_waiting_at": counts.oldest_waiting_at,
        "delivered_last_day": counts.delivered,
        "failed_last_day": counts.failed,
        "created_at": one.created_at,
        "created_by": one.created_by,
    }


async def _view(w: Work, endpoint_id: int) -> WebhookShown:
    return WebhookShown.model_validate(_fields(w, await queries.view(w.tx, endpoint_id, w.now)))


async def _entered(w: Work, fields: WebhookFields) -> EndpointSettings:
    return EndpointSettings(
        name=fields.name,
        url=fields.url,
        types=tuple(fields.types),
        team_ids=tuple([(await people.team_by_slug(w.tx, slug)).id for slug in fields.teams]),
        service_ids=tuple(
            [(await catalog.by_slug(w.tx, slug, with_deleted=True)).id for slug in fields.services]
        ),
        is_private=fields.private,
    )


@router.get("/types", summary="List the types of events that webhooks send")
async def list_webhook_types(w: Reader) -> list[WebhookEventType]:
    return [WebhookEventType.model_validate(each) for each in event_types.EVENT_TYPES]


@router.get("", summary="List webhooks, newest first")
async def list_webhooks(w: Reader, params: PageParams) -> list[WebhookShown]:
    listed = await queries.views(w.tx, w.now)
    page = params.newest(listed, [each.endpoint.id for each in listed])
    return [WebhookShown.model_validate(_fields(w, each)) for each in page]


@router.post("", status_code=201, summary="Create a webhook", responses=problems(404, 409))
async def create_webhook(w: Writer, new: WebhookFields) -> WebhookCreated:
    created, secret = await actions.create_endpoint(w.tx, w.actor, entered=await _entered(w, new), now=w.now)
    view = await queries.view(w.tx, created.id, w.now)
    return WebhookCreated.model_validate({**_fields(w, view), "secret": secret})


@router.get("/{endpoint_id}", summary="Get a webhook", responses=problems(404))
async def get_webhook(w: Reader, endpoint_id: PathId) -> WebhookShown:
    return await _view(w, endpoint_id)


@router.put("/{endpoint_id}", summary="Replace the settings of a webhook", responses=problems(404, 409))
async def update_webhook(w: Writer, endpoint_id: PathId, fields: WebhookFields) -> WebhookShown:
    entered = await _entered(w, fields)
    await actions.update_endpoint(w.tx, w.actor, endpoint_id=endpoint_id, entered=entered, now=w.now)
    return await _view(w, endpoint_id)


@router.delete(
    "/{endpoint_id}",
    status_code=204,
    summary="Delete a webhook with its log; waiting events are not sent",
    responses=problems(404),
)
async def delete_webhook(w: Writer, endpoint_id: PathId) -> None:
    await actions.delete_endpoint(w.tx, w.actor, endpoint_id=endpoint_id, now=w.now)


@router.post("/{endpoint_id}/pause", summary="Pause a webhook", responses=problems(404))
async def pause_webhook(w: Writer, endpoint_id: PathId) -> WebhookShown:
    await actions.pause_endpoint(w.tx, w.actor, endpoint_id=endpoint_id, now=w.now)
    return await _view(w, endpoint_id)


@router.post(
    "/{endpoint_id}/enable",
    summary="Enable a webhook, or retry a failing one now",
    responses=problems(404),
)
async def enable_webhook(w: Writer, endpoint_id: PathId) -> WebhookShown:
    await actions.enable_endpoint(w.tx, w.actor, endpoint_id=endpoint_id, now=w.now)
    return await _view(w, endpoint_id)


@router.post(
    "/{endpoint_id}/secret",
    summary="Rotate the signing secret; the old one signs for 24 hours more",
    responses=problems(404),
)
async def rotate_webhook_secret(w: Writer, endpoint_id: PathId) -> WebhookSecretRotated:
    secret, until = await actions.rotate_secret(w.tx, w.actor, endpoint_id=endpoint_id, now=w.now)
    return WebhookSecretRotated(secret=secret, previous_until=until)
