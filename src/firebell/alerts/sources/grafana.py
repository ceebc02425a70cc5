"""Grafana: unified alerting, which is Alertmanager's format with more links, and legacy dashboard alerts.

https://grafana.com/docs/grafana/latest/alerting/configure-notifications/manage-contact-points/integrations/webhook-notifier/
"""

from datetime import datetime

from msgspec.structs import replace

from firebell.alerts.cleaning import mapping, text
from firebell.alerts.model import Event, EventKind, Json, Rejected
from firebell.alerts.source_base.fields import event, filled, listed, mapped, web_address
from firebell.alerts.source_base.source import Recognition, Source
from firebell.alerts.sources import alertmanager

NAME = "grafana"
_LINKS = {"dashboardURL": "dashboard", "panelURL": "panel", "silenceURL": "silence", "imageURL": "image"}
_LEGACY = {
    "alerting": EventKind.FIRING,
    "no_data": EventKind.FIRING,
    "ok": EventKind.RESOLVED,
    "paused": EventKind.NOTE,
    "pending": EventKind.NOTE,
}


def matches(data: dict[str, Json]) -> bool:
    """Return True for a unified or a legacy webhook of Grafana."""
    unified = isinstance(data.get("alerts"), list) and "orgId" in data
    return unified or ("ruleId" in data and "ruleName" in data and "state" in data)


def read(data: dict[str, Json], received_at: datetime) -> tuple[Event, ...] | Rejected:
    """Return one event per alert, keyed by Grafana's fingerprint, or by the rule of a legacy alert."""
    if "alerts" not in data:
        return (_legacy(data, received_at),)
    events = alertmanager.read(data, received_at)
    if isinstance(events, Rejected):
        return events
    links = {
        text(alert.get("fingerprint")): {
            name: address for field, name in _LINKS.items() if (address := web_address(alert.get(field)))
        }
        for alert in map(mapped, listed(data.get("alerts")))
    }
    return tuple(
        replace(e, links=mapping({**links.get(e.dedup_key, {}), **e.links}), read_as=NAME) for e in events
    )


def _legacy(data: dict[str, Json], received_at: datetime) -> Event:
    state = filled(data.get("state")).casefold()
    rule = filled(data.get("ruleId"))
    return event(
        NAME,
        received_at,
        kind=_LEGACY.get(state, EventKind.FIRING) if state else None,
        key=rule and f"rule:{rule}",
        title=data.get("ruleName") or data.get("title"),
        body=data.get("message"),
        labels=mapped(data.get("tags")),
        links={"source": web_address(data.get("ruleUrl")), "image": web_address(data.get("imageUrl"))},
    )


SOURCE = Source(
    NAME,
    "Grafana",
    icon='<rect x="3" y="4" width="18" height="16" rx="2"/><path d="M6 15l4-5 3 3 5-6"/>',
    setup=(
        "Add a contact point of type Webhook with this address, and choose it in the notification policies."
    ),
    example=(
        '{"orgId": 1, "status": "firing", "commonLabels": {}, "alerts": [{"status": "firing", '
        '"labels": {"alertname": "High memory usage", "severity": "critical"}, "annotations": '
        '{"summary": "Memory above 90% in eu-1"}, "fingerprint": "c6eadffa33fcdf37"}]}'
    ),
    recognition=Recognition(10, matches, read),
)
