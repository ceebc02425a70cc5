"""The search screen, which works without JavaScript."""

from fastapi import Request, Response

from firebell.kit.errors import Unavailable
from firebell.kit.search_terms import parse
from firebell.kit.web import html, routing
from firebell.people import authentication, route_access
from firebell.people.permissions import Verb
from firebell.search import run_search
from firebell.search.model import GroupName, Results

router = routing.html_router()


@router.get("/search", dependencies=route_access.needs(Verb.SEARCH_READ))
async def search(request: Request, q: str = "", group: str = "") -> Response:
    me, ctx = await authentication.signed_in(request), html.ctx(request)
    name = GroupName(group) if group in set(GroupName) else None
    limit = run_search.SINGLE_GROUP_HITS if name else run_search.HITS_PER_GROUP
    error: Unavailable | None = None
    try:
        results = await run_search.search(ctx, authentication.rights_of(me), q, group=name, limit=limit)
    except Unavailable as failure:
        results, error = Results(parse(q), None, ()), failure
    context = {
        "results": results,
        "searched": run_search.is_searched(results.terms),
        "group": name,
        "error": error,
        "address": html.address,
    }
    return await html.render(request, "search/search.html", context)
