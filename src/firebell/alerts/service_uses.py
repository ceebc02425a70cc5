"""The integrations, routing rules, silences and maintenance windows that use a service."""

from firebell.alerts.integrations import store as integration_store
from firebell.alerts.mutes import MuteKind
from firebell.alerts.muting import store as mute_store
from firebell.alerts.routing_rules import store as routing_store
from firebell.catalog.uses import ServiceUse, counted_use, named_uses
from firebell.kit.db.database import Tx
from firebell.people.permissions import Verb


async def uses(tx: Tx, service_id: int, slug: str) -> list[ServiceUse]:
    """Return the integrations whose keys are valid, the rules that name the service, and what mutes its alerts."""
    integrations = await integration_store.integrations(tx, service_id)
    version = await routing_store.newest_version(tx)
    rules = [rule for rule in (version.rules if version else ()) if rule.service_id == service_id]
    mutes = [mute for mute in await mute_store.unended(tx) if service_id in mute.service_ids]
    silences = [mute for mute in mutes if mute.kind is MuteKind.SILENCE]
    windows = [mute for mute in mutes if mute.kind is MuteKind.MAINTENANCE]
    return [
        *counted_use(len(integrations), "integration", f"/services/{slug}", Verb.INTEGRATION_READ),
        *named_uses([rule.name for rule in rules], "routing rule", "/routing", Verb.ROUTING_READ),
        *counted_use(len(silences), "silence", "/silences", Verb.SILENCE_READ),
        *counted_use(len(windows), "muting maintenance window", "/status-pages", Verb.STATUS_PAGE_READ),
    ]
