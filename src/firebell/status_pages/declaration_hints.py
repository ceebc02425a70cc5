"""The components of status pages that customers would see affected, for the form that declares an incident."""

from collections.abc import Sequence
from datetime import datetime

from firebell.kit.db.database import Tx
from firebell.status_pages import store


async def components_affected(tx: Tx, service_ids: Sequence[int], now: datetime) -> list[tuple[str, str]]:
    """Return a line for each status page with components of these services; nothing is published."""
    ids_by_page = await store.components_of_services(tx, service_ids) if service_ids else {}
    if not ids_by_page:
        return []
    pages = {page.id: page for page in await store.pages(tx)}
    components = await store.components_by_page(tx)
    lines = []
    for page_id, component_ids in ids_by_page.items():
        names = [each.name for each in components.get(page_id, ()) if each.id in component_ids]
        if names and page_id in pages:
            shown = ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")
            lines.append(("globe", f"{pages[page_id].name}: {shown}. You publish it after you declare."))
    return lines
