"""The map of services, on the web and over JSON: what it draws, what may be affected, and what people may see."""

import re
from typing import Any

from firebell.catalog import actions as catalog
from firebell.kit.clock import FakeClock
from firebell.people import actions as people
from firebell.people.model import Role
from tests.api.api_clients import TEST, Api, browser, key_of, sign_in
from tests.api.test_service_dependencies import add_services, declare
from tests.world import World, world


async def depend(w: World, wanted: dict[str, list[str]]) -> None:
    async with w.ctx.db.tx() as tx:
        await catalog.import_dependencies(tx, TEST, wanted, w.now)


def drawn(text: str) -> list[str]:
    """Return the services of the drawing, by their addresses."""
    return re.findall(r'<a class="node[^"]*" href="/services/([^"]+)"', text)


def nodes(graph: dict[str, Any]) -> list[str]:
    return [node["slug"] for node in graph["nodes"]]


async def test_the_map_shows_what_a_failure_may_affect(dsn: str, clock: FakeClock) -> None:
    async with world(dsn, clock) as w, browser(w) as http:
        await sign_in(w, http, w.mara)
        api = Api(http, await key_of(w.ctx.db, clock, w.mara))
        empty = (await http.get("/service-map")).text
        assert ("No dependencies yet" in empty, drawn(empty)) == (True, [])
        ids = await add_services(w, "ledger-db", "disk", "web-app", "search", "alone")
        await depend(
            w,
            {
                "web-app": ["checkout"],
                "checkout": ["ledger-db"],
                "ledger-db": ["disk", "checkout"],
                "search": ["disk"],
            },
        )
        cause = f"INC-{await declare(w, ids['ledger-db'])}"
        await w.alert()
        await w.settle()

        # the unhealthy ones, then those that affect the most; the state stands in words and leads to its cause
        graph = await api("GET", "/service-map")
        assert nodes(graph) == ["ledger-db", "checkout", "disk", "search", "web-app"]
        assert [(n["state"], n["ref"], n["at_risk"], n["affected"]) for n in graph["nodes"]] == [
            ("outage", cause, False, 2),
            ("degraded", "PG-2", False, 2),
            ("ok", None, False, 4),
            ("ok", None, False, 0),
            ("ok", None, True, 0),
        ]
        assert {"service": "search", "depends_on": "disk"} in graph["edges"]
        assert (len(graph["edges"]), graph["not_shown"], graph["unconnected"]) == (5, 0, 1)
        assert sorted(graph["cycles"][0]) == ["checkout", "ledger-db"]
        assert graph["blast_radius"] is None

        text = (await http.get("/service-map")).text
        assert sorted(drawn(text)) == ["checkout", "disk", "ledger-db", "search", "web-app"]
        assert text.count('<path class="way') == 5
        assert text.count('<path class="way back"') == 1
        assert f'aria-label="ledger-db: Outage {cause}, depends on 2, used by 1 on this map"' in text
        assert 'aria-label="web-app: May be affected, depends on 1, used by 0 on this map"' in text
        table = text.partition("<table")[2]
        assert f'href="/incidents/{cause}"' in table
        assert 'href="/service-map?service=ledger-db"' in table

        # around one service: what it needs, what needs it, and who is affected if it fails
        near = await api("GET", "/service-map?service=disk&steps=1")
        assert sorted(nodes(near)) == ["disk", "ledger-db", "search"]
        radius = near["blast_radius"]
        assert (radius["total"], radius["by_tier"]) == (4, {})
        assert [(n["slug"], n["through"]) for n in radius["nearest"]] == [
            ("ledger-db", []),
            ("search", []),
            ("checkout", ["ledger-db"]),
            ("web-app", ["ledger-db", "checkout"]),
        ]
        page = (await http.get("/service-map?service=Disk&steps=1")).text
        assert sorted(drawn(page)) == ["disk", "ledger-db", "search"]
        assert "4 services may be affected" in page
        assert 'aria-current="true" aria-label="disk:' in page

        # links lead here from the list and from a service, and keep the filters
        assert 'href="/service-map?service=checkout"' in (await http.get("/services/checkout")).text
        assert (
            "/service-map?q=ledger&amp;health=unhealthy"
            in (await http.get("/services?q=ledger&health=unhealthy")).text
        )
        deleted = (await http.get("/services?team=payments&health=deleted")).text
        assert 'href="/service-map?team=payments"' in deleted


async def test_a_failure_that_affects_more_than_are_listed_counts_them_all_by_tier(
    dsn: str, clock: FakeClock
) -> None:
    async with world(dsn, clock) as w, browser(w) as http:
        await sign_in(w, http, w.mara)
        api = Api(http, await key_of(w.ctx.db, clock, w.mara))
        tiers = [3, *[2] * 40, *[1] * 20, *[None] * 5]
        names = [f"part-{number:03}" for number in range(len(tiers))]
        async with w.ctx.db.tx() as tx:
            for name, tier in zip(names, tiers, strict=True):
                await catalog.create_service(tx, TEST, name=name, team_id=1, tier=tier, now=w.now)
        await depend(w, {name: [names[number // 2]] for number, name in enumerate(names) if number})
        radius = (await api("GET", "/service-map?service=part-000&steps=1"))["blast_radius"]
        assert (radius["total"], radius["by_tier"]) == (65, {"1": 20, "2": 40})
        assert len(radius["nearest"]) == 50
        assert [n["through"] for n in radius["nearest"] if n["slug"] == "part-011"] == [
            ["part-001", "part-002", "part-005"]
        ]
        text = (await http.get("/service-map?service=part-000&steps=1")).text
        assert "65 services may be affected: 20 of tier 1, 40 of tier 2." in text
        assert "and 15 more" in text


async def test_filters_narrow_the_map_and_say_what_is_left_out(dsn: str, clock: FakeClock) -> None:
    async with world(dsn, clock) as w, browser(w) as http:
        await sign_in(w, http, w.mara)
        api = Api(http, await key_of(w.ctx.db, clock, w.mara))
        names = [f"part-{number:03}" for number in range(120)]
        await add_services(w, *names, "alone")
        await depend(w, {name: [names[0]] for name in names[1:]})
        text = (await http.get("/service-map")).text
        assert (len(drawn(text)), "20 services are not shown." in text) == (100, True)
        assert "part-000" in drawn(text)
        assert (await api("GET", "/service-map"))["not_shown"] == 0
        small = await api("GET", "/service-map?max_services=2")
        assert (len(small["nodes"]), len(small["edges"]), small["not_shown"]) == (2, 1, 118)

        # a match is shown with what is next to it
        found = await api("GET", "/service-map?q=part-007")
        assert [(n["slug"], n["is_match"]) for n in found["nodes"]] == [
            ("part-000", False),
            ("part-007", True),
        ]
        assert sorted(drawn((await http.get("/service-map?q=part-007")).text)) == ["part-000", "part-007"]
        lonely = (await http.get("/service-map?q=alone")).text
        assert "No dependencies to draw" in lonely
        assert "1 service matches but has no dependencies." in lonely
        assert "No service matches all filters." in (await http.get("/service-map?q=nothing")).text

        # a refusal keeps what was typed, and says what to do
        for query in (
            "service=nowhere",
            "service=%00",
            "steps=0",
            "steps=99",
            "tier=9",
            "team=nowhere",
            "q=region%3D",
            "health=x",
            "health=deleted",
        ):
            refused = await http.get(f"/service-map?{query}")
            assert refused.status_code in (404, 422), query
            assert 'action="/service-map"' in refused.text, query
        for query, advice in (
            ("steps=99", "Enter a whole number from 1 to 10."),
            ("service=nowhere", "Enter the slug of a service."),
            ("health=deleted", "Choose another state."),
        ):
            text = (await http.get(f"/service-map?{query}")).text
            assert (advice in text, ">Show all</a>" in text) == (True, True), query
        nowhere = (await http.get("/service-map?service=nowhere")).text
        assert re.search(r'<input[^>]* name="service"[^>]* value="nowhere"[^>]* aria-invalid="true"', nowhere)
        for query in ("service=nowhere", "team=nowhere"):
            await api("GET", f"/service-map?{query}", status=404)
        for query in (
            "steps=0",
            "steps=11",
            "max_services=0",
            "max_services=9999",
            "tier=9",
            "health=deleted",
        ):
            await api("GET", f"/service-map?{query}", status=422)


async def test_the_chosen_filters_stay_chosen_on_the_list_and_the_map(dsn: str, clock: FakeClock) -> None:
    async with world(dsn, clock) as w, browser(w) as http:
        await sign_in(w, http, w.mara)
        for address in ("/services", "/service-map"):
            chosen = (await http.get(f"{address}?q=eu&team=payments&tier=2")).text
            filters = chosen.partition('role="search"')[2].partition("</form>")[0]
            assert re.findall(r'<option value="([^"]*)" selected>', filters)[:2] == ["payments", "2"], address
            assert 'name="q" value="eu"' in filters, address
            none = (await http.get(address)).text.partition('role="search"')[2].partition("</form>")[0]
            assert not re.findall(r'<option value="(payments|[123])" selected>', none.partition("steps")[0])


async def test_the_map_reveals_no_private_incident(dsn: str, clock: FakeClock) -> None:
    async with world(dsn, clock) as w, browser(w) as http:
        api = Api(http, await key_of(w.ctx.db, clock, w.mara))
        ids = await add_services(w, "ledger-db")
        await depend(w, {"checkout": ["ledger-db"]})
        secret = f"INC-{await declare(w, ids['ledger-db'], title='Keys copied', private=True)}"
        async with w.ctx.db.tx() as tx:
            person = await people.create_person(
                tx, TEST, name="Noor", email="n@example.org", role=Role.RESPONDER, tz="UTC", now=w.now
            )
        other = api.with_key(await key_of(w.ctx.db, clock, person.id))
        narrow = api.with_key(await key_of(w.ctx.db, clock, w.mara, ["pages:read"]))
        # everyone sees the page of a private incident; once it is resolved, only the incident is left
        await api("POST", "/pages/PG-1/resolve")
        for path in ("/service-map", "/service-map?service=ledger-db", "/service-map?health=unhealthy"):
            graph = await api("GET", path)
            assert secret in str(graph), path
            assert [n["slug"] for n in graph["nodes"] if n["at_risk"]] == ["checkout"], path
            for stranger in (other, narrow):
                graph = await stranger("GET", path)
                assert (secret in str(graph), "outage" in str(graph)) == (False, False), path
                assert [n["slug"] for n in graph["nodes"] if n["at_risk"]] == [], path
                if "unhealthy" in path:
                    assert graph["nodes"] == []
        for person_id, label, is_at_risk in (
            (w.mara, f"ledger-db: Outage {secret}", True),
            (person.id, "ledger-db: Healthy", False),
        ):
            await sign_in(w, http, person_id)
            text = (await http.get("/service-map")).text
            assert f'aria-label="{label}' in text
            assert (secret in text, "May be affected" in text) == (is_at_risk, is_at_risk)
