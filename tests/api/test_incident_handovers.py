"""Roles are handed over to someone who accepts, and released; the timeline says what was handed over."""

import re

from firebell.incidents import actions as incidents
from firebell.incidents.model import IncidentRole, Phase
from firebell.kit.clock import FakeClock
from firebell.kit.db.events import SYSTEM
from firebell.people import actions as people
from tests.api.api_clients import browser, key_of, organization, sign_in
from tests.api.test_timeline_entries import INC, declare
from tests.world import World


async def commanders(w: World) -> list[int]:
    async with w.ctx.db.tx() as tx:
        return [a.person_id for a in (await incidents.roles(tx, [1]))[1] if a.role is IncidentRole.COMMANDER]


async def test_command_stays_until_the_other_accepts_and_the_handover_is_written_down(
    dsn: str, clock: FakeClock
) -> None:
    async with organization(dsn, clock) as (w, api):
        await declare(w, severity=1)
        jun = api.with_key(await key_of(w.ctx.db, clock, w.jun))
        body = {"role": "commander", "person_id": w.jun, "note": "Failover is done, watch the lag"}
        offer = await api("POST", f"{INC}/handovers", body, status=201)
        assert await commanders(w) == [w.mara]
        await w.settle()
        assert any(m["event"] == "handover" and "Jun" in m["person"] for m in w.sink.got)
        path = f"{INC}/handovers/{offer['id']}"
        await api("POST", path, {"answer": "accepted"}, status=403)
        await jun("POST", path, {"answer": "canceled"}, status=403)
        await jun("POST", path, {"answer": "accepted"})
        assert await commanders(w) == [w.jun]
        last = [e for e in await api("GET", f"{INC}/timeline") if e["kind"] == "handover"][-1]
        assert "Failover is done, watch the lag" in last["text"]
        checks = await api("GET", f"{INC}/checks")
        assert "I-HANDOVER" not in {f["code"] for f in checks["findings"]}
        await jun("POST", path, {"answer": "accepted"}, status=404)
        assert await api("GET", f"{INC}/handovers") == []


async def test_an_offer_can_be_declined_canceled_and_replaced(dsn: str, clock: FakeClock) -> None:
    async with organization(dsn, clock) as (w, api):
        await declare(w, severity=1)
        jun = api.with_key(await key_of(w.ctx.db, clock, w.jun))
        body = {"role": "commander", "person_id": w.jun}
        first = await api("POST", f"{INC}/handovers", body, status=201)
        second = await api("POST", f"{INC}/handovers", body, status=201)
        assert [o["id"] for o in await api("GET", f"{INC}/handovers")] == [second["id"]]
        await jun("POST", f"{INC}/handovers/{first['id']}", {"answer": "accepted"}, status=404)
        await jun("POST", f"{INC}/handovers/{second['id']}", {"answer": "declined"})
        third = await api("POST", f"{INC}/handovers", body, status=201)
        await api("POST", f"{INC}/handovers/{third['id']}", {"answer": "canceled"})
        assert await commanders(w) == [w.mara]
        await jun("POST", f"{INC}/handovers", {"role": "commander", "person_id": w.mara}, status=409)
        await api("POST", f"{INC}/handovers", {**body, "person_id": w.mara}, status=422)


async def test_a_released_role_is_empty_and_its_offers_end(dsn: str, clock: FakeClock) -> None:
    async with organization(dsn, clock) as (w, api):
        await declare(w, severity=1)
        await api("POST", f"{INC}/handovers", {"role": "commander", "person_id": w.jun}, status=201)
        released = await api("POST", f"{INC}/roles/release", {"role": "commander"})
        assert released["roles"] == []
        assert await api("GET", f"{INC}/handovers") == []
        again = await api("POST", f"{INC}/roles/release", {"role": "commander"})
        assert again["roles"] == []
        assert (await api("GET", "/audit", limit=1))[0]["action"] == "incident.role_released"


async def test_an_offer_ends_when_someone_else_takes_the_role(dsn: str, clock: FakeClock) -> None:
    async with organization(dsn, clock) as (w, api):
        await declare(w, severity=1)
        async with w.ctx.db.tx() as tx:
            priya = await people.create_person(
                *(tx, SYSTEM), name="Priya", email="priya@example.com", role="responder", tz="UTC", now=w.now
            )
        jun = api.with_key(await key_of(w.ctx.db, clock, w.jun))
        offer = await api("POST", f"{INC}/handovers", {"role": "commander", "person_id": w.jun}, status=201)
        await api("POST", f"{INC}/roles", {"role": "commander", "person_id": priya.id})
        await jun("POST", f"{INC}/handovers/{offer['id']}", {"answer": "accepted"}, status=404)
        assert await commanders(w) == [priya.id]
        assert await api("GET", f"{INC}/handovers") == []


async def test_command_is_vacant_when_the_commander_is_deactivated(dsn: str, clock: FakeClock) -> None:
    async with organization(dsn, clock) as (w, api):
        await declare(w, severity=1)
        await api("POST", f"{INC}/roles", {"role": "commander", "person_id": w.jun})
        jun = api.with_key(await key_of(w.ctx.db, clock, w.jun))
        await jun("POST", f"{INC}/handovers", {"role": "commander", "person_id": w.mara}, status=201)
        async with w.ctx.db.tx() as tx:
            await people.update_person(tx, SYSTEM, w.jun, active=False, now=w.now)
        await w.settle()
        assert await commanders(w) == []
        assert await api("GET", f"{INC}/handovers") == []
        entries = await api("GET", f"{INC}/timeline")
        assert any(e["kind"] == "role" and "deactivated" in e["text"] for e in entries)


async def test_a_commander_who_left_after_the_closing_is_not_commander_again_when_it_is_reopened(
    dsn: str, clock: FakeClock
) -> None:
    async with organization(dsn, clock) as (w, api):
        await declare(w, severity=1)
        await api("POST", f"{INC}/roles", {"role": "commander", "person_id": w.jun})
        await api("POST", f"{INC}/roles", {"role": "scribe", "person_id": w.mara})
        await api("POST", f"{INC}/handovers", {"role": "scribe", "person_id": w.jun}, status=201)
        mara = await w.actor(w.mara)
        async with w.ctx.db.tx() as tx:
            await incidents.set_phase(tx, mara, 1, Phase.MONITORING, w.now, reason="Over", force=True)
            await incidents.set_phase(tx, SYSTEM, 1, Phase.CLOSED, w.now, reason="Over", force=True)
            await people.update_person(tx, SYSTEM, w.jun, active=False, now=w.now)
        await w.settle()
        assert await commanders(w) == [w.jun]
        async with w.ctx.db.tx() as tx:
            await incidents.set_phase(
                tx, mara, 1, Phase.INVESTIGATING, w.now, reason="It is back", force=True
            )
        assert await commanders(w) == []
        assert await api("GET", f"{INC}/handovers") == []
        entries = await api("GET", f"{INC}/timeline")
        assert len([e for e in entries if e["kind"] == "role" and "deactivated" in e["text"]]) == 1


async def test_nothing_can_be_handed_to_someone_who_was_deactivated(dsn: str, clock: FakeClock) -> None:
    async with organization(dsn, clock) as (w, api):
        await declare(w, severity=1)
        await api("POST", f"{INC}/handovers", {"role": "commander", "person_id": w.jun}, status=201)
        async with w.ctx.db.tx() as tx:
            await people.update_person(tx, SYSTEM, w.jun, active=False, now=w.now)
        await w.settle()
        assert await commanders(w) == [w.mara]
        assert await api("GET", f"{INC}/handovers") == []


async def test_only_who_is_asked_sees_the_question(dsn: str, clock: FakeClock) -> None:
    async with organization(dsn, clock) as (w, _), browser(w) as http:
        await declare(w, severity=1)
        await sign_in(w, http, w.mara)
        csrf = re.findall(r'name="csrf" value="([^"]+)"', (await http.get(INC)).text)[0]
        form = {"csrf": csrf, "held": "commander", "person": str(w.jun), "note": "Watch the lag"}
        assert (await http.post(f"{INC}/roles/offer", data=form)).status_code == 303
        for live in ({}, {"X-Live": "1"}):
            assert "data-offer" not in (await http.get(INC, headers=live)).text
        http.cookies.clear()
        await sign_in(w, http, w.jun)
        for live in ({}, {"X-Live": "1"}):
            assert 'data-offer="commander"' in (await http.get(INC, headers=live)).text
        page = (await http.get(INC)).text
        csrf = re.findall(r'name="csrf" value="([^"]+)"', page)[0]
        offer = re.findall(r'name="offer" value="(\d+)"', page)[0]
        answer = await http.post(f"{INC}/roles/accept", data={"csrf": csrf, "offer": offer})
        assert answer.status_code == 303
        assert await commanders(w) == [w.jun]
        released = await http.post(f"{INC}/roles/release", data={"csrf": csrf, "held": "commander"})
        assert released.status_code == 303
        assert await commanders(w) == []
