"""Story: Firebell signs in to trackers as a GitHub App and by OAuth, and renews its tokens before they end."""

import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from html import unescape
from itertools import count
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from firebell.action_items.trackers import access_tokens, authorization, store
from firebell.action_items.trackers.doctor_checks import check
from firebell.action_items.trackers.model import Tracker
from firebell.action_items.trackers.session import LeaseLost, Session
from firebell.action_items.trackers.sync_worker import TrackerSync
from firebell.action_items.trackers.vendor import Call
from firebell.action_items.trackers.vendor_registry import registry
from firebell.kit.clock import FakeClock
from firebell.kit.context import Context
from tests.api.api_clients import browser, sign_in
from tests.standins.signed_in_trackers import (
    CLIENT_ID,
    CLIENT_SECRET,
    AtlassianStandin,
    GitHubAppStandin,
    LinearOAuthStandin,
    OAuthStandin,
    pem,
)
from tests.standins.trackers import TOKEN, Fault
from tests.tracker_world import Desk, desk, killed_at

HOUR_S, DAY_S = 3600, 86_400
OAUTH = {"auth": "oauth", "client_id": CLIENT_ID, "client_secret": CLIENT_SECRET, "token": ""}


async def test_a_github_app_gets_a_token_every_hour(dsn: str, clock: FakeClock) -> None:
    github = GitHubAppStandin(clock.now)
    app = {"auth": "app", "client_id": CLIENT_ID, "private_key": pem(), "token": ""}
    async with desk(dsn, clock, github, "github", "acme/shop", **app) as d:
        ref = await d.linked()
        shown = await d.health()
        assert (shown["auth"], shown["client_id"], shown["token_hint"]) == ("app", CLIENT_ID, "")
        await d.later(3 * HOUR_S)
        assert 3 <= len(github.tokens) <= 4
        async with d.w.ctx.db.tx() as tx:
            sealed = await tx.value("select access_token || secret from tracker")
        assert not [secret for secret in (*github.tokens, pem()) if secret.encode() in sealed]
        assert "PRIVATE KEY" not in json.dumps(await d.api("GET", "/audit")) + json.dumps(shown)

        # a token that ends early is replaced within the same call
        github.tokens.clear()
        await d.set_state(ref, "dropped", reason="Another client")
        await d.later()
        assert (github.issues[1]["state"], (await d.health())["state"]) == ("closed", "ok")

        # an app that is not installed can be installed at any time
        github.is_installed = False
        github.tokens.clear()
        await d.api("POST", "/trackers/1/sync", status=202)
        await d.later()
        health = await d.health()
        assert (health["state"], health["last_error"]) == (
            "failing",
            "The app is not installed in acme/shop.",
        )
        github.is_installed = True
        await d.later(1000)
        assert (await d.health())["state"] == "ok"

        # another way to sign in replaces this one
        github.token = "another"
        github.tokens["another"] = d.w.now + timedelta(days=1)
        await d.api("PUT", "/trackers/1/token", {"token": "another"}, status=204)
        await d.set_state(ref, "open", reason="Needed after all")
        await d.later()
        assert ((await d.health())["auth"], github.issues[1]["state"]) == ("token", "open")
        assert not github.refused


async def test_a_write_is_repeated_with_a_new_token_only_while_the_lease_holds(
    dsn: str, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    github = GitHubAppStandin(clock.now)
    app = {"auth": "app", "client_id": CLIENT_ID, "private_key": pem(), "token": ""}
    async with desk(dsn, clock, github, "github", "acme/shop", **app) as d:
        await d.linked()
        async with d.w.ctx.db.tx() as tx:
            (tracker,) = await store.trackers(tx)
            lease = "update tracker set lease_holder = $1, lease_until = $2"
            await tx.execute(lease, "this", d.w.now + timedelta(minutes=3))
        session = Session(d.w.ctx, tracker, "this")
        await session.call(Call("GET", "/repos/acme/shop"))
        github.tokens.clear()
        usable = access_tokens.usable

        async def slow(ctx: Context, tracker: Tracker, refused: str = "") -> str:
            async with ctx.db.tx() as tx:
                await tx.execute("update tracker set lease_holder = 'another'")
            return await usable(ctx, tracker, refused)

        monkeypatch.setattr(access_tokens, "usable", slow)
        before = dict(github.issues)
        with pytest.raises(LeaseLost):
            await session.call(Call("POST", "/repos/acme/shop/issues", {"title": "Twice"}))
        assert github.issues == before


@asynccontextmanager
async def oauth_desk(
    dsn: str, clock: FakeClock, standin: OAuthStandin, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[tuple[Desk, httpx.AsyncClient, str]]:
    """Start an organization with a tracker that waits for its authorization, and Mara in her browser."""
    kind = "linear" if isinstance(standin, LinearOAuthStandin) else "jira_cloud"
    async with desk(dsn, clock, standin, kind, "PAY", **OAUTH) as d, browser(d.w) as http:
        vendor = registry()[kind]
        assert vendor.oauth
        server = replace(
            vendor.oauth,
            token_url=f"{standin.url}/oauth/token",
            sites_url=vendor.oauth.sites_url and f"{standin.url}/oauth/token/accessible-resources",
            gateway_url=f"{standin.url}/ex/jira",
        )
        kinds = {**registry(), kind: replace(vendor, oauth=server)}
        for module in (access_tokens, authorization):
            monkeypatch.setattr(module, "vendor_of", kinds.__getitem__)
        yield d, http, await sign_in(d.w, http, d.w.mara)


async def asked(d: Desk, http: httpx.AsyncClient, csrf: str) -> dict[str, str]:
    """Press Authorize and return what the tracker is asked."""
    page = (await http.post("/settings/trackers/1/authorize", data={"csrf": csrf})).text
    url = unescape(re.findall(r'<a class="btn primary" href="([^"]+)"', page)[0])
    return {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}


async def come_back(http: httpx.AsyncClient, state: str, code: str = "code-1") -> httpx.Response:
    """Come back from the tracker."""
    return await http.get(authorization.PATH, params={"state": state, "code": code})


@pytest.mark.parametrize("kind", [AtlassianStandin, LinearOAuthStandin])
async def test_a_person_lets_firebell_in(
    kind: type[OAuthStandin], dsn: str, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    standin = kind(clock.now)
    async with oauth_desk(dsn, clock, standin, monkeypatch) as (d, http, csrf):
        ref = await d.add(owner_id=d.w.mara)
        await d.link(ref)
        await d.later(HOUR_S)
        assert ((await d.health())["state"], standin.calls) == ("unauthorized", [])
        assert [each["level"] for each in await d.api("POST", "/trackers/1/check")] == ["late"]
        async with d.w.ctx.db.tx() as tx:
            assert [result.level for result in await check(tx, d.w.now)] == ["warn"]

        query = await asked(d, http, csrf)
        assert (query["client_id"], query["response_type"]) == (CLIENT_ID, "code")
        assert query["redirect_uri"].endswith("/settings/trackers/authorized")
        # canceled there, forged, and too late: nothing is exchanged
        canceled = await http.get(
            authorization.PATH, params={"state": query["state"], "error": "access_denied"}
        )
        assert canceled.status_code == 303
        assert (await come_back(http, query["state"])).status_code == 410
        assert (await come_back(http, "forged")).status_code >= 400
        late = (await asked(d, http, csrf))["state"]
        d.w.clock.advance(timedelta(minutes=11))
        assert (await come_back(http, late)).status_code >= 400
        assert not standin.exchanged
        # a code that is refused leaves it as it was
        assert (await come_back(http, (await asked(d, http, csrf))["state"], "wrong")).status_code == 303
        assert (await d.health())["state"] == "unauthorized"

        state = (await asked(d, http, csrf))["state"]
        assert (await come_back(http, state)).status_code == 303
        assert (await come_back(http, state)).status_code == 410
        await d.later(30)
        assert ((await d.health())["state"], (await d.link_of(ref))["state"]) == ("ok", "linked")

        # renewed before its end, whatever answer is lost, and used once
        before = len(standin.exchanged)
        standin.faults.extend([None] * 3)
        await d.later(3 * DAY_S)
        assert (await d.health())["state"] == "ok"
        renewals = len(standin.exchanged) - before
        assert renewals == len([used for used in standin.refresh_tokens.values() if used])
        assert renewals >= (2 if kind is LinearOAuthStandin else 70)

        # taken back there: it stops, people are notified, and a new authorization goes on
        standin.refresh_tokens.clear()
        standin.tokens.clear()
        await d.set_state(ref, "in_progress")
        await d.later(60)
        health = await d.health()
        assert (health["state"], "invalid_grant" in health["reason"]) == ("stopped", True)
        silent = len(standin.calls)
        await d.later(HOUR_S)
        assert len(standin.calls) == silent
        assert (await come_back(http, (await asked(d, http, csrf))["state"], "code-2")).status_code == 303
        await d.later(30)
        assert (await d.health())["state"] == "ok"
        actions = [entry["action"] for entry in await d.api("GET", "/audit")]
        assert actions.count("tracker.authorized") == 2
        secrets = {CLIENT_SECRET, *standin.tokens, *standin.refresh_tokens}
        everything = json.dumps([await d.health(), await d.api("GET", "/audit")])
        assert not [secret for secret in secrets if secret in everything]
        assert not standin.refused


async def test_jira_is_called_where_the_person_let_firebell_in(
    dsn: str, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    jira = AtlassianStandin(clock.now, sites=["https://other.example"])
    async with oauth_desk(dsn, clock, jira, monkeypatch) as (d, http, csrf):
        await come_back(http, (await asked(d, http, csrf))["state"])
        assert (await d.health())["state"] == "unauthorized"
        jira.sites = ["https://other.example", jira.url]
        begun = await d.api("POST", "/trackers/1/authorization")
        state = parse_qs(urlsplit(begun["url"]).query)["state"][0]
        await come_back(http, state, "code-2")
        health = await d.health()
        assert health["state"] == "waiting"
        assert [each["level"] for each in await d.api("POST", "/trackers/1/check")] == ["ok"]
        # Atlassian ends an authorization after a year
        ends_at = d.w.now + timedelta(days=365)
        assert health["authorization_ends_at"] == ends_at.isoformat().replace("+00:00", "Z")
        await d.later(60)
        async with d.w.ctx.db.tx() as tx:
            levels = [(await check(tx, ends_at - timedelta(days=days)))[0].text for days in (29, 31)]
        assert ["Authorize" in text for text in levels] == [True, False]
        # other credentials are authorized anew, and a token needs none
        await d.api("PUT", "/trackers/1/credentials", OAUTH)
        assert (await d.health())["state"] == "unauthorized"
        await d.api("PUT", "/trackers/1/credentials", {**OAUTH, "auth": "app"}, status=422)
        basic = {"auth": "token", "token": TOKEN, "login": "bot@acme.example"}
        assert (await d.api("PUT", "/trackers/1/credentials", basic))["login"] == "bot@acme.example"
        await d.api("POST", "/trackers/1/authorization", status=409)


async def test_a_renewal_survives_a_kill_at_each_of_its_waits(
    dsn: str, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    linear = LinearOAuthStandin(clock.now)
    async with oauth_desk(dsn, clock, linear, monkeypatch) as (d, http, csrf):
        await come_back(http, (await asked(d, http, csrf))["state"])
        await d.later(60)
        for number in count(1):
            linear.tokens = dict.fromkeys(linear.tokens, d.w.now)
            await d.api("POST", "/trackers/1/sync", status=202)
            died = await killed_at(TrackerSync(d.w.ctx).run_once(d.w.now), number)
            # the lease and the claim of the dead process end, and the tracker still takes its refresh token
            d.w.clock.advance(timedelta(minutes=4))
            at = d.w.now
            await d.api("POST", "/trackers/1/sync", status=202)
            await d.later(60)
            health = await d.health()
            assert (health["state"], datetime.fromisoformat(health["last_ok_at"]) >= at) == ("ok", True), (
                number
            )
            if not died:
                break
        assert number > 15


async def test_a_renewal_whose_answer_is_lost_is_repeated(
    dsn: str, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    linear = LinearOAuthStandin(clock.now)
    async with oauth_desk(dsn, clock, linear, monkeypatch) as (d, http, csrf):
        await come_back(http, (await asked(d, http, csrf))["state"])
        await d.later(60)
        for fault in (Fault.LOST, Fault.DONE_BUT_500, Fault.HTML, Fault.TOO_MANY, Fault.NOT_ARRIVED):
            d.w.clock.advance(timedelta(hours=24))
            linear.faults.append(fault)
            await d.later(120)
            assert not linear.faults
            assert (await d.health())["state"] == "ok", fault
