"""The screens of webhooks: all of them, one with its deliveries, and one delivery."""

from collections.abc import Mapping
from datetime import datetime

import msgspec
from fastapi import Response

from firebell.catalog import actions as catalog
from firebell.kit.errors import FirebellError, Invalid
from firebell.kit.localtime import to_instant
from firebell.kit.text import to_choices, to_id, to_wall
from firebell.kit.web import flash, html, routing
from firebell.people import actions as people
from firebell.people import route_access
from firebell.people.permissions import Verb
from firebell.people.unit_of_work import CurrentVisit, Visit
from firebell.webhooks import actions, event_types, queries
from firebell.webhooks.deliveries import log_store
from firebell.webhooks.deliveries.sender import LIVE_TOPIC
from firebell.webhooks.model import DeliveryState, EndpointSettings

router = routing.html_router()

HOME = "/settings/webhooks"
DELIVERIES_SHOWN = 50
FILTERED = (DeliveryState.FAILED, DeliveryState.QUEUED, DeliveryState.DELIVERED)
_DELIVERY_STATES = {
    DeliveryState.QUEUED: "Waiting",
    DeliveryState.CLAIMED: "Sending",
    DeliveryState.DELIVERED: "Delivered",
    DeliveryState.FAILED: "Failed",
    DeliveryState.WITHHELD: "Withheld",
}
_BASE = {
    "nav": "settings",
    "tab": "webhooks",
    "live": LIVE_TOPIC,
    "wide": True,
    "delivery_states": _DELIVERY_STATES,
}


def _address(endpoint_id: int) -> str:
    return f"{HOME}/{endpoint_id}"


@router.get(HOME, dependencies=route_access.needs(Verb.WEBHOOK_READ))
async def webhooks(visit: CurrentVisit) -> Response:
    context = {**_BASE, "views": await queries.views(visit.tx, visit.now)}
    return await html.render(visit.request, "webhooks/webhooks.html", context)


@router.get(f"{HOME}/new", dependencies=route_access.needs(Verb.WEBHOOK_WRITE))
async def new(visit: CurrentVisit) -> Response:
    return await _new(visit, EndpointSettings("", ""))


async def _new(visit: Visit, entered: EndpointSettings, error: FirebellError | None = None) -> Response:
    context = {**_BASE, **await _choices(visit, entered), "entered": entered, "error": error}
    return await html.render(visit.request, "webhooks/new.html", context)


async def _choices(visit: Visit, chosen: EndpointSettings) -> dict[str, object]:
    return {
        "groups": event_types.groups(),
        "teams": [(each.id, each.name) for each in await people.teams(visit.tx)],
        "services": await catalog.options(visit.tx, chosen.service_ids),
    }


def _entered(visit: Visit) -> EndpointSettings:
    chosen = [value for value in visit.form.getlist("types") if isinstance(value, str)]
    return EndpointSettings(
        name=visit.text("name"),
        url=visit.text("url"),
        types=tuple(chosen) if visit.text("which") == "some" else (),
        team_ids=tuple(to_choices(visit.form.getlist("teams"), "teams")),
        service_ids=tuple(to_choices(visit.form.getlist("services"), "services")),
        is_private=visit.text("private") == "yes",
    )


def _checked(visit: Visit, entered: EndpointSettings) -> EndpointSettings:
    if visit.text("which") == "some" and not entered.types:
        raise Invalid("No event type is chosen.", fields={"types": "Choose at least one, or all types."})
    return entered


@router.post(HOME, dependencies=route_access.needs(Verb.WEBHOOK_WRITE))
async def create(visit: CurrentVisit) -> Response:
    entered = _entered(visit)
    try:
        async with visit.tx.savepoint():
            created, secret = await actions.create_endpoint(
                visit.tx, visit.actor, entered=_checked(visit, entered), now=visit.now
            )
    except FirebellError as error:
        return await _new(visit, entered, error)
    flash.show(visit.request, f"Webhook {created.settings.name} created.")
    return await _endpoint(visit, created.id, secret=secret)


@router.get(f"{HOME}/{{endpoint_id}}", dependencies=route_access.needs(Verb.WEBHOOK_READ))
async def endpoint(visit: CurrentVisit, endpoint_id: int, state: str = "", before: str = "") -> Response:
    return await _endpoint(visit, endpoint_id, state=state, before=to_id(before))


async def _endpoint(
    visit: Visit,
    endpoint_id: int,
    *,
    state: str = "",
    before: int | None = None,
    secret: str = "",
    previous_until: datetime | None = None,
    entered: EndpointSettings | None = None,
    values: Mapping[str, str] | None = None,
    error: FirebellError | None = None,
) -> Response:
    view = await queries.view(visit.tx, endpoint_id, visit.now)
    only = DeliveryState(state) if state in set(DeliveryState) else None
    listed = await log_store.deliveries(visit.tx, endpoint_id, only, before, DELIVERIES_SHOWN + 1)
    shown = listed[:DELIVERIES_SHOWN]
    own = _address(endpoint_id)
    context = {
        **_BASE,
        **await _choices(visit, view.endpoint.settings),
        "v": view,
        "e": view.endpoint,
        "entered": entered or view.endpoint.settings,
        "deliveries": shown,
        "filters": [
            ("", "All", own),
            *((each, _DELIVERY_STATES[each], f"{own}?state={each}") for each in FILTERED),
        ],
        "state": only or "",
        "before": before,
        "older": f"{own}?state={only or ''}&before={shown[-1].id}" if len(listed) > len(shown) else "",
        "secret": secret,
        "previous_until": previous_until,
        "values": values or {},
        "error": error,
    }
    return await html.render(visit.request, "webhooks/webhook.html", context)


@router.post(f"{HOME}/{{endpoint_id}}", dependencies=route_access.needs(Verb.WEBHOOK_WRITE))
async def update(visit: CurrentVisit, endpoint_id: int) -> Response:
    entered = _entered(visit)
    try:
        async with visit.tx.savepoint():
            await actions.update_endpoint(
                visit.tx,
                visit.actor,
                endpoint_id=endpoint_id,
                entered=_checked(visit, entered),
                now=visit.now,
            )
    except FirebellError as error:
        return await _endpoint(visit, endpoint_id, entered=entered, error=error)
    return flash.redirect(visit.request, _address(endpoint_id), "Webhook saved.")


@router.post(f"{HOME}/{{endpoint_id}}/pause", dependencies=route_access.needs(Verb.WEBHOOK_WRITE))
async def pause(visit: CurrentVisit, endpoint_id: int) -> Response:
    paused = await actions.pause_endpoint(visit.tx, visit.actor, endpoint_id=endpoint_id, now=visit.now)
    return flash.redirect(visit.request, _address(endpoint_id), f"{paused.settings.name} paused.")


@router.post(f"{HOME}/{{endpoint_id}}/enable", dependencies=route_access.needs(Verb.WEBHOOK_WRITE))
async def enable(visit: CurrentVisit, endpoint_id: int) -> Response:
    enabled = await actions.enable_endpoint(visit.tx, visit.actor, endpoint_id=endpoint_id, now=visit.now)
    return flash.redirect(visit.request, _address(endpoint_id), f"{enabled.settings.name} enabled.")


@router.post(f"{HOME}/{{endpoint_id}}/test", dependencies=route_access.needs(Verb.WEBHOOK_WRITE))
async def test(visit: CurrentVisit, endpoint_id: int) -> Response:
    await actions.send_test(visit.tx, visit.actor, endpoint_id=endpoint_id, now=visit.now)
    return flash.redirect(
        visit.request, _address(endpoint_id), "Test event queued. Its result appears in the log."
    )


@router.post(f"{HOME}/{{endpoint_id}}/rotate-secret", dependencies=route_access.needs(Verb.WEBHOOK_WRITE))
async def rotate(visit: CurrentVisit, endpoint_id: int) -> Response:
    secret, until = await actions.rotate_secret(visit.tx, visit.actor, endpoint_id=endpoint_id, now=visit.now)
    flash.show(visit.request, "Secret rotated.")
    return await _endpoint(visit, endpoint_id, secret=secret, previous_until=until)


@router.post(f"{HOME}/{{endpoint_id}}/delete", dependencies=route_access.needs(Verb.WEBHOOK_WRITE))
async def delete(visit: CurrentVisit, endpoint_id: int) -> Response:
    deleted = await actions.delete_endpoint(visit.tx, visit.actor, endpoint_id=endpoint_id, now=visit.now)
    return flash.redirect(visit.request, HOME, f"Webhook {deleted.settings.name} deleted.")


def _replayed(number: int) -> str:
    return f"{number:,} event{'' if number == 1 else 's'} queued again." if number else "Nothing to replay."


@router.post(f"{HOME}/{{endpoint_id}}/replay-failed", dependencies=route_access.needs(Verb.WEBHOOK_WRITE))
async def replay_failed(visit: CurrentVisit, endpoint_id: int) -> Response:
    number = await actions.replay_failed(visit.tx, visit.actor, endpoint_id=endpoint_id, now=visit.now)
    return flash.redirect(visit.request, _address(endpoint_id), _replayed(number))


@router.post(f"{HOME}/{{endpoint_id}}/replay", dependencies=route_access.needs(Verb.WEBHOOK_WRITE))
async def replay_range(visit: CurrentVisit, endpoint_id: int) -> Response:
    try:
        async with visit.tx.savepoint():
            since, until = (
                to_instant(to_wall(visit.text(field), field), visit.person.tz) for field in ("since", "until")
            )
            number = await actions.replay_range(
                visit.tx,
                visit.actor,
                endpoint_id=endpoint_id,
                since=since,
                until=until,
                with_delivered=visit.text("with_delivered") == "yes",
                now=visit.now,
            )
    except Invalid as error:
        return await _endpoint(visit, endpoint_id, values=visit.values, error=error)
    return flash.redirect(visit.request, _address(endpoint_id), _replayed(number))


@router.get(
    f"{HOME}/{{endpoint_id}}/deliveries/{{delivery_id}}",
    dependencies=route_access.needs(Verb.WEBHOOK_READ),
)
async def delivery(visit: CurrentVisit, endpoint_id: int, delivery_id: int) -> Response:
    context = {
        **_BASE,
        "e": await actions.endpoint(visit.tx, endpoint_id),
        "d": await actions.delivery(visit.tx, endpoint_id, delivery_id),
        "body": msgspec.json.format(await log_store.body(visit.tx, delivery_id), indent=2),
        "attempts": await log_store.attempts(visit.tx, delivery_id),
    }
    return await html.render(visit.request, "webhooks/delivery.html", context)


@router.post(
    f"{HOME}/{{endpoint_id}}/deliveries/{{delivery_id}}/replay",
    dependencies=route_access.needs(Verb.WEBHOOK_WRITE),
)
async def replay(visit: CurrentVisit, endpoint_id: int, delivery_id: int) -> Response:
    await actions.replay(
        visit.tx, visit.actor, endpoint_id=endpoint_id, delivery_id=delivery_id, now=visit.now
    )
    return flash.redirect(
        visit.request, f"{_address(endpoint_id)}/deliveries/{delivery_id}", "Event queued again."
    )
