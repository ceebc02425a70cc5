"""Pages that people start by hand, over JSON."""

from typing import Annotated

from fastapi import Header
from pydantic import ConfigDict, Field

from firebell.kit import undo
from firebell.kit.references import parse_ref
from firebell.kit.web.api import (
    ApiInput,
    Id,
    Name,
    StrictBool,
    Text,
    UndoOffered,
    problems,
)
from firebell.kit.web.api import router as api_router
from firebell.paging import queries
from firebell.paging.api import PageShown, page_fields
from firebell.paging.manual_pages import actions as manual
from firebell.paging.manual_pages import page_tests
from firebell.paging.model import ManualTarget, ManualTargetKind
from firebell.people.permissions import Verb
from firebell.people.unit_of_work import Work, work

router = api_router("pages")


class ManualTargetInput(ApiInput):
    """A person, everyone in a team, the people on call for a schedule, or the levels of a policy."""

    kind: ManualTargetKind
    id: Id


class NewManualPage(ApiInput):
    """Someone to page now, and why; `confirm` is needed for more than five pages in ten minutes."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "target": {"kind": "schedule", "id": 1},
                    "text": "Need a database expert",
                    "incident": "INC-3",
                }
            ]
        }
    )

    target: ManualTargetInput
    text: Annotated[Text, Field(min_length=1, max_length=manual.TEXT_MAX_CHARS)]
    incident: Annotated[
        Name | None, Field(description="the incident that it is about", examples=["INC-3"])
    ] = None
    confirm: StrictBool = False


class ManualPageShown(PageShown):
    """The page, with the offer to resolve it as a mistake."""

    undo: UndoOffered | None


@router.post(
    "/pages",
    status_code=201,
    summary="Page a person, team, schedule or policy now",
    responses=problems(404, 409),
)
async def start_page(
    w: Annotated[Work, work(Verb.PAGE_START)],
    body: NewManualPage,
    idempotency_key: Annotated[
        Text,
        Header(
            max_length=manual.KEY_MAX_CHARS,
            description="a repeated request with the same key returns the page that the first one started",
        ),
    ] = "",
) -> ManualPageShown:
    page = await manual.request_manual_page(
        w.tx,
        w.actor,
        ManualTarget(body.target.kind, body.target.id),
        body.text,
        w.now,
        incident_id=parse_ref("INC", body.incident) if body.incident else None,
        key=idempotency_key,
        confirmed=body.confirm,
    )
    (details,) = await queries.page_details(w.tx, [page], w.now)
    offer = await undo.offer(w.tx, w.ctx.signer, w.actor, "page.manual", w.now, within=manual.UNDO_WITHIN)
    return ManualPageShown.model_validate(
        {**page_fields(details), "undo": UndoOffered.model_validate(offer) if offer else None}
    )


@router.post(
    "/pages/test",
    status_code=201,
    summary="Page yourself through your notification rules; it ends after 15 minutes",
    responses=problems(403),
)
async def start_test_page(w: Annotated[Work, work(Verb.PAGE_RESPOND)]) -> PageShown:
    page = await page_tests.start_test_page(w.tx, w.actor, w.now)
    (details,) = await queries.page_details(w.tx, [page], w.now)
    return PageShown.model_validate(page_fields(details))
