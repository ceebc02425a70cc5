"""Story: what is published on a status page reaches Statuspage and Instatus, whatever fails or is changed there."""

from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest

from firebell.kit.clock import FakeClock
from firebell.status_copies.copier import Copier
from firebell.status_copies.doctor_checks import check
from firebell.status_copies.instatus import InstatusApi
from firebell.status_copies.statuspage import StatuspageApi
from tests.api.api_clients import Api, organization
from tests.api.test_timeline_entries import declare
from tests.standins.status_providers import (
    KEY,
    PAGE,
    Fault,
    InstatusStandin,
    StatuspageStandin,
    serving,
)
from tests.world import World

MAINTENANCE = "/status-pages/kestrel/maintenance"
COPIES = "/status-pages/kestrel/copies"
INCIDENTS = "/status-pages/kestrel/incidents"


@dataclass(slots=True)
class Desk:
    """A status page with one component, and its pages elsewhere."""

    w: World
    api: Api
    statuspage: StatuspageStandin
    instatus: InstatusStandin
    copier: Copier
    component: int
    service: int

    async def later(self, seconds: int = 30) -> None:
        """Run reactions and the lane of copies while time passes, whenever the lane has work."""
        end = self.w.now + timedelta(seconds=seconds)
        while await self.w.worker.run_outbox(self.w.now):
            pass
        while self.w.now < end:
            while await self.copier.run_once(self.w.now):
                pass
            next_at = self.copier.upcoming or end
            self.w.clock.advance(max(min(next_at, end) - self.w.now, timedelta(milliseconds=100)))

    async def publish(self, **more: Any) -> Any:
        """Publish the first update of an incident."""
        update = {
            "name": "Card payments fail",
            "stage": "investigating",
            "body": "We are investigating.",
            "components": {str(self.component): "partial_outage"},
            "next_update_at": (self.w.now + timedelta(hours=1)).isoformat(),
            **more,
        }
        return await self.api("POST", INCIDENTS, update, status=201)

    async def update(self, public_id: str, stage: str, body: str, **more: Any) -> Any:
        """Publish the next update of an incident."""
        promise = None if stage == "resolved" else (self.w.now + timedelta(hours=1)).isoformat()
        update = {"stage": stage, "body": body, "next_update_at": promise, **more}
        return await self.api("POST", f"{INCIDENTS}/{public_id}/updates", update, status=201)

    async def copy(self, number: int = 1) -> Any:
        """Return a copy as the API shows it."""
        return await self.api("GET", f"{COPIES}/{number}")

    async def differences(self) -> list[tuple[str, str]]:
        """Return the kinds and states of what is different at Statuspage."""
        return [(d["kind"], d["state"]) for d in (await self.copy())["differences"]]


@asynccontextmanager
async def desk(dsn: str, clock: FakeClock, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Desk]:
    """Yield a status page whose two copies are connected and compared."""
    statuspage, instatus = StatuspageStandin(clock.now), InstatusStandin(clock.now)
    statuspage.add_component("8kbf7d35c070", "Checkout")
    statuspage.add_component("vtnh60py4yd7", "Blog")
    instatus.add_component("cke1", "checkout")
    async with (
        organization(dsn, clock) as (w, api),
        serving(statuspage) as statuspage_url,
        serving(instatus) as instatus_url,
    ):
        monkeypatch.setattr(StatuspageApi, "address", f"{statuspage_url}/v1")
        monkeypatch.setattr(InstatusApi, "address", instatus_url)
        page = {"slug": "kestrel", "name": "Kestrel", "tz": "UTC", "service_ids": [w.service]}
        created = await api("POST", "/status-pages", page, status=201)
        for provider in ("statuspage", "instatus"):
            body = {"provider": provider, "remote_page_id": PAGE, "key": KEY}
            await api("POST", COPIES, body, status=201)
        one = Desk(w, api, statuspage, instatus, Copier(w.ctx), created["components"][0]["id"], w.service)
        await one.later(20)
        yield one


async def test_updates_arrive_in_order_once_through_every_failure(
    dsn: str, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with desk(dsn, clock, monkeypatch) as d:
        connected = await d.copy()
        assert connected["components"][0]["remote_id"] == "8kbf7d35c070", "equal names are mapped"
        assert KEY not in str(connected)
        await d.api("POST", COPIES, {"provider": "instatus", "remote_page_id": PAGE, "key": "k"}, status=409)
        for wrong in ({"remote_page_id": "a/b", "key": KEY}, {"remote_page_id": "abc", "key": "two words"}):
            await d.api("POST", COPIES, {"provider": "statuspage", **wrong}, status=422)

        for standin in (d.statuspage, d.instatus):
            standin.faults = deque([None, None, Fault.LOST, Fault.TOO_MANY, None, None, Fault.TRUNCATED])
        published = await d.publish()
        await d.later(120)
        d.statuspage.faults = deque([Fault.BAD_GATEWAY, None, Fault.HTML])
        await d.update(published["id"], "identified", "We found it.")
        await d.update(published["id"], "identified", "We found it.")
        await d.later(120)
        await d.update(published["id"], "resolved", "This is over.", components={})
        await d.later(60)

        expected = [
            ("investigating", "We are investigating."),
            ("identified", "We found it."),
            ("identified", "We found it."),
            ("resolved", "This is over."),
        ]
        for standin in (d.statuspage, d.instatus):
            assert standin.texts() == [expected]
            assert (standin.refused, standin.notified) == ([], 0)
        assert (d.statuspage.status("8kbf7d35c070"), d.instatus.status("cke1")) == (
            "operational",
            "OPERATIONAL",
        )
        await d.api("PATCH", f"{INCIDENTS}/{published['id']}/updates/2", {"body": "We found the cause."})
        await d.later(60)
        assert d.statuspage.texts()[0][1] == d.instatus.texts()[0][1] == ("identified", "We found the cause.")
        assert (await d.copy())["queue"] == []

        # a refused key stops the copy and loses nothing
        d.statuspage.key = "another"
        second = await d.publish(name="Search is slow", components={})
        await d.later(30)
        stopped = await d.copy()
        assert (stopped["state"], len(stopped["queue"])) == ("stopped", 1)
        async with d.w.ctx.db.tx() as tx:
            [about_statuspage, _] = await check(tx, d.w.now)
            notices = await tx.fetch("select person_id, title from notice where kind = 'statuspage'")
        assert about_statuspage.level == "warn"
        assert [row["person_id"] for row in notices] == [d.w.mara], "admins are notified"
        assert len(d.instatus.incidents) == 2
        await d.api("PATCH", f"{COPIES}/1", {"key": "another"})
        await d.later(30)
        assert [i["metadata"]["firebell"]["id"] for i in d.statuspage.incidents] == [
            published["id"],
            second["id"],
        ]


async def test_what_is_changed_there_is_shown_and_a_person_decides(
    dsn: str, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with desk(dsn, clock, monkeypatch) as d:
        await declare(d.w, severity=1)
        published = await d.publish(incident="INC-1")
        await d.later(30)
        [there] = d.statuspage.incidents
        d.statuspage.components[0]["status"] = "operational"
        d.statuspage.add_update(there, "monitoring", "Someone wrote this there.")
        there["name"] = "Payments"
        await d.later(330)
        assert set(await d.differences()) == {
            ("stage", "open"),
            ("text", "open"),
            ("name", "open"),
            ("component", "open"),
        }
        findings = {f["code"] for f in (await d.api("GET", "/incidents/INC-1/checks"))["findings"]}
        assert "T-DRIFT" in findings
        numbers = {each["kind"]: each["id"] for each in (await d.copy())["differences"]}
        differences = f"{COPIES}/1/differences"

        await d.api("POST", f"{differences}/{numbers['name']}/ignore")
        await d.api("POST", f"{differences}/{numbers['component']}/overwrite")
        await d.later(60)
        assert d.statuspage.status("8kbf7d35c070") == "partial_outage"
        await d.api("POST", f"{differences}/{numbers['name']}/adopt", status=409)
        adopted = await d.api("POST", f"{differences}/{numbers['text']}/adopt")
        assert [each["kind"] for each in adopted["differences"]] == ["name"]
        await d.later(330)
        [ours] = await d.api("GET", INCIDENTS)
        assert (ours["stage"], ours["updates"][-1]["body"]) == ("monitoring", "Someone wrote this there.")
        assert await d.differences() == [("name", "ignored")]
        assert len(d.statuspage.texts()[0]) == 2, "it is not sent back"
        assert d.instatus.texts()[0][-1] == ("monitoring", "Someone wrote this there.")

        # someone resolves it there: the next update waits, and reopens it only when a person says so
        d.statuspage.add_update(there, "resolved", "Done.")
        await d.update(published["id"], "monitoring", "Still watching.")
        await d.later(330)
        [waiting] = (await d.copy())["queue"]
        assert waiting["state"] == "blocked"
        assert {f["code"] for f in (await d.api("GET", "/incidents/INC-1/checks"))["findings"]} >= {
            "T-SYNC",
            "T-DRIFT",
        }
        numbers = {each["kind"]: each["id"] for each in (await d.copy())["differences"]}
        await d.api("POST", f"{differences}/{numbers['stage']}/overwrite")
        await d.later(60)
        assert d.statuspage.texts()[0][-1] == ("monitoring", "Still watching.")
        assert ((await d.copy())["queue"], await d.differences()) == ([], [("name", "ignored")])

        # someone deletes it there: it is created again only when a person says so
        d.statuspage.incidents.clear()
        await d.later(330)
        [gone] = [e for e in (await d.copy())["differences"] if e["kind"] == "gone"]
        await d.api("POST", f"{differences}/{gone['id']}/overwrite")
        await d.later(120)
        assert [stage for stage, _ in d.statuspage.texts()[0]] == [
            "investigating",
            "monitoring",
            "monitoring",
        ]


async def test_a_page_moves_in_with_its_components_and_history_and_nothing_is_sent_back(
    dsn: str, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with desk(dsn, clock, monkeypatch) as d:
        d.statuspage.groups = ({"id": "g1", "name": "Europe"},)
        d.statuspage.components[1].update(group_id="g1", name="Search", start_date="2026-01-01")
        old = (clock.now() - timedelta(days=10)).isoformat()
        later = (clock.now() - timedelta(days=10) + timedelta(hours=1)).isoformat()
        affected = [{"code": "vtnh60py4yd7", "name": "Search", "new_status": "major_outage"}]
        first = {"id": "u1", "status": "investigating", "body": "<p>Down.</p>", "created_at": old}
        last = {"id": "u2", "status": "postmortem", "body": "", "created_at": later}
        d.statuspage.incidents.append(
            {
                "id": "i1",
                "name": "Search is down",
                "status": "postmortem",
                "impact": "critical",
                "created_at": old,
                "metadata": {},
                "incident_updates": [last, {**first, "affected_components": affected}],
            }
        )
        d.statuspage.incidents.append({**d.statuspage.incidents[0], "id": "i2", "status": "completed"})
        await d.api("POST", f"{COPIES}/1/import")
        await d.api("POST", f"{COPIES}/1/import", status=409)
        await d.later(60)
        await d.api("POST", f"{COPIES}/1/import")
        await d.later(60)

        copy = await d.copy()
        assert (copy["is_importing"], copy["queue"]) == (False, [])
        assert {c["name"]: c["remote_id"] for c in copy["components"]} == {
            "Checkout": "8kbf7d35c070",
            "Search": "vtnh60py4yd7",
        }
        [imported] = await d.api("GET", INCIDENTS)
        assert (imported["stage"], imported["impact"]) == ("resolved", "critical")
        assert [u["stage"] for u in imported["updates"]] == ["investigating", "resolved"]
        page = await d.api("GET", "/status-pages/kestrel")
        search = next(c for c in page["components"] if c["name"] == "Search")
        assert search["status"] == "operational"
        assert search["uptime_90d"] < 1
        assert (search["group_id"] is not None, d.statuspage.writes, d.instatus.writes) == (True, [], [])


async def test_maintenance_is_copied_with_its_times_and_once(
    dsn: str, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with desk(dsn, clock, monkeypatch) as it:
        await it.later()
        start = it.w.now + timedelta(days=2)
        plan: dict[str, Any] = {"name": "Database upgrade", "body": "Checkout may pause."}
        plan |= {"component_ids": [it.component], "scheduled_for": start.isoformat()}
        plan |= {"scheduled_until": (start + timedelta(hours=2)).isoformat(), "auto_start": False}
        # what was created, although its answer was lost, is looked up and not created again
        it.statuspage.faults = deque([None, None, Fault.LOST])
        window = await it.api("POST", MAINTENANCE, plan, status=201)
        await it.later(120)
        [remote] = it.statuspage.incidents
        assert (remote["status"], remote["scheduled_for"], remote["name"]) == (
            "scheduled",
            start.isoformat(),
            "Database upgrade",
        )
        assert it.statuspage.status("8kbf7d35c070") == "operational"
        [there] = it.instatus.maintenances
        assert (there["status"], there["start"][:19]) == ("NOTSTARTEDYET", start.isoformat()[:19])
        assert it.instatus.status("cke1") == "OPERATIONAL"
        one = f"{MAINTENANCE}/{window['id']}"
        later = start + timedelta(days=1)
        times = {"scheduled_for": later.isoformat(), "body": "A day later."}
        times["scheduled_until"] = (later + timedelta(hours=3)).isoformat()
        await it.api("POST", f"{one}/postpone", times)
        await it.later(60)
        assert remote["scheduled_for"] == later.isoformat()
        assert (there["start"][:19], there["end"][:19]) == (
            later.isoformat()[:19],
            times["scheduled_until"][:19],
        )
        await it.api("POST", f"{one}/start", {"body": "It starts."})
        await it.later(60)
        assert (remote["status"], it.statuspage.status("8kbf7d35c070")) == (
            "in_progress",
            "under_maintenance",
        )
        assert (there["status"], it.instatus.status("cke1")) == ("INPROGRESS", "UNDERMAINTENANCE")
        # it went on by itself there, and ours goes on nevertheless
        it.statuspage.add_update(remote, "completed", "Completed by its schedule.")
        await it.api("POST", f"{one}/verify", {"body": "We check."})
        await it.later(60)
        assert remote["status"] == "verifying"
        await it.api("POST", f"{one}/complete", {"body": "Done."})
        await it.later(60)
        assert (remote["status"], it.statuspage.status("8kbf7d35c070")) == ("completed", "operational")
        assert (there["status"], it.instatus.status("cke1")) == ("COMPLETED", "OPERATIONAL")
        assert [text for _, text in it.instatus.texts()[0]] == [
            *("Checkout may pause.", "A day later.", "It starts.", "We check.", "Done.")
        ]
        assert [stage for stage, _ in it.statuspage.texts()[0]] == [
            *("scheduled", "scheduled", "in_progress", "completed", "verifying", "completed")
        ]

        weekly = {**plan, "rule": "FREQ=WEEKLY", "scheduled_for": (it.w.now + timedelta(days=3)).isoformat()}
        weekly["scheduled_until"] = (it.w.now + timedelta(days=3, hours=1)).isoformat()
        first = await it.api("POST", MAINTENANCE, weekly, status=201)
        await it.later(300)
        # what repeats is copied when it is near: 3, 10, 17, 24 and 31 days ahead
        assert [i["status"] for i in it.statuspage.incidents] == ["completed", *["scheduled"] * 5]
        await it.api("POST", f"{MAINTENANCE}/{first['id']}/cancel", {"body": "Not needed."})
        await it.later(60)
        assert it.statuspage.incidents[1]["status"] == "completed"
        assert (it.statuspage.refused, it.instatus.incidents) == ([], [])
        assert [c["queue"] for c in (await it.copy(1), await it.copy(2))] == [[], []]
        assert await it.differences() == []


async def test_a_post_mortem_is_copied_when_a_person_sends_it(
    dsn: str, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with desk(dsn, clock, monkeypatch) as it:
        opened = await it.publish()
        await it.later(60)
        await it.update(opened["id"], "resolved", "Over.")
        await it.later(60)
        await it.api(
            "POST",
            f"{INCIDENTS}/{opened['id']}/updates",
            {"stage": "resolved", "kind": "postmortem", "body": "A disk was full. We alert on it now."},
            status=201,
        )
        await it.later(400)
        # nothing is sent by itself, and nothing is different
        assert [stage for stage, _ in it.statuspage.texts()[0]] == ["investigating", "resolved"]
        for number in (1, 2):
            copy = await it.copy(number)
            assert (copy["queue"], copy["differences"]) == ([], [])
            assert [each["incident"] for each in copy["postmortems"]] == [opened["id"]]
            for _ in range(2):
                await it.api("POST", f"{COPIES}/{number}/postmortems/{opened['id']}")
        await it.api("POST", f"{COPIES}/1/postmortems/nowhere", status=404)
        await it.later(400)
        [texts] = it.statuspage.texts()
        assert texts[2:] == [("postmortem", "A disk was full. We alert on it now.")]
        [texts] = it.instatus.texts()
        assert [stage for stage, _ in texts] == ["investigating", "resolved", "resolved"]
        assert f"/incidents/{opened['id']}" in texts[2][1]
        # an edit follows what was sent
        edit = {"body": "A disk was full. We alert on it since Monday.", "reason": "More exact"}
        await it.api("PATCH", f"{INCIDENTS}/{opened['id']}/updates/3", edit)
        await it.later(400)
        assert it.statuspage.texts()[0][-1][1] == edit["body"]
        assert it.instatus.texts()[0][-1][1].startswith(edit["body"])
        for number in (1, 2):
            copy = await it.copy(number)
            assert (copy["queue"], copy["differences"], copy["postmortems"]) == ([], [], [])


async def test_a_page_that_became_private_is_not_copied_and_keeps_no_lane_busy(
    dsn: str, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with desk(dsn, clock, monkeypatch) as one:
        await one.publish()
        await one.api("PATCH", "/status-pages/kestrel", {"visibility": "private"})
        while await one.w.worker.run_outbox(one.w.now):
            pass
        clock.advance(timedelta(minutes=6))
        assert await one.copier.run_once(one.w.now) == 0
        assert one.copier.upcoming is None, "it would look for this work again and again"
        assert one.statuspage.incidents == []
