"""Slack through Socket Mode: the same answers, nothing acknowledged before it is stored, and always a connection."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta

import pytest

from firebell.chat import store
from firebell.chat.model import Account, AccountSecrets, ChatKind
from firebell.chat.received import store as inbound_store
from firebell.chat.slack import inbound, socket_store
from firebell.chat.slack.inbound_worker import Inbox
from firebell.chat.slack.socket import Sockets, is_slack
from firebell.kit.clock import FakeClock
from firebell.kit.errors import Unavailable
from tests.api.api_clients import browser
from tests.chat_inbound_world import JUN, MARA, ChatWorld
from tests.standins.slack.inbound import BOT, TEAM, TOKEN, user
from tests.standins.slack.sockets import APP_TOKEN, HANGS_S, SocketSlack, socket_slack
from tests.world import World, world


@asynccontextmanager
async def connected(dsn: str, clock: FakeClock) -> AsyncIterator[tuple[ChatWorld, SocketSlack, Sockets]]:
    """Yield an organization whose workspace is connected by a socket."""
    with pytest.MonkeyPatch.context() as patch:
        # a loaded machine leaves work to the lane after two seconds
        patch.setattr(inbound, "BUDGET_S", HANGS_S)
        async with world(dsn, clock) as w, browser(w) as http, socket_slack(w, http) as slack:
            account_id = await _account_with_socket(w, slack)
            sockets = Sockets(w.ctx)
            try:
                await sockets.renew(w.now)
                await slack.until(1)
                yield ChatWorld(w, slack, account_id), slack, sockets
            finally:
                await sockets.close()


async def _account_with_socket(w: World, slack: SocketSlack) -> int:
    async with w.ctx.db.tx() as tx:
        account = await store.save_account(
            tx,
            kind=ChatKind.SLACK,
            external_id=TEAM,
            name="Kestrel",
            mode="socket",
            address="",
            bot_user=BOT,
            bot_id="B1",
            scopes=(),
            secrets=AccountSecrets(TOKEN, app_token=APP_TOKEN),
            hint="test",
            created_by=None,
            now=w.now,
        )
    for each in (user(MARA, "Mara", "mara@example.org"), user(JUN, "Jun", "jun@example.org")):
        slack.users[each["id"]] = each
    return account.id


async def _account(c: ChatWorld) -> Account:
    async with c.world.ctx.db.tx() as tx:
        account = await store.account(tx, c.account)
    assert account is not None
    return account


async def test_commands_buttons_forms_and_events_work_through_a_socket(dsn: str, clock: FakeClock) -> None:
    async with connected(dsn, clock) as (c, slack, _):
        declared = await slack.command("/incident declare sev2 Card payments fail", MARA)
        assert "INC-1" in declared["text"]
        await c.room(1, "C1")
        assert await slack.command("/incident update", MARA, "C1") == {}
        view = slack.called("views.open")[-1]["view"]
        done = await slack.submit(view, {"text": {"value": "We are rolling back"}}, MARA)
        assert done["response_action"] == "update"
        await slack.event(
            {"type": "app_mention", "user": JUN, "channel": "C1", "text": f"<@{BOT}> take comms"}
        )
        await slack.event({"type": "app_mention", "user": JUN, "channel": "C1", "text": "x"}, "Ev-other")
        inbox = Inbox(c.world.ctx)
        while await inbox.run_once(c.world.now):
            pass
        assert "We are rolling back" in [e.text for e in await c.timeline(1)]
        assert "became comms lead" in [e.text for e in await c.timeline(1)]
        assert (await _account(c)).last_frame_at == c.world.now


async def test_a_frame_is_acknowledged_after_it_is_stored_and_once_more_does_nothing(
    dsn: str, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with connected(dsn, clock) as (c, slack, _):
        event = {
            "type": "event_callback",
            "team_id": TEAM,
            "event_id": "Ev1",
            "event": {"type": "app_mention", "user": MARA, "channel": "C9", "text": "hi", "event_ts": "1.1"},
        }

        async def away(*_: object, **__: object) -> None:
            raise Unavailable("The database is unavailable.")

        with monkeypatch.context() as patch:
            patch.setattr(inbound_store, "receive", away)
            with pytest.raises(TimeoutError):
                await slack.send("events_api", event, "envelope-a", within_s=0.5)
        await slack.send("events_api", event, "envelope-b")
        await slack.send("events_api", event, "envelope-c")
        assert (await slack.send("events_api", {**event, "team_id": "T2", "event_id": "Ev2"}))["envelope_id"]
        assert (await slack.send("interactive", None))["envelope_id"]
        async with c.world.ctx.db.tx() as tx:
            keys = [row["key"] for row in await tx.fetch("select key from chat_inbox where kind = 'event'")]
        assert keys == ["Ev1"]


async def test_a_connection_that_ends_or_says_nothing_is_replaced(
    dsn: str, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("firebell.chat.slack.socket.HELLO_LIMIT_S", 0.2)
    async with connected(dsn, clock) as (c, slack, sockets):
        # announced: the new connection is there before the old one ends
        await slack.disconnect("warning")
        await slack.until(2)
        assert "INC" in str(await slack.command("/incident declare sev3 Search is slow", MARA))
        await slack.close_oldest()
        await slack.until(1, opened=2)
        # not announced
        slack.says_hello = False
        await slack.close_oldest()
        await slack.until(1, opened=3)
        slack.says_hello = True
        await slack.until(0, opened=3)
        await slack.until(1, opened=4)
        # it says hello and dies without a word
        monkeypatch.setattr("firebell.chat.slack.socket.HEARTBEAT_S", 0.2)
        slack.answers_probes = False
        await slack.close_oldest()
        await slack.until(1, opened=5)
        slack.answers_probes = True
        await slack.until(0, opened=5)
        await slack.until(1, opened=6)
        clock.advance(timedelta(seconds=11))
        await sockets.renew(c.world.now)
        assert (await _account(c)).last_frame_at == c.world.now


async def test_one_process_holds_the_socket_and_another_takes_over(dsn: str, clock: FakeClock) -> None:
    async with connected(dsn, clock) as (c, slack, sockets):
        other = Sockets(c.world.ctx)
        try:
            await other.renew(c.world.now)
            assert len(slack.sockets) == 1
            await sockets.close()
            await slack.until(0)
            await other.renew(c.world.now)
            await slack.until(1, opened=2)
            async with c.world.ctx.db.tx() as tx:
                await store.pause(tx, c.account, c.world.now)
            await other.renew(c.world.now)
            await slack.until(0)
        finally:
            await other.close()


async def test_a_refused_app_token_is_shown_and_a_new_one_connects(dsn: str, clock: FakeClock) -> None:
    async with connected(dsn, clock) as (c, slack, sockets):
        slack.open_error = "invalid_auth"
        await slack.close_oldest()
        for _ in range(100):
            async with c.world.ctx.db.tx() as tx:
                errors = await socket_store.errors(tx, [c.account])
            if errors.get(c.account) == "invalid_auth":
                break
            await asyncio.sleep(0.05)
        assert errors == {c.account: "invalid_auth"}
        slack.open_error = ""
        account = await _account(c)
        async with c.world.ctx.db.tx() as tx:
            secrets = replace(await store.account_secrets(tx, c.account), signing_secrets=("rotated",))
            sealed = await store.seal(tx, account.kind, account.external_id, secrets)
            await tx.execute("update chat_account set secrets = $1", sealed)
        await sockets.renew(c.world.now)
        await slack.until(1, opened=2)


def test_a_socket_connects_only_to_slack() -> None:
    assert is_slack("wss://wss-primary.slack.com/link/?ticket=1", "")
    assert is_slack("ws://127.0.0.1:80/link", "http://127.0.0.1:80/api/")
    for url in (
        "ws://wss-primary.slack.com/link",
        "wss://slack.com.example.org/link",
        "wss://evilslack.com/link",
        "https://slack.com/link",
        "wss://169.254.169.254/link",
        "",
    ):
        assert not is_slack(url, "")
        assert not is_slack(url, "http://127.0.0.1:80/api/")
