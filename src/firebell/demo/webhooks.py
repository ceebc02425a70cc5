"""Webhooks of the demo: one with a log, which is paused, because its receiver does not exist, and one disabled."""

from datetime import datetime, timedelta

from firebell.demo.history import Past
from firebell.incidents import actions as incidents
from firebell.incidents.model import OPEN, IncidentDeclared
from firebell.paging import actions as paging
from firebell.paging.model import PagesChanged
from firebell.webhooks import actions, change_store, endpoint_store, recording
from firebell.webhooks.circuit import Health
from firebell.webhooks.deliveries import store as delivery_store
from firebell.webhooks.deliveries.sender import new_message_id
from firebell.webhooks.events import composer_registry
from firebell.webhooks.model import AttemptResult, EndpointSettings, EndpointState

PAGES_SENT = 6
REJECTED = '{"error": "schema registry is unavailable"}'


async def create(past: Past, now: datetime) -> None:
    """Create both, with what the first got of the newest pages and incidents."""
    kestrel = past.kestrel
    mara = kestrel.actor("Mara")
    warehouse = EndpointSettings("Data warehouse", "https://hooks.kestrel.example/firebell")
    gate = EndpointSettings(
        "Deploy gate",
        "https://deploys.kestrel.example/hold",
        ("incident.declared", "incident.phase_changed", "incident.closed"),
        service_ids=(kestrel.services["checkout-api"],),
    )
    async with past.ctx.db.tx() as tx:
        created, _ = await actions.create_endpoint(tx, mara, entered=warehouse, now=now)
        gone, _ = await actions.create_endpoint(tx, mara, entered=gate, now=now)
        await endpoint_store.set_state(tx, gone.id, EndpointState.DISABLED, "It failed for 3 days.")
        newest = sorted(await paging.pages(tx), key=lambda page: page.id)[-PAGES_SENT:]
        for page in newest:
            changed = PagesChanged(((page.id, "triggered", "Firebell", {}),))
            await recording.record_pages(tx, changed, page.triggered_at)
        for incident in await incidents.incidents(tx, OPEN, drill=False, limit=20):
            declared = IncidentDeclared(
                incident.id, incident.severity, provisional=False, drill=incident.drill
            )
            await recording.record(tx, declared, incident.declared_at)
        changes = await change_store.claim(tx, 100, now)
        for change in changes:
            events = await composer_registry.compose(tx, change, past.ctx.public_url, now)
            await delivery_store.insert_events(tx, [(new_message_id(), event) for event in events], now)
        await change_store.finish(tx, [change.id for change in changes])
        sent = 0
        while claimed := await delivery_store.claim(tx, 50, now):
            for delivery in claimed:
                sent += 1
                at, took_ms = now - timedelta(minutes=2), 60 + 17 * sent % 90
                if sent == PAGES_SENT:
                    refused = AttemptResult(delivery, at, took_ms, 503, "It answered 503.", REJECTED)
                    await delivery_store.record(tx, refused, None, now)
                else:
                    await delivery_store.record(tx, AttemptResult(delivery, at, took_ms, 202, ""), None, now)
        await endpoint_store.set_health(tx, created.id, Health(), now - timedelta(minutes=2))
        await actions.pause_endpoint(tx, mara, endpoint_id=created.id, now=now)
