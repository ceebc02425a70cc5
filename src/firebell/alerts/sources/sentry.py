"""Sentry: issue alerts, metric alerts and issues of an internal integration, and the legacy plugin.

https://docs.sentry.io/organization/integrations/integration-platform/webhooks/
"""

from datetime import datetime

from firebell.alerts.cleaning import severity, text
from firebell.alerts.model import Event, EventKind, Json
from firebell.alerts.source_base.fields import event, filled, first, mapped, pairs, web_address
from firebell.alerts.source_base.source import Recognition, Source

NAME = "sentry"
_ISSUE = {
    "created": EventKind.FIRING,
    "unresolved": EventKind.FIRING,
    "resolved": EventKind.RESOLVED,
    "archived": EventKind.RESOLVED,
    "ignored": EventKind.RESOLVED,
    "assigned": EventKind.NOTE,
}
_METRIC = {"critical": EventKind.FIRING, "warning": EventKind.FIRING, "resolved": EventKind.RESOLVED}


def matches(data: dict[str, Json]) -> bool:
    """Return True for a webhook of an integration or of the legacy plugin."""
    content = mapped(data.get("data"))
    named = "installation" in data or any(name in content for name in ("event", "issue", "metric_alert"))
    return ("action" in data and bool(content) and named) or (
        "project_slug" in data and "triggering_rules" in data
    )


def read(data: dict[str, Json], received_at: datetime) -> tuple[Event, ...]:
    """Return one event, keyed by the issue without its environment, or by the metric alert."""
    content, action = mapped(data.get("data")), text(data.get("action"), 40).casefold()
    if "metric_alert" in content:
        return (_metric(content, action, received_at),)
    if "issue" in content:
        kind = _ISSUE.get(action, EventKind.FIRING)
        return (_issue(mapped(content["issue"]), kind, received_at),)
    if "event" in content:
        return (_alert(mapped(content["event"]), filled(content.get("triggered_rule")), received_at),)
    if "triggering_rules" in data:
        return (_legacy(data, received_at),)
    # a comment, an installation or a seat needs no one's attention
    return (event(NAME, received_at, kind=EventKind.NOTE, key=None, title=action),)


def _alert(item: dict[str, Json], rule: str, received_at: datetime) -> Event:
    issue = filled(item.get("issue_id"))
    return event(
        NAME,
        received_at,
        kind=EventKind.FIRING,
        key=issue and f"issue:{issue}",
        title=first(item, "title", "message"),
        body=item.get("culprit"),
        severity=severity(item.get("level")),
        labels={"environment": item.get("environment"), "rule": rule, **pairs(item.get("tags"))},
        links={"source": web_address(item.get("web_url"))},
        occurred_at=item.get("datetime"),
    )


def _issue(item: dict[str, Json], kind: EventKind, received_at: datetime) -> Event:
    issue = filled(item.get("id"))
    return event(
        NAME,
        received_at,
        kind=kind,
        key=issue and f"issue:{issue}",
        title=first(item, "title"),
        body=item.get("culprit"),
        severity=severity(item.get("level")),
        labels={"project": mapped(item.get("project")).get("slug"), "issue": item.get("shortId")},
        links={"source": web_address(item.get("web_url") or item.get("permalink"))},
    )


def _metric(content: dict[str, Json], action: str, received_at: datetime) -> Event:
    alert = mapped(content.get("metric_alert"))
    rule = mapped(alert.get("alert_rule"))
    number = filled(alert.get("id"))
    return event(
        NAME,
        received_at,
        kind=_METRIC.get(action, EventKind.FIRING) if action else None,
        key=number and f"metric:{filled(rule.get('id'))}:{number}",
        title=first(alert, "title") or first(content, "description_title"),
        body=content.get("description_text"),
        severity=severity(action),
        labels={"environment": rule.get("environment"), "rule": rule.get("name")},
        links={"source": web_address(content.get("web_url"))},
    )


def _legacy(data: dict[str, Json], received_at: datetime) -> Event:
    item, issue = mapped(data.get("event")), filled(data.get("id"))
    return event(
        NAME,
        received_at,
        kind=None,
        key=issue and f"issue:{issue}",
        title=first(item, "title") or first(data, "message", "culprit"),
        body=first(data, "culprit"),
        severity=severity(data.get("level")),
        labels={"project": data.get("project_slug"), **pairs(item.get("tags"))},
        links={"source": web_address(data.get("url"))},
        occurred_at=item.get("timestamp"),
    )


SOURCE = Source(
    NAME,
    "Sentry",
    icon=(
        '<path d="M8 8a4 4 0 0 1 8 0"/><rect x="7" y="8" width="10" height="12" rx="5"/>'
        '<path d="M3 9l4 2M3 19l4-2M2 14h5M21 9l-4 2M21 19l-4-2M22 14h-5M12 8v12"/>'
    ),
    setup=(
        "Create an internal integration with this address as its webhook URL, allow alert rule "
        "actions, and subscribe it to issues."
    ),
    example=(
        '{"action": "triggered", "installation": {"uuid": "a8e5d37a"}, "data": {"event": '
        '{"issue_id": "1170820242", "title": "ZeroDivisionError: division by zero", "level": '
        '"error"}}}'
    ),
    recognition=Recognition(60, matches, read),
)
