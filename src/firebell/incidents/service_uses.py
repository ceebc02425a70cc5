"""The open incidents and the declaration rules that use a service."""

from firebell.catalog.uses import ServiceUse, counted_use, named_uses
from firebell.incidents import store
from firebell.incidents.declaration_rules import store as rule_store
from firebell.kit.db.database import Tx
from firebell.kit.web import html
from firebell.people.permissions import Verb


async def uses(tx: Tx, service_id: int, slug: str) -> list[ServiceUse]:
    """Return the open incidents that the reader may see, and the declaration rules for this service alone."""
    incidents = await store.open_by_service(tx, [service_id])
    rules = [rule for rule in await rule_store.rules(tx) if rule.service_id == service_id]
    return [
        *counted_use(
            len(incidents), "open incident", html.address("/incidents", service=slug), Verb.INCIDENT_READ
        ),
        *named_uses(
            [rule.name for rule in rules],
            "declaration rule",
            "/settings/declaration-rules",
            Verb.INCIDENT_READ,
        ),
    ]
