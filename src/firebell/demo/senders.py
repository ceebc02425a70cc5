"""Senders of the demo: a tool that still speaks to Opsgenie's API, and one whose alert flaps."""

from datetime import datetime, timedelta

import msgspec

from firebell.alerts import actions as alerts
from firebell.alerts.model import Integration, Rejected
from firebell.alerts.sources import generic, opsgenie
from firebell.demo.history import Past
from firebell.paging import actions as paging
from firebell.paging.model import UNANSWERED

DROPPED = ("pod_template_hash",)
FLAPPING_TITLE = "kubernetes: pending pods above 20"
CHANGES_MINUTES_AGO = (43, 41, 34, 31, 25, 22, 15, 9, 4)
"""When their number rose above its limit and fell below it, in turn."""
OPSGENIE_ALERT = {
    "message": "search: nightly reindex took 3 h 12 min",
    "alias": "reindex/nightly",
    "description": "It usually takes 40 min. Queries may miss what was added since midnight.",
    "priority": "P3",
    "tags": ["batch", "search"],
    "details": {"cluster": "eu-north", "documents": "18204113"},
    "entity": "search-indexer",
}

OWNERS = {FLAPPING_TITLE: "Aiko", str(OPSGENIE_ALERT["message"]): "Noor"}
"""The owner of each page."""


async def add_senders(past: Past, now: datetime) -> None:
    """Add an integration for each, and send their alerts, whose pages are acknowledged."""
    await _send_to_opsgenie(past, now)
    await _flap(past, now)


async def _integration(past: Past, service: str, name: str, now: datetime) -> Integration:
    async with past.ctx.db.tx() as tx:
        return await alerts.create_integration(
            tx, past.kestrel.actor("Mara"), service_id=past.kestrel.services[service], name=name, now=now
        )


async def _send_to_opsgenie(past: Past, now: datetime) -> None:
    integration = await _integration(past, "search", "Indexer (Opsgenie API)", now - timedelta(days=3))
    event = opsgenie.created(OPSGENIE_ALERT, "")
    body = msgspec.json.encode(OPSGENIE_ALERT)
    received = alerts.received(integration, opsgenie.NAME, body, (event,))
    async with past.ctx.db.tx() as tx:
        await alerts.receive_own(tx, [received], now - timedelta(minutes=26))
    await past.settle()


async def _flap(past: Past, now: datetime) -> None:
    created = await _integration(past, "kubernetes", "Cluster monitor", now - timedelta(days=3))
    async with past.ctx.db.tx() as tx:
        integration = await alerts.update_integration(
            tx,
            past.kestrel.actor("Aiko"),
            service_id=created.service_id,
            integration_id=created.id,
            flapping_changes=created.flapping_changes,
            drop_labels=DROPPED,
            now=now - timedelta(days=2),
        )
    for number, minutes in enumerate(CHANGES_MINUTES_AGO):
        at = now - timedelta(minutes=minutes)
        event = {
            "title": FLAPPING_TITLE,
            "severity": "warning",
            "status": "resolved" if number % 2 else "firing",
            "key": "kubernetes/pending-pods",
            "labels": {"component": "scheduler", DROPPED[0]: f"{0x5D4F + number:x}"},
        }
        body = msgspec.json.encode(event)
        events = generic.normalize(body, at)
        assert not isinstance(events, Rejected)
        async with past.ctx.db.tx() as tx:
            received = alerts.received(integration, generic.NAME, body, events)
            await alerts.receive_own(tx, [received], at)
    await past.settle()
    async with past.ctx.db.tx() as tx:
        for page in await paging.pages(tx, states=UNANSWERED):
            for title, name in OWNERS.items():
                if page.title.endswith(title):
                    await paging.ack(tx, past.kestrel.actor(name), page.id, now)
