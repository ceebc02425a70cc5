"""The page on which people relabel the past of a status page, and accept what others want to relabel."""

from collections.abc import Mapping

from fastapi import Response

from firebell.kit.errors import FirebellError, Invalid
from firebell.kit.localtime import to_instant
from firebell.kit.text import to_id, to_required, to_wall
from firebell.kit.web import flash, html, routing
from firebell.people import route_access
from firebell.people.permissions import Verb
from firebell.people.unit_of_work import CurrentVisit
from firebell.status_pages import actions as page_actions
from firebell.status_pages import relabeling_store, store
from firebell.status_pages.maintenance_windows import texts
from firebell.status_pages.model import STATUS_LABELS, ComponentStatus
from firebell.status_pages.past_status import actions
from firebell.status_pages.relabeling_model import RELABELING_STATE_LABELS, RelabelingRequest, RelabelingState

router = routing.html_router()

MAX_LISTED = 100
_BASE = "/status-pages/{slug}/relabelings"
_ONE = f"{_BASE}/{{relabeling_id}}"


async def _show(
    visit: CurrentVisit, slug: str, values: Mapping[str, str], error: FirebellError | None = None
) -> Response:
    page = await page_actions.status_page(visit.tx, slug)
    listed = await relabeling_store.latest(visit.tx, page.id, MAX_LISTED)
    context = {
        "nav": "status-pages",
        "live": page_actions.topic(page),
        "page": page,
        "components": [(c.id, c.name) for c in await store.components(visit.tx, page.id)],
        "statuses": [(status.code, STATUS_LABELS[status]) for status in ComponentStatus],
        "waiting": [one for one in listed if one.state is RelabelingState.WAITING],
        "answered": [one for one in listed if one.state is not RelabelingState.WAITING],
        "interval_text": lambda one: texts.window_text(one.interval, page.tz),
        "status_labels": STATUS_LABELS,
        "state_labels": RELABELING_STATE_LABELS,
        "own_id": visit.actor.person_id,
        "values": values,
        "error": error,
    }
    return await html.render(visit.request, "status_pages/relabelings.html", context)


@router.get(_BASE, dependencies=route_access.needs(Verb.STATUS_PAGE_READ))
async def list_relabelings(visit: CurrentVisit, slug: str) -> Response:
    return await _show(visit, slug, {})


@router.post(_BASE, dependencies=route_access.needs(Verb.STATUS_PAGE_WRITE))
async def request_relabeling(visit: CurrentVisit, slug: str) -> Response:
    page = await page_actions.status_page(visit.tx, slug)
    try:
        try:
            status = ComponentStatus.of(visit.text("status"))
        except ValueError as unknown:
            raise Invalid(f"{unknown}.", fields={"status": "Choose from the list."}) from None
        request = RelabelingRequest(
            to_required(visit.text("component"), "component"),
            to_instant(to_wall(visit.text("start"), "start"), page.tz),
            to_instant(to_wall(visit.text("end"), "end"), page.tz),
            status,
            visit.text("reason"),
        )
        async with visit.tx.savepoint():
            one = await actions.request_relabeling(visit.tx, visit.actor, page.id, request, visit.now)
    except FirebellError as error:
        return await _show(visit, slug, visit.values, error)
    done = "Relabeled." if one.state is RelabelingState.ACCEPTED else "Someone else must accept it now."
    return flash.redirect(visit.request, f"/status-pages/{slug}/relabelings", done)


@router.post(f"{_ONE}/accept", dependencies=route_access.needs(Verb.STATUS_PAGE_WRITE))
async def accept_relabeling(visit: CurrentVisit, slug: str, relabeling_id: str) -> Response:
    page = await page_actions.status_page(visit.tx, slug)
    await actions.accept_relabeling(visit.tx, visit.actor, page.id, to_id(relabeling_id) or 0, visit.now)
    return flash.redirect(visit.request, f"/status-pages/{slug}/relabelings", "Relabeling accepted.")


@router.post(f"{_ONE}/decline", dependencies=route_access.needs(Verb.STATUS_PAGE_WRITE))
async def decline_relabeling(visit: CurrentVisit, slug: str, relabeling_id: str) -> Response:
    page = await page_actions.status_page(visit.tx, slug)
    one = await actions.decline_relabeling(
        visit.tx, visit.actor, page.id, to_id(relabeling_id) or 0, visit.now
    )
    done = "Relabeling withdrawn." if one.state is RelabelingState.WITHDRAWN else "Relabeling declined."
    return flash.redirect(visit.request, f"/status-pages/{slug}/relabelings", done)
