"""What an organization learned is found again, by those who may read it: post-mortems, similar incidents, meetings."""

from datetime import timedelta
from typing import Any

from firebell.incidents import actions as incidents
from firebell.kit import private_reader
from firebell.kit.clock import FakeClock
from firebell.kit.db.events import SYSTEM
from firebell.people import actions as people
from firebell.people.model import Role
from firebell.postmortems import actions as postmortems
from firebell.postmortems.document.sections import by_slug, split
from firebell.postmortems.postmortem_list import indexing, queries
from firebell.postmortems.postmortem_list.list_query import PostmortemQuery
from firebell.postmortems.similar import profiling as similar
from tests.api.api_clients import Api, browser, key_of, organization, sign_in
from tests.postmortem_steps import approved
from tests.world import World

CAUSE = """- effect: Cards failed
  - why: The connection pool was exhausted
    - root: Nothing compares pool and limit (factor: latent.guard)"""


async def declare(
    w: World, title: str, *, closed: bool = True, private: bool = False, severity: int = 1
) -> int:
    """Declare an incident about Checkout with a mitigation that helped, and close it."""
    mara = await w.actor(w.mara)
    async with w.ctx.db.tx() as tx:
        incident = await incidents.declare(
            tx, mara, title=title, severity=severity, service_ids=[w.service], private=private, now=w.now
        )
        if closed:
            await incidents.add_entry(tx, mara, incident.id, "mitigation", "Recycling the pool helped", w.now)
            await tx.execute(
                """
                update incident
                set phase = 'closed', closed_at = $2, impact_start = $3, impact_end = $2
                where id = $1
                """,
                incident.id,
                w.now,
                w.now - timedelta(minutes=14),
            )
    return incident.id


async def write(w: World, incident_id: int, **texts: str) -> None:
    """Draft the post-mortem of an incident and write sections."""
    mara = await w.actor(w.mara)
    async with w.ctx.db.tx() as tx:
        await postmortems.start(tx, SYSTEM, incident_id, w.now)
        for slug, text in texts.items():
            document = await postmortems.of_incident(tx, incident_id)
            section = by_slug(split(document.body), slug.replace("_", "-"))
            assert section
            await postmortems.save_section(
                *(tx, mara, incident_id, section.slug, text, document.version, section.hash, w.now)
            )


async def refs(api: Api, **query: Any) -> list[str]:
    return [one["ref"] for one in (await api("GET", "/post-mortems/search", **query))["results"]]


async def test_the_search_finds_by_words_and_filters_what_the_reader_may_read(
    dsn: str, clock: FakeClock
) -> None:
    async with organization(dsn, clock) as (w, api):
        viewer_id = await person(w, "Vera", Role.VIEWER)
        viewer = api.with_key(await key_of(w.ctx.db, clock, viewer_id))
        root = await declare(w, "Cards fail")
        title = await declare(w, "Connection pool exhausted", severity=2)
        secret = await declare(w, "Pool of secrets", private=True)
        await write(w, root, root_cause=CAUSE)
        await write(w, title, summary="Störung der Kasse.")
        await write(w, secret, summary="The pool of secrets was read.")
        page = await api("GET", "/post-mortems/search", q="connection pools")
        assert [one["ref"] for one in page["results"]] == [f"INC-{title}", f"INC-{root}"]
        first, second = page["results"]
        assert first["places"][0] == "Title"
        assert second["places"] == ["Root cause"]
        assert second["factors"] == ["latent.guard"]
        assert second["minutes"] == 14
        assert {part["text"] for part in second["excerpt"] if part["matched"]} == {"connection", "pool"}
        assert (page["total"], page["next_after"]) == (2, None)
        async with w.ctx.db.tx() as tx:
            wanted = await queries.resolve(tx, PostmortemQuery("connection pools"))
            exported = await queries.search_all(tx, wanted)
        assert [one.document.ref for one in exported] == [f"INC-{title}", f"INC-{root}"]
        for query, expected in (
            ({"q": '"connection pool" -exhausted'}, []),
            ({"q": '"the pool was connection"'}, []),
            ({"q": '"störung der kasse" or "no such phrase"'}, [title]),
            ({"q": '"pool exhausted" -"störung der kasse"'}, []),
            ({"q": '"pool exhausted" -"kasse der störung"', "severity": "SEV2"}, [title]),
            ({"q": "Storung"}, [title]),
            ({"q": "kasse or guard"}, [title, root]),
            ({"factor": "latent.guard"}, [root]),
            ({"severity": "SEV2"}, [title]),
            ({"service": "checkout", "year": str(w.now.year)}, [title, root]),
            ({"year": str(w.now.year - 1)}, []),
            ({"state": "published"}, []),
            ({"q": "'); drop table postmortem; --"}, []),
        ):
            assert sorted(await refs(viewer, **query)) == sorted(f"INC-{each}" for each in expected), query
        assert f"INC-{secret}" in await refs(api, q="secrets")
        assert await refs(viewer, q="secrets") == []
        for query in (
            {"severity": "9"},
            {"year": "x"},
            {"factor": "human_error"},
            {"state": "gone"},
            {"after": "-1"},
        ):
            await api("GET", "/post-mortems/search", status=422, **query)
        await api("GET", "/post-mortems/search", status=404, service="nothing")
        # what is due, with the step at which it stands
        due = await api("GET", "/post-mortems/due")
        assert {one["ref"] for one in due} == {f"INC-{each}" for each in (root, title, secret)}
        step = next(one["step"] for one in due if one["ref"] == f"INC-{root}")
        overview = await api("GET", f"/post-mortems/INC-{root}/overview")
        current = next(each for each in overview["steps"] if not each["is_done"])
        assert (step["id"], step["due_at"]) == (current["id"], current["due_at"])
        assert (step["missing"], step["total"]) == (current["missing"][0], len(overview["steps"]))
        assert [one["ref"] for one in await viewer("GET", "/post-mortems/due")] == [
            one["ref"] for one in due if one["ref"] != f"INC-{secret}"
        ]
        first_page = await api.answer("GET", "/post-mortems/due?limit=2")
        following = first_page.headers["link"].partition(">")[0].removeprefix("</api/v1")
        rest = (await api.answer("GET", following)).json()
        assert [one["ref"] for one in [*first_page.json(), *rest]] == [one["ref"] for one in due]
        await api("GET", "/post-mortems/due", status=422, before="soon")
        async with w.ctx.db.tx() as tx:
            await tx.execute("update incident set title = 'Zanzibar' where id = $1", root)
            assert not await indexing.index_outdated(tx)
        assert await refs(api, q="zanzibar") == [f"INC-{root}"]


async def person(w: World, name: str, role: Role) -> int:
    async with w.ctx.db.tx() as tx:
        made = await people.create_person(
            tx, SYSTEM, name=name, email=f"{name.lower()}@example.org", role=role, tz="UTC", now=w.now
        )
    return made.id


async def night(w: World) -> None:
    async with w.ctx.db.tx() as tx:
        await similar.weigh_all(tx, 0)
        await similar.weigh_all(tx, 0)


async def test_similar_incidents_say_why_and_what_helped_and_private_ones_do_not_show(
    dsn: str, clock: FakeClock
) -> None:
    async with organization(dsn, clock) as (w, api):
        viewer = api.with_key(await key_of(w.ctx.db, clock, await person(w, "Vera", Role.VIEWER)))
        alike = [await declare(w, f"Card tokenizer exhausted pool {name}") for name in ("east", "west")]
        secret = await declare(w, "Card tokenizer exhausted pool of payroll", private=True)
        for number in range(9):
            await declare(w, f"Label printer {'abcdefghi'[number] * 4} offline")
        clock.advance(timedelta(minutes=5))
        now_open = await declare(w, "Card tokenizer exhausted again", closed=False)
        await night(w)
        async with w.ctx.db.tx() as tx:
            await similar.profile(tx, [now_open])
        path = f"/incidents/INC-{now_open}/similar"
        seen = await api("GET", path)
        assert {one["ref"] for one in seen["incidents"][:3]} == {f"INC-{each}" for each in (*alike, secret)}
        best = (await viewer("GET", path))["incidents"]
        # the printers share the service with it, and nothing else
        assert {one["ref"] for one in best} == {f"INC-{each}" for each in alike}
        assert best[0]["helped"] == "Recycling the pool helped"
        assert best[0]["minutes"] == 14
        assert best[0]["reasons"][0] == "Same service: Checkout"
        assert best[0]["score"] == best[1]["score"] > 0.5
        await viewer("GET", f"/incidents/INC-{secret}/similar", status=404)
        async with w.ctx.db.tx() as tx:
            frequency = await tx.value("select count(*) from term_frequency where term = 'payroll'")
        assert frequency == 0


async def test_a_change_is_compared_within_a_minute_and_not_for_every_entry(
    dsn: str, clock: FakeClock
) -> None:
    async with organization(dsn, clock) as (w, _):
        incident_id = await declare(w, "Cards fail", closed=False)
        mara = await w.actor(w.mara)
        for text in ("The pool was exhausted", "The limit was low"):
            async with w.ctx.db.tx() as tx:
                await incidents.add_entry(tx, mara, incident_id, "finding", text, w.now)
            await w.settle()
        async with w.ctx.db.tx() as tx:
            waiting = await tx.value("select count(*) from due where kind = $1", similar.PROFILE_TIMER)
        assert waiting == 1
        await w.after(minutes=2)
        async with w.ctx.db.tx() as tx:
            terms = await tx.value("select terms from incident_profile where incident_id = $1", incident_id)
        assert {"exhausted", "limit", "cards"} <= set(terms)


async def test_a_meeting_keeps_its_part_and_writes_into_the_document(dsn: str, clock: FakeClock) -> None:
    async with organization(dsn, clock) as (w, api):
        mara, jun = [api.with_key(await key_of(w.ctx.db, clock, each)) for each in (w.mara, w.jun)]
        await write(w, await declare(w, "Cards fail"), root_cause=CAUSE)
        base = "/post-mortems/INC-1"
        meetings = f"{base}/meetings"

        async def step() -> dict[str, Any]:
            steps = (await mara("GET", f"{base}/overview"))["steps"]
            meeting: dict[str, Any] = next(each for each in steps if each["id"] == "meeting")
            return meeting

        assert not (await step())["is_done"]
        started = await mara("POST", meetings, {"minutes": 60}, status=201)
        assert (started["state"], started["part"], len(started["parts"])) == ("running", 0, 8)
        await jun("POST", meetings, {"minutes": 30}, status=409)
        await jun("PATCH", f"{meetings}/running", {"part": 1}, status=403)
        joined = await jun("PATCH", f"{meetings}/running", {"attendee_ids": [w.jun], "park": "A replica?"})
        assert [one["name"] for one in joined["attendees"]] == ["Mara Lindqvist", "Jun Okafor"]
        assert [one["text"] for one in joined["parked"]] == ["A replica?"]
        clock.advance(timedelta(minutes=3))
        for _ in range(2):
            gone_on = await mara("PATCH", f"{meetings}/running", {"part": 4, "from_part": 0})
        assert gone_on["part"] == 4
        paused = await mara("PATCH", f"{meetings}/running", {"paused": True, "extend": True, "row": 1})
        clock.advance(timedelta(minutes=5))
        assert (await mara("PATCH", f"{meetings}/running", {"paused": False}))["part_ends_at"] != paused[
            "part_ends_at"
        ]
        await mara("PATCH", f"{meetings}/running", {"part": 8}, status=422)
        note = {"section": "root-cause", "kind": "root", "parent_line": 1, "text": "No alert on the pool"}
        await jun("POST", f"{meetings}/running/notes", note, status=403)
        await mara("POST", f"{meetings}/running/notes", note, status=201)
        await mara("POST", f"{meetings}/running/notes", {**note, "parent_line": 2}, status=422)
        await mara("POST", f"{meetings}/running/notes", {"section": "nothing", "text": "x"}, status=404)
        await jun("PATCH", f"{meetings}/running", {"lead": "scribe"})
        good = {"section": "what-went-well", "text": "The runbook worked"}
        await jun("POST", f"{meetings}/running/notes", good, status=201)
        body = (await mara("GET", base))["body"]
        assert "    - root: No alert on the pool" in body
        assert "The runbook worked" in body
        clock.advance(timedelta(minutes=8))
        ended = await mara("PATCH", f"{meetings}/running", {"ended": True})
        assert (ended["state"], ended["lasted_s"], ended["person_minutes"]) == ("held", 660, 22)
        assert (await step())["is_done"]
        await mara("PATCH", f"{meetings}/running", {"part": 1}, status=409)
        findings = (await mara("GET", "/incidents/INC-1/checks"))["findings"]
        assert "P-FACILITATOR" in {one["code"] for one in findings}


async def test_a_meeting_elsewhere_or_none_is_recorded(dsn: str, clock: FakeClock) -> None:
    async with organization(dsn, clock) as (w, api):
        mara = api.with_key(await key_of(w.ctx.db, clock, w.mara))
        await write(w, await declare(w, "Cards fail"))
        meetings = "/post-mortems/INC-1/meetings"
        before = (w.now - timedelta(hours=1)).isoformat()
        held = {"started_at": before, "minutes": 45, "attendee_ids": [w.mara, w.jun]}
        changes: tuple[dict[str, Any], ...] = (
            {"minutes": 90},
            {"attendee_ids": []},
            {"minutes": 0},
            {"started_at": "2001-01-01T00:00:00Z"},
        )
        for wrong in changes:
            await mara("POST", f"{meetings}/recorded", {**held, **wrong}, status=422)
        short = await mara("POST", f"{meetings}/recorded", {**held, "minutes": 9}, status=201)
        assert short["state"] == "too short"
        recorded = await mara("POST", f"{meetings}/recorded", held, status=201)
        assert (recorded["state"], recorded["person_minutes"], recorded["parts"]) == ("held", 90, [])
        await mara("POST", f"{meetings}/not-held", {"reason": " "}, status=422)
        skipped = await mara("POST", f"{meetings}/not-held", {"reason": "One person acted"}, status=201)
        assert skipped["state"] == "not held"
        assert [one["state"] for one in await mara("GET", meetings)] == ["not held", "held", "too short"]


async def test_bug_an_item_of_a_meeting_showed_a_private_incident(dsn: str, clock: FakeClock) -> None:
    async with organization(dsn, clock) as (w, api), browser(w) as http:
        viewer = api.with_key(await key_of(w.ctx.db, clock, await person(w, "Vera", Role.VIEWER)))
        await write(w, await declare(w, "Cards fail"))
        secret = await declare(w, "Cards were stolen", private=True)
        mara = api.with_key(await key_of(w.ctx.db, clock, w.mara))
        await mara("POST", "/post-mortems/INC-1/incidents", {"incident": f"INC-{secret}"}, status=201)
        csrf = await sign_in(w, http, w.mara)
        new = {"csrf": csrf, "title": "Rotate the stolen keys", "owner": ""}
        assert (await http.post("/post-mortems/INC-1/meeting/actions", data=new)).status_code == 303
        assert (await mara("GET", "/action-items/ACT-1"))["title"] == "Rotate the stolen keys"
        await viewer("GET", "/action-items/ACT-1", status=404)


async def test_a_manager_attends_a_meeting_about_a_private_incident_and_a_stranger_cannot(
    dsn: str, clock: FakeClock
) -> None:
    async with organization(dsn, clock) as (w, api):
        mara = api.with_key(await key_of(w.ctx.db, clock, w.mara))
        await write(w, await declare(w, "Cards were stolen", private=True))
        manager, stranger = await person(w, "Max", Role.MANAGER), await person(w, "Sam", Role.RESPONDER)
        held = {"started_at": (w.now - timedelta(hours=1)).isoformat(), "minutes": 45}
        recorded = "/post-mortems/INC-1/meetings/recorded"
        await mara("POST", recorded, {**held, "attendee_ids": [w.mara, stranger]}, status=422)
        shown = await mara("POST", recorded, {**held, "attendee_ids": [w.mara, manager]}, status=201)
        assert [one["name"] for one in shown["attendees"]] == ["Mara Lindqvist", "Max"]


async def test_bug_a_meeting_about_a_root_without_an_effect_had_no_page(dsn: str, clock: FakeClock) -> None:
    async with organization(dsn, clock) as (w, api), browser(w) as http:
        mara = api.with_key(await key_of(w.ctx.db, clock, w.mara))
        await write(w, await declare(w, "Cards fail"), root_cause="- root: Nothing compares pool and limit")
        await mara("POST", "/post-mortems/INC-1/meetings", {"minutes": 60}, status=201)
        await mara("PATCH", "/post-mortems/INC-1/meetings/running", {"part": 4})
        await sign_in(w, http, w.mara)
        page = await http.get("/post-mortems/INC-1/meeting")
        assert page.status_code == 200
        assert "What was the effect?" in page.text
        note = {"section": "root-cause", "kind": "why", "text": "Cards failed"}
        await mara("POST", "/post-mortems/INC-1/meetings/running/notes", note, status=201)
        assert "- effect: Cards failed" in (await mara("GET", "/post-mortems/INC-1"))["body"]


async def test_a_near_miss_is_reported_without_a_name_edited_and_published(
    dsn: str, clock: FakeClock
) -> None:
    async with organization(dsn, clock) as (w, api):
        viewer_id = await person(w, "Vera", Role.VIEWER)
        viewer = api.with_key(await key_of(w.ctx.db, clock, viewer_id))
        new = {
            "title": "Pool size of 1,000 in review",
            "could_have": "Every card payment fails.",
            "barrier": "The review.",
            "potential_severity": 1,
            "services": ["checkout"],
            "factors": ["latent.review"],
        }
        reported = await viewer("POST", "/near-misses", {**new, "unnamed": True}, status=201)
        assert (reported["ref"], reported["reporter_id"], reported["state"]) == ("NM-1", None, "draft")
        async with w.ctx.db.tx() as tx:
            for table in ("near_miss", "postmortem", "postmortem_version", "audit"):
                rows = await tx.fetch(f"select t::text as text from {table} t")
                named = [row["text"] for row in rows if "Vera" in row["text"] and "near_miss" in row["text"]]
                assert named == [], table
            stored = await tx.value("select by_id from postmortem_version order by at desc limit 1")
        assert stored is None
        named = await viewer("POST", "/near-misses", new, status=201)
        assert (named["ref"], named["reporter_id"]) == ("NM-2", viewer_id)
        assert await refs(viewer, q="card payment", service="checkout") == ["NM-2", "NM-1"]
        assert await refs(viewer, factor="latent.review", severity="1", year=str(w.now.year)) == [
            "NM-2",
            "NM-1",
        ]
        await viewer("PUT", "/near-misses/NM-1", {**new, "version": 1}, status=403)
        await api("POST", "/near-misses/NM-1/publish", status=422)
        learned = {**new, "lessons": "Limit it in code.", "version": 1}
        assert (await api("PUT", "/near-misses/NM-1", learned))["version"] == 2
        await api("PUT", "/near-misses/NM-1", {**learned, "title": "Other"}, status=409)
        assert (await api("POST", "/near-misses/NM-1/publish"))["state"] == "published"
        assert (await api("POST", "/near-misses/NM-1/publish"))["version"] == 2
        await viewer("POST", "/near-misses", {**new, "services": ["nothing"]}, status=404)
        await viewer("POST", "/near-misses", {**new, "factors": ["human_error"]}, status=422)
        await api("GET", "/near-misses/NM-9", status=404)
        assert [one["ref"] for one in await api("GET", "/near-misses", limit=1)] == ["NM-2"]
        assert await api("GET", "/post-mortems") == []


async def test_one_document_is_about_several_incidents(dsn: str, clock: FakeClock) -> None:
    async with organization(dsn, clock) as (w, api):
        mara = api.with_key(await key_of(w.ctx.db, clock, w.mara))
        second_due = await declare(w, "Search is slow", severity=2)
        await write(w, second_due, summary="x")
        first = await declare(w, "Cards fail")
        async with w.ctx.db.tx() as tx:
            await postmortems.start(tx, SYSTEM, first, w.now)
        worked_on = await declare(w, "Logins fail")
        await write(w, worked_on, summary="Someone wrote this.")
        still_open = await declare(w, "Exports fail", closed=False)
        base = f"/post-mortems/INC-{second_due}"
        before = (await mara("GET", f"{base}/incidents"))["due_at"]
        merged = await mara("POST", f"{base}/incidents", {"incident": f"INC-{first}"}, status=201)
        assert merged["incidents"] == [f"INC-{second_due}", f"INC-{first}"]
        assert (merged["kind"], merged["due_at"] < before) == ("several", True)
        again = await mara("POST", f"{base}/incidents", {"incident": f"INC-{first}"}, status=201)
        assert again == merged
        assert (await mara("GET", f"/post-mortems/INC-{first}"))["ref"] == f"INC-{second_due}"
        assert (await mara("POST", f"/post-mortems/INC-{first}", status=201))["ref"] == f"INC-{second_due}"
        await mara("POST", f"{base}/incidents", {"incident": f"INC-{worked_on}"}, status=409)
        for_customers = await declare(w, "Logins are slow")
        async with w.ctx.db.tx() as tx:
            await postmortems.start(tx, SYSTEM, for_customers, w.now)
        await mara("PUT", f"/post-mortems/INC-{for_customers}/external", {"is_needed": True})
        await mara("POST", f"{base}/incidents", {"incident": f"INC-{for_customers}"}, status=409)
        other = f"/post-mortems/INC-{worked_on}/incidents"
        await mara("POST", other, {"incident": f"INC-{first}"}, status=409)
        await mara("POST", f"{base}/incidents", {"incident": "INC-99"}, status=404)
        await mara("DELETE", f"{base}/incidents/INC-{second_due}", status=409)
        await mara("POST", f"{base}/incidents", {"incident": f"INC-{still_open}"}, status=201)
        refused = await mara("POST", f"{base}/publish", status=409)
        assert f"INC-{still_open}" in refused["detail"]
        await mara("DELETE", f"{base}/incidents/INC-{still_open}")
        async with w.ctx.db.tx() as tx:
            await approved(tx, w, second_due)
        await mara("POST", f"{base}/publish")
        phases = [(await mara("GET", f"/incidents/INC-{each}"))["phase"] for each in (second_due, first)]
        assert phases == ["reviewed", "reviewed"]
        await mara("POST", f"{base}/incidents", {"incident": f"INC-{still_open}"}, status=409)


async def test_bug_a_search_found_a_document_that_is_also_about_a_private_incident(
    dsn: str, clock: FakeClock
) -> None:
    async with organization(dsn, clock) as (w, mara):
        first = await declare(w, "Cards fail", severity=3)
        second = await declare(w, "Keys were stolen", severity=3, private=True)
        await write(w, first, summary="The quokka tokens were copied")
        jun = mara.with_key(await key_of(w.ctx.db, clock, w.jun))

        async def documents(client: Api) -> list[str]:
            results = await client("GET", "/search", q="quokka")
            hits = [*filter(None, [results["best"]]), *(h for g in results["groups"] for h in g["hits"])]
            return [hit["kind"] for hit in hits]

        assert await documents(jun) == ["postmortem"]
        await mara("POST", f"/post-mortems/INC-{first}/incidents", {"incident": f"INC-{second}"}, status=201)
        for client, number in ((mara, 1), (jun, 0)):
            assert len(await documents(client)) == number
            assert len(await client("GET", "/post-mortems")) == number
        async with w.ctx.db.tx() as tx:
            assert len(await postmortems.unpublished(tx, [w.service])) == 1
            with private_reader.as_reader(w.jun):
                assert await postmortems.unpublished(tx, [w.service]) == []
