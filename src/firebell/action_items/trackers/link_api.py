"""The API of the links between action items and issues."""

from datetime import datetime
from typing import Annotated

from fastapi import Response
from pydantic import ConfigDict, Field

from firebell.action_items import actions as action_items
from firebell.action_items.trackers import actions, queries
from firebell.action_items.trackers.model import LinkState, SyncField
from firebell.action_items.trackers.queries import ItemLink
from firebell.kit.references import parse_ref
from firebell.kit.web import api
from firebell.kit.web.api import ApiInput, ApiOutput, Id, PathId, Text, problems
from firebell.people.permissions import Verb
from firebell.people.unit_of_work import Work, work

router = api.router("trackers", "/action-items")

Reader = Annotated[Work, work(Verb.ACTION_ITEM_READ)]
Writer = Annotated[Work, work(Verb.ACTION_ITEM_WRITE)]


class ItemLinkShown(ApiOutput):
    """The link between an item and an issue."""

    id: int
    tracker_id: int
    tracker: str
    state: LinkState
    issue: Annotated[str, Field(description="the key, such as #12; empty while it is created")]
    url: str
    error: str
    not_synced: Annotated[list[SyncField], Field(description="fields that one side refused")]
    synced_at: datetime | None
    created_at: datetime
    created_by: str


class NewItemLink(ApiInput):
    """The tracker to link an item to; without `issue`, a new issue is created."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"tracker_id": 1}, {"tracker_id": 1, "issue": "#412"}]}
    )

    tracker_id: Id
    issue: Annotated[
        Text,
        Field(max_length=actions.ISSUE_MAX_CHARS, description="number, key or address of an existing issue"),
    ] = ""


def _shown(each: ItemLink) -> ItemLinkShown:
    link = each.link
    return ItemLinkShown(
        id=link.id,
        tracker_id=each.tracker.id,
        tracker=each.tracker.name,
        state=link.state,
        issue=link.issue_key,
        url=link.url,
        error=link.error,
        not_synced=sorted(link.standoffs),
        synced_at=link.synced_at,
        created_at=link.created_at,
        created_by=link.created_by,
    )


async def _of(w: Work, item_id: int, link_id: int) -> ItemLinkShown:
    links = (await queries.links_of(w.tx, [item_id]))[item_id]
    return _shown(next(each for each in links if each.link.id == link_id))


@router.get("/{ref}/links", summary="List the issues of an action item", responses=problems(404))
async def list_action_item_links(w: Reader, ref: Text) -> list[ItemLinkShown]:
    item = await action_items.item(w.tx, parse_ref("ACT", ref))
    return [_shown(each) for each in (await queries.links_of(w.tx, [item.id])).get(item.id, [])]


@router.post(
    "/{ref}/links",
    status_code=201,
    summary="Link an action item to a new or an existing issue",
    responses=problems(404, 409),
)
async def link_action_item(w: Writer, ref: Text, body: NewItemLink) -> ItemLinkShown:
    item_id = parse_ref("ACT", ref)
    link = await actions.link_item(w.tx, w.actor, item_id, body.tracker_id, w.now, issue=body.issue)
    return await _of(w, item_id, link.id)


@router.post(
    "/{ref}/links/{link_id}/sync",
    status_code=202,
    summary="Sync a link now, and try again what was refused",
    responses=problems(404, 409),
)
async def sync_action_item_link(w: Writer, ref: Text, link_id: PathId) -> ItemLinkShown:
    item_id = parse_ref("ACT", ref)
    await actions.retry_link(w.tx, w.actor, item_id, link_id, w.now)
    return await _of(w, item_id, link_id)


@router.delete(
    "/{ref}/links/{link_id}",
    status_code=204,
    summary="Unlink an action item; the issue stays",
    responses=problems(404),
)
async def unlink_action_item(w: Writer, ref: Text, link_id: PathId) -> Response:
    await actions.unlink_item(w.tx, w.actor, parse_ref("ACT", ref), link_id, w.now)
    return Response(status_code=204)
