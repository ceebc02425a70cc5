"""The anomaly detectors that use a service."""

from firebell.anomalies import store
from firebell.catalog.uses import ServiceUse, counted_use
from firebell.kit.db.database import Tx
from firebell.people.permissions import Verb


async def uses(tx: Tx, service_id: int, slug: str) -> list[ServiceUse]:
    """Return the detectors that are on for a service or a rule of it."""
    number = sum(one.is_on for one in await store.detectors(tx, service_id))
    return counted_use(number, "anomaly detector", "/metrics/anomalies", Verb.ANOMALY_READ)
