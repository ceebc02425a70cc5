"""A post-mortem is reviewed, published, told to customers, exported and withdrawn, over the API."""

import importlib.util
import json
from datetime import timedelta

import pytest

from firebell.incidents import actions as incidents
from firebell.incidents.model import ROLE_NAMES, IncidentRole, Phase
from firebell.kit.clock import FakeClock
from firebell.kit.db.events import SYSTEM
from firebell.metrics.facts import source_store
from firebell.people import actions as people
from firebell.postmortems import actions as postmortems
from firebell.postmortems.export import pdf
from firebell.status_pages import actions as status_pages
from firebell.status_pages import store
from firebell.status_pages.model import ComponentStatus, PageVisibility, Stage, UpdateKind
from firebell.status_pages.publishing import actions as publishing
from firebell.status_pages.publishing.actions import NewUpdate
from tests.api.api_clients import Api, browser, key_of, organization, sign_in
from tests.postmortem_steps import PUBLISHABLE
from tests.world import World

PM = "/post-mortems/INC-1"


async def closed(w: World, *, is_private: bool = False) -> None:
    """Declare and close INC-1 with Mara as commander, and draft its post-mortem."""
    mara = await w.actor(w.mara)
    async with w.ctx.db.tx() as tx:
        await incidents.declare(
            tx, mara, title="Cards fail", severity=1, commander_id=w.mara, private=is_private, now=w.now
        )
        await tx.execute("update incident set phase = 'closed', closed_at = $1", w.now)
        await postmortems.start(tx, SYSTEM, 1, w.now)


async def person(w: World, name: str, role: str) -> int:
    """Create a person and return their id."""
    async with w.ctx.db.tx() as tx:
        address = f"{name.lower()}@example.com"
        created = await people.create_person(
            tx, SYSTEM, name=f"{name} Berg", email=address, role=role, tz="UTC", now=w.now
        )
    return created.id


async def client(w: World, api: Api, person_id: int) -> Api:
    return api.with_key(await key_of(w.ctx.db, w.clock, person_id))


async def blocker_ids(api: Api) -> set[str]:
    return {blocker["id"] for blocker in (await api("GET", f"{PM}/publication"))["blockers"]}


async def test_a_withdrawn_post_mortem_is_due_for_no_one(dsn: str, clock: FakeClock) -> None:
    async with organization(dsn, clock) as (w, mara), browser(w) as http:
        await closed(w)
        await sign_in(w, http, w.mara)
        assert "Post-mortem for INC-1" in (await http.get("/")).text
        await mara("POST", f"{PM}/withdrawal", {"reason": "It was a false alarm"})
        manager = await client(w, mara, await person(w, "Ewa", "manager"))
        w.clock.advance(timedelta(minutes=30))
        withdrawn_at = w.now
        assert (await manager("POST", f"{PM}/withdrawal", {}))["stage"] == "withdrawn"
        async with w.ctx.db.tx() as tx:
            assert await source_store.published_postmortems(tx, withdrawn_at) == [1]
            assert (await source_store.postmortems(tx, [1]))[1].is_withdrawn
        w.clock.advance(timedelta(days=3))
        assert "Post-mortem for INC-1" not in (await http.get("/")).text
        async with w.ctx.db.tx() as tx:
            # a handoff lists the same ones
            assert await postmortems.unpublished(tx, [w.service]) == []


async def test_the_post_mortem_that_is_due_first_is_named_first(dsn: str, clock: FakeClock) -> None:
    async with organization(dsn, clock) as (w, _), browser(w) as http:
        await closed(w)
        mara = await w.actor(w.mara)
        for number in range(2, 13):
            clock.advance(timedelta(minutes=1))
            async with w.ctx.db.tx() as tx:
                await incidents.declare(
                    tx, mara, title="Cards fail", severity=1, commander_id=w.mara, now=w.now
                )
                await tx.execute(
                    "update incident set phase = 'closed', closed_at = $1 where id = $2", w.now, number
                )
                await postmortems.start(tx, SYSTEM, number, w.now)
        await sign_in(w, http, w.mara)
        home = (await http.get("/")).text
        assert "Post-mortem for INC-1<" in home
        assert "Post-mortem for INC-12<" not in home


async def test_many_documents_without_an_author_do_not_hide_the_readers_own(
    dsn: str, clock: FakeClock
) -> None:
    async with organization(dsn, clock) as (w, _), browser(w) as http:
        await closed(w)
        async with w.ctx.db.tx() as tx:
            await tx.execute(
                """
                insert into incident (title, severity, max_severity, phase, detected_at, declared_at, severity_at,
                    closed_at)
                select 'Old', 1, 1, 'closed', $1, $1, $1, $1
                from generate_series(1, 501)
                """,
                w.now - timedelta(days=300),
            )
            await tx.execute(
                """
                insert into postmortem (incident_id, body, state, due_at, created_at, updated_at)
                select id, '', 'draft', closed_at, closed_at, closed_at
                from incident
                where title = 'Old'
                """
            )
        await sign_in(w, http, w.mara)
        home = (await http.get("/")).text
        assert "Post-mortem for INC-1<" in home
        assert home.count("Post-mortem for INC-") == 10


async def test_from_a_blank_draft_to_the_withdrawn_document(dsn: str, clock: FakeClock) -> None:
    async with organization(dsn, clock) as (w, mara):
        await closed(w)
        jun = await client(w, mara, w.jun)
        noor_id = await person(w, "Noor", "responder")
        noor = await client(w, mara, noor_id)
        viewer = await client(w, mara, await person(w, "Vera", "viewer"))

        # a blank document cannot be published, however many people agree
        left = await mara("GET", f"{PM}/publication")
        assert not left["is_ready"]
        assert {"approval", "placeholders", "content", "external"} <= await blocker_ids(mara)
        refused = await mara("POST", f"{PM}/publish", status=422)
        assert {error["field"] for error in refused["errors"]} >= {"body", "approval", "external"}
        version = (await jun("GET", PM))["version"]
        blaming = PUBLISHABLE.replace("Card payments failed, and", "Jun Okafor failed to look, and")
        await jun("PUT", PM, {"body": blaming, "version": version})
        problems = (await mara("GET", f"{PM}/publication"))["blockers"]
        blame = next(b for b in problems if b["id"] == "content" and "Summary" in b["text"])
        assert blame["problem"] == ""
        await mara("POST", f"{PM}/accepted-problems", {"problem": "P-BLAME:x", "reason": "no"}, status=404)
        version = (await jun("GET", PM))["version"]
        await jun("PUT", PM, {"body": PUBLISHABLE, "version": version})

        # whoever wrote part of it does not approve it, and an approval is for a version
        await mara("POST", f"{PM}/approval", {"version": version + 1}, status=409)
        await viewer("PUT", f"{PM}/review", {}, status=403)
        await jun("PUT", f"{PM}/review", {"reviewers": [w.jun]}, status=422)
        asked = await jun("PUT", f"{PM}/review", {"reviewers": [noor_id]})
        assert (asked["stage"], asked["asked"]) == ("review", ["Noor Berg"])
        await jun("POST", f"{PM}/approval", {"version": asked["version"]}, status=403)
        await mara("POST", f"{PM}/approval", {"version": asked["version"]}, status=403)  # the author
        await noor("POST", f"{PM}/approval", {"version": asked["version"] - 1}, status=409)
        changed = await noor("POST", f"{PM}/wanted-changes", {"version": asked["version"], "note": "Why?"})
        assert (changed["stage"], changed["reviews"][0]["verdict"]) == ("draft", "changes")
        await jun("PUT", f"{PM}/review", {})
        approved = await noor("POST", f"{PM}/approval", {"version": asked["version"], "note": "Good"})
        assert approved["stage"] == "approved"
        await jun("PUT", PM, {"body": f"{PUBLISHABLE}\nMore.\n", "version": asked["version"]})
        assert (await jun("GET", f"{PM}/review"))["stage"] == "draft"
        again = await jun("PUT", f"{PM}/review", {})
        await noor("POST", f"{PM}/approval", {"version": again["version"]})

        # a comment, the list of recipients and the decision about customers
        comment = await noor(
            "POST",
            f"{PM}/comments",
            {"section": "summary", "text": "Where from?", "is_blocking": True},
            status=201,
        )
        assert await blocker_ids(mara) == {"comments", "external"}
        await noor("PUT", f"{PM}/comments/{comment['id']}/resolved", {"is_resolved": True})
        await mara("PUT", f"{PM}/distribution", {"members": ["list:nothing"]}, status=422)
        await mara("PUT", f"{PM}/distribution", {"members": ["team:999"]}, status=422)
        chosen = await mara(
            "PUT", f"{PM}/distribution", {"members": ["board@example.org", f"person:{w.jun}"]}
        )
        assert (chosen["people"], chosen["addresses"], chosen["is_default"]) == (
            ["Jun Okafor"],
            ["board@example.org"],
            False,
        )
        await mara("PUT", f"{PM}/external", {"is_needed": False}, status=422)
        await mara("PUT", f"{PM}/external", {"is_needed": False, "reason": "It was internal"})
        assert await blocker_ids(mara) == set()
        await viewer("POST", f"{PM}/publish", status=403)
        usefulness = f"{PM}/usefulness"
        await viewer("PUT", usefulness, {"useful": True}, status=409)
        published = await mara("POST", f"{PM}/publish")
        assert (published["state"], published["version"]) == ("published", again["version"] + 1)

        # readers say whether it was useful, each once, and no one sees who
        await viewer("PUT", usefulness, {"useful": True})
        for _ in range(2):
            rated = await jun("PUT", usefulness, {"useful": False})
        assert rated == {"readers": 2, "useful": 1, "not_yet": 1, "mine": False}
        changed = await jun("PUT", usefulness, {"useful": True})
        assert (changed["useful"], changed["not_yet"]) == (2, 0)
        assert await mara("GET", usefulness) == {"readers": 2, "useful": 2, "not_yet": 0, "mine": None}
        await mara("POST", f"{PM}/publish", status=409)
        assert (await mara("GET", "/incidents/INC-1"))["phase"] == "reviewed"

        # what was published never changes; a revision needs an approval of its own
        await jun("PUT", PM, {"body": f"{PUBLISHABLE}\nRevised.\n", "version": published["version"]})
        assert await blocker_ids(mara) == {"approval"}
        kept = await mara("GET", f"{PM}/versions/{published['version']}")
        assert "Revised" not in kept["body"]
        assert (await mara("GET", f"{PM}/review"))["stage"] == "draft"

        # the author and a manager withdraw it together; Mara is both, so someone else must agree
        await jun("POST", f"{PM}/withdrawal", {"reason": "x"}, status=403)
        await mara("POST", f"{PM}/withdrawal", {}, status=422)
        assert (await mara("POST", f"{PM}/withdrawal", {"reason": "Wrong cause"}))["withdrawn_at"] is None
        assert (await mara("POST", f"{PM}/withdrawal", {"reason": "Wrong cause"}))["withdrawn_at"] is None
        manager = await client(w, mara, await person(w, "Ewa", "manager"))
        withdrawn = await manager("POST", f"{PM}/withdrawal", {})
        assert (withdrawn["stage"], withdrawn["withdrawal_reason"]) == ("withdrawn", "Wrong cause")
        await manager("POST", f"{PM}/withdrawal", {"reason": "x"}, status=409)
        now = (await mara("GET", PM))["version"]
        await jun("PUT", PM, {"body": "# New\n", "version": now}, status=409)


async def test_customers_get_a_text_without_anything_internal(dsn: str, clock: FakeClock) -> None:
    async with organization(dsn, clock) as (w, mara):
        await closed(w)
        actor = await w.actor(w.mara)
        async with w.ctx.db.tx() as tx:
            page = await status_pages.create_status_page(
                tx,
                actor,
                slug="shop",
                name="Shop",
                tz="UTC",
                visibility=PageVisibility.PUBLIC,
                component_of=[w.service],
                now=w.now,
            )
            [component] = await store.components(tx, page.id)
            opened = await publishing.open_incident(
                tx,
                actor,
                page.id,
                "Payments fail",
                NewUpdate(
                    Stage.RESOLVED, "It is over.", {component.id: ComponentStatus.MAJOR_OUTAGE}, since=w.now
                ),
                w.now,
                incident_id=1,
            )
            await incidents.declare(tx, actor, title="Cards are slow", severity=2, now=w.now)
            await tx.execute("update incident set phase = 'closed', closed_at = $1 where id = 2", w.now)
        jun = await client(w, mara, w.jun)
        await jun("GET", f"{PM}/external", status=404)
        await jun("PUT", f"{PM}/external/text", {"body": "x", "version": 1}, status=404)
        await jun("POST", f"{PM}/incidents", {"incident": "INC-2"}, status=201)
        await mara(
            "PUT", "/post-mortem-settings/leaks", {"customers": ["Nordlys Bank"], "domains": ["corp.x"]}
        )
        await jun("PUT", "/post-mortem-settings/leaks", {"customers": [], "domains": []}, status=403)
        drafted = await jun("PUT", f"{PM}/external", {"is_needed": True})
        assert (drafted["stage"], drafted["version"]) == ("draft", 1)
        leaky = "Mara Lindqvist moved Nordlys Bank off db.corp.x in INC-1.\n<!-- internal -->ACT-1<!-- /internal -->"
        saved = await jun("PUT", f"{PM}/external/text", {"body": leaky, "version": 1})
        assert {leak["kind"] for leak in saved["leaks"]} == {"name", "customer", "host", "reference"}
        assert "ACT-1" not in saved["public_body"]
        await jun("PUT", f"{PM}/external/text", {"body": "Mine", "version": 1}, status=409)
        await mara("POST", f"{PM}/external/approval", {"version": 2}, status=409)  # no one asked
        await jun("POST", f"{PM}/external/review")
        refused = await mara("POST", f"{PM}/external/approval", {"version": 2}, status=409)
        assert "INC-1" in refused["errors"][0]["message"]
        clean = "A change of ours made payments fail.\n<!-- internal -->Ask Jun<!-- /internal -->"
        await jun("PUT", f"{PM}/external/text", {"body": clean, "version": 2})
        await jun("POST", f"{PM}/external/review")
        await jun(
            "POST", f"{PM}/external/approval", {"version": 3}, status=403
        )  # neither comms lead nor manager
        assert (await mara("POST", f"{PM}/external/approval", {"version": 3}))["stage"] == "approved"
        await mara("POST", f"{PM}/external/publish", status=409)  # the internal one comes first
        async with w.ctx.db.tx() as tx:
            version = (await postmortems.of_incident(tx, 1)).version
            await postmortems.save(tx, actor, 1, PUBLISHABLE, version, w.now)
            await postmortems.ask_for_review(tx, actor, 1, [], w.now)
            await postmortems.approve(tx, await w.actor(w.jun), 1, version + 1, w.now)
            await postmortems.publish(tx, actor, 1, w.now)
        # the document gets its name from INC-1, whichever of its incidents the address names
        published = await mara("POST", "/post-mortems/INC-2/external/publish")
        assert (published["stage"], published["published_by"]) == ("published", "Mara Lindqvist (test)")
        [place] = (await mara("GET", f"{PM}/publication"))["public"]
        assert place["url"].endswith(f"/s/shop/incidents/{opened.public_id}")
        async with w.ctx.db.tx() as tx:
            shown = await publishing.public_incident(tx, page.id, opened.public_id)
        last = shown.updates[-1]
        assert (last.kind, last.body) == (UpdateKind.POSTMORTEM, "A change of ours made payments fail.")

        # a revised text needs a new approval, and replaces the published one; the log keeps both
        revised = {"body": "A change of ours made payments fail for an hour.", "version": 3}
        await jun("PUT", f"{PM}/external/text", revised)
        await mara("POST", f"{PM}/external/publish", status=409)
        await jun("POST", f"{PM}/external/review")
        await mara("POST", f"{PM}/external/approval", {"version": 4})
        await mara("POST", f"{PM}/external/publish")
        await mara("PUT", f"{PM}/external", {"is_needed": False, "reason": "x"}, status=409)
        async with w.ctx.db.tx() as tx:
            shown = await publishing.public_incident(tx, page.id, opened.public_id)
        assert [update.version for update in shown.updates] == [1, 2]


async def test_exports_in_every_format(dsn: str, clock: FakeClock, monkeypatch: pytest.MonkeyPatch) -> None:
    async with organization(dsn, clock) as (w, mara):
        await closed(w)
        actor = await w.actor(w.mara)
        async with w.ctx.db.tx() as tx:
            entry_id = await incidents.add_entry(
                tx, actor, 1, "finding", "Jun Okafor saw the pool was full", w.now
            )
            text = f"{PUBLISHABLE}\nMara Lindqvist [t:{entry_id}] <script>alert(1)</script>\n\n{{{{timeline}}}}\n"
            await postmortems.save(tx, actor, 1, text, 1, w.now)

        async def export(kind: str, **query: str) -> str:
            answer = await mara.answer("GET", f"{PM}/export", format=kind, **query)
            assert answer.status_code == 200
            assert f"post-mortem-INC-1.{kind}" in answer.headers["content-disposition"]
            return answer.text

        markdown = await export("md")
        assert "the pool was full" in markdown
        assert "{{timeline}}" not in markdown
        html = await export("html")
        assert "<script" not in html
        assert "the pool was full" in html
        document = json.loads(await export("json"))
        assert document["schema"] == "firebell.postmortem/1"
        assert [why["kind"] for why in document["whys"]] == ["effect"]
        assert document["evidence"][0]["url"].startswith(w.ctx.public_url)
        without = await export("json", roles="true")
        assert "Lindqvist" not in without
        assert "Okafor" not in without
        assert ROLE_NAMES[IncidentRole.COMMANDER] in without
        await mara("GET", f"{PM}/export", format="docx", status=422)
        if importlib.util.find_spec("typst"):
            answer = await mara.answer("GET", f"{PM}/export", format="pdf")
            assert answer.content.startswith(b"%PDF-")
        monkeypatch.setattr(pdf, "is_installed", lambda: False)
        refused = await mara("GET", f"{PM}/export", format="pdf", status=501)
        assert "firebell[pdf]" in refused["hint"]


async def test_a_private_document_reaches_only_its_readers(dsn: str, clock: FakeClock) -> None:
    async with organization(dsn, clock) as (w, mara):
        await closed(w, is_private=True)
        jun = await client(w, mara, w.jun)
        for path in ("review", "publication", "external", "export"):
            await jun("GET", f"{PM}/{path}", status=404)
        await jun("PUT", f"{PM}/review", {}, status=404)
        await mara("PUT", f"{PM}/review", {"reviewers": [w.jun]}, status=422)
        await mara("PUT", f"{PM}/distribution", {"members": ["board@example.org"]}, status=422)
        chosen = await mara("PUT", f"{PM}/distribution", {"members": ["everyone"]})
        assert chosen["people"] == ["Mara Lindqvist"]

        # a document about several incidents is as private as each of them, whichever gives it its name
        actor = await w.actor(w.mara)
        async with w.ctx.db.tx() as tx:
            await incidents.declare(tx, actor, title="Cards are slow", severity=2, now=w.now)
            await tx.execute("update incident set phase = 'closed', closed_at = $1 where id = 2", w.now)
            await postmortems.start(tx, SYSTEM, 2, w.now)
            await incidents.declare(tx, actor, title="Cards were stolen", severity=2, private=True, now=w.now)
        both = "/post-mortems/INC-2"
        await mara("POST", f"{both}/incidents", {"incident": "INC-3"}, status=201)
        await mara("PUT", f"{both}/review", {"reviewers": [w.jun]}, status=422)
        await mara("PUT", f"{both}/distribution", {"members": ["board@example.org"]}, status=422)
        chosen = await mara("PUT", f"{both}/distribution", {"members": ["everyone"]})
        assert chosen["people"] == ["Mara Lindqvist"]
        await mara("PUT", f"{both}/author", {"person_id": w.jun}, status=422)
        manager_id = await person(w, "Ewa", "manager")
        assert (await mara("PUT", f"{both}/author", {"person_id": manager_id}))["author_id"] == manager_id
        meta = (await mara("GET", "/post-mortems/INC-3/export", format="json"))["meta"]
        assert (meta["ref"], meta["title"], meta["peak_severity"]) == ("INC-2", "Cards are slow", 2)


async def test_settings_name_the_lists_of_each_severity(dsn: str, clock: FakeClock) -> None:
    async with organization(dsn, clock) as (w, mara):
        shipped = await mara("GET", "/post-mortem-settings/distribution")
        assert [each["slug"] for each in shipped["lists"]] == [
            "engineering",
            "product",
            "support",
            "leadership",
        ]
        lists = [{"slug": "ops", "name": "Operations", "members": ["everyone", "sre@example.org"]}]
        for wrong in (
            {"lists": lists, "defaults": [["ops"], ["ops"], ["ops"], ["nothing"]]},
            {"lists": lists * 2, "defaults": [[]] * 4},
            {"lists": [{**lists[0], "members": ["person:99"]}], "defaults": [[]] * 4},
            {"lists": lists, "defaults": [[]] * 3},
        ):
            await mara("PUT", "/post-mortem-settings/distribution", wrong, status=422)
        new = {"lists": lists, "defaults": [["ops"], ["ops"], [], []]}
        await mara("PUT", "/post-mortem-settings/distribution", new)
        await closed(w)
        distribution = (await mara("GET", f"{PM}/publication"))["distribution"]
        assert (distribution["names"], distribution["addresses"]) == (["Operations"], ["sre@example.org"])
        phase = (await mara("GET", "/incidents/INC-1"))["phase"]
        assert phase == Phase.CLOSED
