"""The API of messages about an incident."""

from typing import Annotated

from fastapi import Query

from firebell.incidents import actions
from firebell.incidents.messages.queries import messages
from firebell.kit.references import parse_ref
from firebell.kit.web import api
from firebell.kit.web.api import ApiOutput, Text, TimeZone, problems
from firebell.people.permissions import Verb
from firebell.people.unit_of_work import Work, work

router = api.router("incidents")

Reader = Annotated[Work, work(Verb.INCIDENT_READ)]


class MessageShown(ApiOutput):
    """A message with its placeholders filled; `missing` names those that a person must fill."""

    id: str
    title: str
    note: str
    group: str
    fits: bool
    text: str
    missing: list[str]


@router.get(
    "/incidents/{ref}/messages",
    summary="List messages about an incident, suggested ones first",
    responses=problems(404),
)
async def list_messages(
    w: Reader,
    ref: Text,
    tz: Annotated[TimeZone, Query(description="time zone of the times")] = "UTC",
) -> list[MessageShown]:
    incident = await actions.incident(w.tx, parse_ref("INC", ref))
    all_messages = await messages(w.tx, incident, w.ctx.public_url, tz, w.now)
    return [
        MessageShown(
            id=m.template.id,
            title=m.template.title,
            note=m.template.note,
            group=m.template.group,
            fits=m.fits,
            text=m.text,
            missing=m.missing,
        )
        for m in all_messages
    ]
