"""The addresses that senders post to: what is answered, and what is durable before it."""

import asyncio
from datetime import timedelta
from typing import Any

import httpx
import pytest

from firebell.alerts import actions as alerts
from firebell.alerts.ingest import ingest_queue
from firebell.kit.clock import FakeClock
from tests.sources.inbound_client import Door, door

ALERT = {"title": "disk full", "key": "disk", "severity": "critical"}


def message(count: int, status: str = "firing") -> dict[str, Any]:
    """Return an Alertmanager message with this number of alerts."""
    return {
        "version": "4",
        "alerts": [
            {
                "status": status,
                "labels": {"alertname": f"A{i}", "severity": "critical"},
                "fingerprint": f"f{i}",
            }
            for i in range(count)
        ],
    }


async def test_an_accepted_alert_is_durable_with_its_page_and_timer(dsn: str, clock: FakeClock) -> None:
    async with door(dsn, clock) as d:
        answer = await d.post("generic", ALERT)
        assert (answer.status_code, answer.json()["status"], answer.json()["events"]) == (202, "accepted", 1)
        assert answer.headers["content-type"] == "application/json"
        async with d.world.ctx.db.tx() as tx:
            stored = [
                await tx.value(f"select count(*) from {table}")
                for table in ("event", "alert", "alert_group", "page", "due where kind = 'paging.page'")
            ]
        assert stored == [1, 1, 1, 1, 1]


async def test_what_cannot_be_read_is_kept_byte_for_byte_and_pages(dsn: str, clock: FakeClock) -> None:
    async with door(dsn, clock) as d:
        for source, body in (("alertmanager", b"\xff\xfe nothing \x00"), ("generic", b"  \n")):
            answer = await d.post(source, body)
            assert answer.status_code == 202
            assert (answer.json()["status"], answer.json()["events"]) == ("stored", 1)
            kept = (await d.raw())[0]
            assert (kept.body, kept.source, kept.error) == (body, source, answer.json()["error"])
        assert {a.title for a in await d.alerts()} == {"Unreadable message from First key"}
        assert await d.states() == ["triggered"]


async def test_a_message_whose_reader_fails_is_kept_and_pages(
    dsn: str, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any) -> None:
        raise KeyError("a fault of the reader")

    async with door(dsn, clock) as d:
        monkeypatch.setattr("firebell.alerts.sources.generic._read", fail)
        monkeypatch.setattr("firebell.alerts.sources.victorops._event", fail)
        answer = await d.http.post(f"/integration/{d.world.key}/enqueue", json=ALERT)
        assert answer.status_code == 202
        victorops = f"/integrations/generic/20131114/alert/{d.world.key}"
        answer = await d.http.post(victorops, json={"message_type": "CRITICAL"})
        assert answer.status_code == 400
        assert [m.error for m in await d.raw()] == ["Firebell failed to read this message."] * 2
        assert await d.states() == ["triggered"]


async def test_the_owner_is_notified_of_unreadable_messages_once_a_day(dsn: str, clock: FakeClock) -> None:
    async with door(dsn, clock) as d:
        for _ in range(3):
            await d.post("alertmanager", b"{}")
            await d.world.settle()
        notice, also = (message for message in d.world.sink.got if message["event"] == "source")
        assert {notice["person"], also["person"]} == {"Mara Lindqvist", "Jun Okafor"}
        assert (notice["event"], notice["page"], notice["urgency"]) == ("source", "", "low")
        assert notice["title"] == "Checkout: can't read alerts from First key"
        assert "not an Alertmanager webhook message" in notice["note"]
        async with d.world.ctx.db.tx() as tx:
            (broken,) = await alerts.broken_sources(tx, d.world.now, service_id=d.world.service)
            assert await alerts.broken_sources(tx, d.world.now, service_id=d.world.service + 1) == []
        assert (broken.name, broken.count) == ("First key", 3)

        async def later(**by: float) -> int:
            clock.advance(timedelta(**by))
            await d.world.settle()
            return told_of_it()

        def told_of_it() -> int:
            # schedules are checked once a day too, and have something to say of their own
            return sum(message["event"] == "source" for message in d.world.sink.got)

        assert await later(hours=12) == 2
        await d.post("alertmanager", b"{}")
        assert await later(hours=11, minutes=59) == 2
        assert await later(minutes=1) == 4
        assert await later(hours=25) == 4
        async with d.world.ctx.db.tx() as tx:
            assert await alerts.broken_sources(tx, d.world.now) == []
        await d.post("alertmanager", b"{}")
        await d.world.settle()
        assert told_of_it() == 6


async def test_unknown_keys_and_addresses_are_not_found_and_only_post_does_something(
    dsn: str, clock: FakeClock
) -> None:
    async with door(dsn, clock) as d:
        for key in ("0" * 32, "x", "%00", "%F0%9F%94%94", "a" * 5000, "%ed%a0%80"):
            answer = await d.http.post(f"/in/{key}/generic", json=ALERT)
            assert answer.status_code == 404
            assert answer.headers["content-type"] == "application/problem+json"
            assert answer.json()["detail"] == "This integration key is unknown or revoked."
        for path in ("/in/", "/in/KEY", "/in/KEY/nagios", "/in/KEY/generic/more", "/v2/other"):
            answer = await d.http.post(path.replace("KEY", d.world.key), json=ALERT)
            assert answer.status_code == 404
            assert "/v2/enqueue" in answer.json()["hint"]
        for method in ("GET", "PUT", "DELETE", "HEAD"):
            for path in (f"/in/{d.world.key}/generic", "/v2/enqueue"):
                answer = await d.http.request(method, path)
                assert (answer.status_code, answer.headers["allow"]) == (405, "POST")


async def test_what_a_mistyped_address_receives_is_kept_and_its_owner_notified(
    dsn: str, clock: FakeClock
) -> None:
    async with door(dsn, clock) as d:
        for path in ("nagios", "generic/more", "am/api/v1/alerts", "na%00gios"):
            assert (await d.http.post(f"/in/{d.world.key}/{path}", json=ALERT)).status_code == 404
        assert (await d.http.get(f"/in/{d.world.key}/nagios")).status_code == 404
        assert (await d.http.post(f"/in/{'0' * 32}/nagios", json=ALERT)).status_code == 404
        assert [(r.source, (r.error or "")[:10]) for r in await d.raw()] == [("unknown", "A-NOSOURCE")] * 4
        await d.world.settle()
        assert "source" in {message["event"] for message in d.world.sink.got}
        assert (await d.alerts(), await d.states()) == ([], [])


async def test_a_revoked_key_ends_within_five_seconds(dsn: str, clock: FakeClock) -> None:
    async with door(dsn, clock) as d:
        await d.post("generic", ALERT)
        async with d.world.ctx.db.tx() as tx:
            actor = await d.world.actor(d.world.mara)
            await alerts.revoke_integration(
                tx,
                actor,
                service_id=d.world.service,
                integration_id=d.world.integration,
                now=d.world.now,
            )
        await d.world.after(seconds=6)
        assert (await d.post("generic", ALERT)).status_code == 404


async def test_a_clock_that_is_set_back_does_not_keep_a_revoked_key_alive(dsn: str, clock: FakeClock) -> None:
    async with door(dsn, clock) as d:
        await d.post("generic", ALERT)
        async with d.world.ctx.db.tx() as tx:
            actor = await d.world.actor(d.world.mara)
            await alerts.revoke_integration(
                tx,
                actor,
                service_id=d.world.service,
                integration_id=d.world.integration,
                now=d.world.now,
            )
        clock.set(clock.now().replace(hour=1))
        assert (await d.post("generic", ALERT)).status_code == 404


async def test_a_new_key_works_at_once(dsn: str, clock: FakeClock) -> None:
    async with door(dsn, clock) as d:
        await d.post("generic", ALERT)
        async with d.world.ctx.db.tx() as tx:
            actor = await d.world.actor(d.world.mara)
            made = await alerts.create_integration(
                tx, actor, service_id=d.world.service, name="Second", now=d.world.now
            )
        assert (await d.http.post(f"/in/{made.key}/generic", json=ALERT)).status_code == 202


async def test_a_thousand_alerts_in_one_body_are_one_page(dsn: str, clock: FakeClock) -> None:
    async with door(dsn, clock) as d:
        answer = await d.post("alertmanager", message(1000))
        assert answer.json() == {"status": "accepted", "events": 1000}
        assert len(await d.alerts()) == 1000
        assert await d.states() == ["triggered"]
        await d.post("alertmanager", message(1000, "resolved"))
        assert await d.states() == ["resolved"]


async def test_ten_thousand_alerts_in_one_body_are_stored_and_page(dsn: str, clock: FakeClock) -> None:
    body = message(10_000)
    for alert in body["alerts"]:
        alert["annotations"] = {"summary": "x" * 300}
    async with door(dsn, clock) as d:
        answer = await d.post("alertmanager", body)
        assert (answer.status_code, answer.json()) == (202, {"status": "accepted", "events": 10_000})
        async with d.world.ctx.db.tx() as tx:
            assert await tx.value("select count(*) from alert where status = 'firing'") == 10_000
        assert await d.states() == ["triggered"]
        assert len((await d.raw())[0].body) > 4 * 1024 * 1024
        await d.world.settle()
        assert d.world.sink.people() == ["Mara Lindqvist"]


async def test_an_empty_list_is_accepted_from_alertmanager_and_reported_otherwise(
    dsn: str, clock: FakeClock
) -> None:
    async with door(dsn, clock) as d:
        assert (await d.post("alertmanager", {"alerts": []})).json() == {"status": "accepted", "events": 0}
        assert (await d.post("generic", [])).json()["error"] == "The list is empty."


async def test_one_message_that_ends_and_begins_the_same_alert_is_taken(dsn: str, clock: FakeClock) -> None:
    async with door(dsn, clock) as d:
        await d.post("generic", ALERT)
        answer = await d.post("generic", [{**ALERT, "status": "resolved"}, {**ALERT, "host": "b"}])
        assert answer.status_code == 202
        assert [a.status for a in await d.alerts()] == ["resolved", "firing"]
        assert await d.states() == ["resolved", "triggered"]


async def test_any_script_and_any_sign_arrive_as_they_were_meant(dsn: str, clock: FakeClock) -> None:
    title = "ディスク満杯 🔥 Größe e\u0301"
    async with door(dsn, clock) as d:
        await d.post("generic", {"title": title, "labels": {"名前": "\u0000x\u0007"}})
        (alert,) = await d.alerts()
        assert alert.title == "ディスク満杯 🔥 Größe é"
        assert alert.labels == {"名前": "x"}


async def test_a_body_with_any_text_pages_someone(dsn: str, clock: FakeClock) -> None:
    async with door(dsn, clock) as d:
        for body in (b"plain words", b"title=disk+full&host=a", b'"just a string"', b"[FIRING] disk"):
            answer = (await d.post("generic", body)).json()
            assert (answer["status"], answer["events"]) == ("accepted", 1)
        titles = [a.title for a in await d.alerts()]
        assert titles == ["plain words", "disk full", "just a string", "[FIRING] disk"]
        assert await d.states() == ["triggered"]


async def test_late_and_doubled_events_change_nothing(dsn: str, clock: FakeClock) -> None:
    first = {**ALERT, "time": "2026-11-24T03:10:00Z"}
    second = {**ALERT, "time": "2026-11-24T03:12:00Z"}
    end = {**ALERT, "status": "resolved", "time": "2026-11-24T03:11:00Z"}
    async with door(dsn, clock) as d:
        for body in (second, end, first, first, end):
            assert (await d.post("generic", body)).status_code == 202
        (alert,) = await d.alerts()
        assert (alert.status, alert.count) == ("firing", 2)
        assert await d.states() == ["triggered"]
        assert len(await d.raw()) == 5


async def test_a_full_queue_is_answered_with_503_and_retry_after(
    dsn: str, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with door(dsn, clock) as d:
        monkeypatch.setattr(ingest_queue, "MAX_QUEUED_REQUESTS", 3)
        answers = await asyncio.gather(*[d.post("generic", {**ALERT, "key": f"k{i}"}) for i in range(40)])
        statuses = [a.status_code for a in answers]
        assert set(statuses) == {202, 503}
        assert {a.headers["retry-after"] for a in answers if a.status_code == 503} == {"5"}
        assert len(await d.alerts()) == statuses.count(202)


async def test_an_unavailable_database_is_answered_with_503(dsn: str, clock: FakeClock) -> None:
    async with door(dsn, clock) as d:
        assert (await d.post("generic", ALERT)).status_code == 202
        await d.world.ctx.ingest_db.close()
        answer = await d.post("generic", ALERT)
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")


async def test_a_sender_that_hangs_up_half_way_leaves_nothing(dsn: str, clock: FakeClock) -> None:
    async with door(dsn, clock) as d:
        await _half(d, [{"type": "http.request", "body": b'{"title": "di', "more_body": True}])
        await _half(d, [])
        assert await d.raw() == []
        assert await d.states() == []


async def _half(d: Door, parts: list[dict[str, Any]]) -> None:
    """Post some parts of a body and hang up."""
    transport = d.http._transport
    assert isinstance(transport, httpx.ASGITransport)
    waiting = iter([*parts, {"type": "http.disconnect"}])

    async def receive() -> dict[str, Any]:
        return next(waiting)

    async def send(_: Any) -> None:
        return None

    scope = {"type": "http", "method": "POST", "path": f"/in/{d.world.key}/generic", "headers": []}
    await transport.app(scope, receive, send)


async def test_an_unknown_address_gets_a_json_404_for_clients_of_other_products(
    dsn: str, clock: FakeClock
) -> None:
    gets = (
        "/v2/other",
        "/v1/json/other",
        "/integration/KEY/other",
        "/integrations/generic/20131114/alert",
        "/generic/2010-04-15/other.json",
        "/in",
        "/in/KEY",
    )
    async with door(dsn, clock) as d:
        for method, paths in (("GET", gets), ("POST", gets), ("PATCH", gets)):
            for path in paths:
                answer = await d.http.request(method, path.replace("KEY", d.world.key))
                assert answer.status_code == 404, (method, path)
                assert answer.headers["content-type"] == "application/problem+json", (method, path)
                assert answer.json()["status"] == 404
        wrong = await d.http.get(f"/in/{d.world.key}/generic")
        assert (wrong.status_code, wrong.json()["status"]) == (405, 405)
        assert (await d.http.get("/no-such-page")).headers["content-type"].startswith("text/html")
