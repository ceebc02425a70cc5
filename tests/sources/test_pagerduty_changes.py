"""PagerDuty change events: PagerDuty's answers, kept once, shown with the pages of their service."""

from datetime import timedelta
from pathlib import Path
from typing import Any

from firebell.alerts import actions as alerts
from firebell.alerts import retention_store
from firebell.alerts.model import ChangeEvent
from firebell.kit.clock import FakeClock
from tests.api.api_clients import Api, browser, key_of, organization
from tests.cli.terminal import at_a_server
from tests.sources.inbound_client import Door, door
from tests.world import World

DEPLOYMENT: dict[str, Any] = {
    "payload": {
        "summary": "Deployed build 4812",
        "source": "ci.example.org",
        "timestamp": "2026-11-24T03:02:00Z",
        "custom_details": {"sha": "5d1e", "build": {"number": 4812}},
    },
    "links": [{"href": "https://ci.example.org/4812", "text": "Build"}],
}


async def announce(d: Door, event: Any, address: str = "/v2/change/enqueue") -> tuple[int, Any]:
    """Post a change event and return the answer's status and body."""
    answer = await d.http.post(address, json={"routing_key": d.world.key, **event})
    return answer.status_code, answer.json()


async def kept(w: World) -> list[ChangeEvent]:
    """Return every change event, newest first."""
    async with w.ctx.db.tx() as tx:
        return await alerts.changes(tx, None)


async def test_a_change_event_is_answered_like_pagerduty_stored_once_and_pages_no_one(
    dsn: str, clock: FakeClock
) -> None:
    async with door(dsn, clock) as d:
        success = (202, {"status": "success", "message": "Change event processed"})
        assert await announce(d, DEPLOYMENT) == success
        clock.advance(timedelta(minutes=5))
        assert await announce(d, DEPLOYMENT, "/v2/change/enqueue/") == success
        (change,) = await kept(d.world)
        assert (change.summary, change.source) == ("Deployed build 4812", "ci.example.org")
        assert change.at.isoformat() == "2026-11-24T03:02:00+00:00"
        assert change.links == {"Build": "https://ci.example.org/4812"}
        assert change.details == {"sha": "5d1e", "build": '{"number":4812}'}
        assert await d.states() == []
        assert await d.alerts() == []
        assert {event.source for event in await d.raw()} == {"pagerduty-change"}


async def test_a_change_without_a_time_is_a_new_one_after_a_minute(dsn: str, clock: FakeClock) -> None:
    async with door(dsn, clock) as d:
        for seconds in (0, 30, 61):
            clock.advance(timedelta(seconds=seconds))
            await announce(d, {"payload": {"summary": "Switched a flag"}})
        assert [c.at for c in await kept(d.world)] == [clock.now(), clock.now() - timedelta(seconds=91)]


async def test_each_fault_of_a_change_has_its_status_and_sentence(dsn: str, clock: FakeClock) -> None:
    async with door(dsn, clock) as d:
        faults: list[tuple[Any, str]] = [
            ({"payload": {}}, "'payload.summary' is missing or blank"),
            ({"payload": None}, "'payload.summary' is missing or blank"),
            ({**DEPLOYMENT, "routing_key": ""}, "'routing_key' is missing or blank"),
            ({**DEPLOYMENT, "routing_key": "k" * 32}, "'routing_key' is not the key of an integration here"),
        ]
        for event, error in faults:
            status, answer = await announce(d, event)
            assert (status, answer["status"]) == (400, "invalid event")
            assert answer["errors"] == [error]
        assert (await d.http.post("/v2/change/enqueue", content=b"{")).status_code == 400
        assert (await d.http.get("/v2/change/enqueue")).status_code == 405
        assert await kept(d.world) == []


async def test_the_key_may_be_in_a_header(dsn: str, clock: FakeClock) -> None:
    async with door(dsn, clock) as d:
        headers = {"X-Routing-Key": d.world.key}
        answer = await d.http.post("/v2/change/enqueue", json=DEPLOYMENT, headers=headers)
        assert answer.status_code == 202


async def test_a_page_shows_the_changes_of_its_service_in_the_day_before_it_began(
    dsn: str, clock: FakeClock
) -> None:
    async with organization(dsn, clock) as (w, api), browser(w) as http:
        for hours, summary in ((25, "Long ago"), (3, "Before"), (0, "After")):
            at = (clock.now() - timedelta(hours=hours) + timedelta(minutes=not hours)).isoformat()
            clock.advance(-timedelta(hours=hours))
            payload = {"summary": summary, "timestamp": at}
            event = {"routing_key": w.key, "payload": payload}
            assert (await http.post("/v2/change/enqueue", json=event)).status_code == 202
            clock.advance(timedelta(hours=hours))
        await w.alert()
        page = await w.page()
        shown = (await api("GET", f"/pages/{page.ref}"))["changes"]
        assert [c["summary"] for c in shown] == ["Before"]
        await listed(api)
        await w.set_password(w.mara, "a quiet night please")
        await http.post("/login", data={"email": "mara@example.org", "password": "a quiet night please"})
        detail = (await http.get(f"/pages/{page.ref}")).text
        assert "Before" in detail
        assert "Long ago" not in detail
        service = (await http.get("/services/checkout")).text
        assert "Before" in service
        assert "Long ago" in service


async def listed(api: Api) -> None:
    """Assert the list of changes of the service, page by page, and that a viewer's key may read it."""
    everything = await api("GET", "/changes", service="checkout")
    assert [(c["summary"], c["service"]) for c in everything] == [
        ("After", "checkout"),
        ("Before", "checkout"),
        ("Long ago", "checkout"),
    ]
    first = await api("GET", "/changes", limit=1)
    rest = await api("GET", "/changes", limit=5, before=first[0]["id"])
    assert [c["summary"] for c in first + rest] == ["After", "Before", "Long ago"]
    recent = await api("GET", "/changes", since=everything[1]["at"], until=everything[1]["at"])
    assert [c["summary"] for c in recent] == ["Before"]
    await api("GET", "/changes", service="no-such", status=404)


async def test_the_terminal_lists_changes(dsn: str, clock: FakeClock, tmp_path: Path) -> None:
    async with at_a_server(dsn, clock, tmp_path) as (w, run), browser(w) as http:
        assert (await run("service", "changes", "checkout")).out == "No changes yet.\n"
        event = {"routing_key": w.key, **DEPLOYMENT}
        assert (await http.post("/v2/change/enqueue", json=event)).status_code == 202
        await w.alert()
        assert "Deployed build 4812" in (await run("service", "changes", "checkout")).out
        assert "Deployed build 4812" in (await run("page", "show", (await w.page()).ref)).out


async def test_changes_are_forgotten_after_thirty_days(dsn: str, clock: FakeClock) -> None:
    async with door(dsn, clock) as d:
        await announce(d, DEPLOYMENT)
        for days, count in ((29, 1), (2, 0)):
            clock.advance(timedelta(days=days))
            async with d.world.ctx.db.tx() as tx:
                await retention_store.delete_changes(tx, clock.now() - timedelta(days=30), 1000)
            assert len(await kept(d.world)) == count


async def test_a_key_without_the_right_to_read_pages_sees_no_changes(dsn: str, clock: FakeClock) -> None:
    async with organization(dsn, clock) as (w, api):
        other = api.with_key(await key_of(w.ctx.db, clock, w.mara, ["oncall:read"]))
        await other("GET", "/changes", status=403)
