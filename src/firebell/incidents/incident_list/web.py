"""The list of incidents with its tabs, filters, numbers and orders."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from fastapi import Response

from firebell.catalog import actions as catalog
from firebell.incidents import actions
from firebell.incidents.custom_fields import actions as field_actions
from firebell.incidents.custom_fields.field_kinds import CustomField
from firebell.incidents.incident_list import filtering, list_numbers_store
from firebell.incidents.incident_list import store as list_store
from firebell.incidents.incident_list.filtering import IncidentQuery
from firebell.incidents.incident_list.list_numbers import Counts, month_starts
from firebell.incidents.model import OPEN, TYPE_NAMES, Incident, IncidentFilter, Sort
from firebell.incidents.queries import checked, summaries
from firebell.kit.db.database import Tx
from firebell.kit.errors import Invalid
from firebell.kit.slice import IncidentChecks, IncidentPart
from firebell.kit.text import to_id
from firebell.kit.web import html, routing
from firebell.people import actions as people
from firebell.people import route_access
from firebell.people.model import Person
from firebell.people.permissions import Verb
from firebell.people.unit_of_work import CurrentVisit
from firebell.saved_views import queries as saved_views
from firebell.saved_views.model import ListName

router = routing.html_router()

INCIDENTS_PER_PAGE = 50
SERVICES_SUGGESTED = 200
"""Number of services that the filter suggests."""
TABS = {
    "open": "Open",
    "postmortem": "Post-mortem due",
    "closed": "Closed",
    "all": "All",
    "drill": "Drills",
}
PARTS_OF_ALL = ("open", "postmortem", "closed")
"""The tabs whose incidents are all in the tab All."""
_OLD_TABS = {"ongoing": "open"}
"""Names of tabs in addresses that people may have bookmarked."""


@dataclass(frozen=True, slots=True)
class Option:
    """An option of a filter: its label, the address that chooses it, and how many incidents it leads to."""

    label: str
    href: str
    incidents: int
    chosen: bool


@dataclass(frozen=True, slots=True)
class Address:
    """The state, order and filters of a list, as parts of addresses."""

    tab: str
    sort: Sort
    filters: Mapping[str, str]

    @property
    def chosen_sort(self) -> str:
        """The order if it was chosen, blank if it is that of the tab."""
        return "" if self.sort is default_sort(self.tab) else self.sort

    def url(self, path: str = "/incidents", **changes: Any) -> str:
        """Return the address with changed parameters; blank ones, and the order of the tab, are left out."""
        parameters = {"state": self.tab, "sort": self.chosen_sort, **self.filters, **changes}
        if parameters["sort"] == default_sort(parameters["state"]):
            parameters["sort"] = ""
        return html.address(path, **parameters)


@dataclass(frozen=True, slots=True)
class Listed:
    """Part of a list, and whether there are incidents before and after it."""

    incidents: Sequence[Incident] = ()
    newer: bool = False
    older: bool = False


def tab_of(state: str) -> str:
    """Return the tab of a parameter, the open incidents for an unknown one."""
    return state if state in TABS else _OLD_TABS.get(state, "open")


def default_sort(tab: str) -> Sort:
    """Return the order of a tab: what is open by severity, so that no small incident hides a large one."""
    return Sort.SEVEREST if tab == "open" else Sort.NEWEST


def sort_of(text: str, tab: str) -> Sort:
    """Return the order of a parameter, that of the tab for an unknown one."""
    return Sort(text) if text in list(Sort) else default_sort(tab)


async def _open_problems(
    tx: Tx, shown: Sequence[Incident], added: Sequence[IncidentChecks], now: datetime
) -> Mapping[int, int]:
    """Return the number of open errors and warnings of those open incidents that have any."""
    listed = [incident for incident in shown if incident.phase in OPEN]
    results = await checked(tx, listed, added, now) if listed else {}
    return {i: result.problems for i, result in results.items() if result.problems}


@router.get("/incidents", dependencies=route_access.needs(Verb.INCIDENT_READ))
async def incidents(
    visit: CurrentVisit,
    state: str = "open",
    q: str = "",
    service: str = "",
    commander: str = "",
    month: str = "",
    type: str = "",  # noqa: A002 - the name of the parameter
    field: str = "",
    sort: str = "",
    before: str = "",
    after: str = "",
    first: str = "",
) -> Response:
    chosen = visit.request.query_params.getlist("severity")
    query = IncidentQuery(q, ",".join(chosen), service, commander, month, type, field)
    tab = tab_of(state)
    address = Address(tab, sort_of(sort, tab), query.filters())
    if len(chosen) > 1 or any(value == "" for value in visit.request.query_params.values()):
        # a form sends blank fields too; the address keeps only what restricts the list
        return html.redirect(address.url(before=before, after=after))
    wanted, error = await _resolved(visit.tx, query, visit.person)
    listed = Listed()
    if wanted is not None:
        wanted = await list_store.searched_once(visit.tx, wanted)
        listed = await _part(visit.tx, in_tab(tab, wanted), address.sort, to_id(before), to_id(after))
        if (before or after) and not (listed.incidents and listed.newer):
            return html.redirect(address.url())
    parts: Sequence[IncidentPart] = visit.request.app.state.incident_parts
    checks: Sequence[IncidentChecks] = visit.request.app.state.incident_checks
    shown = listed.incidents
    problems = await _open_problems(visit.tx, shown, checks, visit.now)
    rows = [
        (part.row_template, await part.load_rows(visit.tx, shown, visit.now))
        for part in parts
        if part.load_rows
    ]
    context: dict[str, Any] = {
        "nav": "incidents",
        "live": "incidents",
        "incidents": await summaries(visit.tx, shown),
        "postmortems": await list_store.postmortems(visit.tx, [i.id for i in shown]),
        "parts": [("incidents/checks_row.html", problems), *rows],
        "required": actions.postmortem_required,
        "open_phases": OPEN,
        "address": address,
        "tab": tab,
        "tabs": TABS,
        "filters": address.filters,
        "error": error,
        "sort": address.sort,
        "saved": await saved_views.menu(
            visit.tx, ListName.INCIDENTS, address.url(), visit.person.id, is_valid=error is None
        ),
        "services": (await catalog.services(visit.tx))[:SERVICES_SUGGESTED],
        "types": TYPE_NAMES,
        "field_values": _suggested_values(await field_actions.fields(visit.tx)),
        **(await _counted(visit, address, wanted) if wanted else _NOTHING_COUNTED),
    }
    context |= _range(address, listed, to_id(first), context["total"])
    return await html.render(visit.request, "incidents/incidents.html", context)


def _suggested_values(fields: Sequence[CustomField]) -> list[tuple[str, str]]:
    """Return the (value, label) that the filter by a custom field suggests, one for each option of a choice."""
    return [
        (f"{field.slug}:{option}", f"{field.name} {option}".strip())
        for field in fields
        for option in field.options or ("",)
    ]


async def _part(
    tx: Tx, wanted: IncidentFilter, order: Sort, before_id: int | None, after_id: int | None
) -> Listed:
    more = await list_store.incidents(
        tx,
        wanted,
        order,
        limit=INCIDENTS_PER_PAGE + 1,
        place=after_id or before_id,
        newer=after_id is not None,
    )
    full = len(more) > INCIDENTS_PER_PAGE
    if after_id is not None:
        return Listed(more[-INCIDENTS_PER_PAGE:], newer=full, older=True)
    return Listed(more[:INCIDENTS_PER_PAGE], newer=before_id is not None, older=full)


def _range(address: Address, listed: Listed, first: int | None, total: str) -> dict[str, Any]:
    """Return the addresses of the parts before and after this one, and its place such as 1–50 of 50,000."""
    shown, start = listed.incidents, (first or 1) if listed.newer else 1
    # a shared address need not say where its part of the list begins
    known = bool(first) or not listed.newer
    newer = max(1, start - INCIDENTS_PER_PAGE) if known else ""
    older = start + len(shown) if known else ""
    place = f"{start:,}–{start + len(shown) - 1:,} of {total}" if known and shown else ""
    return {
        "place": place,
        "newer": address.url(after=shown[0].id, first=newer) if listed.newer else "",
        "older": address.url(before=shown[-1].id, first=older) if listed.older else "",
    }


_NOTHING_COUNTED: dict[str, Any] = {
    "totals": dict.fromkeys(TABS, ""),
    "total": "0",
    "numbers": None,
    "fewer": None,
    "severity_counts": {},
    "menus": {},
    "labels": {},
}


async def _counted(visit: CurrentVisit, address: Address, wanted: IncidentFilter) -> dict[str, Any]:
    """Return the counts of the tabs and filters, and the numbers of the list."""
    tx, state, zone = visit.tx, filtering.STATES[address.tab], ZoneInfo(visit.person.tz)
    present = visit.now.astimezone(zone).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    chosen_month = wanted.since.astimezone(zone) if wanted.since else None
    starts = month_starts(present, chosen_month)
    tab_filter = in_tab(address.tab, wanted)
    # words are searched for once: the options of a filter are those without its own choice
    ids = await list_numbers_store.newest_ids(tx, tab_filter, list_store.COUNTED + 1)
    shown, ids = len(ids), ids[: list_store.COUNTED]
    # more than are tallied are in this tab alone
    is_cut = shown > list_store.COUNTED and list_numbers_store.is_narrowed(wanted)
    tallies = None if is_cut else await list_numbers_store.tallies(tx, wanted, starts)
    severities: Mapping[int, int] = {}
    months: Sequence[tuple[datetime, int]] = ()
    if tallies is None:
        by_tab = await tab_counts(tx, wanted, address.tab, shown)
        before = None
    else:
        counts = Counts(tallies, starts, wanted.severities, chosen_month)
        by_tab = {name: counts.tab(filtering.STATES[name]) for name in TABS}
        severities, months = counts.severity(state), counts.months(state)
        before = counts.before(state)
    number = by_tab.get(address.tab, 0)
    of_services, of_commanders = ids, ids
    if tab_filter.service_id is not None:
        of_services = await list_numbers_store.newest_ids(tx, replace(tab_filter, service_id=None))
    if tab_filter.commander_id is not None:
        of_commanders = await list_numbers_store.newest_ids(tx, replace(tab_filter, commander_id=None))
    service_counts = await list_numbers_store.services(tx, of_services)
    commander_counts = await list_numbers_store.commanders(tx, of_commanders)
    services = await catalog.services_by_id(tx, list(service_counts))
    commanders = await people.people_by_id(tx, list(commander_counts))
    filters_now = address.filters
    return {
        "totals": {
            name: "" if not count else _total(count) if tallies is None else f"{count:,}"
            for name, count in by_tab.items()
        },
        "total": _total(number) if tallies is None else f"{number:,}",
        "numbers": await list_numbers_store.numbers(tx, ids, visit.now) if number else None,
        "fewer": None if before is None else (before - number, f"{_month_before(wanted.since, zone):%B}"),
        "severity_counts": severities,
        "menus": {
            "month": [
                _option(address, "month", f"{start:%Y-%m}", f"{start:%B %Y}", counted)
                for start, counted in months
            ],
            "service": [
                _option(address, "service", services[i].slug, services[i].name, counted)
                for i, counted in service_counts.items()
                if i in services
            ],
            "commander": [
                _option(address, "commander", str(i), commanders[i].name, counted)
                for i, counted in commander_counts.items()
                if i in commanders
            ],
        },
        "labels": {
            "severity": ", ".join(f"SEV{level}" for level in wanted.severities),
            "type": ", ".join(TYPE_NAMES[t] for t in wanted.types),
            "commander": await _commander_label(tx, filters_now.get("commander", "")),
            "month": f"{chosen_month:%B %Y}" if chosen_month else "",
        },
    }


async def tab_counts(tx: Tx, wanted: IncidentFilter, tab: str, shown: int) -> dict[str, int]:
    """Return how many incidents each tab has, at most `COUNTED` + 1; the one named has `shown`.

    To count all takes long if there are many, so they are not counted again if a part of them has that many.
    """
    others = {name: in_tab(name, wanted) for name in TABS if name not in (tab, "all")}
    by_tab = {**await list_store.counts(tx, others), tab: shown}
    if "all" not in by_tab:
        most = max(by_tab[name] for name in PARTS_OF_ALL)
        is_known = most > list_store.COUNTED
        by_tab |= {"all": most} if is_known else await list_store.counts(tx, {"all": in_tab("all", wanted)})
    return by_tab


def _month_before(since: datetime | None, zone: ZoneInfo) -> datetime:
    assert since is not None
    start = since.astimezone(zone)
    return start.replace(year=start.year - (start.month == 1), month=(start.month - 2) % 12 + 1)


def _option(address: Address, name: str, value: str, label: str, counted: int) -> Option:
    """Return an option that chooses a value, or that removes it if it is chosen."""
    chosen = address.filters.get(name) == value
    return Option(label, address.url(**{name: "" if chosen else value}), counted, chosen)


async def _commander_label(tx: Tx, value: str) -> str:
    """Return how the commander of the filter is shown: by name if an id was given."""
    person_id = to_id(value)
    if person_id is None:
        return value
    people_by_id = await people.people_by_id(tx, [person_id])
    return people_by_id[person_id].name if person_id in people_by_id else value


async def _resolved(tx: Tx, query: IncidentQuery, me: Person) -> tuple[IncidentFilter | None, Invalid | None]:
    try:
        return await filtering.resolve(tx, query, person_id=me.id, tz=me.tz), None
    except Invalid as error:
        return None, error


def in_tab(tab: str, wanted: IncidentFilter) -> IncidentFilter:
    """Return the filter restricted to the phases of the tab."""
    state = filtering.STATES[tab]
    return replace(wanted, phases=state.phases, drill=state.drill, postmortem_due=state.postmortem_due)


def _total(count: int) -> str:
    return f"{list_store.COUNTED:,}+" if count > list_store.COUNTED else f"{count or ''}"
