"""Response settings and the response of an incident, on the web and over JSON."""

from firebell.incidents import actions as incidents
from firebell.kit.clock import FakeClock
from tests.api.api_clients import browser, organization, sign_in
from tests.world import World

HOME = "/settings/response"


async def declare(w: World, severity: int = 1) -> str:
    """Declare an incident of Checkout as Mara and return its reference."""
    mara = await w.actor(w.mara)
    async with w.ctx.db.tx() as tx:
        incident = await incidents.declare(
            tx, mara, title="Card payments fail", severity=severity, service_ids=[w.service], now=w.now
        )
    await w.settle()
    return incident.ref


async def test_settings_are_exported_and_imported_by_names(dsn: str, clock: FakeClock) -> None:
    async with organization(dsn, clock) as (w, api):
        shipped = await api("GET", "/response")
        assert (shipped["version"], shipped["applied_by"]) == (0, "")
        settings = shipped["settings"]
        settings["groups"]["commander"] = ["person:jun@example.org"]
        applied = await api("PUT", "/response", settings)
        assert (applied["version"], applied["settings"]) == (1, settings)
        assert (await api("PUT", "/response", settings))["version"] == 1
        refused = await api("PUT", "/response", {"groups": {"legal": ["person:no@example.org"]}}, status=422)
        assert [error["field"] for error in refused["errors"]] == ["groups.legal"]
        settings["groups"]["commander"] = []
        await api("PUT", "/response", settings, status=409)
        async with w.ctx.db.tx() as tx:
            audited = await tx.row("select actor_label, detail from audit where action = 'response.settings'")
        assert audited
        assert audited["detail"]["changes"] == ["Commander: no one → Jun Okafor"]


async def test_a_dry_run_names_people_and_pages_no_one(dsn: str, clock: FakeClock) -> None:
    async with organization(dsn, clock) as (w, api):
        at = "2026-11-24T03:14:00Z"
        steps = await api("GET", f"/response/dry-run?severity=P1&at={at}&service=checkout")
        assert [(s["at"], [p["name"] for p in s["people"]]) for s in steps[:1]] == [
            (at, ["Mara Lindqvist", "Jun Okafor"])
        ]
        await w.settle()
        assert w.sink.got == []
        await api("GET", "/response/dry-run?severity=SEV9", status=422)


async def test_a_question_is_answered_over_json(dsn: str, clock: FakeClock) -> None:
    async with organization(dsn, clock) as (w, api):
        ref = await declare(w)
        await w.after(minutes=10)
        answer = await api("GET", f"/incidents/{ref}/response")
        (asked,) = [s for s in answer["steps"] if s["asking"]]
        assert asked["code"] == "E4"
        body = {"step": asked["key"], "answer": "not_yet"}
        refused = await api("POST", f"/incidents/{ref}/response/answers", body, status=422)
        assert [error["field"] for error in refused["errors"]] == ["reason"]
        body["reason"] = "I take it in a minute"
        later = await api("POST", f"/incidents/{ref}/response/answers", body)
        assert not any(step["asking"] for step in later["steps"])
        body = {"step": asked["key"], "answer": "now"}
        await api("POST", f"/incidents/{ref}/response/answers", body)
        await api("POST", f"/incidents/{ref}/response/answers", body, status=404)


async def test_promises_requests_and_customer_updates_over_json(dsn: str, clock: FakeClock) -> None:
    async with organization(dsn, clock) as (w, api):
        ref = await declare(w)
        promised = await api("POST", f"/incidents/{ref}/response/promises", {"minutes": 45})
        assert promised["update_due_at"] == "2026-11-24T03:59:00Z"
        await api("POST", f"/incidents/{ref}/response/promises", {"minutes": 61}, status=422)
        asked = await api("POST", f"/incidents/{ref}/response/expertise", {"need": "PostgreSQL"}, status=201)
        assert "E3" in {step["code"] for step in asked["steps"]}
        update = {"text": "We are working on it.", "next_in": 90}
        informed = await api("POST", f"/incidents/{ref}/response/customers", update, status=201)
        assert informed["customers_due_at"] == "2026-11-24T04:44:00Z"


async def test_a_provisional_severity_is_confirmed_at_the_same_level(dsn: str, clock: FakeClock) -> None:
    async with organization(dsn, clock) as (_w, api):
        body = {"title": "Is it down?", "answers": {"down_or_data_at_risk": None}}
        made = await api("POST", "/incidents", body, status=201)
        assert (made["severity"], made["provisional"]) == ("SEV0", True)
        confirmed = await api("POST", f"/incidents/{made['ref']}/severity", {"severity": "p0"})
        assert (confirmed["severity"], confirmed["provisional"]) == ("SEV0", False)
        await api("POST", f"/incidents/{made['ref']}/severity", {"severity": "P0"}, status=409)


async def test_only_the_commander_lowers_a_sev1(dsn: str, clock: FakeClock) -> None:
    async with organization(dsn, clock) as (w, api):
        ref = await declare(w)
        lower = {"severity": "SEV2", "reason": "One region"}
        await api("POST", f"/incidents/{ref}/severity", lower, status=403)
        await api("POST", f"/incidents/{ref}/roles", {"role": "commander"})
        assert (await api("POST", f"/incidents/{ref}/severity", lower))["severity"] == "SEV2"


async def test_the_questions_are_answered_again(dsn: str, clock: FakeClock) -> None:
    async with organization(dsn, clock) as (w, api):
        ref = await declare(w, severity=2)
        answers = {"down_or_data_at_risk": False, "major_degraded": True, "workaround": True}
        raised = await api("POST", f"/incidents/{ref}/answers", {"answers": answers})
        assert (raised["severity"], raised["answers"]["workaround"]) == ("SEV1", True)
        await api("POST", f"/incidents/{ref}/answers", {"answers": {}}, status=422)


async def test_a_change_collects_in_a_draft_until_it_is_applied(dsn: str, clock: FakeClock) -> None:
    async with organization(dsn, clock) as (w, _), browser(w) as page:
        csrf = await sign_in(w, page, w.mara)
        step = {
            "severity": "SEV1",
            "function": "executives",
            "after": "45",
            "how": "page",
            "who": f"person:{w.jun}",
        }
        added = await page.post(f"{HOME}/steps", data={"csrf": csrf, **step})
        assert added.status_code == 303
        shown = (await page.get(f"{HOME}?severity=SEV1")).text
        assert "1 change not applied yet" in shown
        async with w.ctx.db.tx() as tx:
            assert await tx.value("select count(*) from response_version") == 0
        assert (await page.post(f"{HOME}/apply", data={"csrf": csrf})).status_code == 303
        async with w.ctx.db.tx() as tx:
            assert await tx.value("select max(version) from response_version") == 1
        form = (await page.get(f"{HOME}/steps", params={**step, "edit": "1"})).text
        assert f'name="was_who" value="person:{w.jun}"' in form
        later = {
            **step,
            "after": "50",
            "how": "brief",
            **{f"was_{name}": value for name, value in step.items()},
        }
        assert (await page.post(f"{HOME}/steps", data={"csrf": csrf, **later})).status_code == 303
        async with w.ctx.db.tx() as tx:
            draft = await tx.value("select document from response_draft")
        own = [s for s in draft["severities"]["SEV1"]["matrix"] if s["who"] == f"person:{w.jun}"]
        assert [(s["after"], s["how"]) for s in own] == [(50, "brief")]
        kept = {**step, "after": "50", "how": "brief"}
        removed = await page.post(f"{HOME}/steps/remove", data={"csrf": csrf, **kept})
        assert removed.status_code == 303
        assert (await page.post(f"{HOME}/discard", data={"csrf": csrf})).status_code == 303
        assert "not applied yet" not in (await page.get(HOME)).text


async def test_removing_the_last_pager_is_refused_at_its_field(dsn: str, clock: FakeClock) -> None:
    async with organization(dsn, clock) as (w, _), browser(w) as page:
        csrf = await sign_in(w, page, w.mara)
        refused = await page.post(
            f"{HOME}/severities/SEV0", data={"csrf": csrf, "hours": "any", "customers_every": "60"}
        )
        assert refused.status_code == 409
        assert "Keep at least one." in refused.text
        unknown = {"severity": "SEV1", "function": "legal", "after": "5", "how": "page", "who": "person:999"}
        assert (await page.post(f"{HOME}/steps", data={"csrf": csrf, **unknown})).status_code == 422


async def test_the_declare_form_says_what_happens_by_the_plan(dsn: str, clock: FakeClock) -> None:
    async with organization(dsn, clock) as (w, api), browser(w) as page:
        await sign_in(w, page, w.mara)
        settings = (await api("GET", "/response"))["settings"]
        settings["groups"]["executives"] = ["person:jun@example.org"]
        await api("PUT", "/response", settings)
        form = (await page.get("/incidents/new")).text
        assert "Page executives: Jun Okafor" in form
        assert "Page the service’s escalation policy now (levels 1 and 2 together)" in form


async def test_rows_of_the_matrix_are_added_moved_and_removed_in_the_draft(
    dsn: str, clock: FakeClock
) -> None:
    async with organization(dsn, clock) as (w, api), browser(w) as page:
        csrf = await sign_in(w, page, w.mara)

        async def change(do: str, **names: str) -> int:
            body = {"csrf": csrf, "do": do, **{k.replace("__", "."): v for k, v in names.items()}}
            return (await page.post(f"{HOME}/rows", data=body)).status_code

        assert 'name="name.legal"' in (await page.get(f"{HOME}/rows")).text
        assert await change("add", new_name="Finance", name__legal="Counsel") == 303
        assert await change("up.finance") == 303
        assert await change("remove.support") == 303
        refused = await page.post(
            f"{HOME}/rows", data={"csrf": csrf, "do": "add", "new_name": "FINANCE", "name.legal": "Lawyers"}
        )
        assert refused.status_code == 422
        assert 'value="FINANCE"' in refused.text
        assert 'id="e-new_name"' in refused.text
        assert 'value="Lawyers"' in refused.text
        assert (await api("GET", "/response"))["version"] == 0
        assert (await page.post(f"{HOME}/apply", data={"csrf": csrf})).status_code == 303
        settings = (await api("GET", "/response"))["settings"]
        assert [row["name"] for row in settings["rows"]][-3:] == ["Counsel", "Finance", "Security"]
        functions = {s["function"] for one in settings["severities"].values() for s in one["matrix"]}
        assert "support" not in functions
        settings["rows"][0]["key"] = "No key"
        refused_by_api = await api("PUT", "/response", settings, status=422)
        assert "rows.0.key" in {error["field"] for error in refused_by_api["errors"]}
