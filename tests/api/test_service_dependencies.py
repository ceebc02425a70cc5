"""What a service depends on, over JSON and on the web; its problems show on pages, alerts, incidents and services."""

import json
from datetime import timedelta
from typing import Any

from firebell.catalog import actions as catalog
from firebell.incidents import actions as incidents
from firebell.kit.clock import FakeClock
from firebell.people import actions as people
from firebell.people.model import Role
from tests.api.api_clients import TEST, Api, browser, key_of, sign_in
from tests.world import World, world

PROBLEM = 'aria-label="Dependencies with problems"'


async def add_services(w: World, *names: str) -> dict[str, int]:
    async with w.ctx.db.tx() as tx:
        return {
            name: (await catalog.create_service(tx, TEST, name=name, team_id=1, now=w.now)).id
            for name in names
        }


async def declare(w: World, service_id: int, **more: Any) -> int:
    async with w.ctx.db.tx() as tx:
        declared = await incidents.declare(
            tx,
            TEST,
            title=more.pop("title", "Replica lost"),
            severity=1,
            service_ids=[service_id],
            now=w.now,
            **more,
        )
    return declared.id


def names(services: list[dict[str, Any]]) -> list[str]:
    return [each["slug"] for each in services]


async def test_the_problem_of_a_dependency_is_shown_where_people_look(dsn: str, clock: FakeClock) -> None:
    async with world(dsn, clock) as w, browser(w) as http:
        csrf = await sign_in(w, http, w.mara)
        api = Api(http, await key_of(w.ctx.db, clock, w.mara))
        ids = await add_services(w, "ledger-db", "disk", "web-app")
        own = "/services/checkout/dependencies"
        near = await api("PUT", own, {"depends_on": ["ledger-db"]})
        assert (names(near["depends_on"]), near["problems"], near["cycle"]) == (["ledger-db"], [], [])
        await api("POST", "/services/ledger-db/dependencies", {"depends_on": "disk"})
        await api("POST", "/services/web-app/dependencies", {"depends_on": "checkout"})
        await api("POST", "/services/web-app/dependencies", {"depends_on": "checkout"})  # twice is once

        # nothing is wrong yet: nothing is shown
        waiting = "Waiting for the first alert"
        assert waiting in (await http.get("/services/checkout")).text
        await w.alert()
        await w.settle()
        integration = (await http.get("/services/checkout")).text.partition('id="activity-1"')[2][:300]
        assert (waiting in integration, "Generic webhook" in integration) == (False, True)
        reported = f"INC-{await declare(w, w.service, title='Payments fail')}"
        places = ["/pages/PG-1", "/alerts/1", f"/incidents/{reported}"]
        assert [PROBLEM in (await http.get(place)).text for place in places] == [False] * 3

        # the database behind the database fails: every open thing of checkout shows it, and the way to it
        cause = f"INC-{await declare(w, ids['disk'])}"
        for place in places:
            text = (await http.get(place)).text
            assert PROBLEM in text, place
            assert f'href="/incidents/{cause}"' in text[text.index(PROBLEM) :], place
        # nothing is muted: an alert of checkout pages as before
        await w.alert("Queue full", labels={"service": "queue"})
        await w.settle()
        assert "Queue full" in [page["title"] for page in await api("GET", "/pages")]
        near = await api("GET", own)
        assert [(p["slug"], p["state"], p["ref"], p["through"]) for p in near["problems"]] == [
            ("disk", "outage", cause, ["ledger-db"])
        ]
        assert [(s["slug"], s["state"]) for s in near["behind"]] == [("disk", "outage")]
        assert (names(near["used_by"]), names(near["before"])) == (["web-app"], [])
        disk = await api("GET", "/services/disk/dependencies")
        assert [(s["slug"], s["through"]) for s in disk["before"]] == [
            ("checkout", ["ledger-db"]),
            ("web-app", ["ledger-db", "checkout"]),
        ]
        assert "may be affected" in (await http.get("/services/disk")).text
        assert cause in (await http.get("/services/checkout")).text

        # declaring asks about what may be affected, and names what is wrong behind it
        form = await http.post(
            "/incidents/new?preview=yes", data={"csrf": csrf, "title": "x", "service": w.service}
        )
        assert f'name="also" value="{ids["web-app"]}"' in form.text
        assert f'href="/incidents/{cause}"' in form.text
        answer = await http.post(
            "/incidents/new",
            data={
                "csrf": csrf,
                "title": "Checkout fails",
                "severity": "2",
                "service": w.service,
                "also": ids["web-app"],
            },
        )
        declared = await api("GET", answer.headers["location"])
        assert declared["services"] == ["checkout", "web-app"]

        # a key that may not read incidents learns nothing of them, and someone else nothing of a private one
        narrow = api.with_key(await key_of(w.ctx.db, clock, w.mara, ["pages:read"]))
        (problem,) = (await narrow("GET", own))["problems"]
        assert (problem["state"], problem["ref"][:3]) == ("degraded", "PG-")
        secret = await declare(w, ids["ledger-db"], title="Keys copied", private=True)
        async with w.ctx.db.tx() as tx:
            person = await people.create_person(
                tx, TEST, name="Noor", email="n@example.org", role=Role.RESPONDER, tz="UTC", now=w.now
            )
        other = api.with_key(await key_of(w.ctx.db, clock, person.id))
        of_other = [p["ref"] for p in (await other("GET", own))["problems"]]
        assert (cause in of_other, f"INC-{secret}" in of_other) == (True, False)
        assert f"INC-{secret}" in [p["ref"] for p in (await api("GET", own))["problems"]]

        # a resolved page and alert need no one's attention
        await w.alert(status="resolved")
        await w.resolve(w.mara)
        assert PROBLEM not in (await http.get("/pages/PG-1")).text + (await http.get("/alerts/1")).text


async def test_a_map_is_imported_whole_or_not_at_all(dsn: str, clock: FakeClock) -> None:
    async with world(dsn, clock) as w, browser(w) as http:
        csrf = await sign_in(w, http, w.mara)
        api = Api(http, await key_of(w.ctx.db, clock, w.mara))
        await add_services(w, "ledger-db", "disk", "web-app")
        everything = "/service-dependencies"
        wanted = {"checkout": ["ledger-db", "disk"], "ledger-db": ["checkout"], "disk": []}
        planned = await api("POST", everything, {"services": wanted, "dry_run": True})
        assert (planned["services"], len(planned["added"]), planned["removed"]) == (3, 3, [])
        assert (await api("GET", everything))["services"] == {}
        assert await api("POST", everything, {"services": wanted}) == {**planned, "dry_run": False}
        stored = await api("GET", everything)
        assert stored["services"] == {"checkout": ["disk", "ledger-db"], "ledger-db": ["checkout"]}
        assert stored["cycles"] == [["checkout", "ledger-db"]]
        assert (await api("GET", "/services/checkout/dependencies"))["cycle"] == ["checkout", "ledger-db"]
        async with w.ctx.db.tx() as tx:
            entries = await tx.fetch(
                "select actor_label, detail from audit where action = 'service.dependencies' order by id"
            )
        assert [(each["detail"]["name"], each["detail"]["added"]) for each in entries] == [
            ("Checkout", ["ledger-db", "disk"]),
            ("ledger-db", ["Checkout"]),
        ]
        assert {each["actor_label"] for each in entries} == {"Mara Lindqvist (test)"}

        # one wrong entry refuses all of them, and each is named
        wrong = {"checkout": [], "web-app": ["web-app"], "disk": ["ledgerdb"], "nowhere": []}
        refused = await api("POST", everything, {"services": wrong}, status=422)
        assert {each["field"] for each in refused["errors"]} == {
            "services.'web-app'",
            "services.'disk'",
            "services.'nowhere'",
        }
        assert "ledger-db?" in json.dumps(refused)
        assert (await api("GET", everything))["services"] == stored["services"]
        own = "/services/checkout/dependencies"
        assert (await api("PUT", own, {"depends_on": ["checkout"]}, status=422))["errors"]
        await api("PUT", own, {"depends_on": ["\x00"]}, status=422)
        await api("PUT", own, {"depends_on": ["disk"] * 101}, status=422)

        # services that are not listed keep what they have; what is removed can be undone unless it changed since
        changes = await api("POST", everything, {"services": {"checkout": ["disk"]}})
        assert (len(changes["added"]), len(changes["removed"])) == (0, 1)
        # undo would restore one service of an import and look as if it had restored all
        await api("POST", "/undo/latest", status=409)
        assert (await api("GET", everything))["services"] == {
            "checkout": ["disk"],
            "ledger-db": ["checkout"],
        }
        removed = await api("DELETE", f"{own}/disk")
        assert names((await api("GET", own))["depends_on"]) == []
        await api("POST", f"/undo/{removed['undo']['token']}")
        assert names((await api("GET", own))["depends_on"]) == ["disk"]
        clock.set(w.now + timedelta(seconds=1))
        assert (await api("DELETE", f"{own}/web-app"))["undo"] is None
        removed = await api("DELETE", f"{own}/disk")
        await api("POST", own, {"depends_on": "web-app"})
        await api("POST", f"/undo/{removed['undo']['token']}", status=409)

        # the form keeps a name that does not exist, and an inhibition rule is only filled in
        form = {"csrf": csrf, "depends_on": "nowhere"}
        shown = await http.post(own, data=form)
        assert (shown.status_code, 'value="nowhere"' in shown.text) == (422, True)
        assert (await http.post(own, data={**form, "depends_on": "Ledger-DB"})).status_code == 303
        page = (await http.get(own)).text
        link = page.partition('href="/inhibition-rules?')[2].partition('"')[0].replace("&amp;", "&")
        rule = (await http.get(f"/inhibition-rules?{link}")).text
        assert "{service=&#34;ledger-db&#34;}" in rule
        assert await api("GET", "/inhibition-rules") == []
