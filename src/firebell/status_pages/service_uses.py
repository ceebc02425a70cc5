"""The components of status pages, and the maintenance, that use a service."""

from firebell.catalog.uses import ServiceUse, counted_use, named_uses
from firebell.kit.db.database import Tx
from firebell.people.permissions import Verb
from firebell.status_pages import store
from firebell.status_pages.maintenance_windows import store as maintenance_store


async def uses(tx: Tx, service_id: int, slug: str) -> list[ServiceUse]:
    """Return the shown components that a service is behind, and the maintenance that mutes or will mute its alerts."""
    by_page = await store.components_of_services(tx, [service_id])
    windows = await maintenance_store.names_muting(tx, service_id)
    return [
        *counted_use(
            sum(map(len, by_page.values())), "status page component", "/status-pages", Verb.STATUS_PAGE_READ
        ),
        *named_uses(windows, "maintenance window", "/status-pages", Verb.STATUS_PAGE_READ),
    ]
