"""Runs over JSON, as a terminal speaks to the server, and in the browser, where two people work through one."""

from typing import Any

import httpx

from firebell.kit.clock import FakeClock
from firebell.people.model import Role
from firebell.runbooks.runs.steps_from_text import sha256_of
from tests.actions.test_runbook_runs import CLIENT, SLUG, TEXT
from tests.api.api_clients import Api, browser, key_of, organization, sign_in
from tests.world import World

RUNS = "/runbook-runs"


async def _library(api: Api) -> dict[str, Any]:
    """Save the runbook and return it as a terminal gets it."""
    await api("PUT", f"/runbooks/{SLUG}", {"body": TEXT})
    runbook: dict[str, Any] = await api("GET", f"/runbooks/{SLUG}")
    return runbook


async def test_a_terminal_gets_a_text_reports_a_run_and_repeats_itself(dsn: str, clock: FakeClock) -> None:
    async with organization(dsn, clock) as (w, api):
        runbook = await _library(api)
        assert (runbook["version"], runbook["sha256"]) == (1, sha256_of(runbook["body"]))
        await api("POST", "/incidents", {"title": "Slow", "severity": "SEV2"}, status=201)
        body = {
            "client_id": CLIENT,
            "slug": SLUG,
            "sha256": runbook["sha256"],
            "incident": "INC-1",
            "vars": {"HOST": "search-1", "TOKEN": None},
            "client": "firebell",
        }
        run = await api("POST", RUNS, body, status=201)
        assert (run["ref"], run["state"], run["incident"], run["kind"]) == (
            "RUN-1",
            "running",
            "INC-1",
            "cli",
        )
        assert [(s["part"], s["position"]) for s in run["steps"]][:2] == [("Prerequisites", 1), ("Steps", 1)]
        assert (await api("POST", RUNS, body, status=201))["ref"] == "RUN-1"
        at = clock.now().isoformat()
        first = {"seq": 1, "at": at, "kind": "step.done", "part": "Prerequisites", "position": 1, "exit": 0}
        second = {
            **first,
            "seq": 2,
            "part": "Steps",
            "kind": "step.failed",
            "exit": 1,
            "ms": 90_000,
            "head": "[redacted:jwt]",
            "redacted": 1,
        }
        path = f"{RUNS}/run-1/events"
        assert (await api("POST", path, {"events": [second]}))["last_seq"] == 0
        stored = await api("POST", path, {"events": [first, second]})
        assert stored == {"last_seq": 2, "state": "running", "taken_over": False}
        assert await api("POST", path, {"events": []}) == stored
        shown = await api("GET", f"{RUNS}/RUN-1")
        step = shown["steps"][1]
        assert (step["state"], step["exit"], step["head"], step["redacted"]) == (
            "failed",
            1,
            "[redacted:jwt]",
            1,
        )
        assert shown["vars"] == {"HOST": "search-1", "TOKEN": None}
        assert (await api.answer("GET", f"{RUNS}/RUN-1/text")).text == runbook["body"]
        await _refusals(api, path, first)
        assert [r["ref"] for r in await api("GET", RUNS, incident="INC-1")] == ["RUN-1"]
        assert [r["ref"] for r in await api("GET", RUNS, runbook=SLUG)] == ["RUN-1"]
        assert await api("GET", RUNS, runbook="other") == []
        viewer = await key_of(w.ctx.db, clock, w.jun, ["incidents:read"])
        await api.with_key(viewer)("POST", path, {"events": []}, status=403)
        assert (await api.with_key(viewer)("GET", f"{RUNS}/RUN-1"))["ref"] == "RUN-1"


async def _refusals(api: Api, path: str, event: dict[str, Any]) -> None:
    """Send what is wrong with an event, and assert the status and the field."""
    for change, field in (
        ({"kind": "run.lost", "part": None, "position": None}, "kind"),
        ({"kind": "step.flew"}, "kind"),
        ({"seq": 0}, "seq"),
        ({"at": "yesterday"}, "at"),
        ({"position": 99}, "position"),
        ({"part": None}, "part"),
        ({"head": "x" * 40_000}, "head"),
        ({"kind": "step.skipped", "reason": "x"}, "reason"),
        ({"head": "a\x00b"}, "head"),
    ):
        refused = await api("POST", path, {"events": [{**event, "seq": 9, **change}]}, status=422)
        assert refused["errors"][0]["field"].rpartition(".")[2] == field, change
    await api("POST", path, {"events": [{**event, "kind": "step.failed"}]}, status=409)
    await api("POST", path, {"events": [{**event, "seq": n + 3} for n in range(201)]}, status=422)
    await api("POST", f"{RUNS}/RUN-99/events", {"events": []}, status=404)
    await api("POST", f"{RUNS}/RUN-1/steps/Steps/2/done", {"version": 0}, status=409)
    await api("POST", f"{RUNS}/RUN-1/take-over", status=409)


async def _post(http: httpx.AsyncClient, csrf: str, path: str, **fields: object) -> httpx.Response:
    return await http.post(f"/runbooks/runs{path}", data={"csrf": csrf, **fields}, follow_redirects=True)


async def _two(w: World, http: httpx.AsyncClient, person: int) -> str:
    http.cookies.clear()
    return await sign_in(w, http, person)


async def test_a_run_in_the_browser_shows_who_was_first_and_what_is_next(dsn: str, clock: FakeClock) -> None:
    async with organization(dsn, clock) as (w, api), browser(w) as http:
        await _library(api)
        csrf = await sign_in(w, http, w.mara)
        started = await _post(http, csrf, "", runbook=SLUG)
        assert started.url.path == "/runbooks/runs/RUN-1"
        assert started.text.count('aria-current="step"') == 1
        done = "/RUN-1/steps/Prerequisites/1/done"
        assert (await _post(http, csrf, done, version=0)).status_code == 200
        csrf = await _two(w, http, w.jun)
        late = await _post(http, csrf, done, version=0)
        assert late.status_code == 409
        assert "Mara Lindqvist changed this step" in late.text
        assert 'action="/runbooks/runs/RUN-1/steps/Steps/1/done"' in late.text
        assert (
            await _post(http, csrf, "/RUN-1/steps/Steps/1/skip", version=0, reason="x")
        ).status_code == 422
        assert (await _post(http, csrf, "/RUN-1/steps/Steps/1/fly", version=0)).status_code == 404
        await api("PUT", f"/runbooks/{SLUG}", {"body": TEXT.replace("Five", "Six")})
        page = (await http.get("/runbooks/runs/RUN-1")).text
        assert "Version 2" in page
        assert "Five minutes" in page
        assert "Six minutes" not in page
        rolled = await _post(http, csrf, "/RUN-1/roll-back")
        assert rolled.status_code == 200
        run = await api("GET", f"{RUNS}/RUN-1")
        assert (run["state"], run["rolling_back"]) == ("stopped", True)
        assert (await http.get("/runbooks/runs")).text.count("/runbooks/runs/RUN-1") == 1
        async with w.ctx.db.tx() as tx:
            await tx.execute("update person set role = $1 where id = $2", Role.VIEWER, w.jun)
        assert "Start run" not in (await http.get(f"/runbooks/{SLUG}")).text
        assert (await _post(http, csrf, "", runbook=SLUG)).status_code == 403
