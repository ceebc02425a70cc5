"""The heartbeats that use a service."""

from firebell.catalog.uses import ServiceUse, counted_use
from firebell.heartbeats import store
from firebell.kit.db.database import Tx
from firebell.people.permissions import Verb


async def uses(tx: Tx, service_id: int, slug: str) -> list[ServiceUse]:
    """Return the heartbeats of a service."""
    number = len(await store.heartbeats(tx, service_id))
    return counted_use(number, "heartbeat", f"/services/{slug}", Verb.HEARTBEAT_READ)
