"""Services over JSON."""

from typing import Annotated

from pydantic import Field

from firebell.catalog import actions
from firebell.kit.web import api
from firebell.kit.web.api import ApiInput, ApiOutput, Id, ShortName, Text, problems
from firebell.people.permissions import Verb
from firebell.people.unit_of_work import Work, work

router = api.router("services", "/services")

Responder = Annotated[Work, work(Verb.SERVICE_WRITE)]


class ServiceShown(ApiOutput):
    """A service; without a policy its pages go to the fallback responders."""

    id: int
    slug: str
    name: str
    team_id: int
    policy_id: int | None
    description: str
    runbook_url: str


class NewService(ApiInput):
    """A service to create."""

    name: Annotated[ShortName, Field(examples=["Checkout"])]
    team_id: Id
    policy_id: Id | None = None
    description: Annotated[Text, Field(max_length=actions.DESCRIPTION_MAX_CHARS)] = ""
    runbook_url: Annotated[Text, Field(max_length=2000)] = ""


class ServiceChange(ApiInput):
    """Fields to change; a `policy_id` of null sends pages to the fallback responders."""

    team_id: Id | None = None
    policy_id: Id | None = None
    description: Annotated[Text | None, Field(max_length=actions.DESCRIPTION_MAX_CHARS)] = None
    runbook_url: Annotated[Text | None, Field(max_length=2000)] = None


@router.post("", status_code=201, summary="Create a service", responses=problems(404, 409))
async def create_service(w: Responder, new_service: NewService) -> ServiceShown:
    service = await actions.create_service(w.tx, w.actor, **new_service.model_dump(), now=w.now)
    return ServiceShown.model_validate(service)


@router.patch(
    "/{slug}", summary="Update a service's team, policy, description or runbook", responses=problems(404)
)
async def change_service(w: Responder, slug: Text, change: ServiceChange) -> ServiceShown:
    service = await actions.by_slug(w.tx, slug)
    policy_id = change.policy_id if "policy_id" in change.model_fields_set else service.policy_id
    changed = await actions.update_service(
        w.tx,
        w.actor,
        service,
        team_id=change.team_id,
        policy_id=policy_id,
        description=change.description,
        runbook_url=change.runbook_url,
        now=w.now,
    )
    return ServiceShown.model_validate(changed)
