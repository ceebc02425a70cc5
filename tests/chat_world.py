"""A small organization that is connected to a stand-in of Slack."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from firebell.chat import store
from firebell.chat.accounts import actions as accounts
from firebell.chat.accounts.actions import Connection
from firebell.chat.mirror import object_store
from firebell.chat.model import Account, AccountSecrets, AccountSettings, AnnouncementRule, ChatKind
from firebell.chat.slack import scopes
from firebell.incidents import actions as incidents
from firebell.incidents.model import Incident
from firebell.kit.clock import FakeClock
from firebell.kit.db.events import SYSTEM
from tests.standins.slack.workspace import BOT_ID, BOT_USER, TEAM, TOKEN, Workspace, serving
from tests.world import World, world

SECRETS = AccountSecrets(bot_token=TOKEN, signing_secrets=("firebell-test-secret",))


async def connect(w: World, **changes: Any) -> Account:
    """Connect the stand-in's workspace with all scopes."""
    connection = Connection(
        ChatKind.SLACK, TEAM, "Kestrel", "http", BOT_USER, BOT_ID, scopes=(*scopes.SCOPES, *scopes.OPTIONAL)
    )
    async with w.ctx.db.tx() as tx:
        return await accounts.connect(
            tx, SYSTEM, replace(connection, **changes), SECRETS, "k4Qz", "UTC", w.now
        )


async def configure(w: World, account: Account, **changes: Any) -> Account:
    """Change settings of an account."""
    async with w.ctx.db.tx() as tx:
        current = await accounts.account(tx, account.id)
        settings: AccountSettings = replace(current.settings, **changes)
        return await accounts.set_settings(tx, SYSTEM, account.id, settings, w.now)


async def announce(w: World, account: Account, channel: str, **changes: Any) -> Account:
    """Announce incidents in a channel."""
    return await configure(w, account, rules=(AnnouncementRule(channel, **changes),))


async def declare(w: World, title: str = "Card payments fail", severity: int = 1, **more: Any) -> Incident:
    """Declare an incident as Mara."""
    actor = await w.actor(w.mara)
    async with w.ctx.db.tx() as tx:
        return await incidents.declare(
            tx, actor, title=title, severity=severity, service_ids=[w.service], now=w.now, **more
        )


async def note(w: World, incident: Incident, text: str, kind: str = "note") -> None:
    """Add a timeline entry as Mara."""
    actor = await w.actor(w.mara)
    async with w.ctx.db.tx() as tx:
        await incidents.add_entry(tx, actor, incident.id, kind, text, w.now)


async def make_private(w: World) -> None:
    """Let only responders see every incident."""
    async with w.ctx.db.tx() as tx:
        await tx.execute(
            "alter table incident add column if not exists visibility text not null default 'open'"
        )
        await tx.execute("update incident set visibility = 'private'")


async def run_for(w: World, seconds: float, step_s: float = 1) -> None:
    """Let time pass in small steps, as the lane would see it."""
    await w.until(w.now + timedelta(seconds=seconds), timedelta(seconds=step_s))


async def dead(w: World) -> list[str]:
    """Return the keys of the dead letters."""
    async with w.ctx.db.tx() as tx:
        return [letter.key for letter in await object_store.dead_letters(tx)]


async def account_of(w: World) -> Account:
    """Return the one account."""
    async with w.ctx.db.tx() as tx:
        (account,) = await store.accounts(tx)
        return account


@asynccontextmanager
async def chat_world(
    dsn: str, clock: FakeClock, **more: Any
) -> AsyncIterator[tuple[World, Workspace, Account]]:
    """Yield an organization, the workspace it is connected to, and the account."""

    def now() -> datetime:
        return clock.now()

    async with serving(Workspace(now)) as space:
        settings = {"FIREBELL_SLACK_API_URL": space.url, **more.pop("channel_settings", {})}
        async with world(dsn, clock, channel_settings=settings, **more) as w:
            space.add_user("mara@example.org")
            space.add_user("jun@example.org")
            yield w, space, await connect(w)
