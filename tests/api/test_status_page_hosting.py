"""How a status page is served: private, on a host of its own, with its look, mirrored, and without a database."""

import base64
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.types import Receive, Scope, Send

from firebell.app import build
from firebell.kit import http_out
from firebell.kit.clock import FakeClock
from firebell.kit.http_out import OutboundResponse
from firebell.kit.txt_records import TxtRecords
from firebell.status_pages.hosting import actions as hosting_actions
from firebell.status_pages.hosting import saved_pages
from firebell.status_pages.hosting import store as hosting_store
from firebell.status_pages.hosting.edge import SavedEdge, SavedPageSource
from firebell.status_pages.hosting.mirroring import MirrorWriter
from firebell.status_pages.hosting.page_server import FAILURES_PER_ADDRESS
from firebell.subscribers import store as subscriber_store
from firebell.subscribers.model import FollowScope, SubscriberChannel, SubscriptionRequest
from firebell.subscribers.subscribing import actions as subscribing
from tests.api.api_clients import Api, browser, key_of, organization, sign_in
from tests.standins.name_server import name_server
from tests.world import World

PAGE = "/status-pages/kestrel"
PASSWORD = "lanterns over harbor"
PATHS = (
    "",
    "/history",
    "/uptime",
    "/incidents/x",
    "/nothing",
    "/history.atom",
    "/history.rss",
    "/history.jsonl",
    "/.well-known/firebell-status-key",
)
DATA = ("/status.json", "/as-of.json", "/api/v2/summary.json", "/badge.svg", "/logo", "/theme.css", "/de")
IMPRINT = "https://kestrel.example/imprint"


async def create(w: World, api: Api) -> None:
    """Create the page of these tests."""
    page = {"slug": "kestrel", "name": "Kestrel", "tz": "UTC", "service_ids": [w.service]}
    await api("POST", "/status-pages", page, status=201)


async def test_a_private_page_shows_nothing_of_itself_to_strangers(dsn: str, clock: FakeClock) -> None:
    """S16."""
    async with organization(dsn, clock) as (w, api), browser(w) as http:
        await create(w, api)
        await api("PATCH", PAGE, {"visibility": "private"})
        await api("PATCH", f"{PAGE}/theme", {"accent": "#0A7EA4", "locales": ["de"]})

        async def read(path: str, **more: object) -> httpx.Response:
            w.ctx.live.publish("status-kestrel")
            return await http.get(f"/s/kestrel{path}", **more)  # type: ignore[arg-type]

        missing = await http.get("/s/missing")
        for path in (*PATHS, *DATA):
            answer = await read(path)
            assert (answer.status_code, answer.content, dict(answer.headers)) == (
                404,
                missing.content,
                dict(missing.headers),
            ), path
        refused = await api("PATCH", f"{PAGE}/access", {"password": "short"}, status=422)
        assert [e["field"] for e in refused["errors"]] == ["password"]
        shown = await api("PATCH", f"{PAGE}/access", {"password": PASSWORD})
        assert shown["access"] == {"has_password": True, "networks": [], "networks_suffice": False}
        forms = [await read(path) for path in (*PATHS, *DATA)]
        assert {form.status_code for form in forms} == {403}
        assert len({form.content for form in forms}) == 1
        assert forms[0].headers["cache-control"] == "private, no-store"
        assert b"checkout" not in forms[0].content.lower()
        for _ in range(FAILURES_PER_ADDRESS):
            wrong = await http.post("/s/kestrel/sign-in", data={"password": "wrong"})
            assert (wrong.status_code, "set-cookie" in wrong.headers) == (403, False)
        # too many: even the right one is refused, with the same answer
        limited = await http.post("/s/kestrel/sign-in", data={"password": PASSWORD})
        assert (limited.status_code, limited.content) == (403, wrong.content)
        clock.advance(timedelta(minutes=2))
        right = await http.post("/s/kestrel/sign-in", data={"password": PASSWORD})
        assert (right.status_code, right.headers["location"]) == (303, "/s/kestrel")
        assert "HttpOnly; SameSite=Lax; Max-Age=43200" in right.headers["set-cookie"]
        inside = await read("")
        assert (inside.status_code, inside.headers["cache-control"]) == (200, "private, no-store")
        assert inside.headers["x-robots-tag"] == "noindex"
        assert "access-control-allow-origin" not in (await read("/status.json")).headers
        assert (await read("/nothing")).status_code == 404
        assert (await read("/de")).status_code == 200
        await api("PATCH", f"{PAGE}/access", {"password": f"{PASSWORD}!"})
        assert (await read("")).status_code == 403

        key = await api("POST", f"{PAGE}/feed-keys", {"name": "Contoso"}, status=201)
        feed = await read(f"/history.atom?key={key['key']}")
        assert (feed.status_code, feed.headers["content-type"]) == (
            200,
            "application/atom+xml; charset=utf-8",
        )
        for path in ("api/v2/summary.json", "feed.xml"):
            assert (await read(f"/{path}?key={key['key']}")).status_code == 200, path
        for path in (f"?key={key['key']}", f"/history?key={key['key']}", "/history.atom?key=x"):
            assert (await read(path)).status_code == 403, path
        await api("DELETE", f"{PAGE}/feed-keys/{key['id']}", status=204)
        await api("DELETE", f"{PAGE}/feed-keys/{key['id']}", status=404)
        assert (await read(f"/history.atom?key={key['key']}")).status_code == 403

        await api("PATCH", f"{PAGE}/access", {"networks": ["nonsense"]}, status=422)
        await api("PATCH", f"{PAGE}/access", {"networks": ["127.0.0.0/8"], "networks_suffice": True})
        assert (await read("")).status_code == 200
        await api("PATCH", f"{PAGE}/access", {"networks": ["10.0.0.0/8"]})
        assert (await read("")).content == missing.content
        assert (await api("GET", f"{PAGE}/saved-page", status=409))["status"] == 409
        bucket = {"url": "https://x.example", "endpoint": "https://s3.example", "bucket": "kestrel"}
        bucket |= {"access_key": "k", "secret": "s"}
        await api("POST", f"{PAGE}/mirrors", bucket, status=409)
        jun = api.with_key(await key_of(w.ctx.db, clock, w.jun))
        await jun("PATCH", f"{PAGE}/access", {"networks": []}, status=403)
        kinds = [e["action"] for e in await api("GET", "/audit") if e["action"].startswith("status_page.")]
        assert "status_page.access_changed" in kinds
        assert "status_page.feed_key_revoked" in kinds


async def test_a_page_is_served_on_its_own_host_and_nothing_else_is(dsn: str, clock: FakeClock) -> None:
    async with organization(dsn, clock) as (w, api), browser(w) as http:
        await create(w, api)
        host = {"Host": "Status.Kestrel.example:443"}
        for bad in ("127.0.0.1", "localhost", "a b", "-x.example", "kestrel"):
            await api("PUT", f"{PAGE}/host", {"host": bad}, status=422)
        claim = await api("PUT", f"{PAGE}/host", {"host": "STATUS.kestrel.example."})
        assert (claim["host"], claim["proven_at"]) == ("status.kestrel.example", None)
        assert (await http.get("/", headers=host)).status_code == 421
        assert (await http.get("/internal/tls-ask?domain=status.kestrel.example")).status_code == 404
        challenge = httpx.URL(claim["challenge_url"]).path
        shown = await http.get(challenge, headers=host)
        assert (shown.status_code, shown.text.strip()) == (200, claim["token"])
        assert (await http.get(challenge, headers={"Host": "other.example"})).status_code == 404
        mara = await w.actor(w.mara)
        async with w.ctx.db.tx() as tx:
            page = await hosting_store.host_claim(tx, 1)
            assert page is not None
            await hosting_actions.prove_host(tx, mara, page.status_page_id, shown.text, clock.now())
        w.ctx.live.publish("status-hosts")
        w.ctx.live.publish("status-kestrel")
        home = await http.get("/", headers=host)
        assert (home.status_code, 'href="/history"' in home.text) == (200, True)
        assert (await http.get("/api/v2/summary.json", headers=host)).json()["page"]["url"] == (
            "http://status.kestrel.example"
        )
        style = home.text.split('rel="stylesheet" href="')[1].split('"')[0]
        asset = await http.get(style, headers=host)
        assert (asset.status_code, "immutable" in asset.headers["cache-control"]) == (200, True)
        for path in (
            "/login",
            "/api/v1/openapi.json",
            "/healthz",
            "/s/kestrel",
            "/in/x",
            "/v2/enqueue",
            "/static/x/app.css",
        ):
            assert (await http.get(path, headers=host)).status_code == 404, path
        assert (await http.get("/s/kestrel")).status_code == 200
        assert (await http.get("/internal/tls-ask?domain=status.kestrel.example")).status_code == 200
        await api("POST", "/status-pages", {"slug": "second", "name": "Second", "tz": "UTC"}, status=201)
        await api("PUT", "/status-pages/second/host", {"host": "status.kestrel.example"}, status=409)
        await api("DELETE", f"{PAGE}/host", status=204)
        w.ctx.live.publish("status-hosts")
        await http.get("/", headers=host)
        assert (await http.get("/", headers=host)).status_code == 421
        refused = await api("PUT", f"{PAGE}/host", {"host": "unreachable.invalid"})
        assert refused["proven_at"] is None
        await api("POST", f"{PAGE}/host/proof", status=409)


async def test_a_host_is_proven_by_its_txt_record_before_it_points_here(dsn: str, clock: FakeClock) -> None:
    async with organization(dsn, clock) as (w, api), name_server() as server:
        await create(w, api)
        txt_records = TxtRecords(["127.0.0.1"], server.port)
        async with browser(w, app=build(replace(w.ctx, txt_records=txt_records))) as http:
            own = Api(http, api.key)
            claim = await own("PUT", f"{PAGE}/host", {"host": "status.kestrel.invalid"})
            name, proof = "_firebell.status.kestrel.invalid", f"{PAGE}/host/proof"
            assert claim["txt_name"] == name
            server.is_broken = True
            await own("POST", proof, status=409)
            server.is_broken = False
            await own("POST", proof, status=409)
            server.texts[name] = ["v=spf1 -all", f"{claim['token']}x"]
            await own("POST", proof, status=409)
            csrf = await sign_in(w, http, w.mara)
            assert claim["token"] in (await http.get(f"{PAGE}/hosting")).text
            refused = await http.post(f"{PAGE}/hosting/host/proof", data={"csrf": csrf})
            assert refused.status_code == 409
            server.texts[name] = ["v=spf1 -all", claim["token"]]
            assert (await own("POST", proof))["proven_at"] is not None
            assert (await own("POST", proof))["proven_at"] is not None
            w.ctx.live.publish("status-hosts")
            w.ctx.live.publish("status-kestrel")
            assert (await http.get("/", headers={"Host": "status.kestrel.invalid"})).status_code == 200
            # a name server that is gone is an error, not an empty answer
            gone = TxtRecords(["127.0.0.1"], server.port, limit_s=0.01)
    with pytest.raises(OSError, match=r"."):
        await gone.lookup(name)


async def test_the_settings_page_has_everything(dsn: str, clock: FakeClock) -> None:
    async with organization(dsn, clock) as (w, api), browser(w) as http:
        await create(w, api)
        csrf = await sign_in(w, http, w.mara)
        here = f"{PAGE}/hosting"
        logo = ("logo.svg", b'<svg viewBox="0 0 9 9"><path d="M0 0h9"/></svg>', "image/svg+xml")
        form = {"csrf": csrf, "accent": "#0a7ea4", "locale": "de", "locales": ["en", "ar"]}
        form["footer_links"] = f"Legal notice {IMPRINT}"
        assert (await http.post(f"{here}/theme", data=form, files={"logo": logo})).status_code == 303
        refused = await http.post(f"{here}/theme", data={**form, "accent": "red"})
        assert (refused.status_code, 'value="red"' in refused.text) == (422, True)
        theme = (await api("GET", here))["theme"]
        assert theme == {
            "accent": "#0a7ea4",
            "locale": "de",
            "locales": ["en", "ar"],
            "has_logo": True,
            "footer_links": [{"label": "Legal notice", "url": IMPRINT}],
        }
        wrong_link = {"footer_links": [{"label": "Imprint", "url": "http://kestrel.example"}]}
        answer = await api("PATCH", f"{PAGE}/theme", wrong_link, status=422)
        assert [each["field"] for each in answer["errors"]] == ["footer_links"]
        w.ctx.live.publish("status-kestrel")
        shown = await http.get("/s/kestrel/logo")
        assert f'href="{IMPRINT}"' in (await http.get("/s/kestrel/ar/history")).text
        assert (shown.status_code, "sandbox" in shown.headers["content-security-policy"]) == (200, True)
        assert b"--brand" in (await http.get("/s/kestrel/theme.css")).content
        assert '<html lang="ar" dir="rtl">' in (await http.get("/s/kestrel/ar")).text
        await _translate(w, api, http, csrf)
        encoded = base64.b64encode(b"GIF89a").decode()
        for wrong in (encoded, "ä", "="):
            await api("PATCH", f"{PAGE}/theme", {"logo": wrong}, status=422)
        assert (await api("PATCH", f"{PAGE}/theme", {"logo": ""}))["theme"]["has_logo"] is False

        access = {"csrf": csrf, "password": PASSWORD, "networks": "10.0.0.0/8\n"}
        assert (await http.post(f"{here}/access", data=access)).status_code == 303
        assert (await http.post(f"{here}/access", data={**access, "networks": "x"})).status_code == 422
        made = await http.post(f"{here}/feed-keys", data={"csrf": csrf, "name": "Contoso"})
        assert (made.status_code, "history.atom?key=" in made.text) == (200, True)
        claimed = {"csrf": csrf, "host": "status.kestrel.example"}
        assert (await http.post(f"{here}/host", data=claimed)).status_code == 303
        bucket = {"csrf": csrf, "url": "https://x.example", "endpoint": "https://s3.example", "region": "eu"}
        bucket |= {"bucket": "kestrel", "prefix": "", "access_key": "AK", "secret": "hunter22"}
        assert (await http.post(f"{here}/mirrors", data={**bucket, "prefix": "/x"})).status_code == 422
        assert (await http.post(f"{here}/mirrors", data=bucket)).status_code == 303
        page = (await http.get(here)).text
        assert "status.kestrel.example" in page
        assert "hunter22" not in page
        [mirror] = (await api("GET", here))["mirrors"]
        assert (mirror["bucket"], mirror["is_late"], "secret" in mirror) == ("kestrel", False, False)
        clock.advance(timedelta(minutes=6))
        assert (await api("GET", here))["mirrors"][0]["is_late"]
        for path in (f"mirrors/{mirror['id']}/remove", "feed-keys/1/revoke", "host/remove"):
            assert (await http.post(f"{here}/{path}", data={"csrf": csrf})).status_code == 303, path
        left = await api("GET", here)
        assert (left["mirrors"], left["feed_keys"], left["host"]) == ([], [], None)


async def _translate(w: World, api: Api, http: httpx.AsyncClient, csrf: str) -> None:
    """Name a group and a component in another language, over JSON and on the page, and hide the component."""
    group = await api("POST", f"{PAGE}/groups", {"name": "Shop"}, status=201)
    changed = {"description": "Where customers buy", "position": 2}
    assert (await api("PATCH", f"{PAGE}/groups/{group['id']}", changed))[
        "description"
    ] == "Where customers buy"
    rename = {"csrf": csrf, "name": "Store", "description": "Where customers buy", "position": "2"}
    assert (await http.post(f"{PAGE}/groups/{group['id']}", data={**rename, "name": " "})).status_code == 422
    assert (await http.post(f"{PAGE}/groups/{group['id']}", data=rename)).status_code == 303
    assert (await http.post(f"{PAGE}/groups/77", data=rename)).status_code == 404
    [component] = (await api("GET", PAGE))["components"]
    wanted = {"group_id": group["id"], "only_if_affected": True}
    shown = await api("PATCH", f"{PAGE}/components/{component['id']}", wanted)
    assert (shown["components"][0]["only_if_affected"], shown["groups"][0]["name"]) == (True, "Store")
    here = f"{PAGE}/translations"
    texts = {"components": {str(component["id"]): {"name": "Checkout in English", "description": ""}}}
    saved = await api("PUT", f"{here}/en", texts)
    assert (saved["components"][0]["translated_name"], saved["missing"]) == ("Checkout in English", 3)
    await api("PUT", f"{here}/en", {"components": {"77": {"name": "x"}}}, status=404)
    await api("PUT", f"{here}/fr", texts, status=404)
    long = await api("PUT", f"{here}/en", {"groups": {str(group["id"]): {"name": "x" * 500}}}, status=422)
    assert [each["field"] for each in long["errors"]] == [f"group-{group['id']}-name"]
    form = {"csrf": csrf, "language": "en", f"group-{group['id']}-name": "Shop in English"}
    assert (await http.post(here, data={**form, "language": "ja"})).status_code == 404
    refused = await http.post(here, data={**form, f"group-{group['id']}-name": "x" * 500})
    assert (refused.status_code, "x" * 500 in refused.text) == (422, True)
    assert (await http.post(here, data=form)).status_code == 303
    english, arabic = await api("GET", here)
    assert (english["groups"][0]["translated_name"], english["missing"]) == ("Shop in English", 2)
    assert arabic["missing"] == 4
    listed = (await http.get(f"{here}?language=en")).text
    assert all(text in listed for text in ("Shop in English", "Checkout in English"))
    await api("PATCH", PAGE, {"indicator_rule": "worst"})
    assert (await api("GET", PAGE))["indicator_rule"] == "worst"
    w.ctx.live.publish("status-kestrel")
    assert "Shop in English" not in (await http.get("/s/kestrel/en")).text
    await api("PATCH", f"{PAGE}/components/{component['id']}", {"only_if_affected": False})
    w.ctx.live.publish("status-kestrel")
    public = (await http.get("/s/kestrel/en")).text
    assert all(text in public for text in ("Shop in English", "Checkout in English"))
    await _translate_page(w, api, http, csrf)
    await _remove_group(w, api, http, csrf, group["id"], component["id"])


async def _translate_page(w: World, api: Api, http: httpx.AsyncClient, csrf: str) -> None:
    """Translate the about text and the label of the footer link; a text that is cleared is shown as it was written."""
    here = f"{PAGE}/translations"
    await api("PATCH", PAGE, {"about": "Der Shop von Kestrel"})
    await api("PUT", f"{here}/en", {"footer_links": {"Imprint": "x"}}, status=404)
    long = await api("PUT", f"{here}/en", {"footer_links": {"Legal notice": "x" * 61}}, status=422)
    assert [each["field"] for each in long["errors"]] == ["link-Legal notice"]
    done = await api("PUT", f"{here}/en", {"about": "Our shop", "footer_links": {"Legal notice": "Imprint"}})
    assert (done["translated_about"], done["footer_links"], done["missing"]) == (
        "Our shop",
        [{"label": "Legal notice", "translated_label": "Imprint"}],
        1,
    )

    async def shown(path: str) -> tuple[bool, ...]:
        w.ctx.live.publish("status-kestrel")
        text = (await http.get(f"/s/kestrel{path}")).text
        return tuple(each in text for each in ("Der Shop von Kestrel", "Our shop", "Legal notice", "Imprint"))

    assert await shown("/en") == (False, True, False, True)
    assert await shown("") == await shown("/ar") == (True, False, True, False)
    form = {"csrf": csrf, "language": "en", "about": "", "link-Legal notice": "The imprint"}
    assert (await http.post(here, data=form)).status_code == 303
    assert await shown("/en") == (True, False, False, False)
    assert "The imprint" in (await http.get(f"{here}?language=en")).text


async def _remove_group(
    w: World, api: Api, http: httpx.AsyncClient, csrf: str, group: int, component: int
) -> None:
    """Its component stays, and those who followed the group, or asked to, follow the component."""
    address = "ops@nordpost.example"
    scope = FollowScope(follows_all=False, group_ids=frozenset({group}))
    wanted = SubscriptionRequest(SubscriberChannel.EMAIL, address, scope)
    async with w.ctx.db.tx() as tx:
        followed = await subscriber_store.insert_subscriber(tx, 1, wanted, address, "nordpost.example", w.now)
        assert followed
        await subscribing.request(tx, 1, replace(wanted, address="delayed@nordpost.example"), w.now)
    await api("DELETE", f"{PAGE}/groups/77", status=404)
    assert (await http.post(f"{PAGE}/groups/{group}/remove", data={"csrf": csrf})).status_code == 303
    page = await api("GET", PAGE)
    assert (page["groups"], page["components"][0]["group_id"]) == ([], None)
    empty = await api("POST", f"{PAGE}/groups", {"name": "Empty"}, status=201)
    # a group without components can still be renamed and removed, and no visitor sees it
    assert f"/groups/{empty['id']}/remove" in (await http.get(PAGE)).text
    hoping = replace(scope, group_ids=frozenset({empty["id"]}))
    async with w.ctx.db.tx() as tx:
        asked = replace(wanted, address="hoping@nordpost.example", scope=hoping)
        await subscribing.request(tx, 1, asked, w.now)
    await api("DELETE", f"{PAGE}/groups/{empty['id']}", status=204)
    async with w.ctx.db.tx() as tx:
        # a form that was checked before a removal and is stored after it
        await subscribing.request(tx, 1, replace(wanted, address="race@nordpost.example"), w.now)
        await subscribing.admit_requests(tx, w.now, 10)
    followers = {each["address"]: each for each in await api("GET", f"{PAGE}/subscribers")}
    scopes = {
        each.partition("@")[0]: (follower["follows_all"], follower["group_ids"], follower["component_ids"])
        for each, follower in followers.items()
    }
    assert scopes == {
        **dict.fromkeys(("ops", "delayed"), (False, [], [component])),
        **dict.fromkeys(("hoping", "race"), (True, [], [])),
    }
    async with w.ctx.db.tx() as tx:
        changed = await subscribing.change_scope(tx, followed, scope)
        assert changed.scope == FollowScope()


async def test_a_page_is_served_after_a_restart_without_a_database_and_says_how_old_it_is(
    dsn: str, clock: FakeClock, tmp_path: Path
) -> None:
    async with organization(dsn, clock) as (w, api), browser(w) as http:
        await create(w, api)
        await api("PATCH", PAGE, {"about": "What works"})
        ctx = replace(w.ctx, data=tmp_path / "data", status_directory=tmp_path / "www")
        writer = MirrorWriter(ctx)
        assert await writer.run_once(clock.now()) == 1
        assert await writer.run_once(clock.now()) == 0
        exported = tmp_path / "www/kestrel"
        assert (exported / "index.html").read_bytes() == (await http.get("/s/kestrel")).content
        clock.advance(timedelta(minutes=1))
        await writer.run_once(clock.now())
        as_of = clock.now().isoformat()
        assert (tmp_path / "data/status/as-of").read_text() == as_of
        clock.advance(timedelta(minutes=10))

        folder = tmp_path / "data" / saved_pages.FOLDER
        edge = SavedEdge(SavedPageSource(lambda: saved_pages.read(folder), clock))
        async with browser(w, app=edge) as offline:
            shown = await offline.get("/s/kestrel")
            assert (shown.status_code, 'role="status"' in shown.text) == (200, True)
            assert (await offline.get("/s/kestrel/as-of.json")).json()["as_of"][:19] == as_of[:19]
            assert "Kestrel: unknown" in (await offline.get("/s/kestrel/badge.svg")).text
            assert (await offline.get("/s/missing")).status_code == 404
            assert (await offline.get("/login")).status_code == 503
        # a process that has connected, but lost the database before the first reader came
        await w.ctx.db.close()
        async with browser(w, app=build(ctx)) as again:
            last = await again.get("/s/kestrel")
            assert (last.status_code, last.content) == (200, shown.content)
            assert (await again.get("/s/missing")).status_code == 503


class Bucket:
    """A server that stores what is put into it, if the request is signed, and can be told to fail."""

    def __init__(self) -> None:
        self.objects: dict[str, bytes] = {}
        self.order: list[str] = []
        self.status = 200

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a PUT."""
        body, more = b"", True
        while more:
            message = await receive()
            body, more = body + message.get("body", b""), message.get("more_body", False)
        headers = dict(scope["headers"])
        is_signed = b"AWS4-HMAC-SHA256 Credential=AK/" in headers.get(b"authorization", b"")
        status = self.status if is_signed and scope["method"] == "PUT" else 403
        if status == 200:
            self.objects[scope["path"]] = body
            self.order.append(scope["path"])
        await send({"type": "http.response.start", "status": status, "headers": []})
        await send({"type": "http.response.body", "body": b"<Error><Code>SlowDown</Code></Error>"})


async def test_a_mirror_in_a_bucket_gets_what_changed_and_says_when_it_was_true(
    dsn: str, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def send(http: httpx.AsyncClient, method: str, url: str, **content: Any) -> OutboundResponse:
        got = await http.request(method, url, **content)
        return OutboundResponse(got.status_code, "", got.text, dict(got.headers))

    monkeypatch.setattr(http_out, "send", send)
    async with organization(dsn, clock) as (w, api):
        await create(w, api)
        bucket = Bucket()
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app=bucket)) as http:
            writer = MirrorWriter(replace(w.ctx, http=http))
            added = {
                "url": "https://status.example.org",
                "endpoint": "https://s3.example",
                "bucket": "kestrel",
            }
            added |= {"prefix": "status/", "access_key": "AK", "secret": "secret"}
            await api("POST", f"{PAGE}/mirrors", added, status=201)

            async def push() -> dict[str, object]:
                while await writer.run_once(clock.now()):
                    pass
                [shown] = (await api("GET", f"{PAGE}/hosting"))["mirrors"]
                return dict(shown)

            bucket.status = 503
            failed = await push()
            assert ("SlowDown" in str(failed["error"]), failed["pushed_at"]) == (True, None)
            bucket.status = 200
            clock.advance(timedelta(seconds=5))
            pushed = await push()
            assert (pushed["error"], bool(pushed["pushed_at"])) == ("", True)
            assert bucket.order[-2:] == ["/kestrel/status/index.html", "/kestrel/status/as-of.json"]
            assert bucket.order[0].startswith("/kestrel/status/static/")
            home = bucket.objects["/kestrel/status/index.html"].decode()
            assert 'href="/history"' in home
            bucket.order.clear()
            clock.advance(timedelta(minutes=1))
            await push()
            assert bucket.order == ["/kestrel/status/status.json", "/kestrel/status/as-of.json"]
            bucket.order.clear()
            await api("PATCH", PAGE, {"about": "What works"})
            w.ctx.live.publish("status-kestrel")
            clock.advance(timedelta(seconds=5))
            await push()
            assert "/kestrel/status/index.html" in bucket.order
            assert b"What works" in bucket.objects["/kestrel/status/index.html"]
            # a page that becomes private is not pushed anymore
            bucket.order.clear()
            await api("PATCH", PAGE, {"visibility": "private"})
            w.ctx.live.publish("status-kestrel")
            clock.advance(timedelta(minutes=2))
            await push()
            assert bucket.order == []
