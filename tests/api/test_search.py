"""Search over JSON and on the page without a script."""

from firebell.kit.clock import FakeClock
from tests.api.api_clients import browser, key_of, organization, sign_in
from tests.rules.test_search_terms import ODD


async def test_search_answers_in_groups_with_addresses(dsn: str, clock: FakeClock) -> None:
    async with organization(dsn, clock) as (w, api):
        await w.alert("Ledger queue above 2,000")
        results = await api("GET", "/search", q="ledger")
        assert results["best"]["kind"] == "page"
        assert (results["best"]["ref"], results["best"]["state"]) == ("PG-1", "firing")
        assert results["best"]["url"].endswith("/pages/PG-1")
        named = await api("GET", "/search", q="jun")
        assert (named["best"]["kind"], named["best"]["title"]) == ("person", "Jun Okafor")
        one = await api("GET", "/search", q="payments", group="oncall")
        assert [(g["name"], g["more"]) for g in one["groups"]] == [("oncall", False)]
        assert one["best"] is None
        await api("GET", "/search", q="x", group="nothing", status=422)


async def test_a_key_finds_only_what_its_scopes_show(dsn: str, clock: FakeClock) -> None:
    async with organization(dsn, clock) as (w, api):
        key = await key_of(w.ctx.db, clock, w.mara, ["pages:read"])
        results = await api.with_key(key)("GET", "/search", q="jun okafor")
        kinds = {hit["kind"] for hit in [results["best"], *(h for g in results["groups"] for h in g["hits"])]}
        assert kinds <= {"page", "service", "chapter", "command"}


async def test_no_query_is_refused(dsn: str, clock: FakeClock) -> None:
    async with organization(dsn, clock) as (w, api), browser(w) as http:
        await sign_in(w, http, w.jun)
        for query in (q for q in ODD if q != "\ud800"):
            await api("GET", "/search", q=query)
            assert (await http.get("/search", params={"q": query})).status_code == 200


async def test_the_search_page_shows_hits_and_links_to_the_rest(dsn: str, clock: FakeClock) -> None:
    async with organization(dsn, clock) as (w, _), browser(w) as http:
        await sign_in(w, http, w.mara)
        text = (await http.get("/search", params={"q": "payments"})).text
        assert 'href="/escalation/payments"' in text
        assert "<mark>Payments</mark>" in text
        nothing = (await http.get("/search", params={"q": "<xyzzy>"})).text
        assert "No results for “&lt;xyzzy&gt;”" in nothing
        whole = (await http.get("/search", params={"q": "payments", "group": "oncall"})).text
        assert 'href="/oncall/payments-primary"' in whole
