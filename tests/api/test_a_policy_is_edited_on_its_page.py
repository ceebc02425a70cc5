"""The policy editor keeps what was typed, shows its dry run, and keeps versions; open pages follow if wanted."""

import re
from datetime import datetime, timedelta
from typing import Any

import httpx

from firebell.kit.clock import FakeClock
from firebell.paging import actions as paging
from tests.api.api_clients import Api, browser, key_of
from tests.world import World, world

PASSWORD = "a quiet night please"


async def signed_in(http: httpx.AsyncClient) -> dict[str, str]:
    """Sign in as the admin and return the field that every form carries."""
    await http.post("/login", data={"email": "mara@example.org", "password": PASSWORD})
    match = re.search(r'name="csrf" value="([^"]+)"', (await http.get("/escalation/new")).text)
    assert match
    return {"csrf": match[1]}


async def levels(w: World, slug: str) -> list[Any]:
    """Return what is stored."""
    async with w.ctx.db.tx() as tx:
        return list((await paging.policy_by_slug(tx, slug)).levels)


async def test_bug_a_refused_policy_lost_all_that_was_typed(dsn: str, clock: FakeClock) -> None:
    async with world(dsn, clock) as w, browser(w) as http:
        form: dict[str, Any] = {
            **await signed_in(http),
            "name": "Nights",
            "team": "1",
            "target-0": [f"person:{w.jun}", f"person:{w.mara}"],
            "wait-0": "7",
            "target-1": ["team:1", ""],
            "wait-1": "soon",
            "repeat": "3",
            "ack_timeout": "20",
        }
        refused = await http.post("/escalation/new", data=form)
        assert refused.status_code == 422
        assert "Enter a whole number of minutes from 1 to 1440." in refused.text
        for kept in ('value="Nights"', 'value="7"', 'value="soon"', 'value="3"', 'value="20"'):
            assert kept in refused.text
        assert f'name="target-0" value="person:{w.jun}"' in refused.text
        form["wait-1"] = "9"

        # a button changes the draft and its dry run; nothing is saved
        moved = await http.post("/escalation/new?preview=yes", data={**form, "do": "down-0", "at": ""})
        assert moved.status_code == 200
        assert re.findall(r'name="wait-\d" inputmode="numeric" value="(\d)"', moved.text) == ["9", "7"]
        assert "Mara Lindqvist and Jun Okafor at 0:00" in moved.text
        started = await http.post("/escalation/new?preview=yes", data={**form, "do": "start-standard"})
        assert 'name="target-0" value="schedule:1"' in started.text
        late = await http.post("/escalation/new?preview=yes", data={**form, "at": "2031-01-01T00:00"})
        assert (late.status_code, "400 days" in late.text) == (200, True)
        assert (await http.get("/escalation/nights")).status_code == 404

        assert (await http.post("/escalation/new", data=form)).status_code == 303
        assert [(len(x.targets), x.ack_within_s) for x in await levels(w, "nights")] == [(2, 420), (1, 540)]
        again = (await http.get("/escalation/nights/edit")).text
        assert 'value="9"' in again
        # a condition that no page can meet is refused at its level, and pages that no level is for in a warning
        odd = {**form, "only-0": "high", "strategy-0": "round_robin", "acks-0": "2", "day-0": ["5", "6"]}
        draft = (await http.post("/escalation/nights/edit?preview=yes", data=odd)).text
        assert '<option value="2" selected>2 people</option>' in draft
        assert "Level 1 is only for high urgency, Sat, Sun, was for every page" in draft
        # the dry run lists a skipped level before what is sent later
        assert 0 < draft.index("Level 1 is skipped") < draft.index(" to <b>Jun")
        odd["only-1"] = "high"
        draft = (await http.post("/escalation/nights/edit?preview=yes", data=odd)).text
        assert "No level covers low-urgency pages without a severity on Mon at 00:00." in draft
        never: dict[str, Any] = {"outside-0": "yes", "day-0": []}
        for wrong, field in (({}, "levels"), (never, "conditions-0")):
            refused = await http.post("/escalation/nights/edit", data={**odd, **wrong, "version": "1"})
            assert (refused.status_code, f'id="e-{field}"' in refused.text) == (422, True)
        form |= {"version": "1", "repeat": "ten"}
        refused = await http.post("/escalation/nights/edit", data=form)
        assert (refused.status_code, 'value="ten"' in refused.text) == (422, True)
        assert [x.ack_within_s for x in await levels(w, "nights")] == [420, 540]
        copied = (await http.get("/escalation/new?copy=nights")).text
        assert 'value="Copy of Nights"' in copied
        assert 'name="target-1" value="team:1"' in copied


async def test_versions_are_compared_restored_and_applied_to_open_pages(dsn: str, clock: FakeClock) -> None:
    async with world(dsn, clock) as w, browser(w) as http:
        csrf = await signed_in(http)
        await w.alert()
        await w.settle()
        assert w.sink.people() == ["Mara Lindqvist"]
        saved = (await http.get("/escalation/payments/edit")).text
        assert "Apply to the 1 open page" in saved
        form = {**csrf, "version": "1", "target-0": f"person:{w.jun}", "wait-0": "10", "repeat": "0"}
        draft = await http.post("/escalation/payments/edit?preview=yes", data=form)
        assert "Level 1 added: Jun Okafor" in draft.text
        assert "Repeats 2 times → 0 times" in draft.text

        await http.post("/escalation/payments/edit", data={**form, "apply": "yes"})
        await w.settle()
        assert [(m["event"], m["person"]) for m in w.sink.got[1:]] == [
            ("page", "Jun Okafor"),
            ("reminder", "Mara Lindqvist"),
        ]
        page = await w.page()
        assert (page.plan.repeat, page.level, page.round) == (0, 0, 0)
        assert (page.due_at - clock.now()).total_seconds() == 600  # type: ignore[operator]

        # what someone else saved meanwhile is not overwritten, and the draft stays
        stale = await http.post("/escalation/payments/edit", data={**form, "wait-0": "11"})
        assert (stale.status_code, 'value="11"' in stale.text) == (409, True)
        assert [x.ack_within_s for x in await levels(w, "payments")] == [600]

        first = (await http.get("/escalation/payments/versions/1")).text
        assert 'action="/escalation/payments/versions/1/restore"' in first
        assert (await http.get("/escalation/payments/versions/9")).status_code == 404
        await http.post("/escalation/payments/versions/1/restore", data=csrf)
        api = Api(http, await key_of(w.ctx.db, clock, w.mara))
        versions = await api("GET", "/policies/payments/versions")
        assert [(v["version"], v["changes"] is None) for v in versions] == [(3, False), (2, False), (1, True)]
        assert versions[0]["levels"] == versions[2]["levels"]
        assert (await w.page()).plan.repeat == 0

        # over JSON: a draft is tried, a stale version is refused, and the same plan is no new version
        body = {"levels": [{"targets": [{"kind": "person", "id": w.jun}]}], "repeat": 1}
        tried = await api("POST", "/policies/dry-run", {**body, "team_id": 1})
        assert [step["people"] for step in tried] == [[w.jun], [w.mara, w.jun]]
        assert tried[0]["messages"][0]["channel"] == "webhook"
        await api("PUT", "/policies/payments", {**body, "version": 2}, status=409)
        same = {name: versions[0][name] for name in ("levels", "repeat", "ack_timeout_s")}
        applied = await api("PUT", "/policies/payments", {**same, "apply_to_open_pages": True})
        assert applied["version"] == 3
        assert (await w.page()).plan.repeat == 2
        # snoozed until a time of day instead of a duration, also from a phone that was offline
        shown = (await http.get("/pages/PG-1")).text
        until = re.search(r'name="until" value="([^"]+)"', shown)
        assert until
        assert (await http.post("/pages/PG-1/snooze", data={**csrf, "until": "soon"})).status_code == 422
        assert (await http.post("/pages/PG-1/snooze", data={**csrf, "until": until[1]})).status_code == 303
        end = datetime.fromisoformat(until[1])
        assert (await w.page()).snoozed_until == end
        press = {"action": "snooze", "key": "12345678", "pressed_at": clock.now().isoformat()}
        later = (end + timedelta(minutes=5)).isoformat()
        done = await api("POST", "/pages/PG-1/actions", {**press, "until": later})
        assert datetime.fromisoformat(done["snoozed_until"]) == end + timedelta(minutes=5)

        async with w.ctx.db.tx() as tx:
            actions = await tx.fetch("select action from audit where action like 'policy.%' order by id")
        assert [row["action"] for row in actions][-4:] == [
            "policy.changed",
            "policy.applied",
            "policy.changed",
            "policy.applied",
        ]
