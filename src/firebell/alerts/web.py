"""The list of alerts, an alert, and its messages."""

from collections.abc import Sequence

from fastapi import Response

from firebell.alerts import actions, queries, recognition, retention_store
from firebell.catalog import actions as catalog
from firebell.kit.slice import AlertPart
from firebell.kit.text import to_choice
from firebell.kit.web import html, routing
from firebell.people import route_access
from firebell.people.permissions import Verb
from firebell.people.unit_of_work import CurrentVisit

router = routing.html_router()

ALERTS_LISTED = 100
"""Alerts on one screen of the list."""
TABS = {"all": "All", "firing": "Firing", "muted": "Muted"}


@router.get("/alerts", dependencies=route_access.needs(Verb.ALERT_READ))
async def alerts(
    visit: CurrentVisit, q: str = "", before: str = "", service: str = "", state: str = "all"
) -> Response:
    tab = state if state in TABS else "all"
    chosen_service = await catalog.by_slug(visit.tx, service) if service else None
    listed = await actions.alerts(
        visit.tx,
        q.strip(),
        to_choice(before, "before"),
        ALERTS_LISTED + 1,
        service_id=chosen_service.id if chosen_service else None,
        firing=tab == "firing",
        muted=tab == "muted",
    )
    views = await queries.alert_details(visit.tx, listed[:ALERTS_LISTED])
    filters = {"service": chosen_service.slug if chosen_service else "", "q": q}
    older = listed[ALERTS_LISTED - 1].id if len(listed) > ALERTS_LISTED else ""
    context = {
        "nav": "alerts",
        "live": "pages,incidents,mutes",
        "views": views,
        "q": q,
        "service": chosen_service,
        "tab": tab,
        "tabs": [
            (name, label, html.address("/alerts", state=name, **filters)) for name, label in TABS.items()
        ],
        "older": html.address("/alerts", state=tab, before=older, **filters) if older else "",
    }
    return await html.render(visit.request, "alerts/alerts.html", context)


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
