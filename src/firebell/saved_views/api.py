"""Saved views of lists, over JSON."""

from typing import Annotated

from fastapi import Query
from pydantic import ConfigDict, Field

from firebell.kit import undo
from firebell.kit.web.api import (
    ApiInput,
    ApiOutput,
    Name,
    PageParams,
    PathId,
    Removed,
    StrictBool,
    StrictInt,
    Text,
    problems,
    removed,
)
from firebell.kit.web.api import router as api_router
from firebell.people import permissions
from firebell.people.permissions import Verb
from firebell.people.unit_of_work import Work, work
from firebell.saved_views import actions, queries
from firebell.saved_views.model import QUERY_MAX_CHARS, ListName, SavedView

router = api_router("saved views")

Writer = Annotated[Work, work(Verb.SAVED_VIEW_WRITE)]
ViewName = Annotated[Name, Field(max_length=actions.NAME_MAX_CHARS)]


class SavedViewShown(ApiOutput):
    """A saved view; open its path to see it."""

    id: int
    list: ListName
    name: str
    query: str
    path: str
    shared: bool
    owner_id: int
    own: Annotated[bool, Field(description="false for a view that someone else shares")]
    position: Annotated[
        int | None,
        Field(description="among your own views of the list, from 1; null for a view of someone else"),
    ]


class NewSavedView(ApiInput):
    """Filters of a list to save under a name."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "list": "alerts",
                    "name": "Payments today",
                    "query": "state=firing&service=payments&range=24h",
                }
            ]
        }
    )

    list: ListName
    name: ViewName
    query: Annotated[
        Text,
        Field(
            max_length=QUERY_MAX_CHARS,
            description="the query string of the list's address; other parameters are dropped",
        ),
    ]
    shared: StrictBool = False


class SavedViewChanges(ApiInput):
    """A new name or position of a view; null keeps the current one."""

    name: ViewName | None = None
    position: Annotated[
        StrictInt | None,
        Field(ge=1, le=actions.VIEWS_PER_LIST, description="among your own views of its list, from 1"),
    ] = None


def _shown(view: SavedView, person_id: int) -> SavedViewShown:
    return SavedViewShown(
        id=view.id,
        list=view.list_name,
        name=view.name,
        query=view.query,
        path=view.path,
        shared=view.shared,
        owner_id=view.owner_id,
        own=view.owner_id == person_id,
        position=view.position if view.owner_id == person_id else None,
    )


_READ_BY = {
    ListName.ALERTS: Verb.ALERT_READ,
    ListName.INCIDENTS: Verb.INCIDENT_READ,
    ListName.PAGES: Verb.PAGE_READ,
}
"""What a key must be allowed to read for the views of a list, whose filters say what is in it."""


@router.get(
    "/saved-views",
    summary="List your saved views of a list in your order, then those that others share, by name",
)
async def list_views(
    w: Annotated[Work, work(Verb.SAVED_VIEW_READ)],
    pagination: PageParams,
    list_name: Annotated[ListName, Query(alias="list")],
) -> list[SavedViewShown]:
    permissions.check(w.rights, _READ_BY[list_name])
    views = await queries.visible(w.tx, w.person_id, list_name)
    return [_shown(view, w.person_id) for view in pagination.ordered(views, [view.id for view in views])]


@router.post("/saved-views", status_code=201, summary="Save a view, or share it", responses=problems(409))
async def create_view(w: Writer, body: NewSavedView) -> SavedViewShown:
    view = await actions.create_saved_view(
        w.tx, w.actor, list_name=body.list, name=body.name, query=body.query, shared=body.shared, now=w.now
    )
    return _shown(view, w.person_id)


@router.patch("/saved-views/{view_id}", summary="Rename or move a saved view", responses=problems(404, 409))
async def update_view(w: Writer, view_id: PathId, body: SavedViewChanges) -> SavedViewShown:
    view = await actions.update_saved_view(
        w.tx, w.actor, view_id, name=body.name, position=body.position, now=w.now
    )
    return _shown(view, w.person_id)


@router.delete("/saved-views/{view_id}", summary="Delete a saved view", responses=problems(404))
async def delete_view(w: Writer, view_id: PathId) -> Removed:
    await actions.delete_saved_view(w.tx, w.actor, view_id, w.now)
    return removed(await undo.offer(w.tx, w.ctx.signer, w.actor, "saved_view.deleted", w.now))
