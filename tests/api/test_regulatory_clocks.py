"""Clocks on the web and over JSON: decided, submitted, corrected, exported, and shown where people look."""

import csv
import io
import re
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import httpx
import pytest

from firebell.incidents import actions as incidents
from firebell.kit.clock import FakeClock
from firebell.people import actions as people
from tests.api.api_clients import TEST, Api, browser, key_of, organization, sign_in
from tests.world import World, world


async def declare(w: World, *, drill: bool = False) -> str:
    """Declare a SEV1 as Mara and return its reference."""
    mara = await w.actor(w.mara)
    async with w.ctx.db.tx() as tx:
        incident = await incidents.declare(
            tx, mara, title="Customer data copied", severity=1, drill=drill, now=w.now
        )
    return incident.ref


def states(answer: Any) -> dict[str, str]:
    """Return the state of each clock of an answer by obligation."""
    return {clock["obligation"]: clock["state"] for clock in answer["clocks"]}


async def test_a_clock_is_decided_submitted_and_corrected_over_json(dsn: str, clock: FakeClock) -> None:
    async with organization(dsn, clock) as (w, api):
        ref = await declare(w)
        assert states(await api("GET", f"/incidents/{ref}/clocks"))["GDPR-33"] == "undecided"
        made = await api("POST", f"/incidents/{ref}/facts", {"fact": "personal_data"}, status=201)
        assert (made["answer"], made["effective_at"], made["by"]) == (
            "yes",
            "2026-11-24T03:14:00Z",
            "Mara Lindqvist (test)",
        )
        (running,) = [c for c in await api("GET", "/clocks") if c["obligation"] == "GDPR-33"]
        assert (running["incident"], running["state"], running["due_at"], running["local_due_at"]) == (
            ref,
            "running",
            "2026-11-27T03:14:00Z",
            "2026-11-27T04:14:00+01:00",
        )
        body = {"fact": "submitted:GDPR-33", "reason": "Online form, reference 4711"}
        await api("POST", f"/incidents/{ref}/facts", body, status=201)
        answer = await api("GET", f"/incidents/{ref}/clocks")
        assert states(answer)["GDPR-33"] == "met"
        (met,) = [c for c in answer["clocks"] if c["obligation"] == "GDPR-33"]
        assert (met["submitted_at"], met["reason"]) == ("2026-11-24T03:14:00Z", body["reason"])
        withdrawn = {"fact": "submitted:GDPR-33", "answer": "no"}
        refused = await api("POST", f"/incidents/{ref}/facts", withdrawn, status=422)
        assert [error["field"] for error in refused["errors"]] == ["reason"]
        await api("POST", f"/incidents/{ref}/facts", {**withdrawn, "reason": "It was a draft"}, status=201)
        assert states(await api("GET", f"/incidents/{ref}/clocks"))["GDPR-33"] == "running"
        history = await api("GET", f"/incidents/{ref}/facts")
        assert [(f["fact"], f["answer"]) for f in history] == [
            ("personal_data", "yes"),
            ("submitted:GDPR-33", "yes"),
            ("submitted:GDPR-33", "no"),
        ]


async def test_an_overdue_and_an_undecided_clock_are_findings(dsn: str, clock: FakeClock) -> None:
    async with organization(dsn, clock) as (w, api):
        ref = await declare(w)
        await api("POST", f"/incidents/{ref}/facts", {"fact": "personal_data"}, status=201)
        clock.advance(timedelta(hours=73))
        answer = await api("GET", f"/incidents/{ref}/clocks")
        codes = {f["id"]: (f["code"], f["level"]) for f in answer["findings"]}
        assert codes[f"{ref}:C-LATE:GDPR-33"] == ("C-LATE", "error")
        assert codes[f"{ref}:C-UNDETERMINED:NIS2-EW"] == ("C-UNDETERMINED", "warning")
        assert answer["findings"][0]["level"] == "error"


async def test_what_a_caller_sends_wrong_is_named(dsn: str, clock: FakeClock) -> None:
    async with organization(dsn, clock) as (w, api):
        ref, drill = await declare(w), await declare_drill(w)
        await api("POST", f"/incidents/{ref}/facts", {"fact": "nonsense"}, status=422)
        await api("POST", f"/incidents/{ref}/facts", {"fact": "submitted:NOTHING"}, status=404)
        future = {"fact": "aware", "effective_at": "2026-11-24T04:00:00Z"}
        assert "errors" in await api("POST", f"/incidents/{ref}/facts", future, status=422)
        await api("POST", f"/incidents/{drill}/facts", {"fact": "personal_data"}, status=409)
        await api("GET", "/incidents/INC-99/clocks", status=404)
        await api("GET", "/regimes/nowhere", status=404)
        await api("PUT", "/regimes/nowhere", {"on": True}, status=404)
        await api("PUT", "/regimes/eu-gdpr", {"on": True, "responsible_id": 999}, status=404)
        await api("POST", "/contracts/99/end", status=404)
        assert states(await api("GET", f"/incidents/{drill}/clocks")) == {}


async def declare_drill(w: World) -> str:
    """Declare a drill as Jun and return its reference."""
    jun = await w.actor(w.jun)
    async with w.ctx.db.tx() as tx:
        return (await incidents.declare(tx, jun, title="Drill", severity=1, drill=True, now=w.now)).ref


async def test_regimes_and_contracts_are_managed_over_json(dsn: str, clock: FakeClock) -> None:
    async with organization(dsn, clock) as (w, api):
        regimes = {r["id"]: r for r in await api("GET", "/regimes")}
        assert (regimes["eu-gdpr"]["on"], regimes["in-certin"]["on"]) == (True, False)
        assert all(o["verified"] for regime in regimes.values() for o in regime["obligations"])
        change = {
            "on": True,
            "authority": "Finansinspektionen",
            "tz": "Europe/Stockholm",
            "responsible_id": w.jun,
        }
        changed = await api("PUT", "/regimes/eu-dora", change)
        assert {name: changed[name] for name in change} == change
        assert await api("PUT", "/clocks/responsible", {"person_id": w.jun}) == {"person_id": w.jun}
        assert await api("GET", "/clocks/responsible") == {"person_id": w.jun}
        await api("PUT", "/clocks/responsible", {"person_id": None})
        body = {"customer": "Nordpost", "clause": "§ 7.2", "amount": 1, "unit": "hours", "max_severity": 1}
        contract = await api("POST", "/contracts", body, status=201)
        ref = await declare(w)
        await w.settle()
        assert states(await api("GET", f"/incidents/{ref}/clocks"))[f"CONTRACT-{contract['id']}"] == "running"
        ended = await api("POST", f"/contracts/{contract['id']}/end")
        assert ended["ended_at"] == "2026-11-24T03:14:00Z"
        assert [c["ended_at"] for c in await api("GET", "/contracts")] == [ended["ended_at"]]
        log = [entry["action"] for entry in await api("GET", "/audit", limit=20)]
        assert {"regulatory.regime", "regulatory.responsible", "regulatory.contract_added"} <= set(log)


async def test_a_responder_records_and_only_a_manager_changes_regimes(dsn: str, clock: FakeClock) -> None:
    async with organization(dsn, clock) as (w, api):
        ref = await declare(w)
        async with w.ctx.db.tx() as tx:
            viewer = await people.create_person(
                tx, TEST, name="Vera", email="vera@example.org", role="viewer", tz="UTC", now=w.now
            )
        jun = api.with_key(await key_of(w.ctx.db, clock, w.jun))
        vera = api.with_key(await key_of(w.ctx.db, clock, viewer.id))
        await jun("POST", f"/incidents/{ref}/facts", {"fact": "personal_data"}, status=201)
        await jun("PUT", "/regimes/eu-gdpr", {"on": False}, status=403)
        await vera("GET", f"/incidents/{ref}/clocks")
        await vera("POST", f"/incidents/{ref}/facts", {"fact": "personal_data"}, status=403)


class Web:
    """A signed-in browser."""

    def __init__(self, w: World, http: httpx.AsyncClient, csrf: str) -> None:
        self.w, self.http, self.csrf = w, http, csrf

    async def get(self, path: str, status: int = 200) -> str:
        """Return a page."""
        answer = await self.http.get(path)
        assert answer.status_code == status, answer.text
        return answer.text

    async def post(self, path: str, status: int = 303, **fields: str) -> str:
        """Send a form."""
        answer = await self.http.post(path, data={"csrf": self.csrf, **fields})
        assert answer.status_code == status, answer.text
        return answer.text


@pytest.fixture
async def web(dsn: str, clock: FakeClock) -> AsyncIterator[Web]:
    """The browser of the admin of the small organization."""
    async with world(dsn, clock) as w, browser(w) as http:
        yield Web(w, http, await sign_in(w, http, w.mara))


def shown(page: str) -> dict[str, str]:
    """Return the state of each clock that a page shows."""
    return dict(re.findall(r'id="clock-([^"]+)" data-clock="(\w+)"', page))


async def test_a_fact_is_recorded_on_the_page_in_the_time_zone_of_its_reader(web: Web) -> None:
    ref = await declare(web.w)
    page = await web.get(f"/incidents/{ref}/clocks")
    assert shown(page)["GDPR-33"] == "undecided"
    path = f"/incidents/{ref}/clocks/facts"
    await web.post(path, fact="personal_data", answer="yes", at="2026-11-24T04:00")
    await web.post(path, fact="aware", answer="yes", at="2026-11-24T03:30")
    page = await web.get(f"/incidents/{ref}/clocks")
    assert shown(page)["GDPR-33"] == "running"
    assert "2026-11-27 02:30 UTC" in page
    assert page.count("not legal advice") == 1
    await web.post(path, fact="submitted:GDPR-33", answer="yes", at="2026-11-24T04:10", reason="Form")
    assert shown(await web.get(f"/incidents/{ref}/clocks"))["GDPR-33"] == "met"


async def test_a_refused_form_keeps_what_was_typed_and_names_the_field(web: Web) -> None:
    ref = await declare(web.w)
    path = f"/incidents/{ref}/clocks/facts"
    page = await web.post(path, 422, fact="personal_data", answer="no", reason="")
    form = page.partition('name="fact" value="personal_data"')[2].partition("</form>")[0]
    assert 'aria-invalid="true"' in form
    assert re.search(r'<option value="no" selected', form)
    page = await web.post(path, 422, fact="aware", answer="yes", at="2031-01-01T00:00")
    assert 'value="2031-01-01T00:00"' in page
    await web.post(path, 422, fact="aware", answer="yes", at="soon")
    await web.post(path, 422, fact="nonsense", answer="yes")


async def test_the_room_the_list_and_the_register_show_what_runs(web: Web) -> None:
    ref = await declare(web.w)
    assert "No clocks are running" in await web.get("/clocks")
    assert f"/incidents/{ref}/clocks" in await web.get(f"/incidents/{ref}")
    assert f'href="/incidents/{ref}/clocks"' not in await web.get("/incidents")
    await web.post(f"/incidents/{ref}/clocks/facts", fact="personal_data", answer="yes")
    for path in (f"/incidents/{ref}", "/incidents", "/clocks"):
        assert f"/incidents/{ref}/clocks" in await web.get(path), path
    assert 'data-clock="running"' in await web.get(f"/incidents/{ref}")
    assert shown(await web.get("/clocks"))["GDPR-33"] == "running"
    assert "GDPR-33" not in shown(await web.get("/clocks?state=done"))


async def test_the_register_is_exported_with_decisions_and_reasons(web: Web) -> None:
    ref = await declare(web.w)
    path = f"/incidents/{ref}/clocks/facts"
    await web.post(path, fact="personal_data", answer="no", reason="=Only test data")
    answer = await web.http.get("/clocks.csv")
    assert answer.headers["content-type"].startswith("text/csv")
    rows = {row["obligation"]: row for row in csv.DictReader(io.StringIO(answer.text.lstrip("\ufeff")))}
    assert (rows["GDPR-33"]["state"], rows["GDPR-33"]["recorded_by"]) == ("not_applicable", "Mara Lindqvist")
    assert rows["GDPR-33"]["reason"].endswith("Only test data")
    assert not rows["GDPR-33"]["reason"].startswith("=")
    assert rows["SEC-8K"]["state"] == "undecided"


async def test_a_drill_says_that_it_starts_no_clock(web: Web) -> None:
    ref = await declare(web.w, drill=True)
    page = await web.get(f"/incidents/{ref}/clocks")
    assert shown(page) == {}
    assert "/clocks/facts" not in page
    await web.post(f"/incidents/{ref}/clocks/facts", 409, fact="personal_data", answer="yes")
    assert f"/incidents/{ref}/clocks" not in await web.get(f"/incidents/{ref}")


async def test_regimes_and_contracts_are_managed_on_the_web(web: Web) -> None:
    assert "Choose regimes" in await web.get("/clocks")
    page = await web.get("/clocks/regimes/uk-fca")
    assert "not verified: this is the strict reading" in page
    await web.post("/clocks/regimes/us-hipaa", authority="HHS", tz="", responsible="")
    assert "Choose regimes" not in await web.get("/clocks")
    ref = await declare(web.w)
    assert "HIPAA-IND" not in await web.get(f"/incidents/{ref}/clocks")
    refused = await web.post("/clocks/regimes/us-hipaa", 422, tz="Mars/Olympus", authority="HHS")
    assert 'value="Mars/Olympus"' in refused
    fields = {
        "customer": "Nordpost",
        "clause": "§ 7.2",
        "amount": "1",
        "unit": "hours",
        "starts_on": "declared",
    }
    await web.post("/clocks/contracts", 303, **fields, severity="1", tz="Europe/Oslo")
    assert "/clocks/contracts/1/end" in await web.get("/clocks/regimes")
    wrong = {**fields, "amount": "soon"}
    await web.post("/clocks/contracts", 422, **wrong, severity="1", tz="")
    await web.post("/clocks/contracts/1/end")
    assert "/clocks/contracts/1/end" not in await web.get("/clocks/regimes")
    await web.post("/clocks/regimes", responsible=str(web.w.jun))
    assert re.search(rf'<option value="{web.w.jun}" selected', await web.get("/clocks/regimes"))


async def test_the_live_refresh_of_a_room_is_shared_and_has_the_clocks(web: Web) -> None:
    ref = await declare(web.w)
    await web.post(f"/incidents/{ref}/clocks/facts", fact="personal_data", answer="yes")
    answer = await web.http.get(f"/incidents/{ref}", headers={"X-Live": "1"})
    assert answer.status_code == 200


async def test_callers_without_a_scope_see_no_clock(dsn: str, clock: FakeClock) -> None:
    async with organization(dsn, clock) as (w, api):
        ref = await declare(w)
        stranger = Api(api.http, await key_of(w.ctx.db, clock, w.mara, ["pages:read"]))
        await stranger("GET", f"/incidents/{ref}/clocks", status=403)
