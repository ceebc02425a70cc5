"""Alertmanager's API v2 for Prometheus itself and amtool: what is stored, what is answered, and what expires."""

import json
from datetime import timedelta
from typing import Any

from firebell.heartbeats import actions as heartbeats
from firebell.heartbeats.settings_checks import SettingsInput
from firebell.kit.clock import FakeClock
from tests.sources.inbound_client import Door, door

LABELS = {"alertname": "HighErrorRate", "service": "checkout", "severity": "critical"}
FINGERPRINT = "7d2d332feada5c59"


def at(d: Door, minutes: float) -> str:
    return (d.world.now + timedelta(minutes=minutes)).isoformat().replace("+00:00", "Z")


def firing(
    d: Door, labels: dict[str, str] | None = None, *, ends: float = 4, begins: float = -1
) -> dict[str, Any]:
    return {
        "labels": labels or LABELS,
        "annotations": {"summary": "5xx above 5%"},
        "startsAt": at(d, begins),
        "endsAt": at(d, ends),
        "generatorURL": "http://prometheus.example.org/graph",
    }


async def send(d: Door, body: Any, *, bearer: bool = False) -> tuple[int, str]:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    headers = {"content-type": "application/json"}
    path = f"/in/{d.world.key}/am/api/v2/alerts"
    if bearer:
        headers["authorization"], path = f"Bearer {d.world.key}", "/api/v2/alerts"
    answer = await d.http.post(path, content=content, headers=headers)
    return answer.status_code, answer.text


async def test_an_alert_is_the_same_as_through_the_webhook(dsn: str, clock: FakeClock) -> None:
    async with door(dsn, clock) as d:
        webhook = {"status": "firing", "fingerprint": FINGERPRINT, **firing(d)}
        await d.post("alertmanager", {"version": "4", "alerts": [webhook]})
        assert await send(d, [firing(d)]) == (200, "")
        assert await send(d, [firing(d, {**LABELS, "replica": "b", "unset": ""})], bearer=True) == (200, "")
        (alert,) = await d.alerts()
        assert (alert.dedup_key, alert.status, alert.count) == (FINGERPRINT, "firing", 3)
        assert (alert.title, alert.severity) == ("5xx above 5%", "critical")
        assert await send(d, [firing(d, ends=-0.1)]) == (200, "")
        assert [(a.status, a.ended_by) for a in await d.alerts()] == [("resolved", "source")]
        assert await d.states() == ["resolved"]
        assert len(await d.raw()) == 4


async def test_the_valid_alerts_of_a_message_are_stored_and_the_others_named(
    dsn: str, clock: FakeClock
) -> None:
    async with door(dsn, clock) as d:
        status, answer = await send(
            d, [firing(d), {"labels": {}}, {"labels": {"a": ""}}, "x", {"startsAt": "y"}]
        )
        assert (status, json.loads(answer).count("has no labels")) == (400, 4)
        assert [a.dedup_key for a in await d.alerts()] == [FINGERPRINT]
        (kept,) = await d.raw()
        assert kept.error
        odd = {**firing(d, {"alertname": "Odd"}), "startsAt": "yesterday", "endsAt": -1, "annotations": []}
        assert await send(d, [odd]) == (200, "")
        assert (await d.alerts())[-1].title == "Odd"
        for body in (b"", b"{", b"null", b"{}", b'"text"', b"\xff", b"[" * 100_000):
            status, answer = await send(d, body)
            assert (status, isinstance(json.loads(answer), str)) == (400, True)
            assert (await d.raw())[0].error
        assert await send(d, []) == (200, "")
        assert len(await d.alerts()) == 2


async def test_an_unknown_key_is_refused_as_the_address_says(dsn: str, clock: FakeClock) -> None:
    async with door(dsn, clock) as d:
        path = f"/in/{'0' * 32}/am/api/v2"
        assert (await d.http.post(f"{path}/alerts", json=[firing(d)])).status_code == 404
        assert (await d.http.get(f"{path}/status")).status_code == 404
        for headers in ({}, {"authorization": "Bearer x"}, {"authorization": f"Basic {d.world.key}"}):
            assert (await d.http.post("/api/v2/alerts", json=[], headers=headers)).status_code == 401
            assert (await d.http.get("/api/v2/status", headers=headers)).status_code == 401
        assert (await d.http.put(f"/in/{d.world.key}/am/api/v2/alerts", json=[])).status_code == 405
        assert await d.raw() == []


async def test_amtool_and_grafana_read_the_alerts_of_the_integration(dsn: str, clock: FakeClock) -> None:
    async with door(dsn, clock) as d:
        await send(d, [firing(d), firing(d, {"alertname": "Other"})])
        base = f"/in/{d.world.key}/am"
        listed = (await d.http.get(f"{base}/api/v2/alerts", params={"filter": 'alertname=~"High.*"'})).json()
        assert [(a["fingerprint"], a["labels"], a["status"]["state"]) for a in listed] == [
            (FINGERPRINT, LABELS, "active")
        ]
        assert len((await d.http.get(f"{base}/api/v2/alerts/groups")).json()[0]["alerts"]) == 2
        assert (await d.http.get(f"{base}/api/v2/status")).json()["cluster"] == {"status": "disabled"}
        assert (await d.http.get(f"{base}/api/v2/receivers")).json() == [{"name": "firebell"}]
        assert (await d.http.get(f"{base}/api/v2/silences")).json() == []
        assert (await d.http.get(f"{base}/api/v2/alerts?filter=%7B%7B")).status_code == 400
        for probe in ("healthy", "ready"):
            assert (await d.http.get(f"{base}/-/{probe}")).status_code == 200

        # silences are for the service of the integration
        new = {
            "matchers": [{"name": "alertname", "value": "High.*", "isRegex": True, "isEqual": True}],
            "startsAt": clock.now().isoformat(),
            "endsAt": (clock.now() + timedelta(hours=2)).isoformat(),
            "createdBy": "ana",
            "comment": "Reindexing",
        }
        silences = f"{base}/api/v2/silences"
        for field, wrong in (
            ("endsAt", new["startsAt"]),
            ("startsAt", "2026-11-24T03:14:00"),
            ("comment", ""),
            ("matchers", []),
            ("matchers", [{"name": "a", "value": "(", "isRegex": True}]),
        ):
            assert (await d.http.post(silences, json={**new, field: wrong})).status_code == 400, wrong
        for body in (b"", b"[]", b"\xff", b'{"matchers": 1}', b'{"x":' + b"[" * 30_000):
            assert (await d.http.post(silences, content=body)).status_code == 400
        odd = await d.http.post(silences, json={**new, "createdBy": "a\x00na\u202e", "comment": "a\x00"})
        silence_id = odd.json()["silenceID"]
        assert (await d.http.get(f"{base}/api/v2/silence/{silence_id}")).json()["createdBy"] == "ana"
        assert (await d.http.delete(f"{base}/api/v2/silence/{silence_id}")).status_code == 200
        silence_id = (await d.http.post(silences, json=new)).json()["silenceID"]
        listed = (await d.http.get(silences, params={"filter": 'alertname="High.*"'})).json()
        [stored] = [each for each in listed if each["status"] == {"state": "active"}]
        assert (stored["id"], stored["status"], stored["matchers"]) == (
            silence_id,
            {"state": "active"},
            new["matchers"],
        )
        assert (stored["createdBy"], stored["comment"]) == ("ana", "Reindexing")
        assert (await d.http.get(silences, params={"filter": "alertname=Other"})).json() == []
        one = f"{base}/api/v2/silence/{silence_id}"
        clock.advance(timedelta(seconds=6))
        assert await send(d, [firing(d, {"alertname": "Higher"})]) == (200, "")
        alerts = f"{base}/api/v2/alerts"
        [held] = (await d.http.get(alerts, params={"filter": "alertname=Higher"})).json()
        assert held["status"] == {"state": "suppressed", "silencedBy": [silence_id], "inhibitedBy": []}
        assert len((await d.http.get(alerts, params={"silenced": "false"})).json()) == 2
        assert (await d.http.get(alerts, params={"silenced": "false", "active": "false"})).json() == []
        longer = {**new, "id": silence_id, "endsAt": (clock.now() + timedelta(hours=3)).isoformat()}
        assert (await d.http.post(silences, json=longer)).json()["silenceID"] == silence_id
        assert (await d.http.get(one)).json()["status"]["state"] == "active"
        assert (await d.http.delete(one)).status_code == 200
        assert (await d.http.delete(one)).status_code == 400
        assert (await d.http.get(one)).json()["status"]["state"] == "expired"
        for unknown in ("x", "00000000-0000-0000-0000-000000000000"):
            assert (await d.http.delete(f"{base}/api/v2/silence/{unknown}")).status_code == 404


async def test_an_alert_that_is_no_longer_sent_ends_while_its_source_lives(
    dsn: str, clock: FakeClock
) -> None:
    other = {"alertname": "Watchdog", "severity": "info"}
    async with door(dsn, clock) as d:
        await send(d, [firing(d), firing(d, other)])
        for _ in range(6):
            await d.world.after(minutes=1)
            await send(d, [firing(d, other)])
        await d.world.after(minutes=1)
        ended, watchdog = await d.alerts()
        assert (ended.status, ended.ended_by, watchdog.status) == ("resolved", "timeout", "firing")
        assert ended.ends_at == ended.starts_at + timedelta(minutes=5)
        # the same start again is a new alert, with a page
        began = ended.starts_at
        again = {**firing(d), "startsAt": began.isoformat()}
        await send(d, [again])
        assert (await d.alerts())[-1].status == "firing"


async def test_an_alert_that_is_a_ping_of_a_heartbeat_tells_that_its_source_lives(
    dsn: str, clock: FakeClock
) -> None:
    watchdog = {"alertname": "Watchdog", "severity": "info"}
    async with door(dsn, clock) as d:
        async with d.world.ctx.db.tx() as tx:
            await heartbeats.create_heartbeat(
                tx,
                await d.world.actor(d.world.mara),
                service_id=d.world.service,
                name="prometheus",
                entered=SettingsInput(period=timedelta(minutes=30), matchers='{alertname="Watchdog"}'),
                now=d.world.now,
            )
        await send(d, [firing(d)])
        for _ in range(6):
            await d.world.after(minutes=1)
            await send(d, [firing(d, watchdog)])
        await d.world.after(minutes=1)
        assert [(a.status, a.ended_by) for a in await d.alerts()] == [("resolved", "timeout")]


async def test_a_source_that_is_silent_is_reported_and_ends_no_alert(dsn: str, clock: FakeClock) -> None:
    async with door(dsn, clock) as d:
        await send(d, [firing(d, {"alertname": "Disk", "severity": "warning"})])
        for _ in range(9):
            await d.world.after(minutes=1)
        alert, silent = await d.alerts()
        assert (alert.status, silent.status) == ("firing", "firing")
        assert (silent.findings, silent.severity, silent.count) == (["A-SOURCE-SILENT"], "warning", 1)
        await send(d, [firing(d, {"alertname": "Disk", "severity": "warning"}, begins=-20)])
        await d.world.after(minutes=1)
        assert [a.status for a in await d.alerts()] == ["firing", "resolved"]
        await send(d, [firing(d, {"alertname": "Disk", "severity": "warning"}, ends=-0.1)])
        assert [a.status for a in await d.alerts()] == ["resolved", "resolved"]
        await d.world.after(minutes=2)
        async with d.world.ctx.db.tx() as tx:
            assert await tx.value("select count(*) from alert_expiry") == 0
