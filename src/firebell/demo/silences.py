"""Silences of the demo: an active one with an alert, a past one, an upcoming one, and an inhibition rule."""

from datetime import datetime, timedelta

import msgspec

from firebell.alerts import actions as alerts
from firebell.alerts.inhibition import actions as inhibition
from firebell.alerts.inhibition.model import NewInhibitionRule
from firebell.alerts.model import InboundRequest, Rejected
from firebell.alerts.silences import actions
from firebell.alerts.silences.model import NewSilence
from firebell.alerts.sources import generic
from firebell.demo.history import Past

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
DISK_LABELS = {"alertname": "DiskWarning", "job": "batch", "env": "production"}


async def create(past: Past, now: datetime) -> None:
    """Silence the disk warnings of batch jobs, one of which fires."""
    kestrel = past.kestrel
    catalog, search = kestrel.services["catalog"], kestrel.services["search"]
    disks = NewSilence(
        'alertname="DiskWarning", job="batch"', "The new volume arrives on Wednesday", now + DAY + 8 * HOUR
    )
    canary = NewSilence(
        'canary="true"', "Load test of the search canary", now + DAY + 3 * HOUR, now + DAY, (search,)
    )
    node = NewInhibitionRule(
        "Node down",
        'alertname="KubeNodeNotReady"',
        'alertname=~"KubePod.*|KubeDeployment.*"',
        ("cluster", "node"),
    )
    async with past.ctx.db.tx() as tx:
        await actions.create_silence(tx, kestrel.actor("Jun"), entered=disks, now=now)
        await actions.create_silence(tx, kestrel.actor("Tomás"), entered=canary, now=now)
        began, ended = now - 2 * DAY, now - DAY - 14 * HOUR
        reindex = NewSilence(
            'alertname="QueueDepth"', "Reindexing the catalog", began + 12 * HOUR, began, (catalog,)
        )
        over = await actions.create_silence(tx, kestrel.actor("Lena"), entered=reindex, now=began)
        await actions.expire_silence(tx, kestrel.actor("Lena"), silence_id=over.id, now=ended)
        await inhibition.create_rule(tx, kestrel.actor("Mara"), entered=node, now=now)
    integration = kestrel.integrations["catalog"]
    event = {"title": "catalog: disk of batch-3 is 82% full", "severity": "warning", "labels": DISK_LABELS}
    body = msgspec.json.encode({**event, "status": "firing", "key": "catalog/DiskWarning/batch-3"})
    events = generic.normalize(body, now)
    assert not isinstance(events, Rejected)
    async with past.ctx.db.tx() as tx:
        received = InboundRequest(integration.id, catalog, "generic", body, events)
        await alerts.receive_own(tx, [received], now)
