"""The list of services: unhealthy ones first, filters, what is not ready, and every service on some page."""

import re
from unittest.mock import patch

from firebell.alerts import actions as alerts
from firebell.catalog import actions as catalog
from firebell.kit import label_comparison
from firebell.kit.clock import FakeClock
from firebell.people import actions as people
from tests.api.api_clients import TEST, Api, browser, key_of, sign_in
from tests.world import world

SERVICES = 70


async def test_the_list_shows_each_service_once_and_unhealthy_ones_first(dsn: str, clock: FakeClock) -> None:
    async with world(dsn, clock) as w, browser(w) as http:
        csrf = await sign_in(w, http, w.mara)
        api = Api(http, await key_of(w.ctx.db, clock, w.mara))
        async with w.ctx.db.tx() as tx:
            team = await people.create_team(tx, TEST, name="Search", members=[], now=w.now)
            for n in range(SERVICES):
                await catalog.create_service(
                    tx,
                    TEST,
                    name=f"Indexer {n:02}",
                    team_id=team.id,
                    description="Ökade läsningar",
                    now=w.now,
                )
            ready = await catalog.create_service(
                tx, TEST, name="Aaa first", team_id=team.id, policy_id=1, now=w.now
            )
            await alerts.create_integration(tx, TEST, service_id=ready.id, name="Probe", now=w.now)
        await w.alert()
        await w.settle()

        async def shown(address: str) -> list[str]:
            """Return the services of a list, page by page."""
            slugs: list[str] = []
            while address:
                text = (await http.get(address)).text
                table = text[text.index('id="list"') :]
                slugs += re.findall(r'class="t" href="/services/([^"]+)"', table)
                following = re.search(r'rel="next" href="([^"]+)"', text)
                address = following[1].replace("&amp;", "&") if following else ""
            return slugs

        indexers = [f"indexer-{n:02}" for n in range(SERVICES)]
        assert await shown("/services") == ["checkout", "aaa-first", *indexers]
        assert await shown("/services?health=unhealthy") == ["checkout"]
        assert await shown("/services?health=not-ready") == indexers
        assert await shown("/services?team=search&q=aaa") == ["aaa-first"]
        # words of the description match without accents, as in every list
        assert await shown("/services?q=okade+index") == indexers

        # by labels and tier, which are edited on a form, or over JSON
        name = (await api("GET", "/services/indexer-00"))["name"]
        edit = {"csrf": csrf, "name": name, "team": str(team.id), "tier": "2"}
        edit |= {"labels": "region=eu-north\npci = no"}
        wrong = await http.post("/services/indexer-00/edit", data={**edit, "labels": "pci", "links": "x"})
        assert wrong.status_code == 422
        assert all(f'id="e-{name}"' in wrong.text for name in ("labels", "links"))
        assert (await api("GET", "/services/indexer-00"))["labels"] == {}
        links = "Code repository https://git.example.org/indexer\n"
        await http.post("/services/indexer-00/edit", data={**edit, "links": links})
        edited = await api("GET", "/services/indexer-00")
        assert edited["labels"] == {"region": "eu-north", "pci": "no"}
        assert (edited["tier"], edited["policy_id"]) == (2, None)
        assert edited["links"] == [{"title": "Code repository", "url": "https://git.example.org/indexer"}]
        shown_again = (await http.get("/services/indexer-00/edit")).text
        assert "pci=no\nregion=eu-north</textarea>" in shown_again
        assert links.strip() in shown_again

        # two people edit at once: what only one of them changed is kept, what both changed is asked again
        opened = {"csrf": csrf, "team": str(team.id), "was_team": str(team.id), "tier": "2", "was_tier": "2"}
        opened |= {"name": name, "was_name": name}
        texts = {"labels": "pci=no\r\nregion=eu-north", "links": links, "description": "", "runbook_url": ""}
        opened |= {**texts, **{f"was_{name}": text for name, text in texts.items()}}
        await api("PATCH", "/services/indexer-00", {"labels": {"pci": "yes"}})
        await http.post("/services/indexer-00/edit", data={**opened, "description": "Indexes"})
        merged = await api("GET", "/services/indexer-00")
        assert (merged["labels"], merged["description"]) == ({"pci": "yes"}, "Indexes")
        overtaken = await http.post("/services/indexer-00/edit", data={**opened, "labels": "region=eu-north"})
        assert overtaken.status_code == 409
        assert re.findall(r'data-state="late" id="e-(\w+)"', overtaken.text) == ["labels"]
        assert 'name="was_labels" value="pci=yes"' in overtaken.text
        assert (await api("GET", "/services/indexer-00"))["labels"] == {"pci": "yes"}
        again = {**opened, "labels": "region=eu-north", "was_labels": "pci=yes", "was_description": "Indexes"}
        await http.post("/services/indexer-00/edit", data={**again, "description": "Indexes"})
        assert (await api("GET", "/services/indexer-00"))["labels"] == {"region": "eu-north"}
        await api("PATCH", "/services/indexer-00", {"labels": {"region": "eu-north", "pci": "no"}})
        await api("PATCH", "/services/indexer-01", {"labels": {"region": "eu-south"}, "tier": 2})
        await api("PATCH", "/services/indexer-01", {"labels": {"1": "x"}}, status=422)
        await api("PATCH", "/services/indexer-01", {"tier": 4}, status=422)
        await api("PATCH", "/services/aaa-first", {"description": "First of all"})
        assert (await api("GET", "/services/aaa-first"))["policy_id"] == 1
        for address, slugs in (
            ('/services?q=region=~"eu-.*"', ["indexer-00", "indexer-01"]),
            ('/services?q=region=~"eu-.*", pci!="no"', ["indexer-01"]),
            ('/services?q=region!="" 00', ["indexer-00"]),
            ("/services?tier=2&q=region=eu-south", ["indexer-01"]),
            ("/services?tier=1", []),
        ):
            assert await shown(address) == slugs
            assert [s["slug"] for s in reversed(await api("GET", address))] == slugs
        with patch.object(label_comparison, "TIME_LIMIT_S", -1):
            await api("GET", '/services?q=region=~"(eu|x{0,999})-.*"', status=422)
        cleared = await api("PATCH", "/services/indexer-01", {"labels": {}, "tier": None})
        assert (cleared["labels"], cleared["tier"]) == ({}, None)
        await api("PATCH", "/services/indexer-00", {"labels": {}, "tier": None, "links": []})
        first = (await http.get("/services")).text
        assert 'href="/pages?service=checkout"' in first
        assert "Mara Lindqvist" in first
        assert f"{SERVICES} services aren’t ready." in first

        # the API has the same filters
        listed = await api("GET", "/services?health=unhealthy")
        assert [(s["slug"], s["state"], s["ref"], s["open_pages"]) for s in listed] == [
            ("checkout", "degraded", "PG-1", 1)
        ]
        assert len(await api("GET", "/services?health=not-ready&limit=500")) == SERVICES
        assert [s["slug"] for s in await api("GET", "/services?team=search&q=aaa")] == ["aaa-first"]
        await api("GET", "/services?team=nowhere", status=404)
        await api("GET", "/services?health=odd", status=422)
        await api("GET", "/services?q=%00", status=422)
        for query in (
            "team=nowhere",
            "tier=4",
            "tier=x",
            "q=a=~(",
            "health=odd",
            "q=%00",
            "q=-",
            "after=x",
            "after=9",
        ):
            assert (await http.get(f"/services?{query}")).status_code < 500, query


async def test_a_service_created_on_the_list_has_its_policy_and_tier_at_once(
    dsn: str, clock: FakeClock
) -> None:
    async with world(dsn, clock) as w, browser(w) as http:
        csrf = await sign_in(w, http, w.mara)
        api = Api(http, await key_of(w.ctx.db, clock, w.mara))
        team = (await api("GET", "/services/checkout"))["team_id"]
        form = {"csrf": csrf, "name": "Ledger", "team": str(team), "policy": "1", "tier": "1"}
        assert (await http.post("/services", data={**form, "tier": "9"})).status_code == 422
        assert (await http.post("/services", data={**form, "policy": "77"})).status_code == 404
        assert (await http.post("/services", data=form)).headers["location"] == "/services/ledger"
        created = await api("GET", "/services/ledger")
        assert (created["tier"], created["policy_id"]) == (1, 1)


async def test_a_service_is_created_with_its_runbook_labels_and_links(dsn: str, clock: FakeClock) -> None:
    async with world(dsn, clock) as w, browser(w) as http:
        csrf = await sign_in(w, http, w.mara)
        api = Api(http, await key_of(w.ctx.db, clock, w.mara))
        summary = '<summary class="line sm mid">'
        assert f"<details>{summary}" in (await http.get("/services")).text
        form = {
            "csrf": csrf,
            "name": "Ledger",
            "team": "1",
            "tier": "2",
            "runbook_url": "https://wiki.example.org/ledger",
            "labels": "region=eu-north\r\npci=a=b\r\n",
            "links": "The repository https://git.example.org/ledger",
        }

        # each wrong field is named as on the page that edits a service, and everything typed is kept
        wrong = {"labels": "region", "links": "https://git.example.org/ledger", "tier": "x", "team": ""}
        refused = await http.post("/services", data={**form, **wrong})
        assert refused.status_code == 422
        assert f"<details open>{summary}" in refused.text
        for name in wrong:
            field = re.search(rf'<(?:select|textarea) [^>]*id="f-{name}"[^>]*>', refused.text)
            assert field
            assert 'aria-invalid="true"' in field[0], name
        assert ">region</textarea>" in refused.text
        assert 'value="https://wiki.example.org/ledger"' in refused.text
        for name, value in (("labels", "9x=y"), ("links", "Wiki javascript:1"), ("runbook_url", "nowhere")):
            refused = await http.post("/services", data={**form, name: value})
            assert refused.status_code == 422, name
            assert 'value="Ledger"' in refused.text
            assert f"<details open>{summary}" in refused.text
        await api("GET", "/services/ledger", status=404)

        assert (await http.post("/services", data=form)).headers["location"] == "/services/ledger"
        created = await api("GET", "/services/ledger")
        described = {
            "runbook_url": "https://wiki.example.org/ledger",
            "labels": {"pci": "a=b", "region": "eu-north"},
            "links": [{"title": "The repository", "url": "https://git.example.org/ledger"}],
        }
        assert {name: created[name] for name in described} == described

        # the audit log has them, however the service was created
        search = {"name": "Search", "team_id": 1, **described}
        assert (await api("POST", "/services", search, status=201))["slug"] == "search"
        file = "services: {till: {team: payments, labels: {region: us}}}"
        await api("POST", "/service-import", {"file": file, "create": True})
        async with w.ctx.db.tx() as tx:
            rows = await tx.fetch("select detail from audit where action = 'service.created' order by id")
        details = {row["detail"]["name"]: row["detail"] for row in rows}
        assert {name: details["Ledger"][name] for name in described} == described
        assert {name: details["Search"][name] for name in described} == described
        assert (details["till"]["labels"], details["till"]["links"]) == ({"region": "us"}, [])


async def test_a_tab_without_services_offers_no_filters_to_clear(dsn: str, clock: FakeClock) -> None:
    async with world(dsn, clock) as w, browser(w) as http:
        await sign_in(w, http, w.mara)
        assert "Clear filters" not in (await http.get("/services?health=deleted")).text
        filtered = (await http.get("/services?health=deleted&q=ledger")).text
        assert filtered.count('href="/services?health=deleted">Clear filters') == 2


async def test_bug_a_form_whose_policy_was_just_deleted_was_lost(dsn: str, clock: FakeClock) -> None:
    async with world(dsn, clock) as w, browser(w) as http:
        form = {"name": "Ledger", "team": "1", "policy": "999", "tier": "1", "description": "Books payments"}
        refused = await http.post("/services", data={"csrf": await sign_in(w, http, w.mara), **form})
        assert refused.status_code == 404
        assert 'value="Ledger"' in refused.text
        assert 'value="Books payments"' in refused.text
        policy = re.search(r'<select [^>]*name="policy"[^>]*>', refused.text)
        assert policy
        assert 'aria-invalid="true"' in policy[0]


async def test_bug_an_edited_service_whose_new_team_was_just_deleted_was_lost(
    dsn: str, clock: FakeClock
) -> None:
    async with world(dsn, clock) as w, browser(w) as http:
        edited = {"name": "Checkout", "team": "999", "description": "Takes payments"}
        csrf = await sign_in(w, http, w.mara)
        refused = await http.post("/services/checkout/edit", data={"csrf": csrf, **edited})
        assert refused.status_code == 404
        assert "Takes payments</textarea>" in refused.text
        team = re.search(r'<select [^>]*name="team"[^>]*>', refused.text)
        assert team
        assert 'aria-invalid="true"' in team[0]
