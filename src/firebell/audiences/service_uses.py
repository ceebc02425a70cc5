"""The customers that use a service."""

from firebell.audiences import customer_store
from firebell.catalog.uses import ServiceUse, named_uses
from firebell.kit.db.database import Tx
from firebell.people.permissions import Verb


async def uses(tx: Tx, service_id: int, slug: str) -> list[ServiceUse]:
    """Return the customers that use a service."""
    return named_uses(
        await customer_store.names_using(tx, service_id), "customer", "/customers", Verb.CUSTOMER_READ
    )
