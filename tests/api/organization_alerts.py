"""The alerts in the organization with one of everything: of the generic source, and of a client made for PagerDuty."""

import json

from firebell.alerts.model import InboundRequest
from firebell.alerts.source_base.source import KeyedRequest
from firebell.alerts.sources import pagerduty
from tests.world import World


async def send_alerts(w: World) -> None:
    """Send alert 1, with a link, and alert 2."""
    await w.alert(links=[{"href": "https://graphs.example.org/checkout"}])
    body = {
        "routing_key": w.key,
        "event_action": "trigger",
        "dedup_key": "disk-7",
        "payload": {"summary": "Disk full", "source": "db-1", "severity": "critical"},
    }
    raw = json.dumps(body).encode()
    message = pagerduty.read(KeyedRequest(raw, w.now, new_key="fresh"))
    assert not message.errors
    await w.ingest.submit(InboundRequest(w.integration, w.service, "pagerduty", raw, message.events))
