"""Finds out who acts in Mattermost: the stored user, or what the server says of a new one."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from firebell.chat.accounts.connected_account import Connected
from firebell.chat.adapter_base.adapter import CallFailed
from firebell.chat.adapter_base.http_calls import call
from firebell.chat.linked_users import linking
from firebell.chat.received import store as inbound_store
from firebell.chat.users import ChatUser, UserFacts
from firebell.kit.context import Context
from firebell.kit.db.database import Db

ASK_LIMIT_S = 2.0
"""How long a person waits for the server to say who they are."""


def api(connected: Connected, path: str) -> str:
    """Return the address of a method of the server's REST API."""
    return f"{connected.account.address.rstrip('/')}/api/v4{path}"


def user_facts(data: Mapping[str, Any], team: str) -> UserFacts:
    """Return what the server says of a user.

    It says whether an address is confirmed only to bots with the rights of a system admin; without that a person
    links themselves.
    """
    name = data.get("nickname") or f"{data.get('first_name') or ''} {data.get('last_name') or ''}".strip()
    return UserFacts(
        team=team,
        name=str(name or data.get("username") or "")[:80],
        email=str(data.get("email") or ""),
        email_confirmed=data.get("email_verified") is True,
        is_bot=data.get("is_bot") is True,
        deleted=bool(data.get("delete_at")),
        guest="system_guest" in str(data.get("roles") or "").split(),
    )


async def known_user(
    ctx: Context, db: Db, connected: Connected, external_id: str, now: datetime
) -> ChatUser | None:
    """Return a user of the account; ask the server about one that is new or was not checked for a day.

    If it does not answer, the link that was known stays: who is on call must be able to act.
    """
    async with db.tx() as tx:
        user = await inbound_store.user(tx, connected.account.id, external_id)
    if not external_id or (user is not None and not user.needs_check(now)):
        return user
    url = api(connected, f"/users/{external_id}")
    try:
        data = await call(ctx.http, "GET", url, token=connected.secrets.bot_token, limit_s=ASK_LIMIT_S)
    except CallFailed:
        return user
    if data.get("id") != external_id:
        return user
    facts = user_facts(data, connected.account.external_id)
    async with db.tx() as tx:
        return await linking.record_user(tx, connected.account, external_id, facts, now)
