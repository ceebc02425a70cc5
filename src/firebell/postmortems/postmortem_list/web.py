"""The page of all post-mortems: what is due, in review and published, near misses, and their search."""

from collections.abc import Mapping
from typing import Any

from fastapi import Response

from firebell.catalog import actions as catalog
from firebell.incidents import actions as incidents
from firebell.kit.errors import FirebellError
from firebell.kit.spreadsheet import to_csv
from firebell.kit.text import to_id
from firebell.kit.web import html, routing
from firebell.people import actions as people
from firebell.people import route_access
from firebell.people.permissions import Verb
from firebell.people.unit_of_work import CurrentVisit, Visit
from firebell.postmortems import list_position
from firebell.postmortems.document.factors import FACTORS, label
from firebell.postmortems.list_position import PostmortemPosition
from firebell.postmortems.postmortem_list import queries
from firebell.postmortems.postmortem_list.list_query import PAGE_SIZE, RANKED_MAX, STATES, PostmortemQuery
from firebell.postmortems.postmortem_list.store import ListedDocument
from firebell.postmortems.progress import queries as progress_queries
from firebell.postmortems.similar import queries as similar_queries

router = routing.html_router()

LISTED = 50
TABS: Mapping[str, str] = {
    "due": "Due",
    "review": "In review",
    "published": "Published",
    "near-misses": "Near misses",
}
CSV_HEAD = (
    *("ref", "kind", "title", "severity", "state", "happened_at", "due_at", "published_at", "impact_minutes"),
    *("factors", "open_action_items", "places"),
)
YEARS_SHOWN = 6
"""Number of years that the filter offers."""
FACTOR_NAMES = {code: f"{code.partition('.')[0].capitalize()}: {name}" for code, name in FACTORS.items()}


def _position(tab: str, one: ListedDocument) -> PostmortemPosition:
    """Return the position after a document of a list."""
    if tab == "near-misses":
        return PostmortemPosition(one.happened_at, one.near_miss or 0)
    at = one.published_at if tab == "published" and one.published_at else one.due_at
    return PostmortemPosition(at, one.id)


@router.get("/post-mortems", dependencies=route_access.needs(Verb.POSTMORTEM_READ))
async def postmortems(
    visit: CurrentVisit,
    tab: str = "due",
    before: str = "",
    q: str = "",
    service: str = "",
    team: str = "",
    severity: str = "",
    factor: str = "",
    state: str = "",
    year: str = "",
    after: str = "",
) -> Response:
    tab = tab if tab in TABS else "due"
    place = list_position.parse(before)
    if before and place is None:
        return html.redirect("/post-mortems")
    query = PostmortemQuery(q, service, team, severity, factor, state, year)
    return await _page(visit, tab, place, query, min(to_id(after) or 0, RANKED_MAX))


async def _page(
    visit: Visit, tab: str, place: PostmortemPosition | None, query: PostmortemQuery, after: int
) -> Response:
    tx = visit.tx
    matches, error = None, None
    if query.shown:
        try:
            matches = await queries.search(tx, await queries.resolve(tx, query, after))
        except FirebellError as refused:
            error = refused
    lists = await queries.postmortem_lists(tx, tab, place, LISTED + 1, visit.now)
    shown = lists.documents[:LISTED]
    authors = await people.people_by_id(tx, list({one.author_id for one in shown if one.author_id}))
    first_due = next((one.incident_id for one in shown if tab == "due" and one.incident_id), None)
    alike_to = await incidents.incident(tx, first_due) if first_due else None
    services = {one.slug: one.name for one in await catalog.services(tx, with_deleted=True)}
    teams = {one.slug: one.name for one in await people.teams(tx)}
    following = matches.following if matches else None
    context: dict[str, Any] = {
        "nav": "postmortems",
        "live": "incidents,near-misses",
        "tab": tab,
        "tabs": TABS,
        "tally": lists.tally,
        "documents": shown,
        "authors": authors,
        "steps": await progress_queries.current_steps(tx, [one.id for one in shown]) if tab == "due" else {},
        "older": html.address("/post-mortems", tab=tab, before=_position(tab, shown[-1]))
        if len(lists.documents) > LISTED
        else "",
        "query": query,
        "matches": matches,
        "error": error,
        "more": query.url(tab=tab, after=following) if following else "",
        "page_size": PAGE_SIZE,
        "factor_label": label,
        "pills": {
            "service": ("Service", services),
            "team": ("Team", teams),
            "severity": ("Severity", {str(n): f"SEV{n}" for n in range(4)}),
            "factor": ("Factor", FACTOR_NAMES),
            "state": ("State", {each: each.capitalize() for each in STATES}),
            "year": ("Year", {str(visit.now.year - n): str(visit.now.year - n) for n in range(YEARS_SHOWN)}),
        },
        "alike_to": alike_to,
        "alike": await similar_queries.similar(tx, alike_to) if alike_to else None,
        "on_time": lists.on_time,
    }
    return await html.render(visit.request, "postmortems/postmortems.html", context)


@router.get("/post-mortems.csv", dependencies=route_access.needs(Verb.POSTMORTEM_READ))
async def export(
    visit: CurrentVisit,
    q: str = "",
    service: str = "",
    team: str = "",
    severity: str = "",
    factor: str = "",
    state: str = "",
    year: str = "",
) -> Response:
    """Export the documents of a search, the best 1,000."""
    query = PostmortemQuery(q, service, team, severity, factor, state, year)
    rows = [
        (
            *(one.document.ref, one.document.kind, one.document.title, f"SEV{one.document.severity}"),
            *(one.document.state, one.document.happened_at.isoformat(), one.document.due_at.isoformat()),
            one.document.published_at.isoformat() if one.document.published_at else "",
            "" if one.minutes is None else one.minutes,
            *(" ".join(one.document.factors), one.open_items, ", ".join(one.places)),
        )
        for one in await queries.search_all(visit.tx, await queries.resolve(visit.tx, query))
    ]
    return html.download(to_csv([CSV_HEAD, *rows]).encode(), "post-mortems.csv")
