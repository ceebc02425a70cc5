"""Several people write one post-mortem: nothing that anyone wrote is lost, and no one learns what is private."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

from firebell.incidents import actions as incidents
from firebell.kit.clock import FakeClock
from firebell.kit.db.events import SYSTEM
from firebell.postmortems import actions as postmortems
from tests.api.api_clients import Api, key_of, organization
from tests.postmortem_steps import PUBLISHABLE, published
from tests.world import World

PM = "/post-mortems/INC-1"


@asynccontextmanager
async def document(
    dsn: str, clock: FakeClock, *, is_private: bool = False
) -> AsyncIterator[tuple[World, Api, Api]]:
    """Yield a world with the post-mortem of INC-1, and the API for Mara and for Jun."""
    async with organization(dsn, clock) as (w, api):
        actor = await w.actor(w.mara)
        async with w.ctx.db.tx() as tx:
            await incidents.declare(tx, actor, title="Cards fail", severity=1, private=is_private, now=w.now)
            await incidents.add_entry(tx, actor, 1, "finding", "The pool was full", w.now)
            await postmortems.start(tx, SYSTEM, 1, w.now)
        mara, jun = [await key_of(w.ctx.db, clock, person) for person in (w.mara, w.jun)]
        yield w, api.with_key(mara), api.with_key(jun)


async def section(api: Api, slug: str) -> dict[str, Any]:
    listed = await api("GET", f"{PM}/sections")
    part: dict[str, Any] = next(each for each in listed["sections"] if each["slug"] == slug)
    return {**part, "version": listed["version"]}


async def save(api: Api, base: dict[str, Any], text: str, status: int = 200) -> Any:
    new = {"base_version": base["version"], "base_hash": base["hash"], "text": text}
    return await api("PATCH", f"{PM}/sections/{base['slug']}", new, status=status)


async def test_two_writers_of_one_section_are_merged_or_choose(dsn: str, clock: FakeClock) -> None:
    async with document(dsn, clock) as (w, mara, jun):
        await save(mara, await section(mara, "summary"), "one\n\ntwo\n\nthree")
        base = await section(jun, "summary")
        saved = await save(mara, base, "One\n\ntwo\n\nthree")
        merged = await save(jun, base, "one\n\ntwo\n\nthree\n\nfour")
        assert (merged["text"], merged["is_merged"]) == ("One\n\ntwo\n\nthree\n\nfour", True)
        assert saved["version"] < merged["version"]
        refused = await save(jun, base, "uno\n\ntwo\n\nthree", status=409)
        conflict = refused["conflict"]
        assert (conflict["theirs"], conflict["mine"]) == (merged["text"], "uno\n\ntwo\n\nthree")
        assert conflict["parts"][0] == {"base": ["one"], "theirs": ["One"], "mine": ["uno"]}
        assert (w.ctx.counters.document_saves, w.ctx.counters.document_conflicts) == (3, 1)
        chosen = await save(jun, {**conflict, "slug": "summary"}, "Uno\n\ntwo\n\nthree\n\nfour")
        assert chosen["is_merged"] is False
        assert (await section(mara, "summary"))["text"] == "Uno\n\ntwo\n\nthree\n\nfour"
        other = await section(mara, "impact")
        assert (await save(jun, other, "Nothing else changed."))["is_merged"] is False


async def test_a_section_that_is_gone_or_begins_another_is_refused(dsn: str, clock: FakeClock) -> None:
    async with document(dsn, clock) as (_, mara, jun):
        base = await section(jun, "impact")
        await save(jun, base, "x\n## Another", status=422)
        whole = await mara("GET", PM)
        new = {"body": whole["body"].replace("## Impact", "## Effects"), "version": whole["version"]}
        await mara("PUT", PM, new)
        assert (await save(jun, base, "mine", status=409)).get("conflict") is None
        await save(jun, {**base, "slug": "nothing"}, "mine", status=404)


async def test_the_history_joins_quick_saves_and_keeps_every_base(dsn: str, clock: FakeClock) -> None:
    async with document(dsn, clock) as (w, mara, jun):
        base = await section(jun, "summary")
        for number in range(3):
            clock.advance(timedelta(minutes=1))
            await save(mara, await section(mara, "summary"), f"one\n\ntext {number}")
        clock.advance(timedelta(minutes=5))
        await save(mara, await section(mara, "summary"), "one\n\nlast")
        assert [v["n"] for v in await mara("GET", f"{PM}/versions")] == [5, 4, 1]
        # a base between two shown versions still merges
        await save(jun, base, base["text"])
        commented = await mara("POST", f"{PM}/comments", {"section": "summary", "text": "Why?"}, status=201)
        assert commented["version"] == 5
        await save(mara, await section(mara, "summary"), "one\n\nvery last")
        assert [v["n"] for v in await mara("GET", f"{PM}/versions")] == [6, 5, 4, 1], "a comment is about 5"
        lines = (await mara("GET", f"{PM}/versions/5/diff"))["lines"]
        assert [line["text"] for line in lines if line["kind"] == "added"] == ["very last"]
        assert (await mara("POST", f"{PM}/versions/4/restore"))["version"] == 7
        assert (await section(mara, "summary"))["text"] == "one\n\ntext 2"
        await mara("GET", f"{PM}/versions/99", status=404)
        async with w.ctx.db.tx() as tx:
            assert await tx.value("select count(*) from postmortem_version") == 7, "each base is kept"


async def test_a_comment_follows_its_sentence_and_can_stop_the_publication(
    dsn: str, clock: FakeClock
) -> None:
    async with document(dsn, clock) as (_, mara, jun):
        await save(mara, await section(mara, "impact"), "3,415 payments failed.\n\nNo data was lost.")
        new = {"section": "impact", "quote": "3,415 payments failed.", "text": "Source?", "is_blocking": True}
        made = await jun("POST", f"{PM}/comments", new, status=201)
        await save(mara, await section(mara, "impact"), "In all:\n\n3,415 card payments failed.")
        path = f"{PM}/comments/{made['id']}"
        (shown,) = await jun("GET", f"{PM}/comments")
        assert (shown["line"], shown["is_blocking"]) == (2, True)
        needs = {c["id"]: c["level"] for c in (await jun("GET", f"{PM}/overview"))["checks"]}
        assert needs["comments"] == "error"
        await mara("POST", f"{path}/replies", {"text": "Finance."}, status=201)
        resolved = await mara("PUT", f"{path}/resolved", {"is_resolved": True})
        assert (resolved["resolved_by"], [r["text"] for r in resolved["replies"]]) == (
            "Mara Lindqvist (test)",
            ["Finance."],
        )
        await save(mara, await section(mara, "impact"), "Nothing.")
        assert (await jun("GET", f"{PM}/comments"))[0]["line"] is None
        await jun("POST", f"{PM}/comments", {**new, "quote": "not there"}, status=409)
        await jun("POST", f"{PM}/comments", {**new, "section": "nothing"}, status=404)
        await jun("POST", f"{PM}/comments/99/replies", {"text": "x"}, status=404)


async def test_readers_get_the_blocks_and_the_published_text_stays(dsn: str, clock: FakeClock) -> None:
    async with document(dsn, clock) as (w, mara, jun):
        overview = await mara("GET", f"{PM}/overview")
        assert "The pool was full" in overview["body"]
        assert [why["kind"] for why in overview["whys"]] == ["effect", "why", "open"]
        evidence = await mara("GET", f"{PM}/evidence", q="pool full")
        assert [each["text"] for each in evidence] == ["The pool was full"]
        html = (await mara("POST", f"{PM}/preview", {"text": f"So [{evidence[0]['ref']}] and [t:999]."}))[
            "html"
        ]
        assert 'class="ev"' in html
        assert "[evidence]" in html
        (found,) = await mara("GET", f"{PM}/timeline", q="pool full")
        assert (found["key"], found["is_shown"], found["choice"]) == (evidence[0]["ref"], True, "rule")
        (declared,) = await mara("GET", f"{PM}/timeline", q="declared", only="shown", limit=1)
        left = await jun("PATCH", f"{PM}/timeline", {"hide": [found["key"]]})
        assert (
            "The pool was full [t:" not in (await mara("GET", f"{PM}/overview"))["body"].split("## Root")[0]
        )
        both = await mara("PATCH", f"{PM}/timeline", {"hide": [declared["key"]]})
        assert (left["shown"] - both["shown"], both["version"] - left["version"]) == (1, 1)
        assert found["key"] in (await section(mara, "timeline"))["text"], "each keeps the other's choice"
        await mara("PATCH", f"{PM}/timeline", {"hide": ["t:999"]}, status=422)
        await mara("PATCH", f"{PM}/timeline", {"show": ["t:1"], "hide": ["t:1"]}, status=422)
        reset = await mara("PATCH", f"{PM}/timeline", {"reset_all": True})
        assert reset["shown"] == left["shown"] + 1
        assert "hide=" not in (await section(mara, "timeline"))["text"]
        wording = await mara("POST", f"{PM}/lint", {"text": "Jun should have checked it.", "sequence": 7})
        assert (wording["sequence"], wording["findings"][0]["code"]) == (7, "B1")
        async with w.ctx.db.tx() as tx:
            await tx.execute("update incident set phase = 'closed', closed_at = $1", w.now)
            await published(tx, w, 1, f"{PUBLISHABLE}\n## Facts\n\n{{{{timeline}}}}\n")
        frozen = await mara("GET", PM)
        assert "The pool was full" in frozen["body"]
        base = await section(mara, "timeline")
        await save(mara, base, "Rewritten.")
        await mara("PATCH", f"{PM}/timeline", {"reset_all": True}, status=409)
        overview = await mara("GET", f"{PM}/overview")
        assert (overview["published_version"], overview["version"]) == (
            frozen["version"],
            frozen["version"] + 1,
        )
        kept = await mara("GET", f"{PM}/versions/{frozen['version']}")
        assert kept["body"] == frozen["body"]


async def test_who_writes_where_is_shown_for_a_minute(dsn: str, clock: FakeClock) -> None:
    async with document(dsn, clock) as (_, mara, jun):
        await jun("PUT", f"{PM}/presence", {"section": "impact"})
        (present,) = await mara("GET", f"{PM}/presence")
        assert (present["name"], present["section"]) == ("Jun Okafor", "impact")
        clock.advance(timedelta(seconds=61))
        assert await mara("GET", f"{PM}/presence") == []
        await jun("PUT", f"{PM}/presence", {"section": "nothing"}, status=404)


async def test_a_private_document_is_not_there_for_others(dsn: str, clock: FakeClock) -> None:
    async with document(dsn, clock, is_private=True) as (w, mara, jun):
        base = await section(mara, "summary")
        for method, path, body in (
            *[("GET", f"/{name}", None) for name in ("overview", "sections", "versions", "comments")],
            *[
                ("GET", f"/{name}", None)
                for name in ("presence", "evidence", "versions/1", "versions/1/diff")
            ],
            ("PATCH", "/sections/summary", {"base_version": 1, "base_hash": base["hash"], "text": "x"}),
            ("POST", "/comments", {"section": "summary", "text": "x"}),
            ("POST", "/versions/1/restore", None),
            ("POST", "/actions", {"title": "Alert on the pool"}),
            ("PUT", "/author", {"person_id": w.jun}),
            ("POST", "/preview", {"text": "{{timeline}}"}),
            ("POST", "/lint", {"text": "x"}),
            ("PUT", "/presence", {"section": "summary"}),
        ):
            await jun(method, f"{PM}{path}", body, status=404)
        actor = await w.actor(w.mara)
        async with w.ctx.db.tx() as tx:
            entry = (await incidents.timeline(tx, 1))[-1].id
            await incidents.declare(tx, actor, title="Open", severity=1, now=w.now)
            await postmortems.start(tx, SYSTEM, 2, w.now)
        shown = await jun("POST", "/post-mortems/INC-2/preview", {"text": f"See [t:{entry}]."})
        assert "[evidence]" in shown["html"]
        assert f"e-{entry}" not in shown["html"]
        shown = await mara("POST", "/post-mortems/INC-2/preview", {"text": f"See [t:{entry}]."})
        assert f"e-{entry}" in shown["html"]
