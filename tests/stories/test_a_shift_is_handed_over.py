"""Story: a shift ends; its handoff is drafted automatically, people edit it, and both acknowledge."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

import httpx
import pytest

from firebell.handoffs import actions
from firebell.incidents import actions as incidents
from firebell.kit.clock import FakeClock
from firebell.kit.db.events import SYSTEM
from firebell.oncall.model import OverrideKind
from firebell.oncall.schedules import actions as oncall
from firebell.postmortems import actions as postmortems
from tests.api.api_clients import Api, browser, key_of
from tests.stories.test_shift_notifications import HOUR, MONDAY, Team, team

DAY = "2026-11-30"
PATH = f"/oncall/handoffs/weekly/{DAY}"


@dataclass
class Desk:
    """The team with its API, and a browser."""

    t: Team
    api: Api
    http: httpx.AsyncClient

    async def as_(self, person: int) -> Api:
        """Return an API client of a person."""
        return self.api.with_key(await key_of(self.t.w.ctx.db, self.t.w.clock, person))

    async def body(self) -> str:
        """Return the document's Markdown."""
        return str((await self.api("GET", f"/schedules/weekly/handoffs/{DAY}"))["body"])

    async def sign_in(self) -> None:
        """Sign Mara in."""
        await self.http.post("/login", data={"email": "mara@example.org", "password": "a quiet night please"})

    async def post(self, path: str, **form: Any) -> httpx.Response:
        """Send a form of the signed-in person."""
        page = await self.http.get(PATH, params={"edit": "yes"})
        token = re.search(r'name="csrf" value="([^"]+)"', page.text)
        assert token
        return await self.http.post(path, data={"csrf": token[1], **form})


@asynccontextmanager
async def desk(dsn: str, clock: FakeClock) -> AsyncIterator[Desk]:
    async with team(dsn, clock) as t, browser(t.w) as http:
        yield Desk(t, Api(http, await key_of(t.w.ctx.db, clock, t.w.mara)), http)


async def test_the_handoff_is_drafted_four_hours_before_with_what_happened(
    dsn: str, clock: FakeClock
) -> None:
    async with desk(dsn, clock) as d:
        w = d.t.w
        await w.alert("Disk | full")
        await w.settle()
        await w.ack(w.mara)
        async with w.ctx.db.tx() as tx:
            await incidents.declare(
                *(tx, await w.actor(w.mara)),
                title="Checkout is slow",
                severity=1,
                service_ids=[w.service],
                now=w.now,
            )
        await d.t.run(
            oncall.create_override,
            kind=OverrideKind.SET,
            schedule_id=d.t.id,
            users=[d.t.ada],
            start=MONDAY + timedelta(days=1),
            end=MONDAY + timedelta(days=2),
            reason="dentist",
        )
        # in one step: hour by hour, the response would page for an incident without a commander
        await w.until(MONDAY - 4 * HOUR - timedelta(minutes=1), timedelta(days=7))
        await d.api("GET", f"/schedules/weekly/handoffs/{DAY}", status=404)
        await d.t.until(MONDAY - 4 * HOUR)
        body = await d.body()
        assert "# Handoff: Weekly, 30 November 2026" in body
        assert "Mara Lindqvist hands over to Jun Okafor at Mon 30 Nov 09:00." in body
        assert "| PG-1 | Tue 24 Nov 04:14 | acked | Disk \\| full |" in body
        assert "| INC-1 | SEV1 | Tue 24 Nov 04:14 | declared | Checkout is slow |" in body
        assert "- Mara Lindqvist: 2 pages on the night of 23 November" in body
        assert "- Tue 1 Dec 09:00 to Wed 2 Dec 09:00: Ada Byron" in body
        assert "{{" not in body


async def test_an_unedited_handoff_is_drafted_again_at_the_end_of_the_shift_and_an_edited_one_stays(
    dsn: str, clock: FakeClock
) -> None:
    async with desk(dsn, clock) as d:
        await d.t.until(MONDAY - 4 * HOUR)
        assert "_No open pages._" in await d.body()
        await d.t.w.alert("Late one")
        await d.t.until(MONDAY)
        assert "Late one" in await d.body()
        saved = {"body": "Mine", "version": 2}
        await d.api("PUT", f"/schedules/weekly/handoffs/{DAY}", saved)
        await d.t.until(MONDAY + HOUR)
        assert await d.body() == "Mine\n"


async def test_many_newer_incidents_hide_no_post_mortem_that_is_due(
    dsn: str, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(actions, "MAX_INCIDENTS", 1)
    async with desk(dsn, clock) as d:
        w = d.t.w
        mara = await w.actor(w.mara)
        async with w.ctx.db.tx() as tx:
            for title, services in (("Cards fail", [w.service]), ("Typo", []), ("Another typo", [])):
                await incidents.declare(tx, mara, title=title, severity=1, service_ids=services, now=w.now)
            await tx.execute("update incident set phase = 'closed', closed_at = $1", w.now)
            await postmortems.start(tx, SYSTEM, 1, w.now)
        await d.t.until(MONDAY - 4 * HOUR)
        assert "- INC-1, Cards fail: overdue since" in await d.body()


async def test_many_post_mortems_of_other_teams_hide_none_that_is_due(dsn: str, clock: FakeClock) -> None:
    """Only the 500 earliest post-mortems of all teams were read, so that a handoff missed those of its own."""
    async with desk(dsn, clock) as d:
        w = d.t.w
        mara = await w.actor(w.mara)
        async with w.ctx.db.tx() as tx:
            await incidents.declare(
                tx, mara, title="Cards fail", severity=1, service_ids=[w.service], now=w.now
            )
            await tx.execute("update incident set phase = 'closed', closed_at = $1", w.now)
            await postmortems.start(tx, SYSTEM, 1, w.now)
            await tx.execute(
                """
                insert into incident overriding system value
                select (jsonb_populate_record(incident, jsonb_build_object('id', 1000 + number))).*
                from incident, generate_series(1, 500) number
                """
            )
            await tx.execute(
                """
                insert into postmortem (state, body, due_at, created_at, updated_at, incident_id)
                select 'draft', '', due_at - interval '1 day', created_at, updated_at, 1000 + number
                from postmortem, generate_series(1, 500) number
                """
            )
        await d.t.until(MONDAY - 4 * HOUR)
        assert "- INC-1, Cards fail: overdue since" in await d.body()


async def test_both_acknowledge_and_no_one_else_can(dsn: str, clock: FakeClock) -> None:
    async with desk(dsn, clock) as d:
        await d.t.until(MONDAY - 4 * HOUR)
        path = f"/schedules/weekly/handoffs/{DAY}/ack"
        await (await d.as_(d.t.ada))("POST", path, status=403)
        first = await d.api("POST", path)
        assert not first["acknowledged"]
        again = await d.api("POST", path)
        assert again["leaving"] == first["leaving"]
        both = await (await d.as_(d.t.w.jun))("POST", path)
        assert both["acknowledged"]
        assert both["entering"][0]["name"] == "Jun Okafor"


async def test_the_second_of_two_editors_sees_both_texts(dsn: str, clock: FakeClock) -> None:
    async with desk(dsn, clock) as d:
        await d.t.until(MONDAY - 4 * HOUR)
        await d.sign_in()
        first = await d.post(PATH, body="First text", version="1")
        assert first.status_code == 303
        second = await d.post(PATH, body="Second text", version="1")
        assert second.status_code == 409
        assert 'id="conflict"' in second.text
        assert "First text" in second.text
        assert "Second text" in second.text
        await d.api("PUT", f"/schedules/weekly/handoffs/{DAY}", {"body": "x", "version": 1}, status=409)


async def test_the_pages_lead_from_the_list_to_the_acknowledgement(dsn: str, clock: FakeClock) -> None:
    async with desk(dsn, clock) as d:
        await d.sign_in()
        listed = await d.http.get("/oncall/handoffs")
        assert "Draft in" in listed.text
        await d.t.until(MONDAY - 4 * HOUR)
        listed = await d.http.get("/oncall/handoffs", params={"schedule": "weekly"})
        assert "Needs your acknowledgment" in listed.text
        assert PATH in listed.text
        done = await d.post(f"{PATH}/ack")
        assert done.headers["location"] == PATH
        shown = await d.http.get(PATH)
        assert "acknowledged <time" in shown.text
        assert "before the last edit" not in shown.text
        assert "<script>" not in shown.text
        assert (await d.http.get("/oncall/handoffs/weekly/2026-13-40")).status_code == 404


async def test_acknowledging_a_document_that_changed_since_is_flagged(dsn: str, clock: FakeClock) -> None:
    async with desk(dsn, clock) as d:
        await d.t.until(MONDAY - 4 * HOUR)
        await d.sign_in()
        await d.post(f"{PATH}/ack")
        clock.advance(HOUR)
        assert (await d.post(PATH, body="The replica lags.", version="1")).status_code == 303
        assert (await d.http.get(PATH)).text.count(", before the last edit") == 1


async def test_bug_a_handoff_of_long_ago_asked_for_an_acknowledgement_for_ever(
    dsn: str, clock: FakeClock
) -> None:
    async with desk(dsn, clock) as d:
        await d.t.until(MONDAY - 4 * HOUR)
        await d.sign_in()
        clock.advance(168 * HOUR)
        assert "Needs your acknowledgment" in (await d.http.get("/oncall/handoffs?schedule=weekly")).text
        clock.advance(4 * HOUR)
        listed = (await d.http.get("/oncall/handoffs?schedule=weekly")).text
        assert "Needs your acknowledgment" not in listed
        assert "Not acknowledged" in listed


async def test_a_covered_evening_is_no_handoff(dsn: str, clock: FakeClock) -> None:
    async with desk(dsn, clock) as d:
        start = datetime.combine(date(2026, 11, 26), MONDAY.timetz())
        await d.t.run(
            *(oncall.create_override,),
            kind=OverrideKind.SET,
            schedule_id=d.t.id,
            users=[d.t.ada],
            start=start,
            end=start + 4 * HOUR,
            reason="",
        )
        await d.t.until(MONDAY + HOUR)
        assert [h["day"] for h in await d.api("GET", "/handoffs")] == [DAY]
