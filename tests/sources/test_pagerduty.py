"""PagerDuty Events API v2: its documented examples, status codes and bodies."""

import gzip
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from firebell.alerts.ingest.inbound import REFUSED_EXCERPT_BYTES
from firebell.alerts.model import Event, EventKind
from firebell.alerts.source_base.source import MAX_KEYED_BODY_BYTES, KeyedRequest
from firebell.alerts.sources import pagerduty
from firebell.kit.clock import FakeClock
from tests.sources.inbound_client import Door, door

SAMPLES = json.loads((Path(__file__).parent / "samples" / "pagerduty-v2.json").read_text())
KEY = "k" * 32
OTHER = "o" * 32
NOW = datetime(2026, 11, 24, 3, 14, tzinfo=UTC)
CHUNK_BYTES = 64 * 1024
MINIMAL = {name: value for name, value in SAMPLES["minimal"].items() if name != "routing_key"}
FILLER = "x" * (MAX_KEYED_BODY_BYTES + 2 * CHUNK_BYTES)


def parsed(sample: dict[str, Any]) -> Event:
    body = json.dumps({**sample, "routing_key": KEY}).encode()
    message = pagerduty.read(KeyedRequest(body, NOW, new_key="f" * 32))
    assert message.integration_key == KEY
    (event,) = message.events
    return event


def test_the_smallest_trigger() -> None:
    event = parsed(SAMPLES["minimal"])
    assert (event.kind, event.title, event.severity) == (EventKind.FIRING, "DB03 is out of disk", "critical")
    assert event.dedup_key == "f" * 32
    assert event.labels == {"source": "db03.example.org"}


def test_a_trigger_with_everything() -> None:
    event = parsed(SAMPLES["full"])
    assert (event.dedup_key, event.severity) == ("disk/db03", "warning")
    assert event.labels == {
        "source": "db03.example.org",
        "component": "postgres",
        "group": "prod-datapipe",
        "class": "disk",
        "free space": "1%",
        "load avg": "0.75",
        "mounts": '["/","/srv"]',
    }
    assert event.links == {
        "source": "https://monitor.example.org/hosts/db03",
        "Runbook": "https://runbooks.example.org/disk",
        "Free space": "https://graphs.example.org/db03.png",
    }
    assert event.annotations == {"timestamp": "2026-11-24T03:10:00.000+0000"}


def test_details_that_are_plain_text_become_the_body() -> None:
    event = parsed(
        {**SAMPLES["minimal"], "payload": {**SAMPLES["minimal"]["payload"], "custom_details": "see log"}}
    )
    assert event.body == "see log"


FAULTS: list[tuple[dict[str, Any], str]] = [
    ({"routing_key": None}, "'routing_key' is missing or blank"),
    ({"routing_key": "short"}, "Length of 'routing_key' is incorrect (should be 32 characters)"),
    ({"event_action": None}, "'event_action' is missing or blank"),
    ({"event_action": "close"}, "'event_action' is invalid (must be one of: trigger, acknowledge, resolve)"),
    ({"payload": None}, "'payload.summary' is missing or blank"),
    ({"payload": {"summary": "x", "severity": "info"}}, "'payload.source' is missing or blank"),
    ({"dedup_key": {"a": 1}}, "'dedup_key' is not text"),
    (
        {"payload": {"summary": "x", "source": "y", "severity": "fatal"}},
        "'payload.severity' is invalid (must be one of: critical, error, warning, info)",
    ),
    ({"dedup_key": "d" * 256}, "'dedup_key' is longer than 255 characters"),
    ({"event_action": "resolve"}, "'dedup_key' is missing or blank"),
    ({"event_action": "acknowledge"}, "'dedup_key' is missing or blank"),
]


async def test_each_fault_has_its_status_and_sentence(dsn: str, clock: FakeClock) -> None:
    async with door(dsn, clock) as d:
        for change, error in FAULTS:
            answer = await d.enqueue({**SAMPLES["minimal"], "routing_key": d.world.key, **change})
            assert answer.status_code == 400
            problem = answer.json()
            assert (problem["status"], problem["message"]) == ("invalid event", "Event object is invalid")
            assert error in problem["errors"]
        for body in (b"", b"{", b"[]", b"\xff", b'"x"'):
            answer = await d.enqueue(body)
            assert answer.status_code == 400
            unrecognized = {
                "status": "Unrecognized object",
                "message": "Event object format is unrecognized",
                "errors": ["JSON parse error"],
            }
            assert answer.json() == unrecognized
        assert await d.alerts() == []


def test_two_links_with_the_same_or_no_text_are_both_kept() -> None:
    links = [{"href": "https://a.example"}, {"href": "https://b.example"}]
    links += [{"text": "Graph", "href": "https://c.example"}, {"text": "Graph", "href": "https://d.example"}]
    assert parsed({**SAMPLES["minimal"], "links": links}).links == {
        "link": "https://a.example",
        "link 2": "https://b.example",
        "Graph": "https://c.example",
        "Graph 2": "https://d.example",
    }


def test_a_link_that_leads_nowhere_does_not_cost_the_event() -> None:
    links = [{"text": "x"}, {"href": "javascript:alert(1)"}, "y", {"href": "https://a.example"}]
    assert parsed({**SAMPLES["minimal"], "links": links}).links == {"link": "https://a.example"}


async def test_a_byte_order_mark_a_slash_and_the_key_in_a_header_are_accepted(
    dsn: str, clock: FakeClock
) -> None:
    event = json.dumps({n: v for n, v in SAMPLES["full"].items() if n != "routing_key"})
    async with door(dsn, clock) as d:
        headers = {"X-Routing-Key": d.world.key}
        body = b"\xef\xbb\xbf" + event.encode()
        answer = await d.http.post("/v2/enqueue/", content=body, headers=headers)
        assert answer.status_code == 202
        assert [a.dedup_key for a in await d.alerts()] == ["disk/db03"]


async def test_a_body_that_is_not_json_is_refused_and_its_owner_notified(dsn: str, clock: FakeClock) -> None:
    async with door(dsn, clock) as d:
        body = f'{{"routing_key": "{d.world.key}", "event_action": "trigger", "payload"'.encode()
        answer = await d.enqueue(body)
        assert (answer.status_code, answer.json()["status"]) == (400, "Unrecognized object")
        assert [(e.body, e.error) for e in await d.raw()] == [(body, "JSON parse error")]


async def test_an_unknown_integration_key_is_a_bad_request(dsn: str, clock: FakeClock) -> None:
    async with door(dsn, clock) as d:
        for key in (KEY, "\x00" * 32, "é" * 32):
            answer = await d.enqueue({**SAMPLES["minimal"], "routing_key": key})
            assert answer.status_code == 400
            assert answer.json()["errors"] == ["'routing_key' is not the key of an integration here"]


async def test_an_unavailable_database_is_answered_with_503(dsn: str, clock: FakeClock) -> None:
    async with door(dsn, clock) as d:
        await d.enqueue({**SAMPLES["minimal"], "routing_key": "KEY"})
        await d.world.ctx.ingest_db.close()
        answer = await d.enqueue({**SAMPLES["minimal"], "routing_key": "KEY"})
        assert (answer.status_code, answer.json()["status"]) == (503, "failed")
        assert int(answer.headers["retry-after"]) > 0


async def test_trigger_acknowledge_resolve(dsn: str, clock: FakeClock) -> None:
    async with door(dsn, clock) as d:
        for name, state in (("full", "triggered"), ("acknowledge", "acked"), ("resolve", "resolved")):
            answer = await d.enqueue(SAMPLES[name])
            success = {"status": "success", "message": "Event processed", "dedup_key": "disk/db03"}
            assert (answer.status_code, answer.json()) == (202, success)
            assert await d.states() == [state]
        await d.enqueue(SAMPLES["full"])
        assert await d.states() == ["resolved", "triggered"]


async def test_the_generated_key_is_returned_and_ends_what_it_began(dsn: str, clock: FakeClock) -> None:
    async with door(dsn, clock) as d:
        made = (await d.enqueue(SAMPLES["minimal"])).json()["dedup_key"]
        assert len(made) == 32
        await d.enqueue({**SAMPLES["resolve"], "dedup_key": made})
        assert await d.states() == ["resolved"]


async def test_a_sender_whose_clock_is_ahead_still_ends_what_it_began(dsn: str, clock: FakeClock) -> None:
    async with door(dsn, clock) as d:
        ahead = {**SAMPLES["full"]["payload"], "timestamp": "2026-11-24T03:18:00Z"}
        await d.enqueue({**SAMPLES["full"], "payload": ahead})
        await d.enqueue(SAMPLES["resolve"])
        assert await d.states() == ["resolved"]
        behind = {**SAMPLES["full"]["payload"], "timestamp": "2026-11-24T03:05:00Z"}
        await d.enqueue({**SAMPLES["full"], "payload": behind})
        assert await d.states() == ["resolved", "triggered"]


async def test_an_acknowledgement_by_a_source_expires(dsn: str, clock: FakeClock) -> None:
    async with door(dsn, clock) as d:
        await d.enqueue(SAMPLES["minimal"] | {"dedup_key": "disk/db03"})
        await d.enqueue(SAMPLES["acknowledge"])
        await d.world.after(minutes=29)
        assert d.world.sink.got == []
        await d.world.after(minutes=1)
        assert d.world.sink.people() == ["Mara Lindqvist"]


async def test_a_broken_event_with_a_good_key_is_kept_for_its_owner(dsn: str, clock: FakeClock) -> None:
    async with door(dsn, clock) as d:
        await d.enqueue({**SAMPLES["minimal"], "payload": {}})
        (kept,) = await d.raw()
        assert kept.source == "pagerduty"
        assert "'payload.summary' is missing or blank" in (kept.error or "")


async def in_chunks(body: bytes) -> AsyncIterator[bytes]:
    """Yield a body in pieces, as it arrives at a server."""
    for at in range(0, len(body), CHUNK_BYTES):
        yield body[at : at + CHUNK_BYTES]


async def send_large(d: Door, body: bytes, path: str = "/v2/enqueue", **headers: str) -> None:
    """Post an event that is too large, in pieces; fail unless it is refused as PagerDuty does."""
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    answer = await d.http.post(path, content=in_chunks(body), headers=sent)
    assert (answer.status_code, answer.json()["status"]) == (413, "failed")


@pytest.mark.parametrize("place", ["start", "end", "header", "middle of the part", "compressed"])
async def test_an_event_that_is_too_large_pages(dsn: str, clock: FakeClock, place: str) -> None:
    event = {**MINIMAL, "client": FILLER}
    async with door(dsn, clock) as d:
        key = {"routing_key": d.world.key}
        match place:
            case "start":
                await send_large(d, json.dumps({**key, **event}).encode())
            case "end":
                await send_large(d, json.dumps({**event, **key}).encode())
            case "header":
                await send_large(d, json.dumps(event).encode(), x_routing_key=d.world.key)
            case "middle of the part":
                # the reader stops within the key
                start = b'{"client": "'
                name = b'", "routing_key": "'
                size = MAX_KEYED_BODY_BYTES + CHUNK_BYTES - len(start) - len(name) - len(d.world.key) // 2
                rest = f'{d.world.key}", "event_action": "trigger"}}'.encode()
                await send_large(d, start + b"x" * size + name + rest)
            case "compressed":
                packed = gzip.compress(json.dumps({**key, **event}).encode())
                await send_large(d, packed, content_encoding="gzip")
        assert [(a.dedup_key, a.severity) for a in await d.alerts()] == [("too-large", "critical")]
        assert await d.states() == ["triggered"]
        (kept,) = await d.raw()
        assert (kept.source, len(kept.body)) == ("pagerduty", REFUSED_EXCERPT_BYTES)


async def test_a_large_event_whose_compressed_body_is_too_large_pages(dsn: str, clock: FakeClock) -> None:
    async with door(dsn, clock) as d:
        event = json.dumps({"routing_key": d.world.key, **MINIMAL, "client": FILLER}).encode()
        await send_large(d, gzip.compress(event, compresslevel=0), content_encoding="gzip")
        assert [a.dedup_key for a in await d.alerts()] == ["too-large"]
        assert [kept.body for kept in await d.raw()] == [event[:REFUSED_EXCERPT_BYTES]]


async def test_a_large_event_that_names_no_integration_here_is_not_kept(dsn: str, clock: FakeClock) -> None:
    async with door(dsn, clock) as d:
        quoted = json.dumps({"routing_key": d.world.key})
        for event in ({}, {"routing_key": KEY}, {"routing_key": d.world.key[:31]}, {"payload": quoted}):
            await send_large(d, json.dumps({**event, "client": FILLER}).encode())
            await send_large(d, json.dumps({"client": FILLER, **event}).encode())
        for path in ("/v2/enqueue", "/v2/change/enqueue"):
            await send_large(d, FILLER.encode(), path)
        change = {"routing_key": d.world.key, "payload": {"summary": FILLER, "source": "ci"}}
        await send_large(d, json.dumps(change).encode(), "/v2/change/enqueue")
        assert await d.raw() == []
        assert await d.alerts() == []


@pytest.mark.parametrize(
    ("start", "end", "key"),
    [
        (f'{{"routing_key": "{KEY}", "payload": {{"su', "", KEY),
        (f'{{"routing_key": "{KEY}"', "", KEY),
        (f'{{"payload": {{"routing_key": "{OTHER}"}}, "routing_key": "{KEY}", "x": "', "", KEY),
        (f'{{"routing_key": "{KEY}", "payload": {{"routing_key": "{OTHER}"}}, "x": "', "", KEY),
        (f'{{"payload": {{"routing_key": "{OTHER}"}}, "x": "', f'xx", "routing_key" : "{KEY}"}}', KEY),
        (f'{{"payload": {{"routing_key": "{OTHER}"}}, "x": "', 'xx"}', OTHER),
        ('{"x": "', f'"routing_key": "{OTHER}"}}, "routing_key": "{KEY}"}}', KEY),
        ('{"x": "', f'xx\\"routing_key\\": \\"{KEY}\\""}}', ""),
        ('{"x": "', f'xx", "routing_key": "{KEY[:-1]}"}}', ""),
        ('{"x": "', f'xx", "routing_key": "{KEY}k"}}', ""),
        ('{"x": "', f'xx", "routing_key": "{KEY}', ""),
        ('{"routing_key": null, "x": "', f'xx", "routing_key": "{KEY}"}}', KEY),
        ('{"routing_key": ["', "", ""),
        ("[" + "1," * 200_000, f'1], "routing_key": "{KEY}"}}', KEY),
        ("", "", ""),
    ],
)
def test_the_key_of_an_event_that_was_cut_off(start: str, end: str, key: str) -> None:
    request = KeyedRequest(start.encode(), NOW, end=end.encode())
    assert pagerduty.key_in_part(request) == key


def test_the_key_in_a_header_is_that_of_an_event_that_was_cut_off_before_its_own() -> None:
    headers = {b"x-routing-key": KEY.encode()}
    nested, stated = f'{{"payload": {{"routing_key": "{OTHER}"}}', f'{{"routing_key": "{OTHER}", "x": "'
    for start, key in ((nested, KEY), ('{"x": "', KEY), ("", KEY), (stated, OTHER)):
        request = KeyedRequest(start.encode(), NOW, headers=headers, end=f'"routing_key": "{OTHER}"'.encode())
        assert pagerduty.key_in_part(request) == key
