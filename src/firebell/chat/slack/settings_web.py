"""The parts of the settings that only Slack has: installing by OAuth, the test message, people without a link."""

from typing import Any

from fastapi import Request, Response

from firebell.chat import store, token_check
from firebell.chat.accounts import actions as accounts
from firebell.chat.accounts.connected_account import Connected
from firebell.chat.linked_users import linking
from firebell.chat.linked_users import queries as link_queries
from firebell.chat.model import Account
from firebell.chat.slack import install, socket_store, test_message
from firebell.kit.db.database import Tx
from firebell.kit.errors import FirebellError, Invalid, NotFound
from firebell.kit.text import to_required
from firebell.kit.web import flash, html, routing, transaction
from firebell.people import actions as people
from firebell.people import authentication, route_access
from firebell.people.permissions import Verb
from firebell.people.unit_of_work import CurrentVisit

router = routing.html_router()

_PAGE = "/settings/chat"


async def context(tx: Tx, slack: Account | None, request: Request) -> dict[str, Any]:
    """Return what the settings page shows of Slack besides its health."""
    if slack is None:
        return {"unlinked": None, "socket_error": ""}
    errors = await socket_store.errors(tx, [slack.id])
    unlinked = await link_queries.unlinked(tx, slack, transaction.now(request))
    return {"unlinked": unlinked, "socket_error": errors.get(slack.id, "")}


@router.post("/settings/chat/slack/install", dependencies=route_access.needs(Verb.CHAT_WRITE))
async def begin_install(visit: CurrentVisit) -> Response:
    """Show the link that leads to Slack; a form may not lead to another site."""
    url = error = None
    try:
        async with visit.tx.savepoint():
            url = await install.begin(
                visit.tx,
                visit.actor,
                visit.ctx,
                visit.text("client_id"),
                visit.text("client_secret"),
                visit.text("signing_secret"),
                visit.now,
            )
    except FirebellError as refused:
        error = refused
    shown = {
        "nav": "settings",
        "tab": "chat",
        "url": url,
        "error": error,
        "client_id": visit.text("client_id"),
    }
    return await html.render(visit.request, "chat/install.html", shown)


@router.get("/chat/slack/installed", dependencies=route_access.needs(Verb.CHAT_WRITE))
async def finish_install(request: Request) -> Response:
    """Connect the workspace that an admin chose in Slack; Slack sends them back to here."""
    me, ctx, now = await authentication.signed_in(request), html.ctx(request), transaction.now(request)
    actor, query = authentication.actor_of(me), request.query_params
    if query.get("error"):
        return flash.redirect(request, _PAGE, "Slack was not connected: the installation was canceled.")
    async with ctx.db.tx() as tx:
        secrets = await install.take(tx, actor, ctx, query.get("state", ""), now)
    token = await install.bot_token(ctx, secrets, query.get("code", ""))
    connection, sealed = await token_check.slack(ctx, token, secrets["signing_secret"], "")
    async with ctx.db.tx() as tx:
        account = await install.finish(tx, actor, connection, sealed, token_check.hint(sealed), me.tz, now)
    return flash.redirect(request, _PAGE, f"{account.label} is connected.")


@router.post("/settings/chat/{account_id}/test", dependencies=route_access.needs(Verb.CHAT_WRITE))
async def send_test(request: Request, account_id: str) -> Response:
    """Send a test message to a channel, or to the admin who asks for it."""
    form, me = await route_access.form(request), await authentication.signed_in(request)
    ctx, channel = html.ctx(request), str(form.get("channel", "")).strip().lstrip("#")
    async with ctx.db.tx() as tx:
        account = await accounts.account(tx, to_required(account_id, "account"))
        channel = channel or await link_queries.user_of(tx, account, me.id)
        secrets = await store.account_secrets(tx, account.id)
    if not channel:
        raise Invalid(
            "Enter a channel: you are not linked to a user of this workspace.",
            fields={"channel": "Enter the ID of a channel."},
        )
    await test_message.send(ctx, Connected(account, secrets), channel)
    return flash.redirect(request, _PAGE, "Test message sent. Press its button in Slack.")


@router.post("/settings/chat/{account_id}/users", dependencies=route_access.needs(Verb.PERSON_WRITE))
async def link_user(visit: CurrentVisit, account_id: str) -> Response:
    """Link a user who acted without a link to a person."""
    account = await accounts.account(visit.tx, to_required(account_id, "account"))
    person = await people.person_by_email(visit.tx, visit.text("email").strip().casefold())
    if person is None:
        raise NotFound(
            f"No one here has the email address {visit.text('email')[:200]!r}.",
            hint="Enter the address with which they sign in to Firebell.",
        )
    user = await linking.map_user(visit.tx, visit.actor, account, visit.text("user"), person.id, visit.now)
    return flash.redirect(visit.request, _PAGE, f"{user.name or user.external_id} is {person.name}.")
