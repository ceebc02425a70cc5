"""Amazon CloudWatch alarms, delivered by SNS, raw or in its envelope, or by EventBridge.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/Notify_Users_Alarm_Changes.html
https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/cloudwatch-and-eventbridge.html
"""

from datetime import datetime

from firebell.alerts.cleaning import text
from firebell.alerts.model import Event, EventKind, Json
from firebell.alerts.source_base.fields import event, filled, first, first_address, listed, mapped
from firebell.alerts.source_base.source import Recognition, Source

NAME = "cloudwatch"
_STATES = {"ALARM": EventKind.FIRING, "OK": EventKind.RESOLVED, "INSUFFICIENT_DATA": EventKind.NOTE}
"""Insufficient data changes nothing: a firing alarm keeps firing."""


def matches(data: dict[str, Json]) -> bool:
    """Return True for a state change of an alarm."""
    return ("AlarmName" in data and "NewStateValue" in data) or (
        data.get("source") == "aws.cloudwatch" and "alarmName" in mapped(data.get("detail"))
    )


def read(data: dict[str, Json], received_at: datetime) -> tuple[Event, ...]:
    """Return one event, keyed by the alarm's ARN."""
    if "AlarmName" not in data:
        return (_eventbridge(data, received_at),)
    trigger = mapped(data.get("Trigger"))
    dimensions = {
        first(d, "name", "Name"): d.get("value", d.get("Value"))
        for d in map(mapped, listed(trigger.get("Dimensions")))
    }
    name, account, region = (filled(data.get(n)) for n in ("AlarmName", "AWSAccountId", "Region"))
    state = text(data.get("NewStateValue"), 40)
    return (
        event(
            NAME,
            received_at,
            kind=_STATES.get(state, EventKind.FIRING) if state else None,
            key=first(data, "AlarmArn") or (name and f"{account}|{region}|{name}"),
            title=name,
            body=data.get("NewStateReason"),
            labels={
                "account": account,
                "region": region,
                "namespace": trigger.get("Namespace"),
                "metric": trigger.get("MetricName"),
                **dimensions,
            },
            annotations={"description": data.get("AlarmDescription")},
            links={"runbook": first_address(data.get("AlarmDescription"))},
            occurred_at=data.get("StateChangeTime"),
        ),
    )


def _eventbridge(data: dict[str, Json], received_at: datetime) -> Event:
    detail = mapped(data.get("detail"))
    change, description = mapped(detail.get("state")), mapped(detail.get("configuration")).get("description")
    state, arns = text(change.get("value"), 40), listed(data.get("resources"))
    return event(
        NAME,
        received_at,
        kind=_STATES.get(state, EventKind.FIRING) if state else None,
        key=arns[0] if arns else detail.get("alarmName"),
        title=detail.get("alarmName"),
        body=change.get("reason"),
        labels={"account": data.get("account"), "region": data.get("region")},
        annotations={"description": description},
        links={"runbook": first_address(description)},
        occurred_at=change.get("timestamp") or data.get("time"),
    )


SOURCE = Source(
    NAME,
    "Amazon CloudWatch",
    icon=('<path d="M7 18a4 4 0 0 1 0-8 5 5 0 0 1 10-1 4.5 4.5 0 0 1 0 9z"/><path d="M12 11v3l2 1"/>'),
    setup=(
        "Subscribe this address to the SNS topic of the alarms, with the protocol HTTPS. Then "
        "open the confirmation link that Firebell sends to the owners of the service."
    ),
    example=(
        '{"AlarmName": "checkout-5xx", "NewStateValue": "ALARM", "NewStateReason": "51 errors '
        'were greater than the threshold (5).", "AlarmArn": '
        '"arn:aws:cloudwatch:eu-west-1:123456789012:alarm:checkout-5xx"}'
    ),
    recognition=Recognition(50, matches, read),
)
