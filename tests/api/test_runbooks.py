"""Runbooks over JSON, from the shipped ones to the organization's own."""

from firebell.kit.clock import FakeClock
from firebell.people.model import SCOPES
from tests.api.api_clients import browser, key_of, organization
from tests.rules.test_runbooks import GOOD


async def test_the_library_is_listed_read_written_and_put_back(dsn: str, clock: FakeClock) -> None:
    async with organization(dsn, clock) as (_, api):
        listed = await api("GET", "/runbooks")
        assert [(r["title"], r["version"], r["shipped"], r["last_updated"]) for r in listed] == [
            ("Bad release: roll back", 0, True, "2026-11-29"),
            ("Cache invalidation", 0, True, "2026-11-24"),
            ("Certificate expired", 0, True, "2026-11-29"),
            ("Database failover", 0, True, "2026-11-24"),
            ("DDoS mitigation", 0, True, "2026-11-24"),
        ]
        shipped = await api("GET", "/runbooks/database-failover")
        assert shipped["body"].startswith("# Database failover\n")
        assert "R-OWNER" in [f["id"] for f in shipped["findings"]], "there is no team called Database"

        payload = {"body": GOOD, "source": "https://git.example.org/ops/failover.md", "version": 0}
        dry = await api("PUT", "/runbooks/database-failover", {**payload, "dry_run": True})
        assert (dry["change"], dry["findings"]) == ("changed", [])
        done = await api("PUT", "/runbooks/database-failover", payload)
        assert (done["slug"], done["change"]) == ("database-failover", "changed")
        assert done["findings"] == [], "a new text has time until it has to be exercised"
        again = await api("PUT", "/runbooks/database-failover", {**payload, "version": 1})
        assert again["change"] == "unchanged"
        stale = await api("PUT", "/runbooks/database-failover", {**payload, "body": "# Mine"}, status=409)
        assert stale["type"].endswith(":conflict")
        own = await api("GET", "/runbooks/database-failover")
        assert (own["title"], own["owner"], own["team"]) == (
            "Payments failover",
            "Payments, with storage",
            "Payments",
        )
        assert (own["version"], own["updated_by"]) == (1, "Mara Lindqvist (test)")
        back = await api("POST", "/runbooks/database-failover/restore")
        assert (back["version"], back["updated_at"]) == (0, None)

        made = await api("PUT", "/runbooks/search-is-slow", {"body": "# Search is slow\n"})
        assert made["change"] == "created"
        assert {f["id"] for f in made["findings"]} == {"R-PART"}
        await api("DELETE", "/runbooks/search-is-slow")
        missing = await api("GET", "/runbooks/search-is-slow", status=404)
        assert "database-failover" in missing["hint"]
        await api("DELETE", "/runbooks/ddos-mitigation")
        assert len(await api("GET", "/runbooks")) == 4
        await api("POST", "/runbooks/search-is-slow/restore", status=404)


async def test_a_text_is_checked_without_being_kept(dsn: str, clock: FakeClock) -> None:
    async with organization(dsn, clock) as (_, api):
        good = await api("POST", "/runbooks/check", {"body": GOOD})
        assert good == {
            "title": "Payments failover",
            "owner": "Payments, with storage",
            "last_updated": "2026-11-13",
            "findings": [],
        }
        stale = await api("POST", "/runbooks/check", {"body": GOOD, "max_age_days": 10})
        assert [(f["id"], f["level"]) for f in stale["findings"]] == [("R-STALE", "warning")]
        await api("POST", "/runbooks/check", {"body": ""}, status=422)
        assert len(await api("GET", "/runbooks")) == 5


async def test_a_bad_address_and_a_key_that_may_only_read_change_nothing(dsn: str, clock: FakeClock) -> None:
    async with organization(dsn, clock) as (w, api):
        bad = await api("PUT", "/runbooks/Search%20is%20slow", {"body": GOOD}, status=422)
        assert [e["field"] for e in bad["errors"]] == ["slug"]
        assert "search-is-slow" in bad["errors"][0]["message"]
        reads = [s for s in SCOPES if s != "incidents:write"]
        reader = api.with_key(await key_of(w.ctx.db, clock, w.mara, reads))
        await reader("GET", "/runbooks")
        await reader("PUT", "/runbooks/search", {"body": GOOD}, status=403)
        await reader("DELETE", "/runbooks/ddos-mitigation", status=403)
        assert len(await api("GET", "/runbooks")) == 5


async def test_services_that_lead_to_a_runbook_are_named(dsn: str, clock: FakeClock) -> None:
    async with organization(dsn, clock) as (w, api):
        url = f"{w.ctx.public_url}/runbooks/database-failover#steps"
        await api("PATCH", "/services/checkout", {"runbook_url": url})
        listed = {r["slug"]: r["services"] for r in await api("GET", "/runbooks")}
        assert listed["database-failover"] == ["checkout"]
        assert listed["ddos-mitigation"] == []


async def test_the_runbook_screens_require_a_signed_in_person(dsn: str, clock: FakeClock) -> None:
    async with organization(dsn, clock) as (w, _), browser(w) as http:
        for path in ("/runbooks", "/runbooks/new", "/runbooks/database-failover", "/runbooks/x/edit"):
            answer = await http.get(path)
            assert (answer.status_code, answer.headers["location"][:6]) == (303, "/login"), path
        assert (await http.post("/runbooks/database-failover/remove")).status_code == 303
