"""The components of status pages that use a service."""

from firebell.catalog.uses import ServiceUse, counted_use
from firebell.kit.db.database import Tx
from firebell.status_pages import store


async def uses(tx: Tx, service_id: int, slug: str) -> list[ServiceUse]:
    """Return the shown components of status pages that a service is behind."""
    by_page = await store.components_of_services(tx, [service_id])
    return counted_use(sum(map(len, by_page.values())), "status page component", "/status-pages")
