"""Services over JSON."""

from typing import Annotated

from pydantic import Field

from firebell.catalog import actions
from firebell.catalog.api_types import EarlierNames, ServiceLinkShown, TierNumber
from firebell.catalog.labels_and_links import MAX_LABELS, MAX_LINKS
from firebell.catalog.model import DESCRIPTION_MAX_CHARS, ServiceLink
from firebell.kit import undo
from firebell.kit.web import api
from firebell.kit.web.api import ApiInput, ApiOutput, Id, Removed, ShortName, Text, problems, removed
from firebell.people.permissions import Verb
from firebell.people.unit_of_work import Work, work

router = api.router("services", "/services")

Responder = Annotated[Work, work(Verb.SERVICE_WRITE)]
_NULLABLE = ("policy_id", "tier")
"""What a service can be without; a null of any other field changes nothing."""

Labels = Annotated[
    dict[Text, Text], Field(max_length=MAX_LABELS, examples=[{"region": "eu-north", "pci": "yes"}])
]


class NewServiceLink(ApiInput):
    """A web page about a service."""

    title: Annotated[Text, Field(examples=["Repository"])]
    url: Annotated[Text, Field(max_length=2000, examples=["https://git.example.org/checkout"])]


Links = Annotated[list[NewServiceLink], Field(max_length=MAX_LINKS)]


class ServiceShown(ApiOutput):
    """A service; without a policy its pages go to the fallback responders."""

    id: int
    slug: str
    name: str
    team_id: int
    policy_id: int | None
    description: str
    runbook_url: str
    tier: int | None
    labels: dict[str, str]
    links: list[ServiceLinkShown]
    earlier_names: EarlierNames


class ServiceDeleted(Removed):
    """The response to a deletion; `slug` is the one that the service has from now on."""

    slug: Annotated[str, Field(examples=["checkout-deleted-7"])]


class NewService(ApiInput):
    """A service to create."""

    name: Annotated[ShortName, Field(examples=["Checkout"])]
    team_id: Id
    policy_id: Id | None = None
    description: Annotated[Text, Field(max_length=DESCRIPTION_MAX_CHARS)] = ""
    runbook_url: Annotated[
        Text, Field(max_length=2000, description="any address, or the `url` of a runbook of the library")
    ] = ""
    tier: TierNumber = None
    labels: Labels = Field(default_factory=dict)
    links: Links = Field(default_factory=list)


class ServiceChange(ApiInput):
    """Fields to change; a `policy_id` of null sends pages to the fallback responders, a `tier` of null removes it.

    `labels` and `links` replace all that the service had. Renaming keeps the slug.
    """

    name: ShortName | None = None
    team_id: Id | None = None
    policy_id: Id | None = None
    description: Annotated[Text | None, Field(max_length=DESCRIPTION_MAX_CHARS)] = None
    runbook_url: Annotated[
        Text | None,
        Field(max_length=2000, description="any address, or the `url` of a runbook of the library"),
    ] = None
    tier: TierNumber = None
    labels: Labels | None = None
    links: Links | None = None


@router.post("", status_code=201, summary="Create a service", responses=problems(404, 409))
async def create_service(w: Responder, new_service: NewService) -> ServiceShown:
    values = new_service.model_dump(exclude={"links"})
    links = _links(new_service.links)
    service = await actions.create_service(w.tx, w.actor, **values, links=links, now=w.now)
    return ServiceShown.model_validate(service)


def _links(links: list[NewServiceLink]) -> list[ServiceLink]:
    return [ServiceLink(link.title, link.url) for link in links]


@router.patch(
    "/{slug}",
    summary="Update a service's name, team, policy, tier, texts, labels or links",
    responses=problems(404, 409),
)
async def change_service(w: Responder, slug: Text, change: ServiceChange) -> ServiceShown:
    service = await actions.by_slug(w.tx, slug)
    values = {name: getattr(change, name) for name in change.model_fields_set}
    stated = {name: value for name, value in values.items() if value is not None or name in _NULLABLE}
    if change.links is not None:
        stated["links"] = _links(change.links)
    changed = await actions.update_service(w.tx, w.actor, service, **stated, now=w.now)
    return ServiceShown.model_validate(changed)


@router.delete("/{slug}", summary="Delete a service that nothing uses", responses=problems(404, 409))
async def delete_service(w: Responder, slug: Text) -> ServiceDeleted:
    """Its pages, incidents and alerts are kept. The error 409 says what still uses it."""
    service = await actions.by_slug(w.tx, slug)
    deleted = await actions.delete_service(w.tx, w.actor, service, w.now)
    offer = removed(await undo.offer(w.tx, w.ctx.signer, w.actor, "service.deleted", w.now))
    return ServiceDeleted(slug=deleted.slug, undo=offer.undo)


@router.post("/{slug}/restore", summary="Restore a deleted service", responses=problems(404, 409))
async def restore_service(w: Responder, slug: Text) -> ServiceShown:
    """The slug is the one that the service got when it was deleted, such as `checkout-deleted-7`."""
    deleted = await actions.by_slug(w.tx, slug, with_deleted=True)
    return ServiceShown.model_validate(await actions.restore_deleted(w.tx, w.actor, deleted, w.now))
