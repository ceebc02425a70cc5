"""The list of pages: tabs, filters, selection and bulk actions."""

from collections.abc import Mapping
from datetime import datetime

from fastapi import Request, Response

from firebell.catalog import actions as catalog
from firebell.kit.db.database import Tx
from firebell.kit.errors import Invalid, NotFound
from firebell.kit.localtime import format_short
from firebell.kit.references import parse_ref
from firebell.kit.text import to_number
from firebell.kit.web import flash, html, routing
from firebell.oncall.schedules import queries as oncall
from firebell.paging import bulk_actions, queries
from firebell.paging.model import OPEN, PageFilter, PageState
from firebell.paging.page_list import filtering
from firebell.paging.page_list import pagination as list_pagination
from firebell.paging.page_list import store as list_store
from firebell.paging.page_list.filtering import PageQuery
from firebell.paging.web import page_detail
from firebell.people import actions as people
from firebell.people import authentication, route_access
from firebell.people.model import Person
from firebell.people.permissions import Verb
from firebell.people.unit_of_work import CurrentVisit
from firebell.saved_views import queries as saved_views
from firebell.saved_views.model import ListName

router = routing.html_router()

PAGES_SHOWN = 100
"""Number of pages that the inbox shows at once."""
SUGGESTED_SERVICES = 200
"""Number of services that the filter suggests."""
TABS = {
    "open": ("Open", tuple(OPEN)),
    "waiting": ("Needs response", (PageState.TRIGGERED, PageState.EXHAUSTED)),
    "acked": ("Acknowledged", (PageState.ACKED,)),
    "snoozed": ("Snoozed", (PageState.SNOOZED,)),
    "resolved": ("Resolved", (PageState.RESOLVED,)),
}
WHOSE_LABELS = {"me": "Mine", "my-teams": "My teams", "all": "All"}


@router.get("/pages", dependencies=route_access.needs(Verb.PAGE_READ))
async def inbox(
    visit: CurrentVisit,
    state: str = "open",
    q: str = "",
    service: str = "",
    team: str = "",
    whose: str = "",
    urgency: str = "",
    since: str = "",
    until: str = "",
    show: str = "",
    select: str = "",
    before: str = "",
    after: str = "",
) -> Response:
    tab = state if state in TABS else "open"
    query = PageQuery(q, service, team, whose, urgency, since, until)
    filters = query.filters()
    start = html.address("/pages", state=tab, **filters)
    if any(value == "" for value in visit.request.query_params.values()):
        # a form sends its blank fields too; a URL has only what restricts the list
        position = {"show": show, "select": select, "before": before, "after": after}
        return html.redirect(html.address("/pages", state=tab, **filters, **position))
    page_filter, error = await _resolved(visit.tx, query, visit.person)
    listing = (
        await _listing(visit.tx, TABS[tab][1], page_filter, before, after, visit.now)
        if page_filter
        else _NOTHING
    )
    if listing is None:
        return html.redirect(start)
    pages = await queries.page_details(visit.tx, listing.pages, visit.now)
    detail = None
    if listing.pages:
        ref = parse_ref("PG", show) if show else listing.pages[0].id
        detail = await page_detail(visit.tx, ref, visit.ctx.public_url, visit.now)
    counts = await list_store.counts(visit.tx, page_filter) if page_filter else {}
    rest = (
        await _rest(visit.tx, TABS[tab][1], page_filter, listing) if select == "all" and page_filter else None
    )
    shifts = [] if listing.pages else await oncall.shifts_of(visit.tx, visit.person.id, visit.now)
    context = {
        "services": (await catalog.services(visit.tx))[:SUGGESTED_SERVICES],
        "team_options": [("", "Any"), *((team.slug, team.name) for team in await people.teams(visit.tx))],
    }
    here = {"before": before, "after": after, "show": detail["v"].page.ref if detail else ""}
    context |= {
        "nav": "pages",
        "live": "pages" + (f",pg-{detail['v'].page.id}" if detail else ""),
        "tab": tab,
        "tabs": TABS,
        "totals": {name: _total(counts, states) for name, (_, states) in TABS.items()},
        "filters": filters,
        "error": error,
        "here": html.address("/pages", state=tab, **filters, **here),
        "select_all": html.address("/pages", state=tab, **filters, before=before, after=after, select="all"),
        "without": _without(tab, filters),
        "whose": {
            name: (
                label,
                html.address("/pages", state=tab, **{**filters, "whose": "" if name == "all" else name}),
            )
            for name, label in WHOSE_LABELS.items()
        },
        "newer": html.address("/pages", state=tab, **filters, after=listing.newer) if listing.newer else "",
        "older": html.address("/pages", state=tab, **filters, before=listing.older) if listing.older else "",
        "views": pages,
        "saved": await saved_views.menu(
            visit.tx,
            ListName.PAGES,
            start,
            visit.person.id,
            is_valid=error is None,
        ),
        "rest": rest,
        "chosen": detail,
        "next_shift": _next_shift(shifts, visit.person.tz, visit.now),
    }
    return await html.render(visit.request, "paging/inbox.html", context, kept_offline=not error)


_NOTHING = list_pagination.Listing([], None, None)


async def _resolved(tx: Tx, query: PageQuery, me: Person) -> tuple[PageFilter | None, Invalid | None]:
    try:
        return await filtering.resolve(tx, query, person_id=me.id, tz=me.tz), None
    except Invalid as error:
        return None, error


def _total(counts: Mapping[str, int], states: tuple[PageState, ...]) -> str:
    """Return the number of pages of a tab, "1,000+" if a state has more than are counted."""
    total = sum(counts.get(state, 0) for state in states)
    return f"{list_store.COUNTED:,}+" if total > list_store.COUNTED else f"{total or ''}"


def _without(tab: str, filters: Mapping[str, str]) -> list[tuple[str, str, str]]:
    """Return (label, value, URL without it) of each filter that is set, except the search and `whose`."""
    labels = {"service": "Service", "team": "Team", "urgency": "Urgency", "since": "From", "until": "To"}
    return [
        (label, filters[name], html.address("/pages", state=tab, **{**filters, name: ""}))
        for name, label in labels.items()
        if name in filters
    ]


async def _rest(
    tx: Tx, states: tuple[PageState, ...], page_filter: PageFilter, listing: list_pagination.Listing
) -> list[int]:
    """Return the ids of matching pages that are not shown, so that an action covers exactly what was counted."""
    shown = {page.id for page in listing.pages}
    ids = await list_store.matching_ids(tx, states, page_filter, bulk_actions.LIMIT)
    return [i for i in ids if i not in shown][: bulk_actions.LIMIT - len(shown)]


async def _listing(
    tx: Tx, states: tuple[PageState, ...], page_filter: PageFilter, before: str, after: str, now: datetime
) -> list_pagination.Listing | None:
    """Return the part of the list that a URL names; None if it is empty or reaches the start."""
    place = list_pagination.parse(after or before)
    if place is None:
        has_cursor = bool(after or before)
        return (
            None
            if has_cursor
            else await queries.list_pages(tx, states=states, wanted=page_filter, limit=PAGES_SHOWN, now=now)
        )
    try:
        listing = await queries.list_pages(
            tx, states=states, wanted=page_filter, place=place, newer=bool(after), limit=PAGES_SHOWN, now=now
        )
    except Invalid:
        return None
    return listing if listing.pages and (listing.newer or not after) else None


def _next_shift(shifts: list[oncall.PersonShift], tz: str, now: datetime) -> str:
    if not shifts:
        return ""
    first = shifts[0]
    if first.start <= now and first.is_cut:
        return f"You are on call for {first.schedule.name}."
    if first.start <= now:
        return f"You are on call for {first.schedule.name} until {format_short(first.end, tz, now)}."
    return f"Your next shift is {first.schedule.name}, {format_short(first.start, tz, now)}."


@router.post("/pages/bulk", dependencies=route_access.needs(Verb.PAGE_RESPOND))
async def act_on_many(request: Request) -> Response:
    """Act on the checked rows and on those that "Select all" counted, but on no later page.

    Each batch of pages has a transaction of its own.
    """
    form, me = await route_access.form(request), await authentication.signed_in(request)
    try:
        action = bulk_actions.BulkAction(str(form.get("do", "")))
    except ValueError:
        raise NotFound("Unknown action.", hint="Acknowledge, snooze, or resolve pages.") from None
    refs = [str(ref) for ref in form.getlist("ref")] + str(form.get("rest", "")).split()
    if not refs:
        return flash.redirect(request, html.local(form, "/pages"), "Select pages first.")
    if len(refs) > bulk_actions.LIMIT:
        raise Invalid(
            f"You can change at most {bulk_actions.LIMIT:,} pages at once.",
            fields={"ref": "Select fewer pages."},
        )
    minutes = to_number(form.get("minutes", 30), "minutes", least=1, most=1440, unit="minutes")
    outcomes = await bulk_actions.act(
        html.ctx(request),
        authentication.actor_of(me),
        action,
        [parse_ref("PG", ref) for ref in refs],
        minutes,
    )
    return flash.redirect(request, html.local(form, "/pages"), bulk_actions.summary(action, outcomes))
