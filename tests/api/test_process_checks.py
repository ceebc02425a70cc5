"""Process checks of an incident on the web, over JSON and at the terminal: the same findings, waivers and counts."""

import re
from datetime import timedelta

from firebell.incidents import actions as incidents
from firebell.incidents.model import IncidentRole
from firebell.kit.clock import FakeClock
from firebell.regulatory import actions as regulatory
from firebell.regulatory.model import Answer, RegimeSettings
from tests.api.api_clients import browser, key_of, organization, sign_in
from tests.api.test_timeline_entries import INC, declare, page


async def test_findings_are_the_same_everywhere_with_their_evidence(dsn: str, clock: FakeClock) -> None:
    async with organization(dsn, clock) as (w, api), browser(w):
        await declare(w, severity=1)
        clock.advance(timedelta(minutes=20))
        results = await api("GET", f"{INC}/checks")
        codes = {f["code"]: f for f in results["findings"]}
        assert codes["I-ROLE"]["level"] == "error"
        assert results["open"] == len([f for f in results["findings"] if f["level"] != "info"])
        timeline = {f"e-{e['id']}": e["text"] for e in await api("GET", f"{INC}/timeline")}
        for finding in results["findings"]:
            assert {e["id"] for e in finding["evidence"]} <= set(timeline)
        async with page(w) as (http, _):
            room = (await http.get(INC)).text
            shown = re.findall(r'class="todo"[^>]* title="([A-Z-]+)"', room)
            assert sorted(shown) == sorted(f["code"] for f in results["findings"])
            listed = (await http.get("/incidents")).text
            assert f'data-checks="{results["open"]}"' in listed


async def test_a_waived_finding_stays_visible_with_its_reason_until_that_is_undone(
    dsn: str, clock: FakeClock
) -> None:
    async with organization(dsn, clock) as (w, api):
        await declare(w, severity=1)
        clock.advance(timedelta(minutes=20))
        before = await api("GET", f"{INC}/checks")
        finding = next(f for f in before["findings"] if f["code"] == "I-ROLE")["id"]
        path = f"{INC}/checks/waivers"
        await api("POST", path, {"finding": finding, "reason": ""}, status=422)
        await api("POST", path, {"finding": "I-ROLE:999", "reason": "x"}, status=404)
        waived = await api("POST", path, {"finding": finding, "reason": "Two of us are enough"})
        assert waived["open"] == before["open"] - 1
        shown = next(f for f in waived["findings"] if f["id"] == finding)
        assert (shown["level"], shown["waiver"]["reason"]) == ("info", "Two of us are enough")
        assert (await api("GET", "/audit", limit=1))[0]["action"] == "incident.check_waived"
        async with page(w) as (http, csrf):
            assert "Two of us are enough" in (await http.get(INC)).text
            form = {"csrf": csrf, "finding": finding}
            assert (await http.post(f"{INC}/checks/unwaive", data=form)).status_code == 303
            assert (await api("GET", f"{INC}/checks"))["open"] == before["open"]
            answer = await http.post(f"{INC}/checks/waive", data={**form, "reason": "Later"})
            assert answer.status_code == 303
        ended = await api("POST", f"{path}/end", {"finding": finding})
        assert ended["open"] == before["open"]
        kinds = [e["kind"] for e in await api("GET", f"{INC}/timeline")]
        assert kinds.count("waiver") == 4


async def test_a_waiver_with_an_end_ends(dsn: str, clock: FakeClock) -> None:
    async with organization(dsn, clock) as (w, api):
        await declare(w, severity=1)
        clock.advance(timedelta(minutes=20))
        before = await api("GET", f"{INC}/checks")
        finding = next(f for f in before["findings"] if f["code"] == "I-ROLE")["id"]
        body = {"finding": finding, "reason": "Priya is on her way"}
        past = (clock.now() - timedelta(minutes=1)).isoformat()
        await api("POST", f"{INC}/checks/waivers", {**body, "until": past}, status=422)
        until = (clock.now() + timedelta(minutes=2)).isoformat()
        waived = await api("POST", f"{INC}/checks/waivers", {**body, "until": until})
        assert waived["open"] == before["open"] - 1
        clock.advance(timedelta(minutes=2))
        assert (await api("GET", f"{INC}/checks"))["open"] == before["open"]


async def test_regulatory_findings_are_among_them(dsn: str, clock: FakeClock) -> None:
    async with organization(dsn, clock) as (w, api):
        await declare(w, severity=2)
        async with w.ctx.db.tx() as tx:
            mara = await w.actor(w.mara)
            await regulatory.set_regime(tx, mara, "eu-gdpr", RegimeSettings(True), w.now)
            await regulatory.record_fact(tx, mara, 1, "personal_data", Answer.YES, w.now)
        clock.advance(timedelta(hours=73))
        api = api.with_key(await key_of(w.ctx.db, clock, w.mara))
        results = await api("GET", f"{INC}/checks")
        late = [f for f in results["findings"] if f["code"] == "C-LATE"]
        assert late
        assert late[0]["evidence"][0]["id"].startswith("fact-")


async def test_viewers_see_findings_but_waive_none(dsn: str, clock: FakeClock) -> None:
    async with organization(dsn, clock) as (w, api):
        await declare(w, severity=1)
        clock.advance(timedelta(minutes=20))
        finding = (await api("GET", f"{INC}/checks"))["findings"][0]["id"]
        async with w.ctx.db.tx() as tx:
            await tx.execute("update person set role = 'viewer' where id = $1", w.jun)
        jun = api.with_key(await key_of(w.ctx.db, clock, w.jun))
        assert (await jun("GET", f"{INC}/checks"))["findings"]
        await jun("POST", f"{INC}/checks/waivers", {"finding": finding, "reason": "x"}, status=403)


async def test_a_missing_role_is_filled_by_the_button_of_its_finding(dsn: str, clock: FakeClock) -> None:
    async with organization(dsn, clock) as (w, _), browser(w) as http:
        await declare(w, severity=1)
        clock.advance(timedelta(minutes=1))
        await sign_in(w, http, w.jun)
        room = (await http.get(INC)).text
        csrf = re.findall(r'name="csrf" value="([^"]+)"', room)[0]
        checks = room.partition('id="checks"')[2].partition("</section>")[0]
        assert 'name="role" value="sme"' in checks
        form = {"csrf": csrf, "role": "sme"}
        assert (await http.post(f"{INC}/roles", data=form)).status_code == 303
        async with w.ctx.db.tx() as tx:
            held = (await incidents.roles(tx, [1]))[1]
        assert {a.role for a in held} == {IncidentRole.COMMANDER, IncidentRole.SME}
