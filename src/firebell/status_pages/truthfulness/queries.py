"""Gathers what the truthfulness checks look at; the number of statements does not depend on that of incidents."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from firebell.catalog import actions as catalog
from firebell.incidents import actions as incidents
from firebell.incidents.model import Incident, TimelineEntry
from firebell.kit.db.database import Tx
from firebell.kit.findings import ProcessFinding
from firebell.status_pages import incident_store, stages, store
from firebell.status_pages.hosting import store as hosting_store
from firebell.status_pages.hosting.model import PageMirror
from firebell.status_pages.model import Component, PublicIncident, StatusPage
from firebell.status_pages.truthfulness import process_checks as truthfulness_checks
from firebell.status_pages.truthfulness.record import FiringAlert, PageRecord, TruthRecord

MAX_INCIDENTS = 500
"""The most public incidents that are looked at for one list."""

Moments = Mapping[tuple[int, datetime], tuple[str, str]]


async def load_findings(
    tx: Tx, listed: Sequence[Incident], timelines: Mapping[int, Sequence[TimelineEntry]], now: datetime
) -> Mapping[int, Sequence[ProcessFinding]]:
    """Return the findings about what status pages say of each incident; none without a status page."""
    pages = await store.pages(tx)
    real = [incident for incident in listed if not (incident.drill or incident.backfilled)]
    if not pages or not real:
        return {}
    ids = [incident.id for incident in real]
    start = min(incident.declared_at for incident in real)
    end = max(incident.closed_at or now for incident in real)
    public = await incident_store.overlapping(tx, ids, start, end, MAX_INCIDENTS)
    moments = [(i.incident_id, i.resolved_at) for _, i in public if i.incident_id in ids and i.resolved_at]
    wanted = [(i, at) for i, at in moments if i is not None]
    firing = await incidents.firing_at(tx, wanted) if wanted else {}
    reports = await incidents.reports_open_at(tx, wanted) if wanted else {}
    service_ids = await incidents.services(tx, ids)
    services = await catalog.services_by_id(tx, sorted({i for each in service_ids.values() for i in each}))
    components = await store.components_by_page(tx)
    mirrors: dict[int, list[PageMirror]] = {}
    for mirror in await hosting_store.mirrors(tx, [page.id for page in pages]):
        mirrors.setdefault(mirror.status_page_id, []).append(mirror)
    results = {}
    for incident in real:
        own = set(service_ids[incident.id])
        records = [
            record
            for page in pages
            for record in _page_records(
                incident,
                page,
                components.get(page.id, []),
                own,
                public,
                firing,
                reports,
                mirrors.get(page.id, ()),
            )
        ]
        shown = [each for each in records if each.published or not incident.is_private]
        mapped = {i for each in components.values() for component in each for i in component.service_ids}
        unmapped = [services[i].name for i in sorted(own - mapped) if i in services]
        record = TruthRecord(
            incident,
            timelines[incident.id],
            sorted(shown, key=lambda each: (each.published is None, not each.components)),
            [] if incident.is_private else unmapped,
        )
        results[incident.id] = truthfulness_checks.findings(record, now)
    return results


def _page_records(
    incident: Incident,
    page: StatusPage,
    components: Sequence[Component],
    service_ids: set[int],
    public: Sequence[tuple[int, PublicIncident]],
    firing: Moments,
    reports: Mapping[tuple[int, datetime], str],
    mirrors: Sequence[PageMirror],
) -> list[PageRecord]:
    """Return a record for each public incident of a page about the incident, or one without any."""
    of_page = [published for page_id, published in public if page_id == page.id]
    names = {each.id: each.name for each in components if service_ids & set(each.service_ids)}
    shown = stages.in_order(each for each in of_page if each.incident_id == incident.id)
    if not shown:
        return [PageRecord(page, names, None, of_page, mirrors=mirrors)]
    records = []
    for published in shown:
        resolved = (incident.id, published.resolved_at) if published.resolved_at else None
        alert = firing.get(resolved) if resolved else None
        records.append(
            PageRecord(
                page,
                names,
                published,
                [each for each in of_page if each is not published],
                FiringAlert(alert[1], alert[0]) if alert else None,
                reports.get(resolved, "") if resolved else "",
                is_first=published is shown[0],
                is_current=published is shown[-1],
                mirrors=mirrors,
            )
        )
    return records
