"""The JSON of Opsgenie's API (pure)."""

from collections.abc import Sequence
from datetime import datetime
from urllib.parse import urlencode

from firebell.alerts.model import Integration, Json
from firebell.alerts.sources import opsgenie as source
from firebell.opsgenie.alert_ids import alert_uuid
from firebell.opsgenie.model import RequestResult, ShownAlert
from firebell.paging.model import LogEntry

INTEGRATION_TYPE = "API"


def summary(alert: ShownAlert, integration: Integration) -> dict[str, Json]:
    """Return an alert as a list shows it."""
    return {
        "id": alert_uuid(alert.id),
        "tinyId": str(alert.id),
        "alias": alert.alias,
        "message": alert.message,
        "status": "open" if alert.is_open else "closed",
        "acknowledged": alert.is_acknowledged,
        "isSeen": alert.is_seen,
        "tags": source.tags_of(alert.annotations),
        "snoozed": alert.is_snoozed,
        **({"snoozedUntil": alert.snoozed_until} if alert.is_snoozed else {}),
        "count": alert.count,
        "lastOccurredAt": alert.last_occurred_at,
        "createdAt": alert.created_at,
        "updatedAt": alert.updated_at,
        "source": alert.annotations.get("source", ""),
        "owner": alert.owner or alert.annotations.get("owner", ""),
        "priority": source.priority_of(alert.severity, alert.annotations),
        "responders": [],
        "integration": {"id": str(integration.id), "name": integration.name, "type": INTEGRATION_TYPE},
        "report": _report(alert),
    }


def _report(alert: ShownAlert) -> dict[str, Json]:
    report: dict[str, Json] = {}
    if alert.first_ack_at is not None and alert.triggered_at is not None:
        report |= {"ackTime": _milliseconds(alert.triggered_at, alert.first_ack_at)}
        report |= {"acknowledgedBy": alert.owner or ""}
    if alert.closed_at is not None:
        report |= {"closeTime": _milliseconds(alert.created_at, alert.closed_at), "closedBy": ""}
    return report


def _milliseconds(start: datetime, end: datetime) -> int:
    return max(0, round((end - start).total_seconds() * 1000))


def full(alert: ShownAlert, integration: Integration) -> dict[str, Json]:
    """Return an alert with everything about it."""
    return {
        **summary(alert, integration),
        "actions": [],
        "entity": alert.annotations.get("entity", ""),
        "description": alert.description,
        "details": source.details_of(alert.labels, alert.annotations),
    }


def request_status(result: RequestResult, integration: Integration) -> dict[str, Json]:
    """Return the result of a request."""
    return {
        "success": result.is_success,
        "isSuccess": result.is_success,
        "action": result.action,
        "status": result.status,
        "processedAt": result.processed_at,
        "integrationId": str(integration.id),
        "alertId": alert_uuid(result.alert_id) if result.alert_id is not None else "",
        "alias": result.alias,
    }


def notes(entries: Sequence[tuple[int, LogEntry]]) -> list[Json]:
    """Return notes, each with its place in the log."""
    return [
        {"note": e.text, "owner": e.actor, "createdAt": e.at, "offset": str(place)} for place, e in entries
    ]


def logs(entries: Sequence[tuple[int, LogEntry]]) -> list[Json]:
    """Return the entries of a log, each with its place."""
    return [
        {"log": e.text, "type": e.kind, "owner": e.actor, "createdAt": e.at, "offset": str(place)}
        for place, e in entries
    ]


def links(base: str, path: str, pages: dict[str, dict[str, Json]]) -> dict[str, str]:
    """Return the addresses of other parts of a list by their names."""
    return {
        name: f"{base}{path}?{urlencode({k: v for k, v in query.items() if v not in (None, '')})}"
        for name, query in pages.items()
    }
