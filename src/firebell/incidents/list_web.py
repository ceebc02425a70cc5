"""The list of incidents with its tabs, filters and orders, and its export as CSV."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from fastapi import Response

from firebell.catalog import actions as catalog
from firebell.incidents import actions, filtering, list_store
from firebell.incidents.filtering import IncidentQuery
from firebell.incidents.model import IncidentFilter, PostmortemState, Sort
from firebell.incidents.queries import IncidentSummary, summaries
from firebell.kit.db.database import Tx
from firebell.kit.errors import Invalid
from firebell.kit.slice import IncidentPart
from firebell.kit.spreadsheet import to_csv
from firebell.kit.text import to_id
from firebell.kit.web import html, routing
from firebell.people import access
from firebell.people import actions as people
from firebell.people.model import Person
from firebell.people.permissions import Verb
from firebell.people.unit_of_work import CurrentVisit

router = routing.html_router()

INCIDENTS_PER_PAGE = 50
INCIDENTS_PER_EXPORT_BATCH = 500
SERVICES_SUGGESTED = 200
"""Number of services that the filter suggests."""
TABS = {
    "open": "Open",
    "postmortem": "Post-mortem due",
    "closed": "Closed",
    "all": "All",
    "drill": "Drills",
}
_OLD_TABS = {"ongoing": "open"}
"""Names of tabs in addresses that people may have bookmarked."""
CSV_HEAD = (
    *("incident", "title", "severity", "max_severity", "phase", "drill", "services", "commander"),
    *("declared_at", "resolved_at", "closed_at", "duration_minutes", "postmortem", "postmortem_due_at"),
)


@router.get("/incidents", dependencies=access.needs(Verb.INCIDENT_READ))
async def incidents(
    visit: CurrentVisit,
    state: str = "open",
    q: str = "",
    service: str = "",
    commander: str = "",
    month: str = "",
    sort: str = "",
    before: str = "",
    after: str = "",
) -> Response:
    tab = state if state in TABS else _OLD_TABS.get(state, "open")
    order = Sort.LONGEST if sort == Sort.LONGEST else Sort.NEWEST
    chosen = visit.request.query_params.getlist("severity")
    query = IncidentQuery(q, ",".join(chosen), service, commander, month)
    filters = query.filters()
    state_and_sort = {"state": tab, "sort": order if order is Sort.LONGEST else ""}
    if len(chosen) > 1 or any(value == "" for value in visit.request.query_params.values()):
        # a form sends blank fields too; the address keeps only what restricts the list
        return html.redirect(
            html.address("/incidents", **state_and_sort, **filters, before=before, after=after)
        )
    wanted, error = await _resolved(visit.tx, query, visit.person)
    before_id, after_id = to_id(before), to_id(after)
    listed, newer, older = [], False, False
    if wanted is not None:
        tab_filter = _in_tab(tab, wanted)
        more = await list_store.incidents(
            visit.tx,
            tab_filter,
            order,
            limit=INCIDENTS_PER_PAGE + 1,
            place=after_id or before_id,
            newer=after_id is not None,
        )
        full = len(more) > INCIDENTS_PER_PAGE
        listed = more[-INCIDENTS_PER_PAGE:] if after_id else more[:INCIDENTS_PER_PAGE]
        newer, older = (full, True) if after_id else (before_id is not None, full)
        if (before or after) and not (listed and newer):
            return html.redirect(html.address("/incidents", **state_and_sort, **filters))
    tabs = {name: _in_tab(name, wanted) for name in TABS} if wanted else {}
    counts = await list_store.counts(visit.tx, tabs) if tabs else {}
    commanders = await _commanders(visit.tx)
    parts: Sequence[IncidentPart] = visit.request.app.state.incident_parts
    context: dict[str, Any] = {
        "incidents": await summaries(visit.tx, listed),
        "postmortems": await list_store.postmortems(visit.tx, [i.id for i in listed]),
        "services": (await catalog.services(visit.tx))[:SERVICES_SUGGESTED],
        "commanders": commanders,
        "parts": [(part.row_template, await part.load_rows(visit.tx, listed, visit.now)) for part in parts],
    }
    context |= {
        "nav": "incidents",
        "live": "incidents",
        "tab": tab,
        "tabs": TABS,
        "totals": {name: _total(counts.get(name, 0)) for name in TABS},
        "filters": filters,
        "error": error,
        "sort": order,
        "sorts": {
            name: html.address("/incidents", state=tab, sort=name if name is Sort.LONGEST else "", **filters)
            for name in Sort
        },
        "without": _without(state_and_sort, filters, commanders),
        "export": html.address("/incidents.csv", **state_and_sort, **filters),
        "required": actions.postmortem_required,
        "newer": html.address("/incidents", **state_and_sort, **filters, after=listed[0].id) if newer else "",
        "older": html.address("/incidents", **state_and_sort, **filters, before=listed[-1].id)
        if older
        else "",
    }
    return await html.render(visit.request, "incidents/incidents.html", context)


async def _resolved(tx: Tx, query: IncidentQuery, me: Person) -> tuple[IncidentFilter | None, Invalid | None]:
    try:
        return await filtering.resolve(tx, query, person_id=me.id, tz=me.tz), None
    except Invalid as error:
        return None, error


def _in_tab(tab: str, wanted: IncidentFilter) -> IncidentFilter:
    """Return the filter restricted to the phases of the tab."""
    state = filtering.STATES[tab]
    return replace(wanted, phases=state.phases, drill=state.drill, postmortem_due=state.postmortem_due)


def _total(count: int) -> str:
    return f"{list_store.COUNTED:,}+" if count > list_store.COUNTED else f"{count or ''}"


async def _commanders(tx: Tx) -> list[tuple[str, str]]:
    commanders = await people.people_by_id(tx, await list_store.commander_ids(tx))
    return sorted(((str(p.id), p.name) for p in commanders.values()), key=lambda option: option[1].casefold())


def _without(
    state_and_sort: Mapping[str, str], filters: Mapping[str, str], commanders: list[tuple[str, str]]
) -> list[tuple[str, str, str]]:
    """Return (label, value, address without it) of each active filter except the search."""
    labels = {"severity": "Severity", "service": "Service", "commander": "Commander", "month": "Month"}
    names = dict(commanders)
    return [
        (
            label,
            names.get(filters[name], filters[name]) if name == "commander" else filters[name],
            html.address("/incidents", **{**state_and_sort, **filters, name: ""}),
        )
        for name, label in labels.items()
        if name in filters
    ]


@router.get("/incidents.csv", dependencies=access.needs(Verb.INCIDENT_READ))
async def export(
    visit: CurrentVisit,
    state: str = "open",
    q: str = "",
    severity: str = "",
    service: str = "",
    commander: str = "",
    month: str = "",
    sort: str = "",
) -> Response:
    """Export all incidents of the list with the same parameters, in its order."""
    tab = state if state in TABS else _OLD_TABS.get(state, "open")
    order = Sort.LONGEST if sort == Sort.LONGEST else Sort.NEWEST
    query = IncidentQuery(q, severity, service, commander, month)
    rows: list[tuple[object, ...]] = [CSV_HEAD]
    wanted = _in_tab(
        tab, await filtering.resolve(visit.tx, query, person_id=visit.person.id, tz=visit.person.tz)
    )
    place: int | None = None
    while True:
        listed = await list_store.incidents(
            visit.tx, wanted, order, limit=INCIDENTS_PER_EXPORT_BATCH, place=place
        )
        documents = await list_store.postmortems(visit.tx, [i.id for i in listed])
        rows += [_row(s, documents.get(s.incident.id), visit.now) for s in await summaries(visit.tx, listed)]
        if len(listed) < INCIDENTS_PER_EXPORT_BATCH:
            break
        place = listed[-1].id
    headers = {**html.HEADERS, "Content-Disposition": f'attachment; filename="incidents-{tab}.csv"'}
    return Response(to_csv(rows), headers=headers, media_type="text/csv")


def _instant(at: datetime | None) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}" if at else ""


def _row(summary: IncidentSummary, document: PostmortemState | None, now: datetime) -> tuple[Any, ...]:
    incident = summary.incident
    duration = (incident.closed_at or now) - incident.declared_at
    return (
        incident.ref,
        incident.title,
        f"SEV{incident.severity}",
        f"SEV{incident.max_severity}",
        incident.phase,
        "yes" if incident.drill else "no",
        ", ".join(service.slug for service in summary.services),
        summary.commander[0] if summary.commander else "",
        _instant(incident.declared_at),
        _instant(incident.resolved_at),
        _instant(incident.closed_at),
        int(duration.total_seconds()) // 60,
        document.state if document else "",
        _instant(document.due_at) if document else "",
    )
