"""The on-call page: who is on call on every schedule."""

from fastapi import Response

from firebell.kit.text import to_id
from firebell.kit.web import html, routing
from firebell.oncall.checks.rules import CHECKS_HORIZON
from firebell.oncall.rota import timeline_grid
from firebell.oncall.schedules import queries, timeline_context
from firebell.oncall.swaps import queries as swap_queries
from firebell.oncall.swaps.web import askable
from firebell.people import route_access
from firebell.people.permissions import Verb
from firebell.people.unit_of_work import CurrentVisit

router = routing.html_router()

SCHEDULES_PER_PAGE = 25


@router.get("/oncall", dependencies=route_access.needs(Verb.SCHEDULE_READ))
async def oncall(visit: CurrentVisit) -> Response:
    options = timeline_context.TimelineView.of(visit.request, visit.person)
    shown_days = timeline_context.picture(options, visit.now)
    q, page = (
        visit.request.query_params.get("q", ""),
        max(1, to_id(visit.request.query_params.get("page")) or 1),
    )
    ids = await queries.ids_near(visit.tx, visit.person.id, visit.now, q)
    pages = max(1, -(-len(ids) // SCHEDULES_PER_PAGE))
    page = min(page, pages)
    since = min(shown_days.start - timeline_grid.SHIFT_END_SEARCH, visit.now)
    until = max(shown_days.end + timeline_grid.SHIFT_END_SEARCH, visit.now + CHECKS_HORIZON)
    page_ids = ids[(page - 1) * SCHEDULES_PER_PAGE : page * SCHEDULES_PER_PAGE]
    schedules_by_id = await queries.schedules_by_id(visit.tx, page_ids, since=since, until=until)
    # a single page is sorted by name, several begin with the schedules that concern the person
    order = [i for i in page_ids if i in schedules_by_id] if pages > 1 else list(schedules_by_id)
    cover_requests = askable(await swap_queries.covers(visit.tx, since=visit.now), visit.person)
    context = await timeline_context.context(
        visit.tx, [schedules_by_id[i] for i in order], cover_requests, visit.person, options, visit.now
    )
    more = {"one": None, "q": q, "page": page, "pages": pages}
    return await html.render(visit.request, "oncall/oncall.html", {**context, **more}, kept_offline=True)
