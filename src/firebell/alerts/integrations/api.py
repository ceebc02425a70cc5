"""Integration keys of services over JSON."""

from datetime import datetime
from typing import Annotated

from pydantic import Field

from firebell.alerts import actions
from firebell.alerts import flap as flapping
from firebell.alerts.integrations import dropped_labels
from firebell.alerts.model import Integration
from firebell.catalog import actions as catalog
from firebell.kit import undo
from firebell.kit.web import api
from firebell.kit.web.api import (
    ApiInput,
    ApiOutput,
    Name,
    PageParams,
    PathId,
    Removed,
    ShortName,
    Text,
    problems,
    removed,
)
from firebell.people.permissions import Verb
from firebell.people.unit_of_work import Work, work

router = api.router()

IntegrationReader = Annotated[Work, work(Verb.INTEGRATION_READ)]
IntegrationCreator = Annotated[Work, work(Verb.INTEGRATION_CREATE)]
IntegrationRevealer = Annotated[Work, work(Verb.INTEGRATION_REVEAL)]
IntegrationRevoker = Annotated[Work, work(Verb.INTEGRATION_REVOKE)]

FlappingChanges = Annotated[
    int,
    Field(
        ge=flapping.NEVER,
        le=flapping.MAX_CHANGES,
        description="changes between firing and resolved within an hour at which an alert flaps, 3 to 20; 0 for never",
    ),
]


class IntegrationShown(ApiOutput):
    """An address that alerts are sent to; only the end of its key is shown."""

    id: int
    name: str
    masked_key: Annotated[str, Field(examples=["…9f3a"])]
    created_at: datetime
    flapping_changes: FlappingChanges
    drop_labels: list[str]


class IntegrationRevealed(IntegrationShown):
    """An integration with its whole key; anyone who has the key can send alerts."""

    key: str


class IntegrationSettings(ApiInput):
    """How the alerts of an integration are handled."""

    flapping_changes: FlappingChanges = flapping.DEFAULT_CHANGES
    drop_labels: Annotated[
        list[Name],
        Field(
            max_length=dropped_labels.MAX_LABELS,
            description="labels that the sender changes with each event, which are removed from alerts",
            examples=[["pod_template_hash"]],
        ),
    ] = Field(default_factory=list)


class NewIntegration(ApiInput):
    """An integration to create."""

    name: Annotated[ShortName, Field(examples=["Alertmanager"])]


@router.get(
    "/services/{slug}/integrations",
    tags=["services"],
    summary="List a service's integrations, newest first",
    responses=problems(404),
)
async def list_integrations(w: IntegrationReader, slug: Text, params: PageParams) -> list[IntegrationShown]:
    integrations: list[Integration] = await actions.integrations(w.tx, (await catalog.by_slug(w.tx, slug)).id)
    return [
        IntegrationShown.model_validate(i) for i in params.newest(integrations, [i.id for i in integrations])
    ]


@router.post(
    "/services/{slug}/integrations",
    status_code=201,
    tags=["services"],
    summary="Create an integration",
    responses=problems(404),
)
async def create_integration(
    w: IntegrationCreator, slug: Text, new_integration: NewIntegration
) -> IntegrationRevealed:
    service = await catalog.by_slug(w.tx, slug)
    integration = await actions.create_integration(
        w.tx, w.actor, service_id=service.id, name=new_integration.name, now=w.now
    )
    return IntegrationRevealed.model_validate(integration)


@router.put(
    "/services/{slug}/integrations/{integration_id}",
    tags=["services"],
    summary="Change when the alerts of an integration flap, and which labels they keep",
    responses=problems(404),
)
async def update_integration(
    w: IntegrationCreator, slug: Text, integration_id: PathId, fields: IntegrationSettings
) -> IntegrationShown:
    changed = await actions.update_integration(
        w.tx,
        w.actor,
        service_id=(await catalog.by_slug(w.tx, slug)).id,
        integration_id=integration_id,
        flapping_changes=fields.flapping_changes,
        drop_labels=fields.drop_labels,
        now=w.now,
    )
    return IntegrationShown.model_validate(changed)


@router.post(
    "/services/{slug}/integrations/{integration_id}/reveal",
    tags=["services"],
    summary="Reveal an integration's whole key; the audit log records it",
    responses=problems(404),
)
async def reveal_integration(
    w: IntegrationRevealer, slug: Text, integration_id: PathId
) -> IntegrationRevealed:
    integration = await actions.reveal_integration(
        w.tx,
        w.actor,
        service_id=(await catalog.by_slug(w.tx, slug)).id,
        integration_id=integration_id,
        now=w.now,
    )
    return IntegrationRevealed.model_validate(integration)


@router.delete(
    "/services/{slug}/integrations/{integration_id}",
    tags=["services"],
    summary="Revoke an integration key; its alerts are refused within five seconds",
    responses=problems(404),
)
async def revoke_integration(w: IntegrationRevoker, slug: Text, integration_id: PathId) -> Removed:
    service_id = (await catalog.by_slug(w.tx, slug)).id
    await actions.revoke_integration(
        w.tx, w.actor, service_id=service_id, integration_id=integration_id, now=w.now
    )
    return removed(await undo.offer(w.tx, w.ctx.signer, w.actor, "integration.revoked", w.now))
