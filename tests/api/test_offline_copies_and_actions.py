"""What a browser may store for use offline, and what the server does with actions that it sends later."""

import re

from firebell.incidents import actions as incidents
from firebell.kit.clock import FakeClock
from firebell.kit.web import html, static_files
from tests.api.api_clients import browser, organization, sign_in
from tests.world import world


async def test_only_what_a_responder_needs_is_kept_and_for_its_reader_alone(
    dsn: str, clock: FakeClock
) -> None:
    async with world(dsn, clock) as w, browser(w) as http:
        await w.alert()
        await w.settle()
        actor = await w.actor(w.mara)
        async with w.ctx.db.tx() as tx:
            await incidents.declare(tx, actor, title="Cards fail", severity=2, now=w.now)
        paths = (
            "/",
            "/pages",
            "/pages/PG-1",
            "/oncall",
            "/incidents/INC-1",
            "/runbooks/database-failover",
            "/settings",
            "/incidents",
            "/pages/PG-1/more",
            "/login",
        )
        await sign_in(w, http, w.jun)
        kept = {path for path in paths if (await http.get(path)).headers.get(html.OFFLINE) == str(w.jun)}
        assert kept == {
            *("/", "/pages", "/pages/PG-1", "/oncall"),
            *("/incidents/INC-1", "/runbooks/database-failover"),
        }
        http.cookies.clear()
        for path in paths:
            answer = await http.get(path)
            assert html.OFFLINE not in answer.headers, path


async def test_a_browser_updates_the_service_worker_with_each_release(dsn: str, clock: FakeClock) -> None:
    async with world(dsn, clock) as w, browser(w) as http:
        answer = await http.get("/sw.js")
        assert answer.status_code == 200
        assert answer.headers["cache-control"] == "no-cache"
        assert answer.headers["content-type"].startswith("text/javascript")
        assert answer.headers["content-security-policy"] == html.POLICY
        assets = re.findall(r'"(/[^"]+)"', answer.text.partition("\n")[0])
        assert static_files.address("js/main.js") in assets
        for asset in assets:
            assert (await http.get(asset)).status_code == 200, asset


async def test_every_file_of_the_installed_app_is_there(dsn: str, clock: FakeClock) -> None:
    async with world(dsn, clock) as w, browser(w) as http:
        manifest = (await http.get("/static/manifest.webmanifest")).json()
        icons = {(icon["sizes"], icon["purpose"]): icon["src"] for icon in manifest["icons"]}
        assert {(f"{n}x{n}", kind) for n in (192, 512) for kind in ("any", "maskable")} <= icons.keys()
        for (size, _), source in icons.items():
            answer = await http.get(source)
            assert answer.status_code == 200
            if source.endswith(".png"):
                width, height = (int.from_bytes(answer.content[at : at + 4]) for at in (16, 20))
                assert f"{width}x{height}" == size
        for shortcut in manifest["shortcuts"]:
            assert (await http.get(shortcut["url"])).status_code == 303


async def test_a_late_action_is_done_once_and_an_outdated_one_is_refused_as_stale(
    dsn: str, clock: FakeClock
) -> None:
    async with organization(dsn, clock) as (w, api):
        await w.alert()
        await w.settle()
        action = {
            "action": "escalate",
            "key": "press-0001",
            "pressed_at": w.now.isoformat(),
            "position": "1.0.0",
        }
        first = await api("POST", "/pages/PG-1/actions", action)
        assert (first["state"], first["already"]) == ("triggered", None)
        again = await api("POST", "/pages/PG-1/actions", action)
        assert again["already"] == "already done"
        stale = await api("POST", "/pages/PG-1/actions", {**action, "key": "press-0002"}, status=409)
        assert stale["type"] == "urn:firebell:problem:stale"
        confirmed = {**action, "key": "press-0002", "position": ""}
        assert (await api("POST", "/pages/PG-1/actions", confirmed))["already"] is None
        unknown = await api("POST", "/pages/PG-1/actions", {**action, "action": "delete"}, status=422)
        assert unknown["errors"][0]["field"] == "action"
        await api("POST", "/pages/PG-999/actions", action, status=404)
