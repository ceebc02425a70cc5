"""The API of the post-mortems that are due, each with the guided step at which it stands."""

from datetime import datetime
from typing import Annotated

from fastapi import Query, Request, Response
from pydantic import Field

from firebell.incidents import actions as incidents
from firebell.kit.errors import Invalid
from firebell.kit.web import api
from firebell.kit.web.api import ApiOutput, Limit, Text, link_next, problems
from firebell.people.permissions import Verb
from firebell.people.unit_of_work import Work, work
from firebell.postmortems import list_position
from firebell.postmortems.guide.steps import StepId
from firebell.postmortems.list_position import PostmortemPosition
from firebell.postmortems.postmortem_list import store as list_store
from firebell.postmortems.progress import queries

router = api.router("post-mortems", "/post-mortems")


class CurrentStepShown(ApiOutput):
    """The first guided step that is not done, and what it needs first."""

    id: StepId
    label: Annotated[str, Field(examples=["Whys and actions"])]
    number: Annotated[int, Field(description="of the step, from 1")]
    total: int
    due_at: datetime
    missing: Annotated[str, Field(examples=["1 root has no action item"])]


class DuePostmortemShown(ApiOutput):
    """A post-mortem that is to be written."""

    ref: Annotated[str, Field(examples=["INC-198"])]
    kind: str
    title: str
    severity: Annotated[str, Field(examples=["SEV1"])]
    due_at: datetime
    author_id: int | None
    step: Annotated[CurrentStepShown | None, Field(description="null if its text takes too long to read")]


@router.get(
    "/due",
    summary="List the post-mortems to write, earliest due first, with the guided step of each",
    responses=problems(422),
)
async def list_due_postmortems(
    w: Annotated[Work, work(Verb.POSTMORTEM_READ)],
    request: Request,
    response: Response,
    limit: Limit = 50,
    before: Annotated[
        Text, Query(description="the cursor of the next page, from the Link header", max_length=40)
    ] = "",
) -> list[DuePostmortemShown]:
    place = list_position.parse(before)
    if before and place is None:
        raise Invalid("That is not a cursor.", fields={"before": "Use the address in the Link header."})
    listed = await list_store.listed(w.tx, "due", place, limit, await incidents.hidden_ids(w.tx))
    if len(listed) == limit:
        link_next(request, response, PostmortemPosition(listed[-1].due_at, listed[-1].id), limit)
    steps = await queries.current_steps(w.tx, [one.id for one in listed])
    return [
        DuePostmortemShown(
            ref=one.ref,
            kind=one.kind,
            title=one.title,
            severity=f"SEV{one.severity}",
            due_at=one.due_at,
            author_id=one.author_id,
            step=CurrentStepShown.model_validate(steps[one.id]) if one.id in steps else None,
        )
        for one in listed
    ]
