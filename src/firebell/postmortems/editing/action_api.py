"""The API of action items that come from what a document says."""

from datetime import date
from typing import Annotated, Literal

from pydantic import ConfigDict, Field

from firebell.action_items import actions as action_items
from firebell.action_items.model import ItemKind, Priority, Strength
from firebell.kit.references import parse_ref
from firebell.kit.web import api
from firebell.kit.web.api import ApiInput, ApiOutput, Id, Text, problems
from firebell.people.permissions import Verb
from firebell.people.unit_of_work import Work, work
from firebell.postmortems import actions
from firebell.postmortems.editing.actions_from_text import NewAction

router = api.router("post-mortems", "/post-mortems")

Writer = Annotated[Work, work(Verb.POSTMORTEM_WRITE)]


class NewDocumentAction(ApiInput):
    """An action item that comes from a sentence of a document."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "title": "Page on connections in use above 85%",
                    "quote": "No alert watched the connections.",
                    "root": "no alert watches the connections",
                    "owner_id": 3,
                }
            ]
        }
    )

    title: Annotated[Text, Field(max_length=action_items.TITLE_MAX_CHARS)]
    quote: Annotated[Text, Field(max_length=action_items.QUOTE_MAX_CHARS, description="the sentence")] = ""
    root: Annotated[
        Text,
        Field(max_length=2_000, description="the text of the root of the tree of whys that the item answers"),
    ] = ""
    detail: Annotated[Text, Field(max_length=action_items.DETAIL_MAX_CHARS)] = ""
    kind: ItemKind = ItemKind.PREVENT
    strength: Strength = Strength.GUARD
    priority: Literal[1, 2, 3] = 2
    owner_id: Id | None = None
    team_id: Id | None = None
    due: Annotated[
        date | None,
        Field(
            examples=["2026-12-14"],
            description="a working day; without one, 14, 30 or 90 days from now by the priority",
        ),
    ] = None


class DocumentActionShown(ApiOutput):
    """An action item that was added from a document."""

    ref: Annotated[str, Field(examples=["ACT-7"])]
    title: str
    incident: Annotated[str, Field(examples=["INC-3"])]
    owner_id: int | None
    due: date
    source_quote: str


@router.post(
    "/{ref}/actions",
    status_code=201,
    summary="Add an action item from a sentence of a post-mortem",
    responses=problems(404, 409),
)
async def add_document_action(w: Writer, ref: Text, body: NewDocumentAction) -> DocumentActionShown:
    new = NewAction(
        body.title,
        body.quote,
        body.root,
        body.detail,
        body.kind,
        body.strength,
        Priority(body.priority),
        body.owner_id,
        body.team_id,
        body.due,
    )
    item = await actions.add_action(w.tx, w.actor, parse_ref("INC", ref), new, w.now)
    return DocumentActionShown(
        ref=item.ref,
        title=item.title,
        incident=f"INC-{item.incident_id}",
        owner_id=item.owner_id,
        due=item.due,
        source_quote=item.source_quote,
    )
