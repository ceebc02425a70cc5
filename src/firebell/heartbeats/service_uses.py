"""The heartbeats that use a service."""

from firebell.catalog.uses import ServiceUse, counted_use
from firebell.heartbeats import store
from firebell.kit.db.database import Tx


async def uses(tx: Tx, service_id: int, slug: str) -> list[ServiceUse]:
    """Return the heartbeats of a service."""
    return counted_use(len(await store.heartbeats(tx, service_id)), "heartbeat", f"/services/{slug}")
