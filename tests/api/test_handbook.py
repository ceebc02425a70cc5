"""The handbook, the templates and the messages of an incident over JSON."""

from firebell.kit.clock import FakeClock
from tests.api.api_clients import key_of, organization


async def test_chapters_are_listed_read_and_searched(dsn: str, clock: FakeClock) -> None:
    async with organization(dsn, clock) as (w, api):
        none = api.with_key(await key_of(w.ctx.db, clock, w.jun, ["pages:read"]))
        chapters = await none("GET", "/handbook")
        assert (chapters[0]["slug"], chapters[0]["path"]) == ("", "SKILL.md")
        roles = next(c for c in chapters if c["slug"] == "references/incident-roles")
        assert roles["url"].endswith("/handbook/references/incident-roles")
        assert {"title": "Who fills what", "anchor": "who-fills-what"} in roles["parts"]
        text = await none("GET", "/handbook/chapter", slug="references/incident-roles")
        assert text["text"].lstrip().startswith("# Incident roles")
        assert (await none("GET", "/handbook/chapter", slug="SKILL"))["path"] == "SKILL.md"
        missing = await none("GET", "/handbook/chapter", slug="references/incident-rolls", status=404)
        assert "incident-rolls" in missing["detail"]
        await none("GET", "/handbook/chapter", slug="../../pyproject.toml", status=404)
        hits = await none("GET", "/handbook/search", q="decision tree")
        assert hits[0]["slug"] == "references/severity-classification"
        assert hits[0]["url"].endswith("#the-decision-tree")
        await none("GET", "/handbook/search", q="", status=422)
        await api.with_key("")("GET", "/handbook", status=401)


async def test_templates_are_for_managers_to_change_and_for_all_to_read(dsn: str, clock: FakeClock) -> None:
    async with organization(dsn, clock) as (w, api):
        jun = api.with_key(await key_of(w.ctx.db, clock, w.jun))
        listed = await jun("GET", "/templates")
        assert {t["source"] for t in listed} == {"shipped"}
        assert len(listed) == 30
        one = await jun("GET", "/templates/update-first")
        assert one["body"] == one["shipped"]
        assert "next_update" in one["slots"]

        body = {"body": "{{ref}} burns"}
        refused = await jun("PUT", "/templates/update-first", body, status=403)
        assert refused["type"] == "urn:firebell:problem:forbidden"
        await jun("DELETE", "/templates/update-first", status=403)
        await jun("POST", "/templates/apply", {"files": [{"name": "a", "text": "b"}]}, status=403)
        await api("PATCH", f"/people/{w.jun}", {"role": "manager"})
        changed = await jun("PUT", "/templates/update-first", body)
        assert (changed["source"], changed["changed_by"]) == ("app", "Jun Okafor (test)")
        wrong = await jun("PUT", "/templates/update-first", {"body": "{{rfe}}"}, status=422)
        assert "{{rfe}}" in wrong["errors"][0]["message"]
        await jun("PUT", "/templates/update-first", {"body": ""}, status=422)
        await jun("PUT", "/templates/nothing", body, status=404)
        assert (await jun("DELETE", "/templates/update-first"))["source"] == "shipped"


async def test_a_repository_is_applied_by_its_files(dsn: str, clock: FakeClock) -> None:
    async with organization(dsn, clock) as (_, api):
        text = "### T\n\n`all-clear` · n\n\n```text\nOver.\n```\n"
        payload = {"files": [{"name": "x/a.md", "text": text}]}
        assert await api("POST", "/templates/apply", {**payload, "dry_run": True}) == [
            {"id": "all-clear", "step": "created"}
        ]
        assert (await api("GET", "/templates/all-clear"))["source"] == "shipped"
        await api("POST", "/templates/apply", payload)
        assert (await api("GET", "/templates/all-clear"))["body"] == "Over.\n"
        bad = {"files": [{"name": "x/a.md", "text": text.replace("Over.", "{{over}}")}]}
        wrong = await api("POST", "/templates/apply", bad, status=422)
        assert wrong["errors"][0]["field"] == "x/a.md:3"
        twice = {"files": payload["files"] * 2}
        assert "same name" in (await api("POST", "/templates/apply", twice, status=422))["detail"]
        await api("POST", "/templates/apply", {"files": []}, status=422)


async def test_messages_of_an_incident_are_ready_to_be_sent(dsn: str, clock: FakeClock) -> None:
    async with organization(dsn, clock) as (_, api):
        made = await api("POST", "/incidents", {"title": "Cards fail", "severity": "SEV1"}, status=201)
        messages = await api("GET", f"/incidents/{made['ref']}/messages", tz="Europe/Stockholm")
        first = messages[0]
        assert (first["id"], first["fits"]) == ("update-first", True)
        assert "04:14" in first["text"]
        assert "impact" in first["missing"]
        assert not next(m for m in messages if m["id"] == "email-resolved")["fits"]
        await api("GET", "/incidents/INC-9/messages", status=404)
        await api("GET", f"/incidents/{made['ref']}/messages", tz="Nowhere", status=422)
