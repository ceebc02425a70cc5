"""What a reader needs to know of an alert, gathered for the list, its page and the API."""

from collections.abc import Sequence
from dataclasses import dataclass

from firebell.alerts import integration_store, store
from firebell.alerts.model import Alert
from firebell.catalog import actions as catalog
from firebell.catalog.model import Service
from firebell.kit.db import Tx


@dataclass(frozen=True, slots=True)
class View:
    """An alert with its service and the reference of its page, None when it paged nobody."""

    alert: Alert
    service: Service
    page: str | None


async def views(tx: Tx, alerts: Sequence[Alert]) -> list[View]:
    """Return the alerts with their services and pages, read in three statements."""
    owners = await integration_store.services_of_integrations(tx, {a.integration_id for a in alerts})
    services = await catalog.services_by_id(tx, list(set(owners.values())))
    pages = await store.pages_of_groups(tx, {a.group_id for a in alerts if a.group_id})
    return [
        View(
            alert,
            services[owners[alert.integration_id]],
            f"PG-{pages[alert.group_id]}" if alert.group_id in pages else None,
        )
        for alert in alerts
    ]
