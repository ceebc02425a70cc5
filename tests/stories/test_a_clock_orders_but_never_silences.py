"""Story: a source resolves an alert and then fires again with the same start; someone is paged all the same."""

import json
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from firebell.kit.clock import FakeClock
from tests.api.api_clients import browser, organization
from tests.cli.terminal import at_a_server
from tests.sources.inbound_client import Door, door
from tests.world import World

SAMPLE = (
    Path(__file__).parent.parent / "sources" / "samples" / "alertmanager-refires-with-the-same-start.json"
)
FIRES, ENDS, FIRES_AGAIN = json.loads(SAMPLE.read_text())
START = datetime.fromisoformat(FIRES["alerts"][0]["startsAt"])
PASSWORD = "a quiet night please"


async def refire(w: World, clock: FakeClock) -> None:
    """Send the three messages at the times at which they came."""
    for minutes, message in ((0, FIRES), (10, ENDS), (20, FIRES_AGAIN)):
        clock.set(START + timedelta(minutes=minutes, seconds=2))
        await w.receive("alertmanager", json.dumps(message).encode())
        await w.settle()


async def test_an_alert_that_fires_on_after_a_false_end_wakes_someone_again(
    dsn: str, clock: FakeClock
) -> None:
    async with organization(dsn, clock) as (w, api):
        clock.set(START)
        await refire(w, clock)
        assert [p.state for p in await w.pages()] == ["resolved", "triggered"]
        paged = [m["page"] for m in w.sink.got if m["event"] == "page"]
        assert paged[0] != paged[-1]
        again, before = await api("GET", "/alerts")
        assert (before["status"], before["findings"]) == ("resolved", [])
        assert (again["status"], again["findings"]) == ("firing", ["A-MISSED"])
        page = await w.page()
        (listed,) = (await api("GET", f"/pages/{page.ref}"))["alert_list"]
        assert listed["findings"] == ["A-MISSED"]


async def test_what_was_missed_can_be_seen_in_the_web(dsn: str, clock: FakeClock) -> None:
    async with organization(dsn, clock) as (w, _), browser(w) as http:
        clock.set(START)
        await refire(w, clock)
        await w.set_password(w.mara, PASSWORD)
        await http.post("/login", data={"email": "mara@example.org", "password": PASSWORD})
        for address in ("/alerts", "/alerts/2", f"/pages/{(await w.page()).ref}"):
            answer = await http.get(address)
            assert answer.status_code == 200
            assert answer.text.count('title="A-MISSED') == 1, address
        assert "A-MISSED" not in (await http.get("/alerts/1")).text


async def test_what_was_missed_can_be_seen_at_the_terminal(
    dsn: str, clock: FakeClock, tmp_path: Path
) -> None:
    async with at_a_server(dsn, clock, tmp_path) as (w, run):
        clock.set(START)
        await refire(w, clock)
        assert (await run("alert", "list")).out.count("A-MISSED") == 1
        assert "A-MISSED" in (await run("page", "show", (await w.page()).ref)).out


def labeled(status: str, starts: datetime, ends: datetime | None, fingerprint: str = "8a1") -> dict[str, Any]:
    """Return a message as Alertmanager 0.25 writes it."""
    alert = {
        "status": status,
        "labels": {"alertname": "Payments", "severity": "critical", "instance": "shop:9100"},
        "annotations": {"summary": "Payments fail"},
        "startsAt": starts.isoformat(),
        "endsAt": ends.isoformat() if ends else "0001-01-01T00:00:00Z",
        "generatorURL": "http://prometheus:9090/graph?g0.expr=up+%3D%3D+0&g0.tab=1",
        "fingerprint": fingerprint,
    }
    return {
        "version": "4",
        "groupKey": '{}:{alertname="Payments"}',
        "truncatedAlerts": 0,
        "status": status,
        "receiver": "firebell",
        "groupLabels": {"alertname": "Payments"},
        "commonLabels": alert["labels"],
        "commonAnnotations": alert["annotations"],
        "externalURL": "http://alertmanager:9093",
        "alerts": [alert],
    }


async def test_a_slightly_late_duplicate_pages_no_one_and_one_that_goes_on_does(
    dsn: str, clock: FakeClock
) -> None:
    start = clock.now() - timedelta(minutes=10)
    async with door(dsn, clock) as d:
        await send(d, labeled("firing", start, None))
        await send(d, labeled("resolved", start, clock.now()))
        clock.advance(timedelta(seconds=45))
        twin = {**labeled("firing", start, None), "externalURL": "http://alertmanager-2:9093"}
        await send(d, twin)
        assert await d.states() == ["resolved"]
        clock.advance(timedelta(seconds=16))
        await send(d, twin)
        assert await d.states() == ["resolved", "triggered"]


async def test_a_repetition_byte_for_byte_hours_later_wakes_someone(dsn: str, clock: FakeClock) -> None:
    start = clock.now()
    async with door(dsn, clock) as d:
        await send(d, labeled("firing", start, None))
        clock.advance(timedelta(hours=1))
        await send(d, labeled("resolved", start, clock.now()))
        clock.advance(timedelta(hours=3))
        await send(d, labeled("firing", start, None))
        assert await d.states() == ["resolved", "triggered"]


async def test_in_the_hour_after_clocks_go_back_a_time_without_a_zone_silences_nothing(
    dsn: str, clock: FakeClock
) -> None:
    clock.set(datetime.fromisoformat("2026-11-01T06:40:00Z"))
    alert = {"title": "Queue is full", "key": "queue"}
    async with door(dsn, clock) as d:
        await d.post("generic", {**alert, "time": "2026-11-01 01:35:00"})
        await d.post("generic", {**alert, "time": "2026-11-01 01:40:00", "status": "resolved"})
        clock.advance(timedelta(seconds=30))
        await d.post("generic", {**alert, "time": "2026-11-01 01:10:00"})
        assert await d.states() == ["resolved", "triggered"]


async def test_a_page_of_a_source_whose_clock_was_set_back_ends(dsn: str, clock: FakeClock) -> None:
    alert = {"title": "Queue is full", "key": "queue"}
    async with door(dsn, clock) as d:
        ahead = (clock.now() + timedelta(minutes=4)).isoformat()
        await d.post("generic", {**alert, "time": ahead})
        clock.advance(timedelta(seconds=61))
        end = {**alert, "time": (clock.now() - timedelta(minutes=2)).isoformat(), "status": "resolved"}
        await d.post("generic", end)
        assert await d.states() == ["resolved"]


async def send(d: Door, message: dict[str, Any]) -> None:
    """Post a message to the Alertmanager address."""
    assert (await d.post("alertmanager", message)).status_code == 202
