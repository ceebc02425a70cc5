"""The list of alerts, an alert, and its messages."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Annotated

from fastapi import Query, Response

from firebell.alerts import actions, earlier_alerts, queries, retention_store, time_range
from firebell.alerts.alert_list import listing
from firebell.alerts.alert_list.histogram import AlertListHistogram, HistogramBar
from firebell.alerts.alert_list.listing import AlertListing
from firebell.alerts.model import Alert, AlertFilter
from firebell.alerts.source_base import recognition
from firebell.alerts.time_range import ANY_TIME
from firebell.catalog import actions as catalog
from firebell.kit import matcher_query
from firebell.kit.errors import Invalid
from firebell.kit.localtime import utc_offset
from firebell.kit.matcher_query import MatcherQuery
from firebell.kit.matchers import Matcher, Op
from firebell.kit.slice import AlertPart
from firebell.kit.text import to_choice
from firebell.kit.web import html, routing
from firebell.people import route_access
from firebell.people.permissions import Verb
from firebell.people.unit_of_work import CurrentVisit
from firebell.saved_views import queries as saved_views
from firebell.saved_views.model import ListName

router = routing.html_router()

ALERTS_LISTED = 100
"""Alerts on one screen of the list."""
TABS = {"all": "All", "firing": "Firing", "muted": "Muted"}


@router.get("/alerts", dependencies=route_access.needs(Verb.ALERT_READ))
async def alerts(
    visit: CurrentVisit,
    q: str = "",
    before: str = "",
    service: str = "",
    state: str = "all",
    preset: Annotated[str, Query(alias="range")] = "",
    start: Annotated[str, Query(alias="from")] = "",
    end: Annotated[str, Query(alias="to")] = "",
) -> Response:
    tab = state if state in TABS else "all"
    chosen_service = await catalog.by_slug(visit.tx, service, with_deleted=True) if service else None
    preset = "" if start or end or preset == time_range.ALL else preset
    address = partial(
        html.address,
        "/alerts",
        **{
            "state": tab,
            "service": chosen_service.slug if chosen_service else "",
            "q": q,
            "range": preset,
            "from": start,
            "to": end,
        },
    )
    error, query, listed, started = None, MatcherQuery(), AlertListing([], None, 0, False, ()), ANY_TIME
    try:
        started = time_range.parse(preset, start, end, visit.now, visit.person.tz)
        query = matcher_query.parse(q.strip(), listing.QUERY_EXAMPLE)
        wanted = AlertFilter(
            chosen_service.id if chosen_service else None,
            is_firing=tab == "firing",
            is_muted=tab == "muted",
            started=started,
        )
        listed = await listing.listing(
            visit.tx,
            query,
            to_choice(before, "before"),
            ALERTS_LISTED,
            wanted,
            with_facets=True,
            histogram_at=listing.HistogramClock(
                visit.now, utc_offset(started.end or visit.now, visit.person.tz)
            ),
        )
    except Invalid as refusal:
        error = refusal
    typed = (started.start, "from", start), (started.end, "to", end)
    instants = {name: time_range.instant_text(at) if at else text for at, name, text in typed if text}
    if error is None and instants != {name: text for _, name, text in typed if text}:
        # typed times are local; an address means the same to everyone who opens it
        return html.redirect(address(**instants, before=before))
    context = {
        "nav": "alerts",
        "live": "pages,incidents,mutes",
        "views": await queries.alert_details(visit.tx, listed.alerts),
        "listed": listed,
        "address": address,
        "filters": address.keywords,
        "q": q,
        "error": error,
        "tokens": [(str(each), address(q=query.without(each))) for each in query.conditions],
        "facets": [
            (
                facet,
                [
                    (
                        value,
                        address(
                            q=query.without(Matcher(facet.name, Op.EQUAL, value.value))
                            if value.is_chosen
                            else query.with_value(facet.name, value.value)
                        ),
                    )
                    for value in facet.values
                ],
            )
            for facet in listed.facets
        ],
        "bars": _linked_bars(listed.histogram, address),
        "service": chosen_service,
        "tab": tab,
        "tabs": [(name, label, address(state=name)) for name, label in TABS.items()],
        "started": started,
        "range": preset or time_range.ALL,
        "ranges": [
            (name, label, address(**{"range": name if length else "", "from": "", "to": ""}))
            for name, (label, length) in time_range.PRESETS.items()
        ],
        "saved": await saved_views.menu(
            visit.tx,
            ListName.ALERTS,
            address(),
            visit.person.id,
            is_valid=error is None,
        ),
        "here": address(before=before),
        "older": address(before=listed.older) if listed.older else "",
    }
    return await html.render(visit.request, "alerts/alerts.html", context)


def _linked_bars(
    histogram: AlertListHistogram | None, address: Callable[..., str]
) -> list[tuple[HistogramBar, str | None]]:
    """Return each bar with the address of its alerts, None if it has none."""

    def narrowed(bar: HistogramBar) -> str:
        start, end = time_range.instant_text(bar.start), time_range.instant_text(bar.end, rounds_up=True)
        return address(**{"range": "", "from": start, "to": end})

    return [(bar, narrowed(bar) if bar.alerts else None) for bar in (histogram.bars if histogram else ())]


def _similar(alert: Alert) -> str:
    """Return the address of the alerts like one: of its rule, else those whose titles have its words."""
    name = alert.labels.get("alertname", "")
    query = MatcherQuery().with_value("alertname", name) if name else MatcherQuery(words=alert.title[:100])
    return html.address("/alerts", q=str(query))


@router.get("/alerts/{alert_id}", dependencies=route_access.needs(Verb.ALERT_READ))
async def alert(visit: CurrentVisit, alert_id: int) -> Response:
    (alert_details,) = await queries.alert_details(visit.tx, [await actions.alert(visit.tx, alert_id)])
    messages = await actions.messages(visit.tx, alert_details.alert)
    parts: Sequence[AlertPart] = visit.request.app.state.alert_parts
    context = {
        "nav": "alerts",
        "a": alert_details.alert,
        "service": alert_details.service,
        "page": alert_details.page,
        "mute": alert_details.mute,
        "incidents": alert_details.incidents,
        "history": await earlier_alerts.load(visit.tx, alert_details),
        "similar": _similar(alert_details.alert),
        "parts": [
            (part.template, await part.load(visit.tx, alert_details.alert, visit.now)) for part in parts
        ],
        "messages": messages,
        "read_by": {each.id: recognition.source_of(each.source, each.text) for each in messages},
        "deleted": len(alert_details.alert.message_ids) - len(messages),
        "kept_days": visit.ctx.retention_days.get("messages", retention_store.MESSAGE_DAYS),
    }
    return await html.render(visit.request, "alerts/alert.html", context)


@router.get("/alerts/{alert_id}/messages/{message_id}", dependencies=route_access.needs(Verb.ALERT_READ))
async def message(visit: CurrentVisit, alert_id: int, message_id: int) -> Response:
    body = await actions.message_body(visit.tx, await actions.alert(visit.tx, alert_id), message_id)
    return html.download(body, f"alert-{alert_id}-message-{message_id}.txt")
