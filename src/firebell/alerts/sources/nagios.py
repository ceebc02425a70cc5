"""Nagios, Naemon and Icinga 2: a notification command that sends its macros as fields.

https://assets.nagios.com/downloads/nagioscore/docs/nagioscore/4/en/macrolist.html
https://icinga.com/docs/icinga-2/latest/doc/03-monitoring-basics/#notifications
"""

from datetime import datetime

from firebell.alerts.cleaning import MAX_BODY, severity, text
from firebell.alerts.model import Event, EventKind, Json
from firebell.alerts.source_base.fields import event, first, mapped, web_address
from firebell.alerts.source_base.source import Recognition, Source
from firebell.alerts.source_base.state_words import kind_of

NAME = "nagios"
_TYPE = ("notification_type", "notificationtype", "type")
_HOST = ("host", "hostname", "host_name", "hostalias")
_SERVICE = ("service", "servicedesc", "service_name", "service_description")
_STATE = ("service_state", "servicestate", "host_state", "hoststate", "state")
_STATE_TYPE = ("state_type", "statetype", "service_state_type", "servicestatetype", "hoststatetype")
_OUTPUT = ("service_output", "serviceoutput", "host_output", "hostoutput", "output")
_CHANGED = ("changed", "last_state_change", "lastservicestatechange", "lasthoststatechange")
_SEVERITIES = {
    **dict.fromkeys(("critical", "down"), "critical"),
    **dict.fromkeys(("warning", "unreachable"), "warning"),
    "unknown": "error",
}
_STATES = {*_SEVERITIES, "ok", "up"}


def _lowered(data: dict[str, Json]) -> dict[str, Json]:
    return {name.casefold(): value for name, value in data.items()}


def _kind(lowered: dict[str, Json]) -> EventKind | None:
    """Return the kind for a notification type, or None if Nagios has no such type."""
    word = first(lowered, *_TYPE).casefold()
    if word == "custom" and first(lowered, *_STATE).casefold() not in _STATES:
        # other tools have a type of this name, too
        return None
    known = word in ("problem", "recovery", "acknowledgement") or kind_of(word) is EventKind.NOTE
    return kind_of(word) if known else None


def notification(data: dict[str, Json]) -> EventKind | None:
    """Return the kind of a Nagios or Icinga notification, or None for any other body."""
    return _kind(_lowered(data))


def is_soft(data: dict[str, Json]) -> bool:
    """Return True for a soft state, which Nagios still rechecks before it notifies."""
    return first(_lowered(data), *_STATE_TYPE).casefold() == "soft"


def matches(data: dict[str, Json]) -> bool:
    """Return True for a host and a notification type of Nagios or Icinga."""
    lowered = _lowered(data)
    return _kind(lowered) is not None and bool(first(lowered, *_HOST))


def read(data: dict[str, Json], received_at: datetime) -> tuple[Event, ...]:
    """Return one event, keyed by host and service; a soft state and a comment change nothing."""
    lowered = _lowered(data)
    host, service, state = (first(lowered, *names) for names in (_HOST, _SERVICE, _STATE))
    output = first(lowered, *_OUTPUT)
    title = (
        f"{host} {service}".strip() + (f" is {state}" if state else "") + (f": {output}" if output else "")
    )
    return (
        event(
            NAME,
            received_at,
            kind=EventKind.NOTE if is_soft(data) else _kind(lowered),
            key=first(lowered, "key") or (f"{host}!{service}" if service else host),
            title=first(lowered, "title") or title,
            body=text(lowered.get("long_output") or output, MAX_BODY),
            severity=_SEVERITIES.get(state.casefold()) or severity(lowered.get("severity")),
            labels={
                "host": host,
                "check": service,
                "author": lowered.get("author"),
                **mapped(lowered.get("labels")),
            },
            annotations={"comment": lowered.get("comment")},
            links={
                "runbook": web_address(lowered.get("notes_url")),
                "source": web_address(lowered.get("action_url")),
            },
            occurred_at=first(lowered, *_CHANGED) or None,
        ),
    )


SOURCE = Source(
    NAME,
    "Nagios and Icinga",
    icon=(
        '<rect x="3" y="4" width="18" height="7" rx="1.5"/>'
        '<rect x="3" y="13" width="18" height="7" rx="1.5"/>'
        '<path d="M7 7.5h.01M7 16.5h.01M11 16.5h6"/>'
    ),
    setup=(
        "Define notification commands that post the macros of a host or service as a form, such "
        "as this one for services."
    ),
    example=(
        '{"type": "PROBLEM", "host": "web-1", "service": "HTTP", "state": "CRITICAL", "output": '
        '"HTTP CRITICAL: 500"}'
    ),
    snippet=(
        "curl <url>/in/<key>/generic --data-urlencode 'type=$NOTIFICATIONTYPE$' --data-urlencode "
        "'host=$HOSTNAME$' --data-urlencode 'service=$SERVICEDESC$' --data-urlencode "
        "'state=$SERVICESTATE$' --data-urlencode 'output=$SERVICEOUTPUT$'"
    ),
    recognition=Recognition(120, matches, read),
)
