"""The API of relabelings: the past of a component, changed with a reason and a second person's yes."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field

from firebell.kit.web import api
from firebell.kit.web.api import ApiInput, ApiOutput, Id, Instant, PageParams, PathId, Text, problems
from firebell.people.permissions import Verb
from firebell.people.unit_of_work import Work, work
from firebell.status_pages import actions as page_actions
from firebell.status_pages import relabeling_store
from firebell.status_pages.model import ComponentStatus
from firebell.status_pages.past_status import actions
from firebell.status_pages.relabeling_model import Relabeling, RelabelingRequest, RelabelingState

router = api.router("status pages")

Reader = Annotated[Work, work(Verb.STATUS_PAGE_READ)]
Manager = Annotated[Work, work(Verb.STATUS_PAGE_WRITE)]
StatusCode = Literal[
    "operational", "under_maintenance", "degraded_performance", "partial_outage", "major_outage"
]


class RelabelingShown(ApiOutput):
    """A relabeling. Uptimes are shares of 90 days, null without data: as requested, and once in effect as of then."""

    id: int
    component_id: int
    component: str
    start: datetime
    end: datetime
    status: str
    reason: str
    uptime_before: float | None
    uptime_after: float | None
    state: RelabelingState
    requested_by: str
    requested_at: datetime
    answered_by: str
    answered_at: datetime | None


class NewRelabeling(ApiInput):
    """A component had `status` from `start` to `end`; readers of the page see the reason."""

    component_id: Id
    start: Instant
    end: Instant
    status: StatusCode
    reason: Annotated[Text, Field(examples=["The work had been announced by email, but not here."])]


def _shown(one: Relabeling) -> RelabelingShown:
    return RelabelingShown(
        id=one.id,
        component_id=one.component_id,
        component=one.component,
        start=one.start,
        end=one.end,
        status=one.status.code,
        reason=one.reason,
        uptime_before=_share(one.uptime_before),
        uptime_after=_share(one.uptime_after),
        state=one.state,
        requested_by=one.requested_label,
        requested_at=one.requested_at,
        answered_by=one.answered_label,
        answered_at=one.answered_at,
    )


def _share(hundredths: int | None) -> float | None:
    return None if hundredths is None else hundredths / 10_000


_BASE = "/status-pages/{slug}/relabelings"
_ONE = f"{_BASE}/{{relabeling_id}}"


@router.get(_BASE, summary="List relabelings, the last requested first", responses=problems(404))
async def list_relabelings(w: Reader, slug: Text, pagination: PageParams) -> list[RelabelingShown]:
    page = await page_actions.status_page(w.tx, slug)
    listed = await relabeling_store.latest(w.tx, page.id, pagination.limit, pagination.before)
    pagination.link([one.id for one in listed])
    return [_shown(one) for one in listed]


@router.post(
    _BASE,
    status_code=201,
    summary="Relabel the past of a component; what looks better then waits for a second person",
    responses=problems(404, 409),
)
async def request_relabeling(w: Manager, slug: Text, body: NewRelabeling) -> RelabelingShown:
    page = await page_actions.status_page(w.tx, slug)
    request = RelabelingRequest(
        body.component_id, body.start, body.end, ComponentStatus.of(body.status), body.reason
    )
    return _shown(await actions.request_relabeling(w.tx, w.actor, page.id, request, w.now))


@router.post(
    f"{_ONE}/accept", summary="Accept a relabeling that someone else requested", responses=problems(404, 409)
)
async def accept_relabeling(w: Manager, slug: Text, relabeling_id: PathId) -> RelabelingShown:
    page = await page_actions.status_page(w.tx, slug)
    return _shown(await actions.accept_relabeling(w.tx, w.actor, page.id, relabeling_id, w.now))


@router.post(
    f"{_ONE}/decline", summary="Decline a relabeling, or withdraw your own", responses=problems(404, 409)
)
async def decline_relabeling(w: Manager, slug: Text, relabeling_id: PathId) -> RelabelingShown:
    page = await page_actions.status_page(w.tx, slug)
    return _shown(await actions.decline_relabeling(w.tx, w.actor, page.id, relabeling_id, w.now))
