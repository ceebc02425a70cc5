"""Routing rules of the demo: a shared Alertmanager sends everything with one key, and labels say whose it is."""

from datetime import datetime, timedelta

import msgspec

from firebell.alerts import actions as alerts
from firebell.alerts.model import Event, EventKind, InboundRequest
from firebell.alerts.routing_rules.rules import Owner, RoutingRule, Urgency
from firebell.demo.history import Past

RULES = (
    RoutingRule("Staging", 'env="staging"', pages=False),
    RoutingRule("Batch jobs", 'job=~"batch-.+"', threshold=3, window_s=1800, urgency=Urgency.LOW),
    RoutingRule("Disks that fill slowly", 'alertname="DiskWillFill"', wait_s=900, group_by=("instance",)),
)
OWNED = RoutingRule("Owned services", 'service=~".+"', owner=Owner.LABEL)
"""The second version adds it above the disks."""
SHARED = "payments-gateway"
"""The service whose key the shared Alertmanager has."""
ALERTS = (
    ("Search latency above 2 s", "warning", {"alertname": "SearchSlow", "env": "staging"}),
    (
        "Invoice export failed",
        "error",
        {"alertname": "JobFailed", "job": "batch-invoices", "env": "production"},
    ),
    ("Lag of replica above 30 s", "warning", {"alertname": "ReplicaLag", "service": "ledger-db"}),
)


async def add_rules(past: Past, now: datetime) -> None:
    """Save the rules in two versions, and send an alert that each of some rules decides about."""
    mara = past.kestrel.actor("Mara")
    async with past.ctx.db.tx() as tx:
        note = "One key for all clusters"
        first = await alerts.save_routing(tx, mara, RULES, based_on=0, note=note, now=now - timedelta(days=9))
        rules = (*first.rules[:2], OWNED, first.rules[2])
        await alerts.save_routing(
            tx,
            mara,
            rules,
            based_on=first.id,
            note="Ledger gets its own alerts",
            now=now - timedelta(days=2),
        )
    for title, severity, labels in ALERTS:
        await _send(past, EventKind.FIRING, title, severity, labels, now)
    title, severity, labels = ALERTS[-1]
    await _send(past, EventKind.RESOLVED, title, severity, labels, now)


async def _send(
    past: Past, kind: EventKind, title: str, severity: str, labels: dict[str, str], now: datetime
) -> None:
    integration = past.kestrel.integrations[SHARED]
    event = Event(kind, f"shared/{labels['alertname']}", title, severity=severity, labels=labels)
    body = msgspec.json.encode({"title": title, "status": kind, "labels": labels})
    received = InboundRequest(integration.id, integration.service_id, "generic", body, (event,))
    async with past.ctx.db.tx() as tx:
        await alerts.receive_own(tx, [received], now)
    await past.settle()
