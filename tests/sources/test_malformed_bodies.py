"""Malformed, compressed, large and many bodies: no alert is lost, and no resolution pages anyone."""

import asyncio
import gzip
import json
import tracemalloc
import zlib
from typing import Any

import pytest

from firebell.alerts import actions as alerts
from firebell.alerts.bodies.budget import BodyBudget
from firebell.alerts.bodies.decoding import Decoded
from firebell.alerts.ingest import inbound, ingest_queue
from firebell.alerts.source_base.source import MAX_BODY_BYTES
from firebell.catalog import actions as catalog
from firebell.kit.clock import FakeClock
from firebell.people import actions as people
from tests.lock_waits import until_blocked
from tests.sources.inbound_client import Door, door

MIB = 1024 * 1024
FIRING = {"title": "Disk full", "dedup_key": "disk-7", "severity": "critical"}
END = json.dumps({**FIRING, "status": "resolved", "note": "Café"}, ensure_ascii=False)


async def broken(d: Door) -> list[str | None]:
    """Return the errors that the owner of the integration is notified of, newest first."""
    return [event.error for event in await d.raw() if event.error]


@pytest.mark.parametrize(
    "body",
    [
        b"\xef\xbb\xbf" + END.encode(),
        END.replace("Café", "Caf\\ud83d").encode(),
        END.replace('"Café"', "1e9999").encode(),
        END.replace('"Café"', "NaN").encode(),
        END.replace("Café", "Caf\n").encode(),
        END.encode("utf-16"),
        END.encode("latin-1"),
        END.replace("}", ",}").encode(),
        b"title=Disk+full&dedup_key=disk-7&status=resolved",
    ],
    ids=["bom", "half emoji", "1e9999", "nan", "line break", "utf16", "latin1", "spare comma", "form"],
)
async def test_a_resolution_in_malformed_json_resolves_its_alert_and_pages_no_one(
    dsn: str, clock: FakeClock, body: bytes
) -> None:
    async with door(dsn, clock) as d:
        await d.post("generic", FIRING)
        answer = await d.post("generic", body)
        document = answer.json()
        assert (answer.status_code, document["status"], document["events"]) == (202, "accepted", 1)
        assert [(a.dedup_key, a.status) for a in await d.alerts()] == [("disk-7", "resolved")]
        assert await d.states() == ["resolved"]
        assert await broken(d) == []


@pytest.mark.parametrize(
    ("body", "content_type", "ended"),
    [
        (b'{"dedup_key":"disk-7","status":"resolved","title":"He said "no""}', "", True),
        (b'{"title":"He said "no"","dedup_key":"disk-7","status":"resolved"}', "", False),
        (b'{"status":"resolved","title":"cut', "", False),
        (b"status: resolved", "application/json", False),
    ],
)
async def test_a_resolution_in_a_malformed_body_never_opens_an_alert_and_its_owner_is_notified(
    dsn: str, clock: FakeClock, body: bytes, content_type: str, ended: bool
) -> None:
    async with door(dsn, clock) as d:
        await d.post("generic", FIRING)
        answer = await d.post("generic", body, headers={"content-type": content_type})
        assert answer.status_code == 202
        assert [a.dedup_key for a in await d.alerts()] == ["disk-7"]
        assert await d.states() == ["resolved" if ended else "triggered"]
        assert len(await broken(d)) == 1


@pytest.mark.parametrize(
    ("source", "body", "title"),
    [
        ("generic", b'{"title":"Disk full","x":"a "quoted" word"}', "Unreadable alert: Disk full"),
        ("generic", b'{"x": "a "quoted" word", "title":"Disk"}', "Unreadable message from First key"),
        ("generic", b"{{ template }}", "Unreadable message from First key"),
        ("generic", b"\x00\x9f\x01\x02" * 9, "Unreadable message from First key"),
        ("alertmanager", b"null", "Unreadable message from First key"),
        ("alertmanager", b"service is down", "Unreadable message from First key"),
    ],
)
async def test_an_unreadable_message_pages_with_a_clear_title_and_its_owner_is_notified(
    dsn: str, clock: FakeClock, source: str, body: bytes, title: str
) -> None:
    async with door(dsn, clock) as d:
        answer = await d.post(source, body, headers={"content-type": "application/json"})
        assert (answer.status_code, answer.json()["status"]) == (202, "stored")
        await d.world.settle()
        assert [(a.title, a.severity) for a in await d.alerts()] == [(title, None)]
        assert await d.states() == ["triggered"]
        kinds = {message["event"] for message in d.world.sink.got}
        assert {"source", "page"} <= kinds


async def test_an_alert_with_half_an_emoji_affects_no_other_of_its_message(
    dsn: str, clock: FakeClock
) -> None:
    body = (
        b'{"version":"4","alerts":[{"status":"firing","labels":{"alertname":"Fine","severity":"critical"},'
        b'"fingerprint":"f1"},{"status":"firing","labels":{"alertname":"Half\\ud83d"},"fingerprint":"f2"}]}'
    )
    async with door(dsn, clock) as d:
        assert (await d.post("alertmanager", body)).json() == {"status": "accepted", "events": 2}
        assert [a.title for a in await d.alerts()] == ["Fine", "Half\ufffd"]


@pytest.mark.parametrize("encoding", ["gzip", "deflate", ""])
async def test_a_packed_body_is_the_alert_in_it(dsn: str, clock: FakeClock, encoding: str) -> None:
    pack = zlib.compress if encoding == "deflate" else gzip.compress
    async with door(dsn, clock) as d:
        body = pack(json.dumps(FIRING).encode())
        answer = await d.post("generic", body, headers={"content-encoding": encoding})
        assert (answer.json()["status"], answer.json()["events"]) == ("accepted", 1)
        assert [a.dedup_key for a in await d.alerts()] == ["disk-7"]
        assert json.loads((await d.raw())[0].body) == FIRING


async def test_an_unknown_encoding_is_kept_and_pages(dsn: str, clock: FakeClock) -> None:
    async with door(dsn, clock) as d:
        answer = await d.post("generic", b"\x0b\x05\x80Disk full\x03", headers={"content-encoding": "br"})
        assert answer.json()["status"] == "stored"
        assert (await d.raw())[0].body == b"\x0b\x05\x80Disk full\x03"
        assert [a.title for a in await d.alerts()] == ["Unreadable message from First key"]


async def test_a_decompression_bomb_is_refused_pages_and_stays_within_the_memory_limit(
    dsn: str, clock: FakeClock
) -> None:
    bomb = gzip.compress(b"0" * 256 * MIB)
    async with door(dsn, clock) as d:
        tracemalloc.start()
        answer = await d.post("generic", bomb, headers={"content-encoding": "gzip"})
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert answer.status_code == 413
        assert peak < 64 * MIB
        assert [(a.dedup_key, a.severity) for a in await d.alerts()] == [("too-large", "critical")]


async def test_a_form_with_a_file_is_the_alert_in_the_file(dsn: str, clock: FakeClock) -> None:
    async with door(dsn, clock) as d:
        address = f"/in/{d.world.key}/generic"
        await d.http.post(address, files={"file": ("alert.json", json.dumps(FIRING))})
        await d.http.post(address, files={"title": (None, "Second"), "dedup_key": (None, "two")})
        assert [(a.dedup_key, a.title) for a in await d.alerts()] == [
            ("disk-7", "Disk full"),
            ("two", "Second"),
        ]


async def test_a_body_of_16_mib_is_accepted_and_a_larger_one_is_refused_and_pages(
    dsn: str, clock: FakeClock
) -> None:
    async with door(dsn, clock) as d:
        full = json.dumps({**FIRING, "x": ""}).encode()
        full = full.replace(b'"x": ""', b'"x": "' + b"y" * (MAX_BODY_BYTES - len(full)) + b'"')
        assert len(full) == MAX_BODY_BYTES
        assert (await d.post("generic", full)).status_code == 202
        refused = await d.post("alertmanager", full + b" ")
        assert refused.status_code == 413
        assert [a.dedup_key for a in await d.alerts()] == ["disk-7", "too-large"]
        assert len((await d.raw())[0].body) == inbound.REFUSED_EXCERPT_BYTES
        assert (await d.enqueue(b"x" * (MIB + 1))).status_code == 413


async def test_past_ten_thousand_alerts_the_first_are_taken_and_one_more_pages_for_the_rest(
    dsn: str, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("firebell.alerts.sources.generic.MAX_EVENTS", 20)
    async with door(dsn, clock) as d:
        answer = await d.post("generic", [{"title": f"t{i}", "key": f"k{i}"} for i in range(23)])
        assert (answer.status_code, answer.json()["events"]) == (202, 21)
        alerts = await d.alerts()
        assert [a.dedup_key for a in alerts] == [*(f"k{i}" for i in range(20)), "overflow"]
        assert alerts[-1].title.startswith("3 ")


async def test_large_bodies_share_a_budget_and_small_ones_are_never_refused(
    dsn: str, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    large = json.dumps({**FIRING, "x": "y" * MIB})
    budget = BodyBudget(3 * MIB + 1024)
    monkeypatch.setattr(inbound, "BodyBudget", lambda: budget)
    async with door(dsn, clock) as d:
        gate = asyncio.Event()
        submit = ingest_queue.Ingest.submit

        async def slow(self: ingest_queue.Ingest, received: Any) -> None:
            await gate.wait()
            await submit(self, received)

        monkeypatch.setattr(ingest_queue.Ingest, "submit", slow)
        waiting = [asyncio.create_task(d.post("generic", large.encode())) for _ in range(5)]
        done, _ = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        while len(done) < 2:
            more, _ = await asyncio.wait(set(waiting) - done, return_when=asyncio.FIRST_COMPLETED)
            done |= more
        small = asyncio.create_task(d.post("generic", {**FIRING, "dedup_key": "small"}))
        gate.set()
        assert {(t.result().status_code, t.result().headers["retry-after"]) for t in done} == {(503, "5")}
        assert [(await task).status_code for task in waiting].count(202) == 3
        assert (await small).status_code == 202
        assert budget.held == 0


async def test_a_large_message_delays_no_alert_of_another_service(dsn: str, clock: FakeClock) -> None:
    large = json.dumps({**FIRING, "x": "y" * MIB}).encode()
    async with door(dsn, clock) as d:
        async with d.world.ctx.db.tx() as tx:
            actor = await d.world.actor(d.world.mara)
            team = (await people.teams(tx))[0].id
            other = await catalog.create_service(tx, actor, name="Search", team_id=team, now=d.world.now)
            key = await alerts.create_integration(
                tx, actor, service_id=other.id, name="Second", now=d.world.now
            )
        async with d.world.ctx.db.tx() as tx:
            await catalog.lock_services(tx, [d.world.service])
            waiting = asyncio.create_task(d.post("generic", large))
            await until_blocked(d.world.ctx.db, waiting)
            answer = await asyncio.wait_for(d.http.post(f"/in/{key.key}/generic", json=FIRING), 60)
            assert answer.status_code == 202
            assert not waiting.done()
        assert (await waiting).status_code == 202


async def test_a_reader_that_fails_pages(dsn: str, clock: FakeClock, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any) -> Decoded:
        raise RecursionError

    async with door(dsn, clock) as d:
        monkeypatch.setattr("firebell.alerts.sources.generic.decode", fail)
        assert (await d.post("generic", FIRING)).json()["events"] == 1
        assert [a.title for a in await d.alerts()] == ["Unreadable message from First key"]


async def test_a_trailing_slash_changes_nothing(dsn: str, clock: FakeClock) -> None:
    async with door(dsn, clock) as d:
        assert (await d.post("generic/", FIRING)).status_code == 202
        assert (await d.post("alertmanager//", {"alerts": []})).status_code == 202
