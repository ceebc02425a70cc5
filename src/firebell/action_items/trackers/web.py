"""The settings of trackers: the list with its health, and one tracker with its directions, people and webhook."""

from collections.abc import Sequence
from typing import Any

from fastapi import Response

from firebell.action_items.trackers import actions, authorization, connection_tests, form_values, queries
from firebell.action_items.trackers.call_outcomes import REMEDIES
from firebell.action_items.trackers.credentials import AUTH_NAMES
from firebell.action_items.trackers.model import (
    DIRECTION_NAMES,
    FIELD_NAMES,
    LINK_STATE_NAMES,
    ConnectionCheck,
    Direction,
    SyncField,
)
from firebell.action_items.trackers.vendor_registry import registry, vendor_of
from firebell.kit.errors import FirebellError, NotFound
from firebell.kit.text import to_choice, to_required
from firebell.kit.web import flash, html, routing
from firebell.people import actions as people
from firebell.people import route_access
from firebell.people.permissions import Verb
from firebell.people.queries import choosable
from firebell.people.unit_of_work import CurrentVisit, Visit

router = routing.html_router()

ADDRESS = "/settings/trackers"
TEMPLATE = "action_items/tracker.html"
STATE_NAMES = {
    "off": "Switched off",
    "unauthorized": "Not authorized yet",
    "stopped": "Stopped",
    "failing": "Does not answer",
    "waiting": "Not synced yet",
    "late": "Not synced for hours",
    "ok": "In sync",
}
_SECRETS = frozenset({"token", "hook_secret", "private_key", "client_secret"})


def _typed(visit: Visit) -> dict[str, str]:
    return {name: value for name, value in visit.values.items() if name not in _SECRETS}


async def _common(visit: Visit, error: FirebellError | None) -> dict[str, Any]:
    teams = await people.teams(visit.tx)
    return {
        "nav": "settings",
        "tab": "trackers",
        "live": "trackers",
        "state_names": STATE_NAMES,
        "link_state_names": LINK_STATE_NAMES,
        "field_names": FIELD_NAMES,
        "auth_names": AUTH_NAMES,
        "remedies": REMEDIES,
        "redirect_url": authorization.redirect_url(visit.ctx),
        "team_options": [("", "Any team"), *((team.id, team.name) for team in teams)],
        "error": error,
    }


async def _list(visit: Visit, kind: str, auth: str, error: FirebellError | None = None) -> Response:
    kinds = registry()
    vendor = kinds.get(kind)
    context = {
        **await _common(visit, error),
        "views": await queries.views(visit.tx),
        "kinds": list(kinds.values()),
        "vendor": vendor,
        "auth": form_values.auth_method(auth, vendor) if vendor else None,
        "values": _typed(visit) if error else {},
    }
    return await html.render(visit.request, "action_items/trackers.html", context)


@router.get(ADDRESS, dependencies=route_access.needs(Verb.TRACKER_READ))
async def show_list(visit: CurrentVisit, kind: str = "", auth: str = "") -> Response:
    return await _list(visit, kind, auth)


@router.post(ADDRESS, dependencies=route_access.needs(Verb.TRACKER_WRITE))
async def add(visit: CurrentVisit) -> Response:
    kind = visit.text("kind")
    try:
        async with visit.tx.savepoint():
            vendor = vendor_of(kind)
            one = await actions.add(
                visit.tx,
                visit.actor,
                kind,
                visit.text("target"),
                form_values.credentials(visit),
                visit.now,
                name=visit.text("name"),
                url=visit.text("url"),
                login=visit.text("login"),
                is_private="is_private" in visit.values,
                links_new="links_new" in visit.values,
                team_id=to_choice(visit.values.get("team"), "team"),
                options=form_values.options(visit, vendor),
            )
    except FirebellError as error:
        return await _list(visit, kind, visit.text("auth"), error)
    next_step = "Authorize Firebell there." if one.stopped_reason else "Check the connection."
    return flash.redirect(visit.request, f"{ADDRESS}/{one.id}", f"{one.name} added. {next_step}")


async def _one(
    visit: Visit,
    tracker_id: int,
    error: FirebellError | None = None,
    *,
    what: str = "",
    auth: str = "",
    secret: tuple[str, str] | None = None,
    authorize_url: str = "",
) -> Response:
    context = await page_context(visit, tracker_id, error, what=what, auth=auth, secret=secret)
    return await html.render(visit.request, TEMPLATE, {**context, "authorize_url": authorize_url})


async def page_context(
    visit: Visit,
    tracker_id: int,
    error: FirebellError | None = None,
    *,
    what: str = "",
    auth: str = "",
    secret: tuple[str, str] | None = None,
    checks: Sequence[ConnectionCheck] = (),
    dry_run: connection_tests.DryRun | None = None,
) -> dict[str, Any]:
    """Return what the page of a tracker shows."""
    tx = visit.tx
    one = await actions.tracker(tx, tracker_id)
    view = await queries.view(tx, one)
    known = await queries.known_users(tx, one.id)
    others = await choosable(tx, [visit.person.id], chosen=[], verb=Verb.ACTION_ITEM_WRITE)
    return {
        **await _common(visit, error),
        "view": view,
        "auth": form_values.auth_method(auth, view.vendor, one.auth),
        "authorize_url": "",
        "troubles": await queries.troubles(tx, one.id),
        "users": known,
        "others": others,
        "fields": [name for name in SyncField if name in view.limits],
        "direction_names": DIRECTION_NAMES,
        "out_only": Direction.OUT,
        "public_url": visit.ctx.public_url,
        "secret": secret,
        "checks": checks,
        "dry_run": dry_run,
        "what": what,
        "values": _typed(visit) if error else {},
        "wide": True,
    }


@router.get(f"{ADDRESS}/{{tracker_id}}", dependencies=route_access.needs(Verb.TRACKER_READ))
async def show(visit: CurrentVisit, tracker_id: str, auth: str = "") -> Response:
    return await _one(visit, to_required(tracker_id, "tracker"), auth=auth)


@router.post(f"{ADDRESS}/{{tracker_id}}", dependencies=route_access.needs(Verb.TRACKER_WRITE))
async def save(visit: CurrentVisit, tracker_id: str) -> Response:
    number = to_required(tracker_id, "tracker")
    one = await actions.tracker(visit.tx, number)
    try:
        async with visit.tx.savepoint():
            values = form_values.settings(visit, vendor_of(one.kind), one.directions)
            one = await actions.change(visit.tx, visit.actor, number, values, visit.now)
    except FirebellError as error:
        return await _one(visit, number, error, what="settings")
    return flash.redirect(visit.request, f"{ADDRESS}/{one.id}", f"{one.name} saved.")


@router.post(f"{ADDRESS}/{{tracker_id}}/remove", dependencies=route_access.needs(Verb.TRACKER_WRITE))
async def remove(visit: CurrentVisit, tracker_id: str) -> Response:
    number = to_required(tracker_id, "tracker")
    one = await actions.remove(visit.tx, visit.actor, number, visit.now)
    return flash.redirect(visit.request, ADDRESS, f"{one.name} removed. Its issues stay as they are.")


@router.post(f"{ADDRESS}/{{tracker_id}}/{{what}}", dependencies=route_access.needs(Verb.TRACKER_WRITE))
async def act(visit: CurrentVisit, tracker_id: str, what: str) -> Response:
    number = to_required(tracker_id, "tracker")
    await actions.tracker(visit.tx, number)
    try:
        async with visit.tx.savepoint():
            if what == "show-secret":
                secret = await actions.reveal_hook_secret(visit.tx, visit.actor, number, visit.now)
                flash.show(visit.request, "The webhook secret is shown once.")
                return await _one(visit, number, secret=secret)
            if what == "authorize":
                # a form may not lead to another site, so the page shows the link
                url = await authorization.begin(visit.tx, visit.actor, visit.ctx, number, visit.now)
                return await _one(visit, number, authorize_url=url)
            text = await _act(visit, number, what)
    except FirebellError as error:
        if isinstance(error, NotFound):
            raise
        return await _one(visit, number, error, what=what, auth=visit.text("auth"))
    return flash.redirect(visit.request, f"{ADDRESS}/{number}", text)


async def _act(visit: Visit, number: int, what: str) -> str:
    """Run the action of a form and return what it says afterwards."""
    at = (visit.tx, visit.actor, number)
    match what:
        case "token":
            entered, login = form_values.credentials(visit), visit.text("login")
            one = await actions.set_credentials(*at, entered, visit.now, login=login)
            return (
                "Saved. Authorize Firebell there." if one.stopped_reason else f"{AUTH_NAMES[one.auth]} saved."
            )
        case "hook-secret":
            await actions.set_hook_secret(*at, visit.text("hook_secret"), visit.now)
            return "Webhook secret saved."
        case "enable" | "disable":
            one = await actions.set_enabled(*at, what == "enable", visit.now)
            return f"{one.name} is switched {'on' if one.is_enabled else 'off'}."
        case "sync":
            one = await actions.request_sync(*at, visit.now)
            return f"Syncing {one.name}."
        case "user":
            person_id = to_required(visit.text("person"), "person")
            await actions.set_user(*at, person_id, visit.text("handle"), visit.now)
            return "Saved. The next sync looks this person up."
        case _:
            raise NotFound(f"Unknown action: {what[:40]}.")
