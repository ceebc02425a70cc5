"""A second service, on which the first one depends, in the organization with one of everything."""

from firebell.catalog import actions as catalog
from firebell.kit.db.database import Tx
from firebell.kit.db.events import SYSTEM
from tests.world import World


async def add_dependency(tx: Tx, w: World) -> None:
    """Create the service ledger, and let checkout depend on it."""
    ledger = await catalog.create_service(tx, SYSTEM, name="Ledger", team_id=1, now=w.now)
    checkout = await catalog.by_slug(tx, "checkout")
    await catalog.add_dependency(tx, SYSTEM, checkout, ledger, w.now)
