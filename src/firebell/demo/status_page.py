"""The demo's status page: what customers of Kestrel read, with a year of history."""

from typing import TYPE_CHECKING

from firebell.incidents import actions as incidents
from firebell.status_pages import actions, hosting_actions, incident_store, publishing, stages, store
from firebell.status_pages.model import ComponentStatus, PageVisibility, Stage
from firebell.status_pages.publishing import NewUpdate

if TYPE_CHECKING:
    from firebell.demo.history import Past

SLUG = "kestrel"
COMPONENTS = {
    "Checkout": "checkout-api",
    "Card payments": "payments-gateway",
    "Search": "search",
    "Delivery notifications": "notifications",
    "Product catalog": "catalog",
    "Website and apps": "edge",
}
STATUSES = {
    0: ComponentStatus.MAJOR_OUTAGE,
    1: ComponentStatus.PARTIAL_OUTAGE,
    2: ComponentStatus.DEGRADED_PERFORMANCE,
}
"""What an incident of each severity does to its components; SEV3 is not published."""


async def create(past: "Past") -> None:
    """Create the status page with what customers know by a name."""
    kestrel, now = past.kestrel, past.clock.now()
    mara = kestrel.actor("Mara")
    async with past.ctx.db.tx() as tx:
        page = await actions.create_status_page(
            tx,
            mara,
            slug=SLUG,
            name="Kestrel",
            tz="Europe/Stockholm",
            visibility=PageVisibility.PUBLIC,
            component_of=(),
            now=now,
        )
        for name, service in COMPONENTS.items():
            await actions.add_component(
                tx, mara, page.id, name=name, service_ids=[kestrel.services[service]], now=now
            )
        values = {"support_url": "https://support.kestrel.example/"}
        await actions.update_status_page(tx, mara, page.id, values, now)
        look = {"accent": "#0a7ea4", "locales": ["de", "fr", "es", "ja", "ar"]}
        await hosting_actions.change_theme(tx, mara, page.id, look, now)


async def tell(past: "Past", incident_id: int, severity: int, stage: Stage, name: str, body: str) -> None:
    """Publish the next update of an incident, the first one if nothing was published yet."""
    if severity not in STATUSES:
        return
    now, mara = past.clock.now(), past.kestrel.actor("Mara")
    async with past.ctx.db.tx() as tx:
        page = await actions.status_page(tx, SLUG)
        published = (await incident_store.of_incident(tx, incident_id)).get(page.id)
        next_update_at = (
            None if stage is Stage.RESOLVED else now + stages.next_update_interval(severity, stage)
        )
        if published is None:
            affected = await store.components_of_services(
                tx, (await incidents.services(tx, [incident_id]))[incident_id]
            )
            statuses = dict.fromkeys(affected.get(page.id, ()), STATUSES[severity])
            update = NewUpdate(stage, body, statuses, next_update_at=next_update_at)
            await publishing.open_incident(tx, mara, page.id, name, update, now, incident_id=incident_id)
            return
        recovered = stage in (Stage.MONITORING, Stage.RESOLVED)
        statuses = dict.fromkeys(published.component_ids, ComponentStatus.OPERATIONAL) if recovered else {}
        update = NewUpdate(stage, body, statuses, next_update_at=next_update_at)
        await publishing.publish_update(tx, mara, page.id, published.public_id, update, now)
