"""Azure Monitor, common alert schema.

https://learn.microsoft.com/en-us/azure/azure-monitor/alerts/alerts-common-schema
"""

from datetime import datetime

from firebell.alerts.cleaning import text
from firebell.alerts.model import Event, EventKind, Json
from firebell.alerts.source_base.fields import event, filled, first, listed, mapped, web_address
from firebell.alerts.source_base.source import Recognition, Source

NAME = "azure-monitor"
_SEVERITIES = {"sev0": "critical", "sev1": "error", "sev2": "warning", "sev3": "info", "sev4": "info"}
_STATES = {"fired": EventKind.FIRING, "resolved": EventKind.RESOLVED}


def matches(data: dict[str, Json]) -> bool:
    """Return True for the common alert schema."""
    return data.get("schemaId") == "azureMonitorCommonAlertSchema"


def read(data: dict[str, Json], received_at: datetime) -> tuple[Event, ...]:
    """Return one event, keyed by the origin of the alert and its first target."""
    content = mapped(data.get("data"))
    essentials = mapped(content.get("essentials"))
    targets, items = listed(essentials.get("alertTargetIDs")), listed(essentials.get("configurationItems"))
    origin, rule = first(essentials, "originAlertId", "alertId"), first(essentials, "alertRule")
    target, item = filled(targets[0]) if targets else "", filled(items[0]) if items else ""
    state = text(essentials.get("monitorCondition"), 40).casefold()
    kind = _STATES.get(state, EventKind.FIRING) if state else None
    at = "resolvedDateTime" if kind is EventKind.RESOLVED else "firedDateTime"
    return (
        event(
            NAME,
            received_at,
            kind=kind,
            key=f"{origin}|{target}" if origin else None,
            title=f"{rule} on {item}" if rule and item else rule,
            body=essentials.get("description"),
            severity=_SEVERITIES.get(text(essentials.get("severity"), 40).casefold()),
            labels={
                "target": target,
                "signal": essentials.get("signalType"),
                "monitor": essentials.get("monitoringService"),
                **mapped(content.get("customProperties")),
            },
            links={"source": web_address(essentials.get("investigationLink"))},
            occurred_at=essentials.get(at),
        ),
    )


SOURCE = Source(
    NAME,
    "Azure Monitor",
    icon='<path d="M12 3 22 20H2z"/><path d="M7 16h3l2-5 2 5h3"/>',
    setup="Add a webhook with this address to an action group, and turn on the common alert schema.",
    example=(
        '{"schemaId": "azureMonitorCommonAlertSchema", "data": {"essentials": {"alertRule": "CPU '
        'above 90%", "severity": "Sev1", "monitorCondition": "Fired", "originAlertId": '
        '"3f2d4487_rg_x", "configurationItems": ["vm1"]}}}'
    ),
    recognition=Recognition(80, matches, read),
)
