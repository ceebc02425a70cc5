"""The settings of Slack: installed by OAuth once, tested with a button, and who is not linked."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx

from firebell.chat import doctor_checks, store
from firebell.chat.users import LinkedBy
from firebell.kit.clock import FakeClock
from tests.api.api_clients import Api, browser, key_of, sign_in
from tests.chat_inbound_world import ADA, JUN, ChatWorld, chat_world
from tests.chat_world import account_of
from tests.standins.slack.inbound import buttons
from tests.standins.slack.workspace import CLIENT, Workspace, serving
from tests.world import World, world

SECRET = "0123456789abcdef0123456789abcdef"
FIELDS = {"client_id": CLIENT[0], "client_secret": CLIENT[1], "signing_secret": SECRET}


@asynccontextmanager
async def installing(
    dsn: str, clock: FakeClock
) -> AsyncIterator[tuple[World, Workspace, httpx.AsyncClient, str]]:
    """Yield an organization with an https address, a workspace, and the browser of an admin."""
    async with serving(Workspace(clock.now)) as space:
        settings = {"FIREBELL_SLACK_API_URL": space.url}
        async with world(dsn, clock, channel_settings=settings) as w, browser(w) as http:
            object.__setattr__(w.ctx, "public_url", "https://firebell.example")
            yield w, space, http, await sign_in(w, http, w.mara)


async def begin(http: httpx.AsyncClient, csrf: str, **changes: str) -> dict[str, str]:
    """Begin an installation and return what Slack is asked, nothing if it was refused."""
    answer = await http.post("/settings/chat/slack/install", data={"csrf": csrf, **FIELDS, **changes})
    if "https://slack.com/oauth/v2/authorize?" not in answer.text:
        assert answer.status_code == 422, answer.text
        return {}
    url = answer.text.partition('href="https://slack.com/oauth')[2].partition('"')[0].replace("&amp;", "&")
    return {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}


async def test_the_app_is_installed_by_oauth_once_and_by_who_began_it(dsn: str, clock: FakeClock) -> None:
    async with installing(dsn, clock) as (w, space, http, csrf):
        assert await begin(http, csrf, client_id="Firebell") == {}
        asked = await begin(http, csrf)
        assert asked["redirect_uri"] == "https://firebell.example/chat/slack/installed"
        assert {"chat:write", "commands"} <= set(asked["scope"].split(","))
        space.codes.add("code-1")
        back = {"code": "code-1", "state": asked["state"]}

        async def returned(client: httpx.AsyncClient, **query: str) -> int:
            return (await client.get("/chat/slack/installed", params=query)).status_code

        assert await returned(http, code="code-1", state=f"{asked['state']}x") == 422
        async with browser(w) as stranger:
            assert await returned(stranger, **back) == 303
            await sign_in(w, stranger, w.jun)
            assert await returned(stranger, **back) in (403, 410)
        async with w.ctx.db.tx() as tx:
            assert await store.accounts(tx) == []
        assert await returned(http, **back) == 303
        account = await account_of(w)
        assert (account.name, account.mode, account.state) == ("Kestrel", "http", "ok")
        async with w.ctx.db.tx() as tx:
            secrets = await store.account_secrets(tx, account.id)
            assert await tx.value("select count(*) from chat_install") == 0
        assert secrets.signing_secrets == (SECRET,)
        # the state was used, whatever code comes with it
        space.codes.add("code-2")
        assert await returned(http, code="code-2", state=asked["state"]) == 410
        refused = await begin(http, csrf)
        assert await returned(http, code="wrong", state=refused["state"]) == 409
        canceled = await begin(http, csrf)
        assert await returned(http, error="access_denied", state=canceled["state"]) == 303
        late = await begin(http, csrf)
        clock.advance(timedelta(minutes=11))
        assert await returned(http, code="code-2", state=late["state"]) == 422


async def test_an_admin_sees_who_is_not_linked_and_links_them(dsn: str, clock: FakeClock) -> None:
    async with chat_world(dsn, clock) as c:
        await c.slack.command("/incident declare sev2 Card payments fail", ADA)
        await c.slack.command("/incident list", JUN)
        csrf = await sign_in(c.world, c.slack.http, c.world.mara)
        page = (await c.slack.http.get("/settings/chat")).text
        assert "Ada L." in page.partition('id="unlinked"')[2]
        problems = await _problems(c)
        assert "CH-UNLINKED: 1 user acted without a link." in problems
        data = {"csrf": csrf, "user": ADA, "email": "no.one@example.org"}
        answer = await c.slack.http.post(f"/settings/chat/{c.account}/users", data=data)
        assert answer.status_code == 404
        data["email"] = "Mara@example.org"
        answer = await c.slack.http.post(f"/settings/chat/{c.account}/users", data=data)
        assert answer.status_code == 303
        assert 'id="unlinked"' not in (await c.slack.http.get("/settings/chat")).text
        assert "CH-UNLINKED" not in await _problems(c)
        async with c.world.ctx.db.tx() as tx:
            how = await tx.value("select how from chat_user where external_id = $1", ADA)
        assert how == LinkedBy.ADMIN


async def _problems(c: ChatWorld) -> str:
    async with c.world.ctx.db.tx() as tx:
        (result,) = await doctor_checks.check(tx, c.world.now)
    return result.text


async def test_a_test_message_proves_the_way_there_and_back(dsn: str, clock: FakeClock) -> None:
    async with chat_world(dsn, clock) as c:
        csrf = await sign_in(c.world, c.slack.http, c.world.jun)
        path = f"/settings/chat/{c.account}/test"

        async def send(**fields: str) -> int:
            return (await c.slack.http.post(path, data={"csrf": csrf, **fields})).status_code

        csrf = await sign_in(c.world, c.slack.http, c.world.mara)
        # Mara was never seen in Slack, so there is no one to send it to
        assert await send() == 422
        assert await send(channel="#C7") == 303
        message: dict[str, Any] = c.slack.called("chat.postMessage")[-1]
        assert message["channel"] == "C7"
        (button,) = buttons(message)
        answer = await c.slack.press(button["action_id"], button["value"], JUN)
        assert "Jun" in answer["text"]
        c.slack.refusals["chat.postMessage"] = "not_in_channel"
        assert await send(channel="C7") == 409
        api = Api(c.slack.http, await key_of(c.world.ctx.db, c.world.clock, c.world.mara))
        await api("POST", f"/chats/{c.account}/test", {"channel": "C7"}, status=409)
        del c.slack.refusals["chat.postMessage"]
        await api("POST", f"/chats/{c.account}/test", {"channel": "C7"}, status=204)
        assert c.slack.called("chat.postMessage")[-1]["channel"] == "C7"
