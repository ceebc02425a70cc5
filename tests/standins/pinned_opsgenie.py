"""What Opsgenie answers, according to its OpenAPI description and, where noted, its documentation."""

from datetime import date

from tests.standins.pinned_api import (
    INSTANT,
    NUMBER,
    TEXT,
    TRUTH,
    Description,
    Kind,
    Kinds,
    Operation,
    many,
    one_of,
    open_thing,
    thing,
)

_BASE: Kinds = {"requestId": TEXT, "took": Kind((int, float))}
_RESPONDER = open_thing("type id", type=one_of("user", "team", "escalation", "schedule"), id=TEXT)
_REPORT = thing(ackTime=NUMBER, closeTime=NUMBER, acknowledgedBy=TEXT, closedBy=TEXT)
_LISTED: Kinds = {
    **dict.fromkeys(("id", "tinyId", "alias", "message", "status", "source", "owner", "priority"), TEXT),
    **dict.fromkeys(("acknowledged", "isSeen", "snoozed"), TRUTH),
    **dict.fromkeys(("snoozedUntil", "lastOccurredAt", "createdAt", "updatedAt"), INSTANT),
    "count": NUMBER,
    "tags": many(TEXT),
    "responders": many(_RESPONDER),
    "integration": thing(id=TEXT, name=TEXT, type=TEXT),
    "report": _REPORT,
}
_ALERT = thing(
    "id", **_LISTED, actions=many(TEXT), entity=TEXT, description=TEXT, details=Kind((dict,), each=TEXT)
)
_LOG = {"owner": TEXT, "createdAt": INSTANT, "offset": TEXT}
_RECIPIENT = thing(
    user=thing(id=TEXT, username=TEXT), state=TEXT, method=TEXT, createdAt=INSTANT, updatedAt=INSTANT
)
_PAGES = thing(prev=TEXT, next=TEXT, first=TEXT, last=TEXT)
_REQUEST = thing(
    action=TEXT,
    processedAt=INSTANT,
    integrationId=TEXT,
    isSuccess=TRUTH,
    status=TEXT,
    alertId=TEXT,
    alias=TEXT,
    success=TRUTH,  # only in https://docs.opsgenie.com/docs/alert-api#get-request-status
)
_HEARTBEAT_STATE: Kinds = {"name": TEXT, "enabled": TRUTH, "expired": TRUTH}
_HEARTBEAT = thing(
    **_HEARTBEAT_STATE,
    description=TEXT,
    interval=NUMBER,
    intervalUnit=one_of("minutes", "hours", "days"),
    lastPingTime=INSTANT,
)


def _answer(data: Kind, **more: Kind) -> Kind:
    return thing("requestId took", **_BASE, data=data, **more)


_ACCEPTED = thing("requestId took", **_BASE, result=TEXT, data=thing(id=TEXT, name=TEXT))
_STATE = _answer(thing(**_HEARTBEAT_STATE))
_ERROR = thing(
    "requestId took",
    **_BASE,
    message=TEXT,
    code=NUMBER,
    responseHeaders=Kind((dict,)),
    errors=Kind((dict,), each=TEXT),  # only in https://docs.opsgenie.com/docs/response
)
_ALERTS = "/v2/alerts"
_ONE = f"{_ALERTS}/{{identifier}}"
_HEARTBEATS = "/v2/heartbeats"
_BEAT = f"{_HEARTBEATS}/{{name}}"
_POSTED = ("acknowledge", "unacknowledge", "close", "snooze", "escalate", "assign", "responders", "teams")

OPSGENIE = Description(
    source="opsgenie/opsgenie-oas: definitions, paths and responses (Apache-2.0)",
    version="commit 71c55343d03076e5544c484ed32b37c3fbc54037 of 2021-02-19",
    read_on=date(2026, 11, 30),
    operations=(
        Operation("POST", _ALERTS, answers={202: _ACCEPTED}),
        Operation("GET", _ALERTS, answers={200: _answer(many(thing("id", **_LISTED)), paging=_PAGES)}),
        Operation("GET", f"{_ALERTS}/count", answers={200: _answer(thing(count=NUMBER))}),
        Operation("GET", f"{_ALERTS}/requests/{{requestId}}", answers={200: _answer(_REQUEST)}),
        Operation("GET", _ONE, answers={200: _answer(_ALERT)}),
        Operation("DELETE", _ONE, answers={202: _ACCEPTED}),
        *(Operation("POST", f"{_ONE}/{verb}", answers={202: _ACCEPTED}) for verb in _POSTED),
        *(
            Operation(method, f"{_ONE}/{name}", answers={202: _ACCEPTED})
            for method in ("POST", "DELETE")
            for name in ("tags", "details")
        ),
        *(
            Operation("PUT", f"{_ONE}/{name}", answers={202: _ACCEPTED})
            for name in ("message", "description", "priority")
        ),
        Operation("POST", f"{_ONE}/actions/{{actionName}}", answers={202: _ACCEPTED}),
        Operation("POST", f"{_ONE}/notes", answers={202: _ACCEPTED}),
        Operation(
            "GET", f"{_ONE}/notes", answers={200: _answer(many(thing(note=TEXT, **_LOG)), paging=_PAGES)}
        ),
        Operation(
            "GET",
            f"{_ONE}/logs",
            answers={200: _answer(many(thing(log=TEXT, type=TEXT, **_LOG)), paging=_PAGES)},
        ),
        Operation("GET", f"{_ONE}/recipients", answers={200: _answer(many(_RECIPIENT))}),
        Operation("GET", f"{_ONE}/attachments", answers={200: _answer(many(thing(name=TEXT, id=TEXT)))}),
        Operation("POST", f"{_ONE}/attachments", answers={201: _ACCEPTED}),
        Operation("DELETE", f"{_ONE}/attachments/{{attachmentId}}", answers={200: _ACCEPTED}),
        Operation("GET", _HEARTBEATS, answers={200: _answer(thing(heartbeats=many(_HEARTBEAT)))}),
        Operation("POST", _HEARTBEATS, answers={201: _answer(_HEARTBEAT)}),
        Operation("GET", _BEAT, answers={200: _answer(_HEARTBEAT)}),
        Operation("PATCH", _BEAT, answers={200: _STATE}),
        Operation("DELETE", _BEAT, answers={200: _ACCEPTED}),
        # the migration guide of the API has PUT and PATCH, too
        *(
            Operation(method, f"{_BEAT}/{verb}", answers={200: _STATE})
            for method in ("POST", "PUT", "PATCH")
            for verb in ("enable", "disable")
        ),
        # https://docs.opsgenie.com/docs/heartbeat-api#ping-heartbeat-request adds methods to the description's GET
        *(
            Operation(method, f"{_BEAT}/ping", answers={202: _ACCEPTED})
            for method in ("GET", "POST", "PUT", "PATCH")
        ),
    ),
    error=_ERROR,
)
