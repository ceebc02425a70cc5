"""The open pages that use a service."""

from firebell.catalog.uses import ServiceUse, counted_use
from firebell.kit.db.database import Tx
from firebell.kit.web import html
from firebell.paging.page_list import service_pages_store
from firebell.people.permissions import Verb


async def uses(tx: Tx, service_id: int, slug: str) -> list[ServiceUse]:
    """Return the open pages of a service."""
    number = sum(each.count for each in await service_pages_store.open_pages(tx, [service_id]))
    return counted_use(number, "open page", html.address("/pages", service=slug), Verb.PAGE_READ)
