"""Two incidents of the demo that turn out to be one: customers read where the first continues."""

from typing import TYPE_CHECKING

from firebell.demo import status_page
from firebell.incidents import actions as incidents
from firebell.incidents.model import Incident, IncidentRole, Phase
from firebell.status_pages.model import Stage

if TYPE_CHECKING:
    from firebell.demo.history import Past

SEVERITY = 2


async def simulate(past: "Past") -> None:
    """Declare two incidents, publish both, merge the second into the first, and resolve them."""
    search = await _declare(past, "search", "Search results are an hour old")
    text = (
        "Search shows prices and stock of an hour ago. Orders are not affected. We are looking for the cause."
    )
    await status_page.tell(past, search.id, SEVERITY, Stage.INVESTIGATING, search.title, text)
    await past.wait(6)
    catalog = await _declare(past, "catalog", "New products are missing from the catalog")
    text = "Products that shops added today are missing from the catalog. We are looking for the cause."
    await status_page.tell(past, catalog.id, SEVERITY, Stage.INVESTIGATING, catalog.title, text)
    await past.wait(9)
    jun = past.kestrel.actor("Jun")
    async with past.ctx.db.tx() as tx:
        reason = "Both wait for the same queue of changes"
        await incidents.merge(tx, jun, catalog.id, search.id, past.clock.now(), reason=reason)
    text = "This has the same cause as the old search results. We continue there."
    await status_page.tell(past, catalog.id, SEVERITY, Stage.RESOLVED, catalog.title, text)
    await past.wait(12)
    async with past.ctx.db.tx() as tx:
        now = past.clock.now()
        await incidents.add_entry(tx, jun, search.id, "mitigation", "Restarted the stuck consumer.", now)
        await incidents.set_phase(tx, jun, search.id, Phase.MITIGATING, now)
        await incidents.set_phase(tx, jun, search.id, Phase.MONITORING, now)
    text = "Search and catalog are up to date again. We are watching them."
    await status_page.tell(past, search.id, SEVERITY, Stage.MONITORING, search.title, text)
    await past.wait(31)
    text = "This is over. For 27 minutes, search and catalog did not show new products. We are sorry."
    await status_page.tell(past, search.id, SEVERITY, Stage.RESOLVED, search.title, text)
    async with past.ctx.db.tx() as tx:
        now = past.clock.now()
        await incidents.sign_baseline(tx, jun, search.id, "All graphs look normal", now)
        await incidents.set_phase(tx, jun, search.id, Phase.CLOSED, now)


async def _declare(past: "Past", service: str, title: str) -> Incident:
    """Declare an incident of a service, led by Jun."""
    jun, now = past.kestrel.actor("Jun"), past.clock.now()
    async with past.ctx.db.tx() as tx:
        declared = await incidents.declare(
            tx, jun, title=title, severity=SEVERITY, service_ids=[past.kestrel.services[service]], now=now
        )
        assert jun.person_id
        await incidents.take_role(tx, jun, declared.id, IncidentRole.COMMANDER, jun.person_id, now)
        await incidents.set_phase(tx, jun, declared.id, Phase.INVESTIGATING, now)
    return declared
