"""Who is let in, with which rights, and what a response never reveals."""

import json
import logging
from datetime import timedelta

import httpx
import pytest

from firebell.kit.clock import FakeClock
from firebell.kit.errors import Forbidden
from firebell.kit.http_out import check_url, guarded_client, parse_networks
from firebell.kit.ip_addresses import allowed
from firebell.kit.web import html
from firebell.people import actions as people
from firebell.people.model import SCOPES
from tests.api.api_clients import TEST, browser, key_of, organization
from tests.api.api_clients import sign_in as sign_in_as
from tests.world import ANSWERS, World, world


async def test_a_key_works_on_its_first_use_and_on_the_next(dsn: str, clock: FakeClock) -> None:
    async with organization(dsn, clock) as (_, api):
        first = await api("GET", "/me")
        clock.advance(timedelta(minutes=2))
        again = await api("GET", "/me/keys")
    assert first["name"] == "Mara Lindqvist"
    assert first["scopes"] == sorted(SCOPES)
    assert again[0]["last_used_at"] == "2026-11-24T03:16:00Z"


async def test_without_an_active_key_nothing_is_shown(dsn: str, clock: FakeClock) -> None:
    async with organization(dsn, clock) as (w, api):
        for key in ("", "fb_wrong", "fb_\x01"):
            problem = await api.with_key(key)("GET", "/pages", status=401)
            assert problem["type"] == "urn:firebell:problem:unauthenticated"
        answer = await api.with_key("").answer("GET", "/pages")
        assert answer.headers["www-authenticate"] == "Bearer"
        script = api.with_key(await key_of(w.ctx.db, clock, w.mara, ["pages:read"]))
        made = (await api("GET", "/me/keys"))[0]
        assert await script("GET", "/pages") == []
        await api("DELETE", f"/me/keys/{made['id']}")
        await script("GET", "/pages", status=401)
        await api("DELETE", f"/me/keys/{made['id']}", status=404)
        jun = api.with_key(await key_of(w.ctx.db, clock, w.jun))
        await jun("GET", "/me")
        await api("PATCH", f"/people/{w.jun}", {"active": False})
        await jun("GET", "/me", status=401)


async def test_every_route_of_the_api_asks_for_a_key(dsn: str, clock: FakeClock) -> None:
    async with organization(dsn, clock) as (_, api):
        document = await api("GET", "/openapi.json")
        asked = 0
        for path, operations in document["paths"].items():
            for method in operations:
                address = path.replace("{", "").replace("}", "").removeprefix("/api/v1")
                address = address.replace("_id", "").replace("/person", "/1").replace("urgency", "high")
                answer = await api.with_key("").answer(method, address)
                assert answer.status_code in (401, 422), (method, path, answer.status_code)
                assert answer.headers["content-type"] == "application/problem+json"
                asked += answer.status_code == 401
    assert asked > 30


async def test_a_key_is_limited_to_its_scopes(dsn: str, clock: FakeClock) -> None:
    async with organization(dsn, clock) as (w, api):
        reader = api.with_key(await key_of(w.ctx.db, clock, w.mara, ["pages:read"]))
        assert await reader("GET", "/pages") == []
        problem = await reader("POST", "/pages/PG-1/ack", status=403)
        assert problem["detail"] == "The scope pages:write is missing."
        await reader("GET", "/audit", status=403)
        assert (await reader("GET", "/me"))["scopes"] == ["pages:read"]


async def test_a_leaked_key_creates_no_key_that_outlives_it(dsn: str, clock: FakeClock) -> None:
    async with organization(dsn, clock) as (w, api):
        small = api.with_key(await key_of(w.ctx.db, clock, w.mara, ["pages:read"]))
        for key in (small, api):
            await key("POST", "/me/keys", {"name": "same", "scopes": ["pages:read"]}, status=403)
        await small("DELETE", "/me/keys/1", status=403)
        assert len(await api("GET", "/me/keys")) == 2


async def test_no_scope_is_stored_that_waits_for_a_promotion(dsn: str, clock: FakeClock) -> None:
    async with organization(dsn, clock) as (w, api), browser(w) as http:
        await api("PATCH", f"/people/{w.jun}", {"role": "viewer"})
        csrf = await sign_in_as(w, http, w.jun)
        body = {"name": "later", "scopes": ["admin"]}
        refused = await http.post("/api/v1/me/keys", json=body, headers={"X-CSRF": csrf})
        form = {"csrf": csrf, "name": "later", "scope": "admin"}
        page = await http.post("/settings/keys", data=form)
        assert (refused.status_code, page.status_code) == (403, 403)
        async with w.ctx.db.tx() as tx:
            with pytest.raises(Forbidden):
                await people.create_api_key(
                    tx, TEST, name="x", scopes=["pages:write"], person_id=w.jun, now=w.now
                )
            assert await tx.value("select count(*) from api_key where person_id = $1", w.jun) == 0


async def test_a_key_to_create_is_checked_field_by_field(dsn: str, clock: FakeClock) -> None:
    async with world(dsn, clock) as w, browser(w) as http:
        headers = {"X-CSRF": await sign_in_as(w, http, w.mara)}
        for scopes, field in (([], "scopes"), (["everything"], "scopes.0")):
            body = {"name": "x", "scopes": scopes}
            answer = await http.post("/api/v1/me/keys", json=body, headers=headers)
            assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, field)


async def test_a_key_has_no_more_rights_than_its_owners_role(dsn: str, clock: FakeClock) -> None:
    async with organization(dsn, clock) as (w, api):
        await api("PATCH", f"/people/{w.jun}", {"role": "admin"})
        jun = api.with_key(await key_of(w.ctx.db, clock, w.jun))
        assert "admin" in (await jun("GET", "/me"))["scopes"]
        await api("PATCH", f"/people/{w.jun}", {"role": "responder"})
        assert "admin" not in (await jun("GET", "/me"))["scopes"]
        await jun("POST", "/teams", {"name": "Search"}, status=403)
        await api("PATCH", f"/people/{w.jun}", {"role": "viewer"})
        assert await jun("GET", "/pages") == []
        await jun("POST", "/pages/PG-1/ack", status=403)
        declared = await jun("POST", "/incidents", {"title": "x", "severity": "SEV2"}, status=201)
        await jun("POST", f"/incidents/{declared['ref']}/severity", {"severity": "SEV1"}, status=403)


async def sign_in(http: httpx.AsyncClient, **more: str) -> httpx.Response:
    form = {"email": ANSWERS.email, "password": ANSWERS.password, **more}
    return await http.post("/login", data=form)


async def csrf_of(w: World) -> str:
    async with w.ctx.db.tx() as tx:
        return str(await tx.value("select csrf from session order by created_at desc limit 1"))


async def test_a_session_needs_the_csrf_header_to_change_something(dsn: str, clock: FakeClock) -> None:
    async with world(dsn, clock) as w, browser(w) as http:
        await sign_in(http)
        assert (await http.get("/api/v1/me")).status_code == 200
        body = {"title": "Down", "severity": "SEV2"}
        for headers in ({}, {"X-CSRF": "guessed"}):
            refused = await http.post("/api/v1/incidents", json=body, headers=headers)
            assert refused.status_code == 403
        good = {"X-CSRF": await csrf_of(w)}
        assert (await http.post("/api/v1/incidents", json=body, headers=good)).status_code == 201


async def test_a_cross_site_form_changes_nothing(dsn: str, clock: FakeClock) -> None:
    async with world(dsn, clock) as w, browser(w) as http:
        await sign_in(http)
        refused = await http.post("/incidents/new", data={"title": "Down", "severity": "SEV2"})
        assert refused.status_code == 403


async def test_a_secret_is_shown_once_and_never_logged(
    dsn: str, clock: FakeClock, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    async with organization(dsn, clock) as (w, api), browser(w) as http:
        headers = {"X-CSRF": await sign_in_as(w, http, w.mara)}
        body = {"name": "script", "scopes": ["admin"]}
        answer = await http.post("/api/v1/me/keys", json=body, headers=headers)
        assert answer.headers["cache-control"] == "no-store"
        secret = answer.json()["key"]
        script = api.with_key(secret)
        texts = [
            json.dumps(await api("GET", "/me/keys")),
            json.dumps(await script("GET", "/audit")),
            json.dumps(await script("GET", "/pages", status=403)),
        ]
        async with w.ctx.db.tx() as tx:
            stored = await tx.fetch("select * from api_key")
        texts += [str(stored), "\n".join(str(r.__dict__) for r in caplog.records)]
    assert len(caplog.records) > 3
    assert not [text for text in texts if secret in text]
    assert secret[:9] in texts[0]


async def test_the_token_of_a_link_is_never_logged(
    dsn: str, clock: FakeClock, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    async with world(dsn, clock) as w, browser(w) as http:
        await w.alert()
        await w.settle()
        path = w.sink.got[-1]["ack_url"].removeprefix("http://127.0.0.1:8080")
        assert (await http.get(path)).status_code == 200
        await http.get("/welcome/token-of-a-new-colleague")
    ours = [r.__dict__ for r in caplog.records if r.name == "firebell.web"]
    assert [line["path"] for line in ours] == ["/ack/...", "/welcome/..."]
    assert path.removeprefix("/ack/") not in str(ours)


ELSEWHERE = (
    *("//evil.example", "https://evil.example", "/\\evil.example", "\\\\evil.example"),
    *("javascript:alert(1)", "/\t/evil.example", "/\n/evil.example", "/\r//evil.example"),
)
"""Browsers drop tabs and line breaks from a URL."""


async def test_signing_in_never_leads_elsewhere(dsn: str, clock: FakeClock) -> None:
    async with world(dsn, clock) as w, browser(w) as http:
        for target in ELSEWHERE:
            answer = await sign_in(http, next=target)
            read = answer.headers["location"].replace("\t", "").replace("\n", "").replace("\r", "")
            assert answer.status_code == 303, target
            assert read == "/" or read.startswith("/%0"), target
        assert (await sign_in(http, next="/pages/PG-7?x=1")).headers["location"] == "/pages/PG-7?x=1"


async def test_bug_a_form_led_back_to_another_website_or_failed_on_a_broken_referer(
    dsn: str, clock: FakeClock
) -> None:
    async with world(dsn, clock) as w, browser(w) as http:
        await sign_in(http)
        form = {"csrf": await csrf_of(w)}
        ours = str(http.base_url).rstrip("/")
        for referer, target in (
            (f"{ours}/pages?state=all", "/pages?state=all"),
            (f"{ours}//evil.example/", "/"),
            (f"{ours}/\\evil.example/", "/"),
            ("http://evil.example/pages", "/"),
            ("http://[evil", "/"),
            ("", "/"),
        ):
            answer = await http.post("/theme", data=form, headers={"referer": referer})
            assert (answer.status_code, answer.headers["location"]) == (303, target), referer


async def test_signing_in_makes_a_new_session_and_signing_out_ends_it(dsn: str, clock: FakeClock) -> None:
    async with world(dsn, clock) as w, browser(w) as http:
        http.cookies.set("firebell_session", "chosen-by-somebody-else")
        answer = await sign_in(http)
        cookie = answer.headers.get_list("set-cookie")[0]
        token = answer.cookies["firebell_session"]
        assert token != "chosen-by-somebody-else"
        assert {"HttpOnly", "SameSite=lax", "Path=/"} <= {part.strip() for part in cookie.split(";")}
        assert "Secure" not in cookie
        http.cookies.clear()
        http.cookies.set("firebell_session", "chosen-by-somebody-else")
        assert (await http.get("/api/v1/me")).status_code == 401
        http.cookies.clear()
        http.cookies.set("firebell_session", token)
        await http.post("/logout", data={"csrf": await csrf_of(w)})
        http.cookies.clear()
        http.cookies.set("firebell_session", token)
        assert (await http.get("/api/v1/me")).status_code == 401


async def test_behind_https_the_cookie_never_travels_in_the_open(dsn: str, clock: FakeClock) -> None:
    async with world(dsn, clock, base_url="https://firebell.example.org") as w, browser(w) as http:
        http.headers["host"] = "firebell.example.org"
        answer = await sign_in(http)
        assert all("Secure" in cookie for cookie in answer.headers.get_list("set-cookie"))


async def test_every_page_carries_the_content_security_policy(dsn: str, clock: FakeClock) -> None:
    async with world(dsn, clock) as w, browser(w) as http:
        outside = ["/login", "/nothing-here", "/ack/forged"]
        await sign_in(http)
        inside = ["/", "/pages", "/incidents", "/incidents/new", "/oncall", "/escalation", "/services"]
        inside += [
            "/alerts",
            "/post-mortems",
            "/settings",
            "/settings/keys",
            "/settings/audit",
            "/settings/retention",
            "/more",
        ]
        for path in outside + inside:
            answer = await http.get(path)
            assert answer.headers.get("content-security-policy") == html.POLICY, path
            assert answer.headers["x-content-type-options"] == "nosniff", path
    assert "unsafe" not in html.POLICY


PRIVATE = (
    *("10.0.0.1", "10.255.255.255", "127.0.0.1", "169.254.169.254", "192.168.1.1", "172.16.0.1", "0.0.0.0"),
    *("100.64.0.1", "::1", "::", "fe80::1", "fc00::1", "fd00:ec2::254", "::ffff:127.0.0.1"),
    *("::ffff:169.254.169.254", "224.0.0.1", "ff02::1", "64:ff9b::7f00:1", "2002:7f00:1::"),
)


@pytest.mark.parametrize("address", PRIVATE)
def test_private_addresses_are_not_connected_to(address: str) -> None:
    assert not allowed(address, ())


def test_public_addresses_and_allowed_networks_are_connected_to() -> None:
    assert allowed("93.184.216.34", ())
    assert allowed("2606:4700::1", ())
    assert allowed("10.1.2.3", parse_networks("10.1.0.0/16"))
    assert not allowed("10.2.2.3", parse_networks("10.1.0.0/16"))


@pytest.mark.parametrize(
    "url",
    [
        *(
            "http://127.0.0.1/x",
            "http://[::1]/x",
            "http://169.254.169.254/latest/meta-data",
            "http://10.0.0.1/",
        ),
        *("http://2130706433/", "http://0x7f000001/", "http://127.1/", "http://0/"),
        *("http://localhost/", "http://localhost:5432/"),
    ],
)
async def test_a_webhook_cannot_target_an_internal_address(url: str) -> None:
    """Decimal, hexadecimal and short forms, and names, are resolved first and judged by their address."""
    async with guarded_client(()) as http:
        with pytest.raises(httpx.ConnectError, match="private address"):
            await http.post(url, json={})


NO_ADDRESS = (
    *("ftp://example.org", "//example.org", "http://", "https://user:pw@example.org", "http://[::1"),
    *("http://0177.0.0.1/", "http://example.org:0", "http://example.org:99999", "http://exa mple.org"),
    *("http://a\x00b", "file:///etc/passwd", "gopher://example.org", "javascript:alert(1)"),
    "http://" + "a" * 3000,
)


async def test_invalid_urls_are_refused_with_their_field(dsn: str, clock: FakeClock) -> None:
    async with organization(dsn, clock) as (_, api):
        for address in NO_ADDRESS:
            body = {"kind": "webhook", "address": address}
            problem = await api("POST", "/me/contact-methods", body, status=422)
            assert problem["errors"][0]["field"] == "address", address


def test_a_good_web_address_stays_as_it_is() -> None:
    assert check_url(" https://hooks.example.org:8443/x?y=1 ") == "https://hooks.example.org:8443/x?y=1"


async def test_a_malformed_integration_key_is_an_unknown_one(dsn: str, clock: FakeClock) -> None:
    async with world(dsn, clock) as w, browser(w) as http:
        for key in ("%00", "%ED%A0%80", "a" * 5000, "%2e%2e"):
            assert (await http.post(f"/in/{key}/generic", json={"title": "x"})).status_code == 404
        for key in ("\x00", "\ud800", "ä", "x" * 5000):
            event = {"routing_key": key, "event_action": "resolve", "dedup_key": "a"}
            answer = await http.post("/v2/enqueue", content=json.dumps(event))
            assert (answer.status_code, answer.json()["status"]) == (400, "invalid event")


async def test_a_body_that_is_too_large_is_cut_off(dsn: str, clock: FakeClock) -> None:
    async with organization(dsn, clock) as (_, api):
        body = {"title": "x", "severity": "SEV2", "summary": "x" * 5_000_000}
        assert (await api.answer("POST", "/incidents", body)).status_code == 413
        assert await api("GET", "/incidents") == []
