"""Google Cloud Monitoring, webhook channel.

https://cloud.google.com/monitoring/support/notification-options#webhooks
"""

from datetime import datetime

from firebell.alerts.cleaning import severity, text
from firebell.alerts.model import Event, EventKind, Json
from firebell.alerts.source_base.fields import event, first, first_address, mapped, web_address
from firebell.alerts.source_base.source import Recognition, Source

NAME = "gcp-monitoring"
_STATES = {"open": EventKind.FIRING, "closed": EventKind.RESOLVED}


def matches(data: dict[str, Json]) -> bool:
    """Return True for an incident of Cloud Monitoring."""
    incident = mapped(data.get("incident"))
    return "incident_id" in incident and ("policy_name" in incident or "state" in incident)


def read(data: dict[str, Json], received_at: datetime) -> tuple[Event, ...]:
    """Return one event, keyed by the incident."""
    incident = mapped(data.get("incident"))
    policy, condition = first(incident, "policy_name"), first(incident, "condition_name")
    state = text(incident.get("state"), 40).casefold()
    kind = _STATES.get(state, EventKind.FIRING) if state else None
    documentation = mapped(incident.get("documentation")).get("content") or incident.get("documentation")
    documentation = documentation if isinstance(documentation, str) else None
    return (
        event(
            NAME,
            received_at,
            kind=kind,
            key=incident.get("incident_id"),
            title=": ".join(part for part in (policy, condition) if part) or incident.get("summary"),
            body=incident.get("summary"),
            severity=severity(incident.get("severity")),
            labels={
                "project": incident.get("scoping_project_id"),
                "resource": first(incident, "resource_display_name", "resource_name"),
                **mapped(mapped(incident.get("resource")).get("labels")),
                **mapped(mapped(incident.get("metric")).get("labels")),
                **mapped(incident.get("policy_user_labels")),
            },
            annotations={"documentation": documentation},
            links={
                "source": web_address(incident.get("url")),
                "runbook": first_address(documentation),
            },
            occurred_at=incident.get("ended_at" if kind is EventKind.RESOLVED else "started_at"),
        ),
    )


SOURCE = Source(
    NAME,
    "Google Cloud Monitoring",
    icon='<path d="M12 3 20 7.5v9L12 21l-8-4.5v-9z"/><path d="M8 13h2l1-3 2 5 1-2h2"/>',
    setup=(
        "Add a notification channel of type Webhook with this address, and choose it in alerting policies."
    ),
    example=(
        '{"version": "1.2", "incident": {"incident_id": "0.opqiw61fsv7p", "state": "open", '
        '"severity": "Critical", "policy_name": "CPU policy", "condition_name": "CPU above 90%"}}'
    ),
    recognition=Recognition(90, matches, read),
)
