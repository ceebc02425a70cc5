"""Alerts over JSON."""

from datetime import datetime
from typing import Annotated, Literal

import msgspec
from fastapi import Query, Response
from pydantic import ConfigDict, Field
from starlette.requests import Request

from firebell.alerts import actions, earlier_alerts, queries, time_range
from firebell.alerts.alert_list import listing
from firebell.alerts.integrations import dropped_labels
from firebell.alerts.model import Alert, AlertFilter, Rejected
from firebell.alerts.mutes import MuteKind
from firebell.alerts.sources import generic
from firebell.catalog import actions as catalog
from firebell.kit import matcher_query
from firebell.kit.errors import Conflict, Invalid
from firebell.kit.localtime import check_zone, utc_offset
from firebell.kit.web import api, html
from firebell.kit.web.api import (
    ApiInput,
    ApiOutput,
    Ctx,
    Instant,
    Name,
    PageParams,
    PathId,
    QueryBool,
    Text,
    problems,
)
from firebell.people.authentication import Caller
from firebell.people.permissions import Verb
from firebell.people.route_access import may
from firebell.people.unit_of_work import Work, work

router = api.router()

Reader = Annotated[Work, work(Verb.ALERT_READ)]
Sender = Annotated[Caller, may(Verb.ALERT_SEND)]
Texts = Annotated[dict[Name, Annotated[Text, Field(max_length=1024)]], Field(max_length=64)]


class AlertMute(ApiOutput):
    """The maintenance, silence or inhibition rule that muted an alert; if it still fires at the end, it pages then."""

    kind: MuteKind
    name: Annotated[str, Field(description="of the maintenance or rule; the comment of a silence")]
    author: Annotated[str, Field(description="of the silence; empty for maintenance")]
    path: Annotated[str, Field(description="address of what muted it in Firebell")]
    ends_at: datetime
    is_muted: Annotated[bool, Field(description="false once the alert pages, after the end")]


class AlertFlapping(ApiOutput):
    """An alert that changes between firing and resolved so often that it keeps its page until it is calm."""

    since: datetime
    changes: Annotated[int, Field(description="number of changes since then")]
    is_resolved: Annotated[bool, Field(description="true while its source reports it as resolved")]
    ends_at: Annotated[datetime, Field(description="when it is calm if it does not change again")]


class AlertShown(ApiOutput):
    """All events of one deduplication key, from the first that fires until it is resolved."""

    id: int
    title: str
    status: Literal["firing", "resolved"]
    severity: Literal["critical", "error", "warning", "info"] | None
    dedup_key: str
    labels: dict[str, str]
    starts_at: datetime
    ends_at: datetime | None
    count: int
    service: Annotated[str, Field(description="slug")]
    service_name: str
    page: Annotated[str | None, Field(description="the alert's page; null if the alert paged no one")]
    incidents: Annotated[list[str], Field(description="the incidents that its page belongs to, oldest first")]
    mute: Annotated[
        AlertMute | None, Field(description="why the alert paged no one at first; null if nothing muted it")
    ]
    flapping: Annotated[AlertFlapping | None, Field(description="null unless it flaps")]
    findings: Annotated[
        list[str],
        Field(
            description="A-MISSED: fired again after its resolution, with an older time; "
            "A-SOURCE-SILENT: its source sends nothing, so the alerts of that source keep firing"
        ),
    ]


class AlertDetail(AlertShown):
    """One alert with everything its source sent."""

    body: str
    annotations: dict[str, str]
    links: dict[str, str]
    messages_deleted: Annotated[
        int,
        Field(description="number of its messages that were deleted because they were older than 30 days"),
    ]


class NearbyChange(ApiOutput):
    """A change of the alert's service, within an hour of when the alert began."""

    id: int
    at: datetime
    summary: str
    source: str
    links: dict[str, str]
    details: dict[str, str]


class AlertContextShown(ApiOutput):
    """Changes near an alert, and earlier alerts of its key."""

    changes: Annotated[list[NearbyChange], Field(description="newest first, at most 10")]
    earlier: Annotated[list[AlertShown], Field(description="the newest 5 earlier alerts of its key")]
    earlier_count: Annotated[int, Field(description="of the 90 days before it; at most 100")]
    paged: Annotated[int, Field(description="of these, how many have a page")]
    typical_s: Annotated[
        int | None, Field(description="the median time in seconds after which these ended; null if none did")
    ]


class AlertMessage(ApiOutput):
    """A message as it was received, without its integration key."""

    id: int
    received_at: datetime
    source: str
    size: Annotated[int, Field(description="in bytes")]
    text: Annotated[str, Field(description="the first 64 KiB; bytes that are not text are replaced")]
    truncated: bool
    error: Annotated[str | None, Field(description="why the message could not be read")]


class AlertFacetValue(ApiOutput):
    """A value of a label."""

    value: str
    alerts: int
    is_chosen: Annotated[bool, Field(description="true if the query asks for it")]


class AlertFacet(ApiOutput):
    """A label that splits the alerts, with its most common values."""

    name: str
    values: list[AlertFacetValue]
    others: Annotated[int, Field(description="number of values that are not listed")]


class AlertFacets(ApiOutput):
    """The labels of the newest alerts that match."""

    counted: Annotated[int, Field(description="alerts whose labels were counted")]
    is_partial: Annotated[bool, Field(description="true if older alerts may match too")]
    facets: list[AlertFacet]


class AlertBar(ApiOutput):
    """The alerts that began in an interval."""

    start: datetime
    end: Annotated[datetime, Field(description="exclusive end of the interval")]
    alerts: int
    firing: Annotated[int, Field(description="how many of them still fire")]
    minor_firing: Annotated[int, Field(description="how many of those have the severity warning or info")]
    severities: Annotated[
        dict[Literal["critical", "error", "warning", "info", "none"], int],
        Field(description="number of alerts of each severity; none: those without one"),
    ]


class AlertHistogram(ApiOutput):
    """When the newest alerts that match began."""

    counted: Annotated[int, Field(description="number of alerts counted")]
    is_partial: Annotated[bool, Field(description="true if older alerts may match too")]
    bars: Annotated[
        list[AlertBar], Field(description="of equal length, oldest first, at most 50; empty without alerts")
    ]


class NewAlert(ApiInput):
    """An alert to send; events with the same `dedup_key` are the same alert."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"service": "checkout", "title": "5xx above 5%", "dedup_key": "checkout-5xx"}]
        }
    )

    service: Annotated[Name, Field(description="slug")]
    title: Annotated[Text, Field(min_length=1, max_length=10_000)]
    body: Annotated[Text, Field(max_length=32_768)] = ""
    severity: Literal["critical", "error", "warning", "info"] = "critical"
    status: Literal["firing", "acknowledged", "resolved"] = "firing"
    dedup_key: Annotated[Text | None, Field(max_length=512, description="default: a hash of the content")] = (
        None
    )
    labels: Texts = Field(default_factory=dict)
    annotations: Texts = Field(default_factory=dict)
    links: Texts = Field(default_factory=dict)
    runbook_url: Annotated[Text | None, Field(max_length=1024)] = None
    occurred_at: Instant | None = None


class AlertAccepted(ApiOutput):
    """The alert is stored, and so is the page that it opens."""

    status: Literal["accepted"]
    dedup_key: str
    service: str


def _flapping(alert: Alert) -> AlertFlapping | None:
    flap = alert.flap
    if flap is None or flap.since is None:
        return None
    return AlertFlapping(
        since=flap.since, changes=flap.count, is_resolved=flap.is_resolved, ends_at=flap.ends_at
    )


def _fields(model: type[AlertShown], details: queries.AlertDetails) -> dict[str, object]:
    """Return the fields of `model` for an alert with its service, page and incidents."""
    related = {
        "dedup_key": details.alert.shown_key,
        "service": details.service.slug,
        "service_name": details.service.name,
        "page": details.page,
        "incidents": details.incidents,
        "mute": AlertMute.model_validate(details.mute) if details.mute else None,
        "flapping": _flapping(details.alert),
    }
    own = {name: getattr(details.alert, name) for name in model.model_fields if hasattr(details.alert, name)}
    return {**own, **related}


AlertQueryText = Annotated[
    Text,
    Query(
        description="matchers as in Alertmanager, of labels, title and severity, and the beginnings of words in the "
        'title, such as `env="production" disk`; or a whole deduplication key, in quotes if it has an equals sign'
    ),
]
ServiceSlug = Annotated[Text, Query(description="slug; default: every service")]
FiringOnly = Annotated[Literal["firing"] | None, Query(description="default: every status")]
MutedOnly = Annotated[
    QueryBool,
    Query(description="only alerts that maintenance or a silence muted, also those that paged at its end"),
]


Start = Annotated[Instant | None, Query(alias="from", description="alerts that began then or later")]
End = Annotated[Instant | None, Query(alias="to", description="alerts that began before then")]


async def _filter(
    w: Work, service: str, status: str | None, start: datetime | None, end: datetime | None, *, muted: bool
) -> AlertFilter:
    started = time_range.checked(start, end)
    service_id = (await catalog.by_slug(w.tx, service, with_deleted=True)).id if service else None
    return AlertFilter(service_id, is_firing=status == "firing", is_muted=muted, started=started)


@router.get("/alerts", tags=["alerts"], summary="List alerts, newest first", responses=problems(404))
async def list_alerts(
    w: Reader,
    params: PageParams,
    q: AlertQueryText = "",
    service: ServiceSlug = "",
    status: FiringOnly = None,
    muted: MutedOnly = False,
    start: Start = None,
    end: End = None,
) -> list[AlertShown]:
    """With matchers, a page can have fewer entries than `limit` although `Link` leads to more.

    `from` and `to` are about when an alert began, which is what its source says if that is at most a day ago.
    """
    wanted = await _filter(w, service, status, start, end, muted=muted)
    listed = await listing.listing(
        w.tx,
        matcher_query.parse(q.strip(), listing.QUERY_EXAMPLE),
        params.before,
        params.limit,
        wanted,
        with_facets=False,
    )
    params.link_after(listed.older)
    views = await queries.alert_details(w.tx, listed.alerts)
    return [AlertShown.model_validate(_fields(AlertShown, v)) for v in views]


@router.get(
    "/alerts/facets",
    tags=["alerts"],
    summary="Count the values of labels among the newest alerts that match",
    responses=problems(404),
)
async def list_alert_facets(
    w: Reader,
    q: AlertQueryText = "",
    service: ServiceSlug = "",
    status: FiringOnly = None,
    muted: MutedOnly = False,
    start: Start = None,
    end: End = None,
) -> AlertFacets:
    wanted = await _filter(w, service, status, start, end, muted=muted)
    listed = await listing.listing(
        w.tx, matcher_query.parse(q.strip(), listing.QUERY_EXAMPLE), None, 1, wanted, with_facets=True
    )
    return AlertFacets.model_validate(listed)


@router.get(
    "/alerts/histogram",
    tags=["alerts"],
    summary="Count the newest alerts that match by when they began",
    responses=problems(404),
)
async def get_alert_histogram(
    w: Reader,
    q: AlertQueryText = "",
    service: ServiceSlug = "",
    status: FiringOnly = None,
    muted: MutedOnly = False,
    start: Start = None,
    end: End = None,
    tz: Annotated[str, Query(max_length=64, description="time zone to which bars are aligned")] = "UTC",
) -> AlertHistogram:
    """Bars cover `from` to `to`.

    Without `from`, or if `is_partial`, they begin at the oldest counted alert; without `to`, they end now.
    """
    wanted = await _filter(w, service, status, start, end, muted=muted)
    listed = await listing.listing(
        w.tx,
        matcher_query.parse(q.strip(), listing.QUERY_EXAMPLE),
        None,
        1,
        wanted,
        with_facets=False,
        histogram_at=listing.HistogramClock(w.now, utc_offset(end or w.now, check_zone(tz))),
    )
    return AlertHistogram.model_validate(listed.histogram)


@router.get("/alerts/{alert_id}", tags=["alerts"], summary="Get an alert", responses=problems(404))
async def get_alert(w: Reader, alert_id: PathId) -> AlertDetail:
    (alert_details,) = await queries.alert_details(w.tx, [await actions.alert(w.tx, alert_id)])
    deleted = await actions.deleted_messages(w.tx, alert_details.alert)
    return AlertDetail.model_validate({**_fields(AlertDetail, alert_details), "messages_deleted": deleted})


@router.get(
    "/alerts/{alert_id}/context",
    tags=["alerts"],
    summary="List the changes around an alert, and earlier alerts of its key",
    responses=problems(404),
)
async def get_alert_context(w: Reader, alert_id: PathId) -> AlertContextShown:
    (details,) = await queries.alert_details(w.tx, [await actions.alert(w.tx, alert_id)])
    history = await earlier_alerts.load(w.tx, details)
    return AlertContextShown(
        changes=[NearbyChange.model_validate(change) for change in history.changes],
        earlier=[AlertShown.model_validate(_fields(AlertShown, each)) for each in history.earlier],
        earlier_count=history.earlier_count,
        paged=history.paged,
        typical_s=None if history.typical is None else int(history.typical.total_seconds()),
    )


@router.get(
    "/alerts/{alert_id}/messages",
    tags=["alerts"],
    summary="List the messages that opened and last changed an alert, oldest first",
    responses=problems(404),
)
async def list_alert_messages(w: Reader, alert_id: PathId) -> list[AlertMessage]:
    messages = await actions.messages(w.tx, await actions.alert(w.tx, alert_id))
    return [AlertMessage.model_validate(m) for m in messages]


@router.get(
    "/alerts/{alert_id}/messages/{message_id}",
    tags=["alerts"],
    summary="Download a whole message as plain text",
    response_class=Response,
    responses={
        200: {"content": {"text/plain": {"schema": {"type": "string"}}}, "description": "The message"},
        **problems(404),
    },
)
async def get_alert_message(w: Reader, alert_id: PathId, message_id: PathId) -> Response:
    body = await actions.message_body(w.tx, await actions.alert(w.tx, alert_id), message_id)
    return html.download(body, f"alert-{alert_id}-message-{message_id}.txt")


@router.post(
    "/alerts",
    status_code=202,
    tags=["alerts"],
    summary="Send an alert for a service",
    responses=problems(404, 409),
)
async def send_alert(request: Request, ctx: Ctx, caller: Sender, new_alert: NewAlert) -> AlertAccepted:
    # the group commit stores the alert in a transaction of its own, which this request waits for
    async with ctx.db.tx() as tx:
        service = await catalog.by_slug(tx, new_alert.service)
        keys = await actions.integrations(tx, service.id)
    if not keys:
        raise Conflict(f"{service.name} has no integration key.", hint="Create one on the service's page.")
    raw = msgspec.json.encode(new_alert.model_dump(mode="json", exclude={"service"}, exclude_none=True))
    events = generic.normalize(raw, ctx.clock.now())
    if isinstance(events, Rejected):
        raise Invalid(events.reason)
    await request.app.state.inbound.ingest.submit(dropped_labels.received(keys[0], "api", raw, events))
    return AlertAccepted(status="accepted", dedup_key=events[0].dedup_key, service=service.slug)
