"""What a reader needs to know of an alert, gathered for the list, its page and the API."""

from collections.abc import Sequence
from dataclasses import dataclass

from firebell.alerts import integration_store, related_store
from firebell.alerts.model import Alert
from firebell.catalog import actions as catalog
from firebell.catalog.model import Service
from firebell.kit.db import Tx


@dataclass(frozen=True, slots=True)
class AlertDetails:
    """An alert with its service and the references of its page, None when it paged nobody, and its incidents."""

    alert: Alert
    service: Service
    page: str | None
    incidents: list[str]


async def alert_details(tx: Tx, alerts: Sequence[Alert]) -> list[AlertDetails]:
    """Return the alerts with their services and pages, read in a handful of statements."""
    owners = await integration_store.services_of_integrations(tx, {a.integration_id for a in alerts})
    services = await catalog.services_by_id(tx, list(set(owners.values())))
    pages = await related_store.pages_of_groups(tx, {a.group_id for a in alerts if a.group_id})
    incidents = await related_store.incidents_of_pages(tx, set(pages.values()))
    return [
        AlertDetails(
            alert,
            services[owners[alert.integration_id]],
            f"PG-{pages[alert.group_id]}" if alert.group_id in pages else None,
            [f"INC-{i}" for i in incidents.get(pages.get(alert.group_id or 0, 0), [])],
        )
        for alert in alerts
    ]
