"""Change events over JSON."""

from datetime import datetime
from typing import Annotated

from fastapi import Query
from pydantic import Field

from firebell.alerts import actions
from firebell.catalog import actions as catalog
from firebell.kit.web import api
from firebell.kit.web.api import ApiOutput, Instant, PageParams, Text, problems
from firebell.people.permissions import Verb
from firebell.people.unit_of_work import Work, work

router = api.router()

Reader = Annotated[Work, work(Verb.SERVICE_READ)]


class ChangeEventShown(ApiOutput):
    """A deployment or another change of a service, as its sender reported it."""

    id: int
    service: str
    at: datetime
    summary: str
    source: str
    links: Annotated[dict[str, str], Field(description="URLs by name")]
    details: dict[str, str]


@router.get(
    "/changes",
    tags=["alerts"],
    summary="List change events, newest first",
    responses=problems(404),
)
async def list_changes(
    w: Reader,
    params: PageParams,
    service: Annotated[Text, Query(description="slug; default: every service")] = "",
    since: Annotated[Instant | None, Query(description="changes at or after this time")] = None,
    until: Annotated[Instant | None, Query(description="changes at or before this time")] = None,
) -> list[ChangeEventShown]:
    service_ids = [(await catalog.by_slug(w.tx, service, with_deleted=True)).id] if service else None
    changes = await actions.changes(
        w.tx, service_ids, since=since, until=until, before=params.before, limit=params.limit
    )
    services = await catalog.services_by_id(w.tx, [c.service_id for c in changes])
    params.link([c.id for c in changes])
    return [
        ChangeEventShown(
            id=c.id,
            service=services[c.service_id].slug,
            at=c.at,
            summary=c.summary,
            source=c.source,
            links=c.links,
            details=c.details,
        )
        for c in changes
    ]
