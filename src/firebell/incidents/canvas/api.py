"""The API of conditions, actions and needs: each with its author and version, and saved alone."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field

from firebell.incidents.api import Reader, Responder
from firebell.incidents.canvas import actions as canvas_actions
from firebell.incidents.canvas.texts import CanvasText
from firebell.kit.references import parse_ref
from firebell.kit.text import MAX_ID
from firebell.kit.web import api
from firebell.kit.web.api import ApiInput, ApiOutput, Text, problems
from firebell.kit.web.api.types import StrictInt

router = api.router("canvas")

CanvasName = Literal["conditions", "actions", "needs"]


class CanvasTextShown(ApiOutput):
    """One of the three texts, with who wrote it and when."""

    name: CanvasName
    text: str
    version: Annotated[int, Field(description="a change states it; 0 if no one has written the text")]
    author: str
    at: datetime | None


class NewCanvasText(ApiInput):
    """A new text, and the version that it is based on."""

    text: Annotated[
        Text, Field(max_length=canvas_actions.TEXT_MAX_CHARS, examples=["11% of card payments fail"])
    ]
    version: Annotated[StrictInt, Field(ge=0, le=MAX_ID)]


def _shown(text: CanvasText) -> CanvasTextShown:
    return CanvasTextShown.model_validate(
        {"name": text.name, "text": text.text, "version": text.version, "author": text.author, "at": text.at}
    )


@router.get(
    "/incidents/{ref}/canvas",
    summary="List conditions, actions and needs with their authors",
    responses=problems(404),
)
async def list_canvas(w: Reader, ref: Text) -> list[CanvasTextShown]:
    texts = await canvas_actions.canvas_texts(w.tx, parse_ref("INC", ref))
    return [_shown(text) for text in texts.values()]


@router.put(
    "/incidents/{ref}/canvas/{name}",
    summary="Update one of conditions, actions and needs; 409 if it changed since `version`",
    responses=problems(404, 409),
)
async def set_canvas_text(w: Responder, ref: Text, name: CanvasName, body: NewCanvasText) -> CanvasTextShown:
    incident_id = parse_ref("INC", ref)
    return _shown(
        await canvas_actions.set_canvas_text(w.tx, w.actor, incident_id, name, body.text, body.version, w.now)
    )
