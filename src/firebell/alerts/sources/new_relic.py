"""New Relic: the default body of a workflow's webhook, and that of legacy notification channels.

https://docs.newrelic.com/docs/alerts/get-notified/notification-integrations/#webhook
"""

from datetime import datetime

from firebell.alerts.cleaning import text
from firebell.alerts.model import Event, EventKind, Json
from firebell.alerts.source_base.fields import event, first, listed, web_address
from firebell.alerts.source_base.source import Recognition, Source

NAME = "new-relic"
_KINDS = {
    "acknowledged": EventKind.ACK,
    "closed": EventKind.RESOLVED,
    "resolved": EventKind.RESOLVED,
    "deactivated": EventKind.RESOLVED,
}
_SEVERITIES = {
    "critical": "critical",
    "high": "error",
    "medium": "warning",
    "warning": "warning",
    "low": "info",
    "info": "info",
}


def matches(data: dict[str, Json]) -> bool:
    """Return True for an issue of a workflow, or an incident of a legacy channel."""
    workflow = "issueUrl" in data and "state" in data
    return workflow or ("current_state" in data and "incident_id" in data and "condition_name" in data)


def read(data: dict[str, Json], received_at: datetime) -> tuple[Event, ...]:
    """Return one event, keyed by the issue or incident."""
    state = first(data, "state", "current_state").casefold()
    level = first(data, "priority", "severity").casefold()
    closed = _KINDS.get(state) is EventKind.RESOLVED
    entities = ", ".join(text(name, 200) for name in listed(data.get("impactedEntities"))[:20])
    return (
        event(
            NAME,
            received_at,
            kind=_KINDS.get(state, EventKind.FIRING) if state else None,
            key=first(data, "id", "incident_id"),
            title=first(data, "title", "condition_name"),
            body=first(data, "details"),
            severity=_SEVERITIES.get(level),
            labels={
                "policy": _names(data, "alertPolicyNames", "policy_name"),
                "condition": _names(data, "alertConditionNames", "condition_name"),
                "entities": entities,
            },
            links={
                "source": web_address(first(data, "issueUrl", "incident_url")),
                "runbook": web_address(data.get("runbook_url")),
            },
            occurred_at=data.get("updatedAt") if closed else data.get("createdAt"),
        ),
    )


def _names(data: dict[str, Json], several: str, single: str) -> str:
    return ", ".join(text(name, 200) for name in listed(data.get(several))[:20]) or first(data, single)


SOURCE = Source(
    NAME,
    "New Relic",
    icon=('<path d="M2 12s4-7 10-7 10 7 10 7-4 7-10 7-10-7-10-7"/><circle cx="12" cy="12" r="3"/>'),
    setup=(
        "Add a webhook destination with this address, and a workflow that notifies it with the "
        "default payload."
    ),
    example=(
        '{"id": "13bbcdca-f0b6", "issueUrl": '
        '"https://radar-api.service.newrelic.com/accounts/1/issues/13bbcdca", "title": "web-1 '
        'query result is > 1.0 for 5 minutes", "priority": "HIGH", "state": "ACTIVATED"}'
    ),
    recognition=Recognition(100, matches, read),
)
