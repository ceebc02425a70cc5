"""Datadog webhooks: the default body, which has the state in its title, and custom bodies built from its variables.

https://docs.datadoghq.com/integrations/webhooks/
"""

import re
from datetime import datetime

from firebell.alerts.cleaning import severity, text
from firebell.alerts.model import Event, EventKind, Json
from firebell.alerts.source_base.fields import event, filled, first, pairs, web_address
from firebell.alerts.source_base.source import Recognition, Source

NAME = "datadog"
_TITLE = re.compile(
    r"(?:\[(?P<priority>P[1-5])\]\s*)?\[(?P<state>(?:Re-)?(?:Triggered|No Data|Warn)|Recovered|Renotify)"
    r"(?: on \{(?P<scope>[^}]*)\})?\]\s*(?P<name>.*)",
    re.IGNORECASE | re.DOTALL,
)
_PRIORITIES = {"p1": "critical", "p2": "error", "p3": "warning", "p4": "info", "p5": "info"}


def matches(data: dict[str, Json]) -> bool:
    """Return True for the default body, or one with the transition of a monitor."""
    preset = all(name in data for name in ("event_type", "last_updated", "org", "title"))
    return preset or bool(_transition(data) and _monitor(data))


def _transition(data: dict[str, Json]) -> str:
    return first(data, "transition", "alert_transition")


def _monitor(data: dict[str, Json]) -> str:
    return first(data, "monitor", "alert_id", "aggreg", "aggreg_key")


def read(data: dict[str, Json], received_at: datetime) -> tuple[Event, ...]:
    """Return one event, keyed by monitor and scope, which the default body has only in its title."""
    titled = _TITLE.match(text(data.get("title")))
    state = (_transition(data) or (titled["state"] if titled else "")).casefold()
    scope = first(data, "scope", "alert_scope") or ((titled["scope"] or "") if titled else "")
    name = titled["name"] if titled else filled(data.get("title"))
    monitor = _monitor(data) or (name if titled else "")
    return (
        event(
            NAME,
            received_at,
            kind=(EventKind.RESOLVED if state == "recovered" else EventKind.FIRING) if state else None,
            key=f"{monitor}|{scope}" if monitor else first(data, "id"),
            title=f"{name} on {scope}" if titled and scope else name,
            body=data.get("body"),
            severity=_severity(data, state, titled["priority"] if titled else ""),
            labels={"scope": scope, "host": data.get("host"), **pairs(data.get("tags"))},
            links={
                "source": web_address(data.get("link") or data.get("url")),
                "image": web_address(data.get("image")),
            },
            occurred_at=data.get("date"),
        ),
    )


def _severity(data: dict[str, Json], state: str, priority: str | None) -> str | None:
    stated_priority = (first(data, "priority", "alert_priority") or priority or "").casefold()
    if stated_priority in _PRIORITIES:
        return _PRIORITIES[stated_priority]
    return "warning" if "warn" in state else severity(first(data, "type", "alert_type"))


SOURCE = Source(
    NAME,
    "Datadog",
    icon=(
        '<path d="M4 20V4"/><path d="M4 20h16"/><rect x="7" y="12" width="3" height="5"/>'
        '<rect x="12" y="7" width="3" height="10"/><rect x="17" y="10" width="3" height="7"/>'
    ),
    setup=(
        "Add a webhook named firebell with this address and this payload, then mention "
        "@webhook-firebell in monitors."
    ),
    example=(
        '{"monitor": "1234", "scope": "host:web-1", "transition": "Triggered", "priority": "P2", '
        '"title": "[Triggered on {host:web-1}] CPU is high"}'
    ),
    snippet=(
        '{"monitor": "$ALERT_ID", "scope": "$ALERT_SCOPE", "transition": "$ALERT_TRANSITION", '
        '"type": "$ALERT_TYPE", "priority": "$ALERT_PRIORITY", "title": "$EVENT_TITLE", "body": '
        '"$EVENT_MSG", "date": "$DATE", "tags": "$TAGS", "link": "$LINK"}'
    ),
    recognition=Recognition(70, matches, read),
)
