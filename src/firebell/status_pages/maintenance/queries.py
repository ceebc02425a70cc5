"""Read models of maintenance, shared by the web and the API."""

from datetime import datetime

from firebell.handbook import actions as handbook
from firebell.kit.db.database import Tx
from firebell.kit.findings import Finding, Passed
from firebell.kit.intervals import Interval
from firebell.status_pages import incident_store
from firebell.status_pages import store as page_store
from firebell.status_pages.maintenance import findings
from firebell.status_pages.maintenance_windows import store
from firebell.status_pages.maintenance_windows.model import Maintenance
from firebell.status_pages.model import StatusPage
from firebell.status_pages.view import HISTORY

TEMPLATE = "status-maintenance"
MAX_WINDOWS = 200


async def windows(tx: Tx, page: StatusPage, now: datetime) -> list[Maintenance]:
    """Return the maintenance of a status page that is not over or ended in the last 90 days, by its start."""
    return await store.since(tx, page.id, now - HISTORY, MAX_WINDOWS)


async def before_scheduling(
    tx: Tx, page: StatusPage, planned: Interval, component_ids: frozenset[int], now: datetime
) -> list[Finding | Passed]:
    """Return what to know before maintenance is scheduled."""
    return findings.before_scheduling(
        planned,
        component_ids,
        {component.id: component.name for component in await page_store.components(tx, page.id)},
        await windows(tx, page, now),
        await incident_store.incidents_since(tx, page.id, now, MAX_WINDOWS),
        now,
    )


async def draft(tx: Tx) -> str:
    """Return the text of the handbook from which the first update is written; its slots are filled in by a person."""
    return (await handbook.template(tx, TEMPLATE)).body


async def upcoming_of_series(tx: Tx, window: Maintenance) -> list[Maintenance]:
    """Return the windows of the series of a window that have not started, none if it does not repeat."""
    return [] if window.series_id is None else await store.upcoming_of_series(tx, window.series_id)
