"""Saved views of the list of incidents, over JSON."""

from typing import Annotated

from pydantic import ConfigDict, Field

from firebell.incidents.incident_list import saved_views
from firebell.incidents.model import SavedView
from firebell.kit.web import undo
from firebell.kit.web.api import (
    ApiInput,
    ApiOutput,
    Name,
    PageParams,
    PathId,
    Removed,
    StrictBool,
    Text,
    problems,
    removed,
)
from firebell.kit.web.api import router as api_router
from firebell.people.permissions import Verb
from firebell.people.unit_of_work import Work, work

router = api_router("incidents")


class SavedViewShown(ApiOutput):
    """A saved view; open `/incidents?` with its query to see it."""

    id: int
    name: str
    query: str
    shared: bool
    owner_id: int
    own: Annotated[bool, Field(description="false for a view that someone else shares")]


class NewSavedView(ApiInput):
    """Filters of the list of incidents to save under a name."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"name": "Payments SEV0–1", "query": "state=all&severity=0,1&service=payments"}]
        }
    )

    name: Annotated[Name, Field(max_length=saved_views.NAME_MAX_CHARS)]
    query: Annotated[
        Text,
        Field(
            max_length=saved_views.QUERY_MAX_CHARS,
            description="the query string of the list's address; other parameters are dropped",
        ),
    ]
    shared: StrictBool = False


def _shown(view: SavedView, person_id: int) -> SavedViewShown:
    return SavedViewShown(
        id=view.id,
        name=view.name,
        query=view.query,
        shared=view.shared,
        owner_id=view.owner_id,
        own=view.owner_id == person_id,
    )


@router.get("/incident-views", summary="List your saved views and those that others share, newest first")
async def list_views(
    w: Annotated[Work, work(Verb.INCIDENT_READ)], pagination: PageParams
) -> list[SavedViewShown]:
    views = await saved_views.visible(w.tx, w.person_id)
    return [_shown(view, w.person_id) for view in pagination.newest(views, [view.id for view in views])]


@router.post("/incident-views", status_code=201, summary="Save a view, or share it", responses=problems(409))
async def create_view(w: Annotated[Work, work(Verb.SAVED_VIEW_WRITE)], body: NewSavedView) -> SavedViewShown:
    view = await saved_views.create_saved_view(
        w.tx, w.actor, name=body.name, query=body.query, shared=body.shared, now=w.now
    )
    return _shown(view, w.person_id)


@router.delete("/incident-views/{view_id}", summary="Delete a saved view", responses=problems(404))
async def delete_view(w: Annotated[Work, work(Verb.SAVED_VIEW_WRITE)], view_id: PathId) -> Removed:
    await saved_views.delete_saved_view(w.tx, w.actor, view_id, w.now)
    return removed(await undo.offer(w.tx, w.ctx.signer, w.actor, "saved_view.deleted", w.now))
