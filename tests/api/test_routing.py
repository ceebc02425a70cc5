"""Routing rules over JSON and on the web: test, preview, save, restore, and why an alert paged someone or no one."""

from datetime import timedelta
from typing import Any

from firebell.catalog import actions as catalog
from firebell.incidents import actions as incidents
from firebell.kit.clock import FakeClock
from firebell.kit.db.events import SYSTEM
from tests.alert_search import search
from tests.api.api_clients import Api, browser, organization, sign_in
from tests.world import World

TICKET = {"name": "Tickets", "matchers": 'severity="info"', "pages": False}
OWNED = {"name": "Owned", "matchers": 'service=~".+"', "owner": "label"}
WAITING = {"name": "Slow", "matchers": 'job="slow"', "wait_s": 120}


async def _explained(api: Api, alert_id: int) -> dict[str, Any]:
    explained: dict[str, Any] = await api("GET", f"/alerts/{alert_id}/explain")
    return {"paged": explained["has_paged"], **{s["name"]: s["result"] for s in explained["stages"]}}


async def _alert_ids(api: Api) -> dict[str, int]:
    return {a["title"]: a["id"] for a in await api("GET", "/alerts")}


async def _send(w: World, title: str, **more: object) -> None:
    w.clock.advance(timedelta(seconds=61))
    await w.alert(title, **more)
    await w.settle()


async def test_rules_are_tried_saved_explained_and_restored(dsn: str, clock: FakeClock) -> None:
    async with organization(dsn, clock) as (w, api):
        async with w.ctx.db.tx() as tx:
            await catalog.create_service(tx, SYSTEM, name="Ledger", team_id=1, now=w.now)
        await _send(w, "lag", labels={"service": "ledger"})
        await _send(w, "noise", severity="info")
        async with w.ctx.db.tx() as tx:
            first = (await search(tx, "lag", limit=1))[0]
            assert first.group_id
        page = (await w.pages())[-1]
        async with w.ctx.db.tx() as tx:
            mara = await w.actor(w.mara)
            await incidents.declare(tx, mara, title="Noise", severity=2, page_id=page.id, now=w.now)

        # nothing is saved by a preview
        replayed = await api("POST", "/routing/preview", {"rules": [TICKET, OWNED]})
        assert (replayed["alerts"], replayed["counts"]["moved"], replayed["counts"]["hidden"]) == (2, 1, 1)
        assert (replayed["pages_before"], replayed["pages_after"]) == (2, 1)
        assert (replayed["incidents"], replayed["examples"][0]["title"]) == (["INC-1"], "noise")
        assert (await api("GET", "/routing"))["version"] == 0

        saved = await api("PUT", "/routing", {"rules": [TICKET, OWNED], "based_on": 0})
        version = saved["version"]
        assert [rule["id"] for rule in saved["rules"]] == [1, 2]
        await api("PUT", "/routing", {"rules": [], "based_on": 0}, status=409)
        wrong = {"rules": [{**TICKET, "matchers": "{="}, {**OWNED, "owner": "service"}], "based_on": version}
        refused = await api("PUT", "/routing", wrong, status=422)
        assert {e["field"] for e in refused["errors"]} == {"rules.2.service"}
        shadow = {"rules": [*saved["rules"], {**OWNED, "name": "Never"}, WAITING], "based_on": version}
        assert (await api("PUT", "/routing", shadow))["shadowed"] == {"3": 2}

        tested = await api("POST", "/routing/test", {"service": "checkout", "labels": {"service": "ledger"}})
        assert [v["matches"] for v in tested["verdicts"]] == [False, True]
        assert (tested["service"], tested["people"], tested["is_fallback"]) == (
            "ledger",
            ["Mara Lindqvist", "Jun Okafor"],
            False,
        )
        lost = await api("POST", "/routing/test", {"service": "checkout", "labels": {"service": "typo"}})
        assert (lost["service"], lost["is_fallback"]) == ("checkout", True)

        for title, more in (
            ("ticket", {"severity": "info"}),
            ("owned", {"labels": {"service": "ledger"}}),
            ("typo", {"labels": {"service": "typo"}}),
            ("slow", {"labels": {"job": "slow"}}),
            ("plain", {}),
        ):
            await _send(w, title, **more)
        ids = await _alert_ids(api)
        assert (await api("GET", f"/alerts/{ids['ticket']}/routing-test"))["people"] == []
        passed = ("received", "deduplicated", "routed", "muted", "flapping", "grouped")
        held = {"paged": False, **dict.fromkeys(passed, "passed")}
        assert await _explained(api, ids["ticket"]) == {
            **held,
            "held": "stopped",
            "paged": "not_reached",
        }
        assert await _explained(api, ids["slow"]) == {
            **held,
            "held": "waiting",
            "paged": "not_reached",
        }
        for title in ("owned", "typo", "plain"):
            assert set((await _explained(api, ids[title])).values()) == {"passed"}, title
        await w.after(minutes=2)
        explained = await api("GET", f"/alerts/{ids['slow']}/explain")
        assert explained["has_paged"]
        assert [len(s["entries"]) > 1 for s in explained["stages"] if s["name"] == "paged"] == [True]

        history = await api("GET", "/routing/versions")
        assert [[c["kind"] for c in v["changes"]] for v in history] == [["new", "new"], ["new", "new"]]
        await _web(w, version)
        assert [r["name"] for r in (await api("GET", "/routing"))["rules"]] == ["Tickets", "Owned"]
        entries = (await api("GET", "/audit"))[:4]
        assert [e["action"] for e in entries] == ["routing.changed"] * 4


async def _web(w: World, version: int) -> None:
    """Move, change, try and remove rules on their pages, then restore the first version."""
    async with browser(w) as http:
        csrf = await sign_in(w, http, w.mara)

        async def post(path: str, status: int, **fields: str) -> str:
            answer = await http.post(path, data={"csrf": csrf, **fields})
            assert answer.status_code == status, answer.text
            return answer.text

        base = {"based_on": str(version + 1)}
        await post("/routing/rules/1/move", 303, to="down", **base)
        await post("/routing/rules/1/move", 409, to="down", **base)
        form = {
            "name": "Tickets", "matchers": 'severity="info"', "service": "integration", "urgency": "low",
            "group_by": "...", "paging": "threshold", "wait_s": "60", "threshold": "5", "window_minutes": "10",
            "place": "1", "based_on": str(version + 2),
        }  # fmt: skip
        tried = await post("/routing/rules/1", 200, **form, **{"try": "yes"})
        assert 'id="preview"' in tried
        for field, value in (("matchers", "{="), ("threshold", "1"), ("service", "999"), ("paging", "x")):
            assert f'id="e-{field}"' in await post("/routing/rules/1", 422, **{**form, field: value}), field
        await post("/routing/rules/1", 303, **form)
        await post("/routing/rules/3/remove", 303, based_on=str(version + 3))
        labels = "/routing?service=checkout&labels="
        for path, status in (
            ("/routing", 200),
            ("/routing/new", 200),
            ("/routing/versions", 200),
            (f"/routing/versions/{version}", 200),
            ("/routing/versions/99", 404),
            ("/routing/rules/99", 404),
            ("/routing?alert=1", 200),
            (f"{labels}service%3Dledger", 200),
            (f"{labels}%7B%3D", 422),
            ("/alerts/1", 200),
        ):
            assert (await http.get(path)).status_code == status, path
        await post(f"/routing/versions/{version}/restore", 303, based_on=str(version + 4))
