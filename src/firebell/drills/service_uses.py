"""The drills that use a service."""

from firebell.catalog.uses import ServiceUse, named_uses
from firebell.drills import store
from firebell.kit.db.database import Tx
from firebell.people.permissions import Verb


async def uses(tx: Tx, service_id: int, slug: str) -> list[ServiceUse]:
    """Return the drills about a service that are planned or under way."""
    return named_uses(await store.titles_about(tx, service_id), "drill", "/drills", Verb.DRILL_READ)
