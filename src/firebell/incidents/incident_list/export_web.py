"""The list of incidents as CSV, streamed in batches."""

from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime
from typing import Any

from fastapi import Request, Response
from fastapi.responses import StreamingResponse

from firebell.incidents.incident_list import filtering
from firebell.incidents.incident_list import store as list_store
from firebell.incidents.incident_list.filtering import IncidentQuery
from firebell.incidents.incident_list.web import in_tab, sort_of, tab_of
from firebell.incidents.model import IncidentFilter, IncidentRole, PostmortemState, Sort
from firebell.incidents.queries import IncidentSummary, summaries
from firebell.kit.context import Context
from firebell.kit.spreadsheet import to_csv
from firebell.kit.web import html, routing, transaction
from firebell.kit.web.file_names import disposition
from firebell.people import authentication, route_access
from firebell.people.permissions import Verb

router = routing.html_router()

INCIDENTS_PER_BATCH = 500
CSV_HEAD = (
    *("incident", "title", "severity", "max_severity", "phase", "drill", "services", "commander"),
    *("declared_at", "resolved_at", "closed_at", "duration_minutes", "postmortem", "postmortem_due_at"),
    *("summary", "conditions", "actions", "needs", "severity_confirmed", "impact_start", "detected_at"),
    *("mitigated_at", "impact_end", "impact_minutes", "reopened", "comms", "smes", "scribe", "responders"),
    *("last_update_at", "update_due_at", "pages"),
)


@router.get("/incidents.csv", dependencies=route_access.needs(Verb.INCIDENT_READ))
async def export(
    request: Request,
    state: str = "open",
    q: str = "",
    severity: str = "",
    service: str = "",
    commander: str = "",
    month: str = "",
    type: str = "",  # noqa: A002 - the name of the parameter
    field: str = "",
    sort: str = "",
) -> Response:
    """Export all incidents of the list with the same parameters, in its order."""
    me = await authentication.signed_in(request)
    query = IncidentQuery(q, severity, service, commander, month, type, field)
    async with transaction.opened(request) as (tx, now):
        wanted = await filtering.resolve(tx, query, person_id=me.id, tz=me.tz)
    tab = tab_of(state)
    headers = {**html.HEADERS, "Content-Disposition": disposition(f"incidents-{tab}.csv")}
    rows = _rows(html.ctx(request), in_tab(tab, wanted), sort_of(sort, tab), now)
    return StreamingResponse(rows, headers=headers, media_type="text/csv")


async def _rows(ctx: Context, wanted: IncidentFilter, order: Sort, now: datetime) -> AsyncIterator[str]:
    """Yield the file in batches; a client that reads slowly holds no transaction open."""
    yield to_csv([CSV_HEAD])
    place: int | None = None
    while True:
        async with ctx.db.tx() as tx:
            listed = await list_store.incidents(tx, wanted, order, limit=INCIDENTS_PER_BATCH, place=place)
            documents = await list_store.postmortems(tx, [i.id for i in listed])
            shown = await summaries(tx, listed)
        yield to_csv(_row(summary, documents.get(summary.incident.id), now) for summary in shown)
        if len(listed) < INCIDENTS_PER_BATCH:
            return
        place = listed[-1].id


def _instant(at: datetime | None) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}" if at else ""


def _minutes(start: datetime, end: datetime) -> int:
    return int((end - start).total_seconds()) // 60


def _names(people: Sequence[tuple[str, int]]) -> str:
    return ", ".join(name for name, _ in people)


def _row(summary: IncidentSummary, document: PostmortemState | None, now: datetime) -> tuple[Any, ...]:
    incident, holders = summary.incident, summary.holders
    impact_start = incident.impact_start or incident.detected_at
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
        _minutes(incident.declared_at, incident.closed_at or now),
        document.state if document else "",
        _instant(document.due_at) if document else "",
        incident.summary,
        incident.conditions,
        incident.actions,
        incident.needs,
        "no" if incident.provisional else "yes",
        _instant(incident.impact_start),
        _instant(incident.detected_at),
        _instant(incident.mitigated_at),
        _instant(incident.impact_end),
        _minutes(impact_start, incident.impact_end) if incident.impact_end else "",
        incident.reopen_count,
        _names(holders[IncidentRole.COMMS]),
        _names(holders[IncidentRole.SME]),
        _names(holders[IncidentRole.SCRIBE]),
        _names(holders[IncidentRole.RESPONDER]),
        _instant(incident.last_update_at),
        _instant(incident.update_due_at),
        ", ".join(f"PG-{page_id}" for page_id in summary.page_ids),
    )
