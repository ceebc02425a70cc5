"""Chats are connected, looked after and left on the web and over JSON; a token is never shown."""

import asyncio
import re
from typing import Any

import httpx

from firebell.chat import store
from firebell.chat.accounts import actions as accounts
from firebell.chat.mirror import object_store
from firebell.chat.model import AnnouncementRule, ObjectState
from firebell.chat.slack import scopes
from firebell.kit.clock import FakeClock
from firebell.kit.db.events import SYSTEM
from tests.api.api_clients import Api, browser, key_of, sign_in
from tests.chat_world import account_of, chat_world, declare, run_for
from tests.standins.slack.workspace import TOKEN, Workspace, serving
from tests.world import World, world

SECRET = "0123456789abcdef0123456789abcdef"


async def post(http: httpx.AsyncClient, csrf: str, path: str, **fields: Any) -> httpx.Response:
    """Post a form."""
    return await http.post(path, data={"csrf": csrf, **fields})


async def _api(w: World, http: httpx.AsyncClient) -> Api:
    return Api(http, await key_of(w.ctx.db, w.clock, w.mara))


async def test_an_admin_pastes_the_tokens_and_only_their_end_is_shown(dsn: str, clock: FakeClock) -> None:
    async with serving(Workspace(clock.now)) as space:
        settings = {"FIREBELL_SLACK_API_URL": space.url}
        async with world(dsn, clock, channel_settings=settings) as w, browser(w) as http:
            csrf = await sign_in(w, http, w.mara)
            page = await http.get("/settings/chat")
            assert page.status_code == 200
            assert "xoxb-" in page.text
            fields = {"bot_token": TOKEN, "signing_secret": SECRET}
            answer = await post(http, csrf, "/settings/chat/connect/slack", **fields)
            assert answer.status_code == 303, answer.text
            shown = (await http.get("/settings/chat")).text
            account = await account_of(w)

            assert (account.name, account.state, account.mode) == ("Kestrel", "ok", "http")
            assert "k4Qz" in shown
            assert TOKEN not in shown
            assert SECRET not in shown
            async with w.ctx.db.tx() as tx:
                stored = await tx.value("select encode(secrets, 'escape') from chat_account")
                assert TOKEN not in stored
                assert (await store.account_secrets(tx, account.id)).signing_secrets == (SECRET,)


async def test_a_wrong_token_is_an_error_at_its_field_and_connects_nothing(
    dsn: str, clock: FakeClock
) -> None:
    async with serving(Workspace(clock.now)) as space:
        settings = {"FIREBELL_SLACK_API_URL": space.url}
        async with world(dsn, clock, channel_settings=settings) as w, browser(w) as http:
            csrf = await sign_in(w, http, w.mara)
            cases = [
                ({"bot_token": "xoxp-1", "signing_secret": SECRET}, "bot_token"),
                ({"bot_token": TOKEN}, "signing_secret"),
                ({"bot_token": TOKEN, "signing_secret": "?"}, "signing_secret"),
                ({"bot_token": TOKEN, "app_token": "nope"}, "app_token"),
                ({"bot_token": TOKEN, "app_token": "xapp-revoked"}, "app_token"),
                ({"bot_token": "xoxb-revoked", "signing_secret": SECRET}, "bot_token"),
            ]
            for fields, field in cases:
                answer = await post(http, csrf, "/settings/chat/connect/slack", **fields)
                assert answer.status_code == 422, fields
                assert re.search(rf'name="{field}"[^>]*aria-invalid', answer.text), fields
            space.scopes.discard("chat:write")
            answer = await post(
                http, csrf, "/settings/chat/connect/slack", bot_token=TOKEN, signing_secret=SECRET
            )
            assert answer.status_code == 422
            async with w.ctx.db.tx() as tx:
                assert await store.accounts(tx) == []


async def test_what_a_missing_scope_costs_is_shown(dsn: str, clock: FakeClock) -> None:
    async with chat_world(dsn, clock) as (w, _, _account), browser(w) as http:
        await sign_in(w, http, w.mara)
        async with w.ctx.db.tx() as tx:
            await tx.execute("update chat_account set scopes = array_remove(scopes, 'groups:write')")
        page = (await http.get("/settings/chat")).text

        assert scopes.loss("groups:write") in page.replace("&#39;", "’")
        answer = await (await _api(w, http))("GET", "/chats")
        assert "groups:write" in answer[0]["missing_scopes"]


async def test_rules_and_channels_are_edited_on_the_page(dsn: str, clock: FakeClock) -> None:
    async with chat_world(dsn, clock) as (w, space, account), browser(w) as http:
        csrf = await sign_in(w, http, w.mara)
        channel = space.add_channel("incidents")
        base = f"/settings/chat/{account.id}"
        added = await post(http, csrf, f"{base}/rules", channel=channel.id, what="both", severity=["0", "1"])
        assert added.status_code == 303
        wrong = await post(http, csrf, f"{base}/rules", channel="not a channel", what="both")
        assert wrong.status_code == 422
        saved = await post(
            http, csrf, f"{base}/channels", severity=["0"], tz="Europe/Berlin", unlinked="nothing"
        )
        assert saved.status_code == 303
        settings = (await account_of(w)).settings
        assert settings.room_severities == (0,)
        assert (settings.tz, settings.unlinked) == ("Europe/Berlin", "nothing")
        assert [(r.channel, r.severities, r.pages) for r in settings.rules] == [(channel.id, (0, 1), True)]
        await post(http, csrf, f"{base}/rules/0/remove")
        assert (await account_of(w)).settings.rules == ()


async def test_a_form_that_is_sent_twice_removes_one_rule(dsn: str, clock: FakeClock) -> None:
    """If another rule is removed too, no one hears about the next incident."""
    async with chat_world(dsn, clock) as (w, space, account), browser(w) as http:
        csrf = await sign_in(w, http, w.mara)
        base = f"/settings/chat/{account.id}"
        channels = [space.add_channel(name).id for name in ("payments", "everyone")]
        for channel in channels:
            await post(http, csrf, f"{base}/rules", channel=channel, what="both")
        page = (await http.get("/settings/chat")).text
        path = f"{base}/rules/0/remove"
        key = re.search(r'name="rule" value="([^"]+)"', page[page.index(path) :])
        assert key
        assert (await post(http, csrf, path, rule=key[1])).status_code == 303
        assert (await post(http, csrf, path, rule=key[1])).status_code == 404
        assert [rule.channel for rule in (await account_of(w)).settings.rules] == channels[1:]


async def test_two_rules_that_are_added_at_once_are_both_kept(dsn: str, clock: FakeClock) -> None:
    async with chat_world(dsn, clock) as (w, _, account):

        async def add(channel: str) -> None:
            async with w.ctx.db.tx() as tx:
                await accounts.add_rule(tx, SYSTEM, account.id, AnnouncementRule(channel), w.now)

        channels = [f"C{number}" for number in range(6)]
        await asyncio.gather(*map(add, channels))
        assert sorted(rule.channel for rule in (await account_of(w)).settings.rules) == channels


async def test_settings_over_json_are_those_of_the_page(dsn: str, clock: FakeClock) -> None:
    async with chat_world(dsn, clock) as (w, _, account), browser(w) as http:
        api = await _api(w, http)
        body = {"room_severities": [0], "announcements": [{"channel": "C024BE91L", "pages": True}]}
        answer = await api("PUT", f"/chats/{account.id}/settings", body)
        assert answer["room_severities"] == [0]
        assert answer["announcements"][0]["pages"] is True
        await api("PUT", f"/chats/{account.id}/settings", {"room_severities": [4]}, status=422)
        await api("GET", "/chats/99", status=404)
        manifest = await api("GET", "/chats/slack/manifest")
        assert manifest["settings"]["event_subscriptions"]["request_url"].endswith("/chat/slack")
        socket = await api("GET", "/chats/slack/manifest", socket="true")
        assert "request_url" not in str(socket)
        assert socket["settings"]["socket_mode_enabled"] is True
        assert TOKEN not in str(await api("GET", "/chats"))


async def test_a_dead_letter_is_retried_or_dropped(dsn: str, clock: FakeClock) -> None:
    async with chat_world(dsn, clock) as (w, _, account), browser(w) as http:
        csrf, api = await sign_in(w, http, w.mara), await _api(w, http)
        async with w.ctx.db.tx() as tx:
            for key in ("inc-1/e-1", "inc-1/e-2"):
                await object_store.begin(tx, account.id, "inc-1", [key], ["h"], "C1", "n", w.now)
                await object_store.failed(
                    tx, account.id, [key], ObjectState.DEAD, "refused", retry_at=None, now=w.now
                )
        assert len(await api("GET", "/chats/dead")) == 2
        assert "2 messages not sent" in (await http.get("/settings/chat")).text
        await api("POST", f"/chats/{account.id}/dead/inc-1/e-1/retry", status=204)
        await post(http, csrf, f"/settings/chat/{account.id}/dead", key="inc-1/e-2", what="drop")
        assert await api("GET", "/chats/dead") == []
        await api("POST", f"/chats/{account.id}/dead/inc-1/e-1/retry", status=404)


async def test_a_paused_chat_is_not_called_and_catches_up_when_it_is_resumed(
    dsn: str, clock: FakeClock
) -> None:
    async with chat_world(dsn, clock) as (w, space, account), browser(w) as http:
        api = await _api(w, http)
        await api("POST", f"/chats/{account.id}/pause")
        incident = await declare(w)
        await run_for(w, 20)
        assert space.calls == []
        await api("POST", f"/chats/{account.id}/resume")
        await run_for(w, 20)

        assert space.room(incident.id).pins
        (room,) = await api("GET", f"/incidents/{incident.ref}/channels")
        assert (room["state"], room["channel"]) == ("open", space.room(incident.id).id)


async def test_a_channel_is_created_on_request(dsn: str, clock: FakeClock) -> None:
    async with chat_world(dsn, clock) as (w, space, account), browser(w) as http:
        api = await _api(w, http)
        incident = await declare(w, "Typo", severity=3)
        await run_for(w, 5)
        assert space.channels == {}
        await sign_in(w, http, w.mara)
        assert "Create channel" in (await http.get(f"/incidents/{incident.ref}")).text
        body = {"account_id": account.id}
        await api("POST", f"/incidents/{incident.ref}/channels", body, status=201)
        await run_for(w, 10)

        assert space.room(incident.id).name.endswith("typo")
        assert "incident-" in (await http.get(f"/incidents/{incident.ref}")).text


async def test_a_webhook_of_another_host_is_refused(dsn: str, clock: FakeClock) -> None:
    async with world(dsn, clock) as w, browser(w) as http:
        csrf = await sign_in(w, http, w.mara)
        for kind, address in (
            ("discord", "https://evil.example/api/webhooks/1/x"),
            ("google_chat", "https://evil.example/v1/spaces/x"),
            ("teams", "http://insecure.example/"),
        ):
            answer = await post(http, csrf, f"/settings/chat/connect/{kind}", address=address)
            assert answer.status_code == 422, kind
        unknown = await post(http, csrf, "/settings/chat/connect/irc", address="https://x.example")
        assert unknown.status_code == 404


async def test_a_disconnected_chat_is_forgotten(dsn: str, clock: FakeClock) -> None:
    async with chat_world(dsn, clock) as (w, space, account), browser(w) as http:
        csrf = await sign_in(w, http, w.mara)
        incident = await declare(w)
        await run_for(w, 20)
        await post(http, csrf, f"/settings/chat/{account.id}/disconnect")
        calls = len(space.calls)
        await run_for(w, 20)

        assert len(space.calls) == calls
        assert not space.room(incident.id).archived
        async with w.ctx.db.tx() as tx:
            assert await store.accounts(tx) == []
