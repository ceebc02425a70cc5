"""Story: a job that stops reporting pages by the policy of its service, and its next ping ends that."""

import asyncio
from datetime import timedelta
from typing import Any

import httpx
import pytest

from firebell.alerts import actions as alerts
from firebell.alerts.ingest import ingest_queue
from firebell.app import build
from firebell.heartbeats import store
from firebell.heartbeats.alert_pings import AlertPings
from firebell.kit.clock import FakeClock
from firebell.paging.model import PageState
from tests.api.api_clients import Api, browser, key_of, organization, sign_in
from tests.world import World, world

STEP = timedelta(seconds=20)


async def _create(api: Api, name: str = "settlement", **fields: Any) -> dict[str, Any]:
    new = {"service": "checkout", "name": name, "period_s": 600, "grace_s": 60, **fields}
    created: dict[str, Any] = await api("POST", "/heartbeats", new, status=201)
    return created


async def _wait(w: World, **by: float) -> None:
    await w.until(w.now + timedelta(**by), STEP)


async def _ping(http: httpx.AsyncClient, w: World, tail: str, *, method: str = "GET", **more: Any) -> Any:
    answer = await http.request(method, f"/in/{w.key}/heartbeat/{tail}", **more)
    assert answer.status_code == 200, answer.text
    return answer.json() if answer.content else None


async def test_silence_pages_and_a_ping_ends_it(dsn: str, clock: FakeClock) -> None:
    async with organization(dsn, clock) as (w, api), browser(w) as http:
        await w.lift_night_limit()
        created = await _create(
            api, max_runtime_s=300, labels={"team": "payments"}, description="Run it by hand."
        )
        one = f"/heartbeats/{created['id']}"
        assert (created["state"], created["path"]) == ("new", "/in/<key>/heartbeat/settlement")
        await _wait(w, hours=1)
        assert await w.pages() == [], "nothing is expected before the first ping"

        stored = await _ping(http, w, "settlement", method="POST", content=b"42 payouts")
        assert (stored["state"], stored["heartbeat"]) == ("up", "settlement")
        await _wait(w, minutes=10.5)
        assert (await api("GET", one))["state"] == "late"
        assert await w.pages() == []
        await _wait(w, minutes=1)
        page = await w.page()
        assert page.state is PageState.TRIGGERED
        assert w.sink.people()
        [alert] = await api("GET", "/alerts")
        assert (alert["dedup_key"], alert["status"]) == ("heartbeat:settlement", "firing")
        assert alert["labels"] == {"heartbeat": "settlement", "team": "payments"}
        shown = await api("GET", one)
        assert (shown["state"], shown["is_expired"], shown["deadline"]) == ("down", True, None)

        await _ping(http, w, "Settlement", method="HEAD")
        await w.settle()
        assert (await w.page()).state is PageState.RESOLVED
        [alert] = await api("GET", "/alerts")
        assert alert["status"] == "resolved"

        # a run that fails pages at once, and so does one that hangs
        await _ping(http, w, "settlement/3", method="PUT", content=b"disk full")
        await w.settle()
        assert "exit code 3" in (await w.page()).title
        body = (await api("GET", f"/alerts/{(await api('GET', '/alerts'))[0]['id']}"))["body"]
        assert "disk full" in body
        assert "Run it by hand." in body
        await _ping(http, w, "settlement/0")
        await _ping(http, w, "settlement/start")
        await _wait(w, minutes=4.5)
        assert (await api("GET", one))["is_stuck"] is False
        await _wait(w, minutes=1)
        stuck = await api("GET", one)
        assert (stuck["is_stuck"], stuck["state"]) == (True, "up")
        assert (await w.page()).state is PageState.TRIGGERED
        await _ping(http, w, "settlement")
        await w.settle()
        assert {p.state for p in await w.pages()} == {PageState.RESOLVED}
        pings = await api("GET", f"{one}/pings")
        assert [(p["kind"], p["exit_code"]) for p in pings] == [
            *(
                ("success", None),
                ("start", None),
                ("success", 0),
                ("fail", 3),
                ("success", None),
                ("success", None),
            )
        ]
        assert 330 <= pings[0]["duration_s"] <= 350
        assert (pings[3]["body"], pings[3]["source"][:4], pings[-1]["body"]) == (
            "disk full",
            "PUT ",
            "42 payouts",
        )


async def test_a_job_that_stays_dead_pages_again_after_someone_resolves_its_page(
    dsn: str, clock: FakeClock
) -> None:
    async with organization(dsn, clock) as (w, api), browser(w) as http:
        await w.lift_night_limit()
        await _create(api, period_s=1800)
        await _ping(http, w, "settlement")
        await _wait(w, minutes=31.5)
        await w.ack(w.mara)
        await _wait(w, minutes=65)
        assert len(await w.pages()) == 1, "an open page is not repeated"
        [alert] = await api("GET", "/alerts")
        assert (alert["status"], alert["count"]) == ("firing", 3)
        await w.resolve(w.mara)
        [shown] = await api("GET", "/heartbeats")
        assert shown["repeats_at"] is not None
        await sign_in(w, http, w.mara)
        assert (await http.get(f"/heartbeats/{shown['id']}")).status_code == 200
        await _wait(w, minutes=30)
        states = sorted(str(page.state) for page in await w.pages())
        assert (len(states), states.count("resolved")) == (2, 1), "it is as dead as before"
        await _ping(http, w, "settlement")
        await w.settle()
        assert {page.state for page in await w.pages()} == {PageState.RESOLVED}


async def test_what_a_failed_job_sent_stays_on_its_alert_when_it_is_reported_again(
    dsn: str, clock: FakeClock
) -> None:
    async with organization(dsn, clock) as (w, api), browser(w) as http:
        await _create(api, period_s=1800)
        answer = await http.post(f"/in/{w.key}/heartbeat/settlement/fail", content=b"disk full on db-7")
        assert answer.status_code == 200
        await _wait(w, minutes=35)
        [alert] = await api("GET", "/alerts")
        assert (alert["status"], alert["count"]) == ("firing", 2)
        async with w.ctx.db.tx() as tx:
            assert "disk full on db-7" in (await alerts.alert(tx, alert["id"])).body


async def test_what_is_paused_ours_or_always_firing_pages_no_one(dsn: str, clock: FakeClock) -> None:
    async with organization(dsn, clock) as (w, api), browser(w) as http:
        settlement, backup = await _create(api), await _create(api, "backup")
        await _ping(http, w, "settlement")
        await _ping(http, w, "backup")
        until = (w.now + timedelta(minutes=30)).isoformat()
        paused = await api("POST", f"/heartbeats/{backup['id']}/pause", {"until": until})
        assert (paused["is_paused"], paused["expected_at"]) == (True, None)
        for wrong in ((w.now - STEP).isoformat(), (w.now + timedelta(days=91)).isoformat()):
            await api("POST", f"/heartbeats/{backup['id']}/pause", {"until": wrong}, status=422)
        await _wait(w, minutes=1)

        # Firebell is down for an hour, and gives every sender its grace when it is back
        w.clock.advance(timedelta(hours=1))
        await w.settle()
        assert await w.pages() == []
        assert (await api("GET", f"/heartbeats/{settlement['id']}"))["state"] in ("up", "late")
        await _ping(http, w, "settlement")
        assert (await api("GET", f"/heartbeats/{backup['id']}"))["is_paused"] is False
        await _wait(w, minutes=3)
        assert [page.title for page in await w.pages()] == ["backup is silent"]

        # an alert that always fires is a ping, its end changes nothing, and its absence pages
        [before] = await w.pages()
        await _create(api, "prometheus", matchers='{alertname="Watchdog"}')
        diverter = AlertPings(w.ctx)
        app = build(w.ctx)
        await app.load()
        async with browser(w, app=app) as fresh:
            for status in ("firing", "resolved"):
                body = {
                    "version": "4",
                    "alerts": [{"status": status, "labels": {"alertname": "Watchdog"}, "fingerprint": "w"}],
                }
                answer = await fresh.post(f"/in/{w.key}/alertmanager", json=body)
                assert answer.status_code == 202
        async with w.ctx.db.tx() as tx:
            assert await diverter.load(tx) == {w.service}
            assert await tx.value("select count(*) from event where source = 'alertmanager'") == 2
        await w.settle()
        assert [page.id for page in await w.pages()] == [before.id]
        [watchdog] = [h for h in await api("GET", "/heartbeats") if h["name"] == "prometheus"]
        assert (watchdog["state"], watchdog["pings"]) == ("up", 1)
        await _wait(w, minutes=12)
        alerts = {a["title"]: a["status"] for a in await api("GET", "/alerts")}
        assert alerts["prometheus is silent"] == "firing"

        # deleting resolves, and the address is gone
        await api("DELETE", f"/heartbeats/{watchdog['id']}", status=204)
        await api("DELETE", f"/heartbeats/{backup['id']}", status=204)
        alerts = {a["title"]: a["status"] for a in await api("GET", "/alerts")}
        assert alerts == {
            "prometheus is silent": "resolved",
            "backup is silent": "resolved",
            **_other(alerts),
        }
        await _refusals(http, w, api)


async def test_an_alert_pages_even_if_the_matchers_of_a_heartbeat_cannot_be_read(
    dsn: str, clock: FakeClock
) -> None:
    async with organization(dsn, clock) as (w, api):
        created = await _create(api, "prometheus", matchers='{alertname="Watchdog"}')
        async with w.ctx.db.tx() as tx:
            await tx.execute("update heartbeat set matchers = '{a=~\"(\"}' where id = $1", created["id"])
        app = build(w.ctx)
        await app.load()
        async with browser(w, app=app) as http:
            answer = await http.post(f"/in/{w.key}/generic", json={"title": "Disk full"})
        assert answer.status_code == 202
        await w.settle()
        assert [page.title for page in await w.pages()] == ["Disk full"]


def _other(alerts: dict[str, str]) -> dict[str, str]:
    return {title: status for title, status in alerts.items() if title.startswith("settlement")}


async def _refusals(http: httpx.AsyncClient, w: World, api: Api) -> None:
    for path in (
        f"/in/{w.key}/heartbeat/backup",
        f"/in/{w.key}/heartbeat/settlement/256",
        f"/in/{'0' * 32}/heartbeat/settlement",
    ):
        answer = await http.get(path)
        assert (answer.status_code, answer.headers["content-type"]) == (404, "application/problem+json")
    assert "settlement" in (await http.get(f"/in/{w.key}/heartbeat/backup")).json()["hint"]
    assert (await http.get(f"/in/{w.key}/heartbeat")).json()["heartbeat"] == "settlement"
    taken = {"service": "checkout", "name": "SETTLEMENT", "period_s": 600}
    await api("POST", "/heartbeats", taken, status=409)
    for wrong, field in (
        ({}, "period"),
        ({"cron": "x"}, "cron"),
        ({"period_s": 600, "time_zone": "Mars"}, "time_zone"),
    ):
        refused = await api("POST", "/heartbeats", {"service": "checkout", "name": "a", **wrong}, status=422)
        assert [e["field"] for e in refused["errors"]] == [field]


async def test_alerts_wait_for_no_pings(dsn: str, clock: FakeClock, monkeypatch: pytest.MonkeyPatch) -> None:
    """Pings that wait for a lock leave connections to alerts, and those that wait too long are sent again."""
    async with world(dsn, clock, share_pool=False) as w, browser(w) as http:
        api = Api(http, await key_of(w.ctx.db, clock, w.mara))
        created = await _create(api)
        address = f"/in/{w.key}/heartbeat/settlement"
        async with w.ctx.db.tx() as tx:
            await store.lock(tx, created["id"])
            pings = [asyncio.create_task(http.get(address)) for _ in range(5)]
            await asyncio.sleep(0.1)
            sent = await http.post(f"/in/{w.key}/generic", json={"title": "Disk full"})
            assert sent.status_code == 202
            assert not any(ping.done() for ping in pings)
        assert [(await ping).status_code for ping in pings] == [200] * 5
        monkeypatch.setattr(ingest_queue, "TURN_LIMIT_S", 0.05)
        async with w.ctx.db.tx() as tx:
            await store.lock(tx, created["id"])
            first = asyncio.create_task(http.get(address))
            await asyncio.sleep(0.1)
            refused = await http.get(address)
            assert (refused.status_code, refused.headers["retry-after"]) == (503, "5")
        assert (await first).status_code == 200
