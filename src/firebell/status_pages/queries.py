"""Read models of status pages: what one shows, and what an incident means for each."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from firebell.incidents import actions as incidents
from firebell.incidents.model import CAUSE_KNOWN, Incident
from firebell.kit.db.database import Tx
from firebell.kit.errors import Invalid, NotFound
from firebell.kit.threads import DOCUMENTS
from firebell.status_pages import derived_status, incident_store, relabeling_store, stages, store, view
from firebell.status_pages.archive import Archive, ArchiveKey, Month
from firebell.status_pages.maintenance_windows import store as maintenance_store
from firebell.status_pages.maintenance_windows.model import Maintenance
from firebell.status_pages.model import PublicIncident, Stage, StatusPage
from firebell.status_pages.public import embed_store
from firebell.status_pages.published_log import chain as published_log_chain
from firebell.status_pages.published_log import store as published_log_store
from firebell.status_pages.signing import store as signing_store
from firebell.status_pages.snapshot import Snapshot
from firebell.status_pages.uptime import monthly as monthly_uptime
from firebell.status_pages.uptime.monthly import UptimeReport
from firebell.status_pages.view import StatusView

MAX_INCIDENTS = 500
"""The most incidents that a snapshot of a status page has; the archive has older ones."""
MAX_REPORTED = 5000
"""The most incidents, and the most maintenance, of a report of uptimes by month."""
MAX_ARCHIVED = 1000
"""The most incidents, and the most maintenance, of a month, and of the archive of an export."""
status_of = derived_status.status_at


async def snapshot(
    tx: Tx, page: StatusPage, now: datetime, since: datetime | None = None, limit: int = MAX_INCIDENTS
) -> Snapshot:
    """Return everything that a status page shows, or everything since an instant.

    It has at most `limit` open incidents, as many that are over, and as many windows of maintenance.
    """
    start = now - view.HISTORY if since is None else since
    return Snapshot(
        page,
        tuple(await store.groups(tx, page.id)),
        tuple(await store.components(tx, page.id)),
        tuple(await incident_store.incidents_since(tx, page.id, start, limit)),
        tuple(await maintenance_store.since(tx, page.id, start, limit)),
        tuple(await embed_store.origins(tx, page.id)),
        tuple(await relabeling_store.in_effect(tx, page.id, start)),
        await incident_store.history_start(tx, page.id),
    )


async def uptime_report(tx: Tx, page: StatusPage, months: int, now: datetime) -> UptimeReport:
    """Return the uptime of each component in the current month and those before it, `months` in all.

    Raise `Invalid` if the page published more than `MAX_REPORTED` incidents in them, because none may be missing.
    """
    reported = monthly_uptime.latest_months(now, page.tz, months)
    start = reported[0].start(page.tz)
    shown = await snapshot(tx, page, now, start, MAX_REPORTED + 1)
    if max(len(shown.incidents), len(shown.maintenances)) > MAX_REPORTED:
        raise Invalid(
            f"More than {MAX_REPORTED:,} incidents or maintenance windows are in these months.",
            fields={"months": "Choose fewer months."},
        )
    # thousands of incidents take a second, in which this process must answer others
    return await DOCUMENTS.run(partial(monthly_uptime.report, shown, reported, now))


async def archive(tx: Tx, page: StatusPage, now: datetime) -> Archive:
    """Return what a status page published before its snapshot, up to `MAX_ARCHIVED` of each kind."""
    end = now - view.HISTORY
    return Archive(
        tuple(await incident_store.resolved_before(tx, page.id, end, MAX_ARCHIVED)),
        tuple(await maintenance_store.ended_before(tx, page.id, end, MAX_ARCHIVED)),
    )


async def archived(tx: Tx, page: StatusPage, key: ArchiveKey) -> Archive:
    """Return what a status page published in a month, or with a public id."""
    if isinstance(key, Month):
        start, end = key.start(page.tz), key.next.start(page.tz)
        return Archive(
            tuple(await incident_store.published_in(tx, page.id, start, end, MAX_ARCHIVED)),
            tuple(await maintenance_store.over_in(tx, page.id, start, end, MAX_ARCHIVED)),
        )
    incident = await incident_store.by_public_id(tx, page.id, key)
    window = await maintenance_store.by_public_id(tx, page.id, key)
    return Archive((incident,) if incident else (), (window,) if window else ())


async def view_of(tx: Tx, page: StatusPage, now: datetime) -> StatusView:
    """Return what a status page shows as of `now`."""
    return view.build(await snapshot(tx, page, now), now)


async def published_incidents(
    tx: Tx, page_id: int, public_incident_ids: Sequence[int]
) -> list[PublicIncident]:
    """Return these public incidents of a status page with their updates."""
    return await incident_store.by_ids(tx, page_id, public_incident_ids)


async def maintenance_by_id(tx: Tx, public_incident_id: int) -> Maintenance | None:
    """Return the maintenance that a public incident is, None if it is not maintenance."""
    return await maintenance_store.by_id(tx, public_incident_id)


async def page_by_id(tx: Tx, page_id: int) -> StatusPage:
    """Return a status page; raise `NotFound`."""
    page = await store.page_by_id(tx, page_id)
    if page is None:
        raise NotFound("The status page was deleted.")
    return page


async def log_lines(tx: Tx, page_id: int) -> str:
    """Return the log of a status page as JSON lines, oldest first: the fields that are hashed, the text, the hash."""
    texts = await published_log_store.published_texts(tx, page_id)
    lines = {
        chained.entry.seq: published_log_chain.line(chained, body, reason) for chained, body, reason in texts
    }
    for announcement, reason in await signing_store.announcements(tx, page_id):
        lines[announcement.entry.seq] = published_log_chain.key_line(announcement, reason)
    return "".join(f"{lines[seq]}\n" for seq in sorted(lines))


@dataclass(frozen=True, slots=True)
class Publication:
    """What one status page says about an incident."""

    page: StatusPage
    suggested_ids: frozenset[int]
    """The components of the incident's services."""
    published: PublicIncident | None
    """The current one: that which is open, or else the latest."""
    first_due_at: datetime | None
    """When the first update is due, None if none is required or it was published."""
    behind: str = ""
    """A phrase if customers read otherwise than how the incident stands, else empty."""
    earlier: tuple[PublicIncident, ...] = ()
    """What it published about the incident before the current one, oldest first."""


async def publications(tx: Tx, incident: Incident) -> list[Publication]:
    """Return what each status page says about an incident: those that do first, then those with its services."""
    shown = await incident_store.every_of_incident(tx, incident.id)
    published = {page_id: listed[-1] for page_id, listed in shown.items()}
    pages = [page for page in await store.pages(tx) if page.id in published or not incident.is_private]
    if not pages or incident.drill:
        return []
    service_ids = (await incidents.services(tx, [incident.id]))[incident.id]
    affected = await store.components_of_services(tx, service_ids)
    due_at = await _first_due_at(tx, incident)
    listed = [
        Publication(
            page,
            frozenset(affected.get(page.id, ())),
            published.get(page.id),
            None if published.get(page.id) else due_at,
            stages.behind(incident.phase, published[page.id]) if page.id in published else "",
            tuple(shown.get(page.id, ())[:-1]),
        )
        for page in pages
    ]
    return sorted(listed, key=lambda each: (each.published is None, not each.suggested_ids))


async def left_open(tx: Tx, incident: Incident) -> list[tuple[StatusPage, PublicIncident]]:
    """Return what status pages still show as open although it goes on at what they show about this incident."""
    listed = await incident_store.left_open(tx, incident.id)
    pages = {page.id: page for page in await store.pages(tx)} if listed else {}
    return [(pages[page_id], published) for page_id, published in listed]


async def behind(tx: Tx, listed: Sequence[PublicIncident]) -> dict[int, str]:
    """Return by its id what each public incident leaves open although its incident has ended."""
    open_ids = {each.incident_id: each for each in listed if each.is_open and each.incident_id is not None}
    known = await incidents.incidents_by_id(tx, list(open_ids))
    return {
        open_ids[id_].id: f"{incident.ref} {text}"
        for id_, incident in known.items()
        if (text := stages.behind(incident.phase, open_ids[id_]))
    }


async def suggested_stage(tx: Tx, incident: Incident) -> Stage | None:
    """Return the stage that an incident suggests, None if nothing should be published."""
    entries = await incidents.timeline(tx, incident.id)
    cause_is_known = any(entry.key_moment == CAUSE_KNOWN for entry in entries)
    return stages.suggested_stage(incident.phase, cause_is_known=cause_is_known)


async def _first_due_at(tx: Tx, incident: Incident) -> datetime | None:
    """Return when the first update is due; only the last change of the severity is considered."""
    changes: list[tuple[datetime, int]] = []
    declared_as = incident.severity
    if incident.severity_at > incident.declared_at:
        is_raise = await incidents.last_raise(tx, incident.id) == incident.severity_at
        declared_as = min(incident.severity + 1, 3) if is_raise else max(incident.severity - 1, 0)
        changes = [(incident.severity_at, incident.severity)]
    return stages.first_post_due(
        incident.declared_at,
        changes,
        declared_as,
        customers_impacted=incident.answers.get("customers_impacted"),
    )
