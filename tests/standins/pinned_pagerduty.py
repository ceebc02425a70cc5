"""What PagerDuty's Events API accepts and answers, as its OpenAPI descriptions say it."""

from datetime import date

from tests.standins.pinned_api import TEXT, Description, Kind, Operation, many, one_of, thing

_ERROR = thing("status message", status=TEXT, message=TEXT, errors=many(TEXT))
_DETAILS = Kind((dict,))
_CHANGE = {"summary": TEXT, "timestamp": TEXT, "source": TEXT, "custom_details": _DETAILS}
_LINKS = many(thing("href", href=TEXT, text=TEXT))
_IMAGES = many(thing("src", src=TEXT, href=TEXT, alt=TEXT))
_ACCEPTED = thing("status", status=TEXT, dedup_key=TEXT, message=TEXT)

PAGERDUTY = Description(
    source="PagerDuty/api-schema: reference/events-v1/openapiv3.json and reference/events-v2/openapiv3.json",
    version="commit 91a06fb3c64b0ab2b2bd6c485d12b327dfb55c18 of 2026-08-14",
    read_on=date(2026, 11, 30),
    operations=(
        Operation(
            "POST",
            "/v2/enqueue",
            body=thing(
                "routing_key event_action",
                routing_key=TEXT,
                event_action=one_of("trigger", "acknowledge", "resolve"),
                dedup_key=TEXT,
                payload=thing(
                    "summary severity source",
                    **_CHANGE,
                    severity=one_of("critical", "warning", "error", "info"),
                    component=TEXT,
                    group=TEXT,
                    **{"class": TEXT},
                ),
                client=TEXT,
                client_url=TEXT,
                links=_LINKS,
                images=_IMAGES,
            ),
            answers={202: _ACCEPTED},
        ),
        Operation(
            "POST",
            "/v2/change/enqueue",
            body=thing(
                "payload routing_key",
                routing_key=TEXT,
                payload=thing("summary", **_CHANGE),
                links=_LINKS,
                images=_IMAGES,
            ),
            answers={202: _ACCEPTED},
        ),
        Operation(
            "POST",
            "/generic/2010-04-15/create_event.json",
            answers={200: thing("status", status=TEXT, incident_key=TEXT, message=TEXT)},
        ),
    ),
    error=_ERROR,
)
