"""Zabbix: a webhook media type that sends the default subject and message, or the macros of an event.

https://www.zabbix.com/documentation/current/en/manual/config/notifications/media/webhook
https://www.zabbix.com/documentation/current/en/manual/appendix/macros/supported_by_location
"""

import re
from datetime import datetime

from firebell.alerts.cleaning import MAX_BODY, text
from firebell.alerts.model import Event, EventKind, Json
from firebell.alerts.source_base.fields import event, first, first_address, pairs, web_address
from firebell.alerts.source_base.source import Recognition, Source

NAME = "zabbix"
_SUBJECT = re.compile(r"(problem|resolved|updated problem)(?: (?:in|started)\b[^:]*)?:\s*(.*)", re.I | re.S)
_LINE = re.compile(r"^(Problem name|Host|Severity|Original problem ID):[ \t]*(.+?)\s*$", re.M)
_ACKNOWLEDGED = re.compile(r"\backnowledged: Yes\b", re.I)
_SEVERITIES = {
    **dict(zip("012345", ("info", "info", "warning", "warning", "error", "critical"), strict=True)),
    "not classified": "info",
    "information": "info",
    "warning": "warning",
    "average": "warning",
    "high": "error",
    "disaster": "critical",
}
_EVENT = ("event", "event_id", "eventid", "eventId", "problem_id")
_VALUE = ("value", "event_value")
_MACROS = {
    "trigger",
    "trigger_id",
    "opdata",
    "event_source",
    "event_nseverity",
    "event_name",
    "alert_subject",
}


def matches(data: dict[str, Json]) -> bool:
    """Return True for a default message, or fields with the id and the value of an event."""
    if first(data, *_EVENT).isdecimal() and first(data, *_VALUE) in ("0", "1") and _MACROS & data.keys():
        return True
    message = text(_message(data), MAX_BODY)
    return "Original problem ID:" in message or (
        bool(message) and bool(_SUBJECT.match(first(data, "subject", "alert_subject")))
    )


def _message(data: dict[str, Json]) -> Json:
    """Return the message, by either of its field names."""
    return data.get("message") or data.get("alert_message")


def read(data: dict[str, Json], received_at: datetime) -> tuple[Event, ...]:
    """Return one event, keyed by the problem id, or by its name and host."""
    message = text(_message(data), MAX_BODY)
    lines = dict(reversed(_LINE.findall(message)))
    subject = _SUBJECT.match(first(data, "subject", "alert_subject"))
    name = first(data, "name", "event_name") or lines.get("Problem name") or (subject[2] if subject else "")
    host = first(data, "host", "host_name", "hostname") or lines.get("Host", "")
    problem = first(data, *_EVENT) or first(lines, "Original problem ID")
    level = first(data, "event_nseverity", "severity", "event_severity") or lines.get("Severity", "")
    title = name or first(data, "subject", "alert_subject")
    return (
        event(
            NAME,
            received_at,
            kind=_kind(data, message, subject[1].casefold() if subject else "", problem),
            key=f"problem:{problem}" if problem else name and f"{host}|{name}",
            title=title if not host or host in title else f"{title} on {host}",
            body=message or first(data, "opdata", "event_opdata"),
            severity=_SEVERITIES.get(level.casefold()),
            labels={"host": host, **pairs(_tags(data))},
            links={
                "source": web_address(data.get("url") or data.get("zabbix_url")),
                "runbook": first_address(message),
            },
        ),
    )


def _kind(data: dict[str, Json], message: str, subject: str, problem: str) -> EventKind | None:
    value = first(data, *_VALUE)
    updated = first(data, "update", "event_update_status") == "1" or subject == "updated problem"
    if value == "0" or subject == "resolved":
        return EventKind.RESOLVED
    if updated:
        acknowledged = first(data, "ack", "event_ack_status").casefold() == "yes"
        # the default message of an update does not name its problem
        return (
            EventKind.ACK if problem and (acknowledged or _ACKNOWLEDGED.search(message)) else EventKind.NOTE
        )
    return EventKind.FIRING if value == "1" or subject == "problem" else None


def _tags(data: dict[str, Json]) -> Json:
    tags = data.get("tags") or data.get("event_tags")
    return None if isinstance(tags, str) and tags.lstrip().startswith(("[", "{")) else tags


SOURCE = Source(
    NAME,
    "Zabbix",
    icon=('<rect x="3" y="3" width="18" height="18" rx="2"/><path d="M3 9h18M3 15h18M9 3v18M15 3v18"/>'),
    setup=(
        "Add a media type of type Webhook whose script posts this body to this address, and use "
        "it in the operations of trigger actions."
    ),
    example=(
        '{"event": "4711", "value": "1", "severity": "5", "name": "CPU is high on web-1", '
        '"host": "web-1", "trigger": "99"}'
    ),
    snippet=(
        '{"event": "{EVENT.ID}", "value": "{EVENT.VALUE}", "update": "{EVENT.UPDATE.STATUS}", '
        '"ack": "{EVENT.ACK.STATUS}", "severity": "{EVENT.NSEVERITY}", "name": "{EVENT.NAME}", '
        '"host": "{HOST.NAME}", "tags": "{EVENT.TAGSJSON}", "opdata": "{EVENT.OPDATA}", '
        '"trigger": "{TRIGGER.ID}", "url": "{$ZABBIX.URL}"}'
    ),
    recognition=Recognition(130, matches, read),
)
