"""The settings page of chats."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import msgspec
from fastapi import Request, Response

from firebell.catalog import actions as catalog
from firebell.chat import store, token_check
from firebell.chat.accounts import actions as accounts
from firebell.chat.handlers import room_events
from firebell.chat.mirror import call_count_store, object_store
from firebell.chat.model import (
    CAPABILITIES,
    CHAT_LABELS,
    Account,
    AccountSettings,
    AnnouncementRule,
    ChatKind,
    OncallGroup,
)
from firebell.chat.slack import scopes, settings_web
from firebell.chat.slack.manifest import manifest
from firebell.incidents import actions as incidents
from firebell.kit.db.database import Tx
from firebell.kit.errors import FirebellError, Invalid, NotFound
from firebell.kit.references import parse_ref
from firebell.kit.text import to_number, to_required
from firebell.kit.web import flash, html, routing, transaction
from firebell.oncall.schedules import queries as oncall
from firebell.people import authentication, route_access
from firebell.people.permissions import Verb
from firebell.people.unit_of_work import CurrentVisit, Visit

router = routing.html_router()

_PAGE = "/settings/chat"
_CONNECTABLE = (
    (ChatKind.MATTERMOST, "Channels, commands, buttons and pages, without a plugin"),
    (ChatKind.TEAMS, "Announcements and commands"),
    (ChatKind.DISCORD, "Announcements"),
    (ChatKind.GOOGLE_CHAT, "Announcements"),
)
ANNOUNCED = ("incidents", "pages", "both", "steps")
"""What a rule can announce in its channel: with `steps`, only what the escalation matrix posts."""
_SHOWN_SCOPES = ("channels:manage", "pins:write", "channels:history")


async def _context(
    tx: Tx, request: Request, form: str, fields: Mapping[str, Any], error: FirebellError | None
) -> dict[str, Any]:
    """Return what the page shows; `form` names the form to which the fields and the error belong."""
    now = transaction.now(request)
    connected = await store.accounts(tx)
    slack = next((a for a in connected if a.kind is ChatKind.SLACK), None)
    missing = scopes.missing(slack.scopes) if slack else []
    letters = await object_store.dead_letters(tx)
    rules = [rule for account in connected for rule in account.settings.rules]
    groups = [group for account in connected for group in account.settings.groups]
    services = await catalog.services_by_id(tx, [i for rule in rules for i in rule.service_ids])
    schedules = await oncall.schedules_by_id(tx, [i for group in groups for i in group.schedule_ids])
    public_url = html.ctx(request).public_url
    return {
        "nav": "settings",
        "tab": "chat",
        "accounts": connected,
        "slack": slack,
        "labels": CHAT_LABELS,
        "can": CAPABILITIES,
        "rule_key": accounts.rule_key,
        "waiting": await store.waiting(tx, [a.id for a in connected], now),
        "calls": await call_count_store.of_last_day(tx, [a.id for a in connected], now),
        "letters": letters,
        "missing": [(scope, scopes.loss(scope)) for scope in missing],
        "granted": [(scope, scopes.gain(scope)) for scope in _SHOWN_SCOPES if scope not in missing]
        if slack
        else [],
        "granted_count": len(scopes.SCOPES) + len(scopes.OPTIONAL) - len(missing),
        "scope_count": len(scopes.SCOPES) + len(scopes.OPTIONAL),
        "others": _CONNECTABLE,
        "services": {s.id: s.name for s in services.values()},
        "schedules": {s.id: s.name for s in schedules.values()},
        "public_url": public_url,
        "manifest": _json(manifest(public_url, socket=False)),
        "socket_manifest": _json(manifest(public_url, socket=True)),
        **await settings_web.context(tx, slack, request),
        "form": form,
        "typed_severities": [],
        "fields": fields,
        "error": error,
    }


def _json(document: Mapping[str, Any]) -> str:
    return msgspec.json.format(msgspec.json.encode(document), indent=2).decode()


async def _render(
    visit: Visit, form: str = "", fields: Mapping[str, Any] | None = None, error: FirebellError | None = None
) -> Response:
    context = await _context(visit.tx, visit.request, form, fields or {}, error)
    context["typed_severities"] = [
        level for level in range(4) if str(level) in visit.form.getlist("severity")
    ]
    return await html.render(visit.request, "chat/settings.html", context)


@router.get(_PAGE, dependencies=route_access.needs(Verb.CHAT_WRITE))
async def chat_settings(visit: CurrentVisit) -> Response:
    return await _render(visit)


@router.post("/settings/chat/connect/{kind}", dependencies=route_access.needs(Verb.CHAT_WRITE))
async def connect(request: Request, kind: str) -> Response:
    form, me = await route_access.form(request), await authentication.signed_in(request)
    ctx, now = html.ctx(request), transaction.now(request)
    fields = {name: value for name, value in form.items() if isinstance(value, str)}
    if kind not in set(ChatKind):
        raise NotFound("There is no such chat.", hint="See all at /settings/chat.")
    chat = ChatKind(kind)
    try:
        match chat:
            case ChatKind.SLACK:
                connection, secrets = await token_check.slack(
                    ctx,
                    fields.get("bot_token", ""),
                    fields.get("signing_secret", ""),
                    fields.get("app_token", ""),
                )
            case ChatKind.MATTERMOST:
                connection, secrets = await token_check.mattermost(
                    ctx,
                    fields.get("address", ""),
                    fields.get("bot_token", ""),
                    fields.get("team", ""),
                    fields.get("command_tokens", ""),
                )
            case _:
                connection, secrets = token_check.webhook(
                    chat,
                    fields.get("name", ""),
                    fields.get("address", ""),
                    fields.get("security_token", ""),
                )
    except FirebellError as error:
        kept = {name: value for name, value in fields.items() if name in ("team", "name")}
        async with ctx.db.tx() as tx:
            context = await _context(tx, request, kind, kept, error)
        return await html.render(request, "chat/settings.html", context)
    async with ctx.db.tx() as tx:
        account = await accounts.connect(
            tx, authentication.actor_of(me), connection, secrets, token_check.hint(secrets), me.tz, now
        )
        if chat in (ChatKind.TEAMS, ChatKind.DISCORD, ChatKind.GOOGLE_CHAT) and not account.settings.rules:
            rule = AnnouncementRule(connection.external_id, connection.name)
            await accounts.add_rule(tx, authentication.actor_of(me), account.id, rule, now)
    return flash.redirect(request, _PAGE, f"{CHAT_LABELS[chat]} is connected.")


async def _schedule(visit: Visit, slug: str) -> int:
    """Return the id of a schedule by its slug; raise `Invalid` at its field."""
    try:
        return (await oncall.by_slug(visit.tx, slug)).id
    except NotFound as error:
        raise Invalid(error.message, fields={"schedule": "Enter the name as in its address."}) from error


async def _account(visit: Visit, account_id: str) -> Account:
    return await accounts.account(visit.tx, to_required(account_id, "account"))


async def _locked(visit: Visit, account_id: str) -> Account:
    """Lock and return an account, for a form that changes some of its settings."""
    return await accounts.locked(visit.tx, to_required(account_id, "account"))


@router.post("/settings/chat/{account_id}/disconnect", dependencies=route_access.needs(Verb.CHAT_WRITE))
async def disconnect(visit: CurrentVisit, account_id: str) -> Response:
    account = await accounts.disconnect(visit.tx, visit.actor, to_required(account_id, "account"), visit.now)
    return flash.redirect(visit.request, _PAGE, f"{account.label} is disconnected.")


@router.post("/settings/chat/{account_id}/pause", dependencies=route_access.needs(Verb.CHAT_WRITE))
async def pause(visit: CurrentVisit, account_id: str) -> Response:
    account = await accounts.pause(visit.tx, visit.actor, to_required(account_id, "account"), visit.now)
    return flash.redirect(visit.request, _PAGE, f"{account.label} is paused.")


@router.post("/settings/chat/{account_id}/resume", dependencies=route_access.needs(Verb.CHAT_WRITE))
async def resume(visit: CurrentVisit, account_id: str) -> Response:
    account = await accounts.resume(visit.tx, visit.actor, to_required(account_id, "account"), visit.now)
    return flash.redirect(visit.request, _PAGE, f"{account.label} is in use again.")


@router.post("/settings/chat/{account_id}/channels", dependencies=route_access.needs(Verb.CHAT_WRITE))
async def set_channels(visit: CurrentVisit, account_id: str) -> Response:
    account = await _locked(visit, account_id)
    try:
        async with visit.tx.savepoint():
            settings: AccountSettings = replace(
                account.settings,
                room_severities=tuple(
                    to_number(value, "severity", most=3) for value in visit.form.getlist("severity")
                ),
                tz=visit.text("tz").strip(),
                unlinked=visit.text("unlinked") or account.settings.unlinked,
            )
            await accounts.set_settings(visit.tx, visit.actor, account.id, settings, visit.now)
    except FirebellError as error:
        return await _render(visit, f"channels-{account.id}", visit.values, error)
    return flash.redirect(visit.request, _PAGE, "Channel settings saved.")


@router.post("/settings/chat/{account_id}/rules", dependencies=route_access.needs(Verb.CHAT_WRITE))
async def add_rule(visit: CurrentVisit, account_id: str) -> Response:
    account = await _account(visit, account_id)
    what = visit.text("what")
    try:
        async with visit.tx.savepoint():
            named = [text for text in visit.text("service").split(",") if text.strip()]
            services = [(await catalog.resolve_service(visit.tx, text.strip())).id for text in named]
            if what not in ANNOUNCED:
                raise Invalid(
                    "That is not one of the choices.", fields={"what": f"Use one of {', '.join(ANNOUNCED)}."}
                )
            rule = AnnouncementRule(
                channel=visit.text("channel"),
                label=visit.text("label"),
                severities=tuple(
                    to_number(value, "severity", most=3) for value in visit.form.getlist("severity")
                ),
                service_ids=tuple(services),
                incidents=what in ("incidents", "both"),
                pages=what in ("pages", "both"),
            )
            await accounts.add_rule(visit.tx, visit.actor, account.id, rule, visit.now)
    except FirebellError as error:
        return await _render(visit, f"rules-{account.id}", visit.values, error)
    return flash.redirect(visit.request, _PAGE, "Announcement rule added.")


@router.post(
    "/settings/chat/{account_id}/rules/{number}/remove", dependencies=route_access.needs(Verb.CHAT_WRITE)
)
async def remove_rule(visit: CurrentVisit, account_id: str, number: str) -> Response:
    account = await _account(visit, account_id)
    position = to_number(number, "rule", most=accounts.MAX_RULES)
    key = visit.text("rule")
    await accounts.remove_rule(visit.tx, visit.actor, account.id, position, visit.now, key=key)
    return flash.redirect(visit.request, _PAGE, "Announcement rule removed.")


@router.post("/settings/chat/{account_id}/groups", dependencies=route_access.needs(Verb.CHAT_WRITE))
async def add_group(visit: CurrentVisit, account_id: str) -> Response:
    account = await _locked(visit, account_id)
    try:
        async with visit.tx.savepoint():
            group = OncallGroup(
                visit.text("group").strip(),
                visit.text("handle").strip().lstrip("@"),
                tuple(
                    [
                        await _schedule(visit, t.strip())
                        for t in visit.text("schedule").split(",")
                        if t.strip()
                    ]
                ),
            )
            groups = [g for g in account.settings.groups if g.group != group.group]
            await accounts.set_groups(visit.tx, visit.actor, account.id, [*groups, group], visit.now)
    except FirebellError as error:
        return await _render(visit, f"groups-{account.id}", visit.values, error)
    return flash.redirect(visit.request, _PAGE, "On-call group added.")


@router.post("/settings/chat/{account_id}/groups/remove", dependencies=route_access.needs(Verb.CHAT_WRITE))
async def remove_group(visit: CurrentVisit, account_id: str) -> Response:
    account = await _locked(visit, account_id)
    groups = [g for g in account.settings.groups if g.group != visit.text("group")]
    await accounts.set_groups(visit.tx, visit.actor, account.id, groups, visit.now)
    return flash.redirect(visit.request, _PAGE, "On-call group removed.")


@router.post("/settings/chat/{account_id}/dead", dependencies=route_access.needs(Verb.CHAT_WRITE))
async def dead_letter(visit: CurrentVisit, account_id: str) -> Response:
    account = await _account(visit, account_id)
    if visit.text("what") == "drop":
        await accounts.drop(visit.tx, visit.actor, account.id, visit.text("key"), visit.now)
        return flash.redirect(visit.request, _PAGE, "Message dropped.")
    await accounts.retry(visit.tx, visit.actor, account.id, visit.text("key"), visit.now)
    return flash.redirect(visit.request, _PAGE, "The message is sent again.")


@router.post("/incidents/{ref}/channel/{account_id}", dependencies=route_access.needs(Verb.INCIDENT_UPDATE))
async def create_channel(visit: CurrentVisit, ref: str, account_id: str) -> Response:
    incident = await incidents.incident(visit.tx, parse_ref("INC", ref))
    account = await _account(visit, account_id)
    what = visit.text("what")
    if what == "keep":
        await room_events.keep_room(visit.tx, visit.actor, account.id, incident.id, visit.now)
        text = "The channel is kept."
    elif what == "without":
        await room_events.continue_without(visit.tx, visit.actor, account.id, incident.id, visit.now)
        text = "Continuing without a channel."
    else:
        await room_events.create_room(visit.tx, visit.actor, account.id, incident.id, visit.now)
        text = f"The channel in {account.label} is being created."
    return flash.redirect(visit.request, f"/incidents/{incident.ref}", text)
