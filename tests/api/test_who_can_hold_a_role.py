"""Viewers declare but hold no role, and no one is commander and subject matter expert of a SEV0 or SEV1."""

from datetime import timedelta

from firebell.incidents import actions as incidents
from firebell.incidents.model import IncidentRole
from firebell.kit.clock import FakeClock
from firebell.people import actions as people
from tests.api.api_clients import TEST, browser, key_of, organization, sign_in
from tests.world import World


async def holders(w: World, incident_id: int, role: str) -> list[int]:
    async with w.ctx.db.tx() as tx:
        return [
            a.person_id for a in (await incidents.roles(tx, [incident_id]))[incident_id] if a.role == role
        ]


async def test_bug_a_viewer_became_commander_by_declaring(dsn: str, clock: FakeClock) -> None:
    async with organization(dsn, clock) as (w, api), browser(w) as http:
        async with w.ctx.db.tx() as tx:
            await people.update_person(tx, TEST, w.jun, role="viewer", now=w.now)
        csrf = await sign_in(w, http, w.jun)
        assert 'name="command"' not in (await http.get("/incidents/new")).text
        form = {"csrf": csrf, "title": "Card payments fail", "severity": "1", "command": "yes"}
        assert (await http.post("/incidents/new", data=form)).status_code == 303
        assert await holders(w, 1, "commander") == []
        assert len(await w.pages()) == 1

        viewer = api.with_key(await key_of(w.ctx.db, clock, w.jun))
        body = {"title": "Search fails", "severity": "SEV1"}
        await viewer("POST", "/incidents", {**body, "take_command": True}, status=409)
        by_viewer = await viewer("POST", "/incidents", body, status=201)
        assert by_viewer["roles"] == []
        room = f"/incidents/{by_viewer['ref']}"
        await viewer("POST", f"{room}/roles", {"role": "commander"}, status=403)
        for role in IncidentRole:
            given = {"role": role, "person_id": w.jun}
            await api("POST", f"{room}/roles", given, status=409)
        await api("POST", f"{room}/roles", {"role": "scribe"})
        offered = {"role": "scribe", "person_id": w.jun}
        await api("POST", f"{room}/handovers", offered, status=409)
        await sign_in(w, http, w.mara)
        page = (await http.get(room)).text
        assert ">Mara Lindqvist</option>" in page
        assert ">Jun Okafor</option>" not in page


async def test_the_commander_of_a_sev1_is_no_subject_matter_expert(dsn: str, clock: FakeClock) -> None:
    async with organization(dsn, clock) as (w, api):
        jun = api.with_key(await key_of(w.ctx.db, clock, w.jun))
        body = {"title": "Card payments fail", "severity": "SEV1", "take_command": True}
        await api("POST", "/incidents", body, status=201)
        inc = "/incidents/INC-1"
        await api("POST", f"{inc}/roles", {"role": "sme"}, status=409)
        await jun("POST", f"{inc}/roles", {"role": "sme", "person_id": w.mara}, status=409)
        await jun("POST", f"{inc}/roles", {"role": "sme"})
        await jun("POST", f"{inc}/roles", {"role": "commander"}, status=409)
        handover = {"role": "commander", "person_id": w.jun}
        await api("POST", f"{inc}/handovers", handover, status=409)
        await jun("POST", f"{inc}/roles/release", {"role": "sme"})
        offer = await api("POST", f"{inc}/handovers", handover, status=201)
        await jun("POST", f"{inc}/roles", {"role": "sme"})
        path = f"{inc}/handovers/{offer['id']}"
        await jun("POST", path, {"answer": "accepted"}, status=409)
        assert await holders(w, 1, "commander") == [w.mara]
        assert [o["id"] for o in await api("GET", f"{inc}/handovers")] == [offer["id"]]

        # the one responder of a SEV3 is everything; a raise goes first, and asks to hand one role over
        await api("POST", "/incidents", {**body, "title": "A typo", "severity": "SEV3"}, status=201)
        await api("POST", "/incidents/INC-2/roles", {"role": "sme"})
        await api("POST", "/incidents/INC-2/severity", {"severity": "SEV1"})
        clock.advance(timedelta(minutes=1))
        findings = (await api("GET", "/incidents/INC-2/checks"))["findings"]
        assert "I-HANDSON" in {f["code"] for f in findings}


async def test_a_merge_makes_no_one_commander_and_expert(dsn: str, clock: FakeClock) -> None:
    async with organization(dsn, clock) as (w, api):
        for title in ("Card payments fail", "Checkout is slow", "Refunds fail"):
            body = {"title": title, "severity": "SEV1", "take_command": title != "Checkout is slow"}
            await api("POST", "/incidents", body, status=201)
        await api("POST", "/incidents/INC-2/roles", {"role": "sme"})
        await api("POST", "/incidents/INC-2/merge", {"into": "INC-1"})
        assert (await holders(w, 1, "commander"), await holders(w, 1, "sme")) == ([w.mara], [])
        await api("POST", "/incidents", {"title": "Exports fail", "severity": "SEV1"}, status=201)
        await api("POST", "/incidents/INC-4/roles", {"role": "sme"})
        await api("POST", "/incidents/INC-3/merge", {"into": "INC-4"})
        assert (await holders(w, 4, "commander"), await holders(w, 4, "sme")) == ([w.mara], [])
