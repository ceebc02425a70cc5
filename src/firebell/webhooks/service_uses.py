"""The webhooks that use a service."""

from firebell.catalog.uses import ServiceUse, named_uses
from firebell.kit.db.database import Tx
from firebell.people.permissions import Verb
from firebell.webhooks import endpoint_store


async def uses(tx: Tx, service_id: int, slug: str) -> list[ServiceUse]:
    """Return the webhooks that are restricted to a service."""
    names = [
        each.settings.name
        for each in await endpoint_store.endpoints(tx)
        if service_id in each.settings.service_ids
    ]
    return named_uses(names, "webhook", "/settings/webhooks", Verb.WEBHOOK_READ)
