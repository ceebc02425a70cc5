"""The integrations, routing rules, silences and maintenance windows that use a service."""

from firebell.alerts import integration_store, mute_store, routing_store
from firebell.catalog.uses import ServiceUse, counted_use
from firebell.kit.db.database import Tx


async def uses(tx: Tx, service_id: int, slug: str) -> list[ServiceUse]:
    """Return the integrations whose keys are valid, the rules that name the service, and what mutes its alerts."""
    integrations = await integration_store.integrations(tx, service_id)
    version = await routing_store.newest_version(tx)
    rules = [rule for rule in (version.rules if version else ()) if rule.service_id == service_id]
    mutes = [mute for mute in await mute_store.unended(tx) if service_id in mute.service_ids]
    return [
        *counted_use(len(integrations), "integration", f"/services/{slug}"),
        *(ServiceUse(f"routing rule {rule.name}", "/routing") for rule in rules),
        *counted_use(len(mutes), "silence or maintenance window", "/silences"),
    ]
