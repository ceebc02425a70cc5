"""Requests caused by other websites, and unknown host names, are refused before anything else."""

import httpx
import pytest

from firebell.kit.clock import FakeClock
from firebell.kit.errors import StartupError
from firebell.settings import load
from tests.api.api_clients import browser, key_of, organization
from tests.world import ANSWERS, world

FORM = {"email": ANSWERS.email, "password": ANSWERS.password}
EVIL = {"sec-fetch-site": "cross-site", "origin": "https://evil.example"}


@pytest.mark.parametrize(
    "headers", [EVIL, {"sec-fetch-site": "same-site"}, {"origin": "https://evil.example"}]
)
async def test_no_site_signs_its_visitor_in(dsn: str, clock: FakeClock, headers: dict[str, str]) -> None:
    async with world(dsn, clock) as w, browser(w) as http:
        answer = await http.post("/login", data=FORM, headers=headers)
        assert answer.status_code == 403
        assert "set-cookie" not in answer.headers
        async with w.ctx.db.tx() as tx:
            assert await tx.value("select count(*) from session") == 0


async def test_every_change_that_another_site_causes_is_refused(dsn: str, clock: FakeClock) -> None:
    async with world(dsn, clock) as w, browser(w) as http:
        await http.post("/login", data=FORM)
        async with w.ctx.db.tx() as tx:
            csrf = await tx.value("select csrf from session")
        for path in ("/setup", "/logout", "/settings", "/welcome/x", "/ack/x", "/incidents/new", "/nothing"):
            assert (await http.post(path, data={"csrf": csrf}, headers=EVIL)).status_code == 403, path
        by_cookie = await http.post("/api/v1/incidents", json={}, headers={"x-csrf": csrf, **EVIL})
        assert by_cookie.status_code == 403
        assert by_cookie.headers["content-type"] == "application/problem+json"
        assert (await http.get("/settings", headers=EVIL)).status_code == 200


async def test_own_forms_and_clients_that_are_not_browsers_pass(dsn: str, clock: FakeClock) -> None:
    async with world(dsn, clock) as w, browser(w) as http:
        for headers in ({"sec-fetch-site": "same-origin"}, {"origin": "http://127.0.0.1:8080"}, {}):
            assert (await http.post("/login", data=FORM, headers=headers)).status_code == 303


async def test_requests_with_an_api_key_may_come_from_any_site(dsn: str, clock: FakeClock) -> None:
    async with organization(dsn, clock) as (w, api):
        headers = {"authorization": f"Bearer {await key_of(w.ctx.db, clock, w.mara)}", **EVIL}
        body = {"title": "Down", "severity": "SEV2"}
        assert (await api.http.post("/api/v1/incidents", json=body, headers=headers)).status_code == 201


async def on(
    http: httpx.AsyncClient, host: str, path: str, method: str = "GET", **more: str
) -> httpx.Response:
    return await http.request(method, path, headers={"host": host, **more})


async def test_an_unknown_host_gets_only_an_error_message(dsn: str, clock: FakeClock) -> None:
    async with world(dsn, clock, base_url="https://firebell.example.org") as w, browser(w) as http:
        for path in ("/", "/login", "/setup", "/pages/", "/api/v1/openapi.json", "/static/app.css"):
            answer = await on(http, "evil.example", path)
            assert answer.status_code == 421, path
            assert "location" not in answer.headers
        rebound = await on(http, "evil.example", "/setup", authorization="Bearer x")
        assert rebound.status_code == 421
        for host in ("firebell.example.org", "127.0.0.1:8080", "10.1.2.3:8080", "[::1]:8080", "localhost"):
            assert (await on(http, host, "/login")).status_code == 200, host


async def test_names_can_be_allowed(dsn: str, clock: FakeClock) -> None:
    hosts = load({"FIREBELL_ALLOWED_HOSTS": "Pager.example.org, *.corp.example.org"}).allowed_hosts
    async with world(dsn, clock, allowed_hosts=hosts) as w, browser(w) as http:
        assert (await on(http, "pager.example.org:8080", "/login")).status_code == 200
        assert (await on(http, "a.corp.example.org", "/login")).status_code == 200
        assert (await on(http, "corp.example.org", "/login")).status_code == 421


@pytest.mark.parametrize("text", ["https://firebell.example.org", "a/b", "*."])
def test_invalid_host_names_are_refused_at_startup(text: str) -> None:
    with pytest.raises(StartupError):
        load({"FIREBELL_ALLOWED_HOSTS": text})


async def test_alerts_and_health_are_answered_under_any_name(dsn: str, clock: FakeClock) -> None:
    async with world(dsn, clock) as w, browser(w) as http:
        headers = {"host": "evil.example", **EVIL}
        answer = await http.post(f"/in/{w.key}/generic", json={"title": "Down"}, headers=headers)
        assert answer.status_code == 202
        event = {"routing_key": w.key, "event_action": "trigger", "dedup_key": "a", "payload": {}}
        assert (await http.post("/v2/enqueue", json=event, headers=headers)).status_code != 421
        assert (await on(http, "evil.example", "/healthz")).status_code == 200


async def test_a_slash_too_many_never_leads_to_a_foreign_name(dsn: str, clock: FakeClock) -> None:
    async with world(dsn, clock) as w, browser(w) as http:
        assert (await on(http, "evil.example", "/pages/")).status_code == 421
        ours = await on(http, "127.0.0.1:8080", "/pages/?state=open")
        assert (ours.status_code, ours.headers["location"]) == (307, "/pages?state=open")
        by_key = await on(http, "evil.example", "/api/v1/pages/", authorization="Bearer x")
        assert by_key.headers.get("location") == "/api/v1/pages"
