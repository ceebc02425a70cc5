"""End alerts that their source no longer sends, and report a source that is silent."""

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, timedelta

from firebell.alerts.batches.state import Batch
from firebell.alerts.expiry import rules as expiry
from firebell.alerts.expiry import store as expiry_store
from firebell.alerts.model import InboundRequest
from firebell.kit.db.database import Tx
from firebell.kit.jobs import timers

EXPIRY_TIMER = "alerts.expiry"
"""The timer of an integration whose alerts expire; it runs once a minute while one of them fires."""
INTERVAL = timedelta(minutes=1)
MAX_EXPIRED = 1_000
"""Alerts of one source that are ended together; the others wait a minute."""

Receive = Callable[[Tx, Sequence[InboundRequest], datetime], Awaitable[object]]


async def hear(tx: Tx, requests: Sequence[InboundRequest], now: datetime) -> None:
    """Record which sources of expiring alerts sent something."""
    if integration_ids := expiry.reporting_integrations(requests):
        await expiry_store.note_messages(tx, integration_ids, now)


async def note(tx: Tx, batch: Batch, requests: Sequence[InboundRequest], now: datetime) -> None:
    """Store when the alerts of a batch expire."""
    expiries = expiry.expiries(batch, requests)
    if not expiries:
        return
    await expiry_store.save(tx, expiries)
    for integration_id in sorted({integration_id for integration_id, _ in expiries}):
        await timers.schedule_once(tx, EXPIRY_TIMER, str(integration_id), now + INTERVAL)


async def check(tx: Tx, integration_ids: Sequence[int], receive: Receive, now: datetime) -> list[int]:
    """Apply what silence means for the alerts of these integrations, whose services are locked.

    Returns those with alerts that may still expire. `receive` applies events to alerts.
    """
    waiting = []
    for source in await expiry_store.sources(tx, integration_ids):
        expired = await expiry_store.expired(tx, source.integration_id, now, MAX_EXPIRED)
        verdict = expiry.judge(source, expired, now)
        if verdict.postponed_to is not None:
            await expiry_store.postpone(tx, source.integration_id, verdict.postponed_to)
        if verdict.source != source:
            await expiry_store.save_source(tx, verdict.source)
        if verdict.events:
            decided = InboundRequest.decided(source.integration_id, source.service_id, verdict.events, now)
            await receive(tx, [decided], now)
        await expiry_store.delete_ended(tx, source.integration_id)
        if await expiry_store.is_expiring(tx, source.integration_id):
            waiting.append(source.integration_id)
    return waiting
