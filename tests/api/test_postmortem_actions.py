"""A sentence of a post-mortem becomes an action item, steps of runs are evidence, and an author is assigned."""

from firebell.incidents import actions as incidents
from firebell.kit.clock import FakeClock
from firebell.runbooks.runs import actions as runs
from firebell.runbooks.runs.model import RunEventKind
from tests.actions.test_runbook_runs import FIRST, PREPARE, change, start, write
from tests.api.api_clients import browser, sign_in
from tests.api.test_postmortem_editing import PM, document, save, section

TREE = """- effect: Cards fail
  - why: The pool was full
    - root: no alert watches the pool (factor: latent.alerting)"""
QUOTE = "No alert watches   the pool."
TITLE = "Page on connections in use above 85%"


async def test_a_sentence_becomes_an_action_item_that_its_root_names(dsn: str, clock: FakeClock) -> None:
    async with document(dsn, clock) as (w, mara, jun):
        await save(mara, await section(mara, "root-cause"), TREE)
        new = {"title": TITLE, "quote": QUOTE, "root": "no alert watches the pool", "owner_id": w.jun}
        made = await jun("POST", f"{PM}/actions", new, status=201)
        assert (made["ref"], made["incident"], made["owner_id"]) == ("ACT-1", "INC-1", w.jun)
        assert made["source_quote"] == "No alert watches the pool."
        assert (await section(mara, "root-cause"))["text"].endswith("(factor: latent.alerting) -> ACT-1")
        assert (await section(mara, "action-items"))["text"].startswith("{{actions}}\n")
        overview = await mara("GET", f"{PM}/overview")
        assert (
            f"[ACT-1](/actions/ACT-1) {TITLE} | no alert watches the pool | Jun Okafor |" in overview["body"]
        )
        levels = {check["id"]: check["level"] for check in overview["checks"]}
        assert levels["roots"] is None
        version = overview["version"]
        await mara("POST", f"{PM}/actions", {"title": "Tell the on-call team"}, status=201)
        assert (await mara("GET", f"{PM}/overview"))["version"] == version, "the text needs no change"
        for wrong, status in (
            ({"title": "Short"}, 422),
            ({"title": TITLE, "root": "someone forgot"}, 409),
            ({"title": TITLE, "quote": "x" * 501}, 422),
            ({"title": TITLE, "owner_id": 999}, 404),
        ):
            await mara("POST", f"{PM}/actions", wrong, status=status)
        assert len(await mara("GET", "/action-items")) == 2, "a refusal adds nothing"
        async with browser(w) as http:
            csrf = await sign_in(w, http, w.mara)
            form = {
                "csrf": csrf,
                "title": "Split the pool in two",
                "quote": "<b>One</b> pool",
                "priority": "1",
            }
            answer = await http.post("/post-mortems/INC-1/actions", data={**form, "due": "soon"})
            assert answer.status_code == 422
            assert 'value="&lt;b&gt;One&lt;/b&gt; pool"' in answer.text
            for _ in range(2):
                answer = await http.post("/post-mortems/INC-1/actions", data={**form, "once": "yes"})
                assert answer.status_code == 303
            assert (await mara("GET", "/action-items/ACT-3"))["source_quote"] == "<b>One</b> pool"
            assert len(await mara("GET", "/action-items")) == 3, "a double tap adds one"

            assert (await http.get("/post-mortems/INC-1/author")).status_code == 200
            answer = await http.post("/post-mortems/INC-1/author", data={"csrf": csrf, "person": ""})
            assert answer.status_code == 422
            for _ in range(2):
                answer = await http.post(
                    "/post-mortems/INC-1/author", data={"csrf": csrf, "person": str(w.jun)}
                )
                assert answer.status_code == 303
            assigned = [e for e in await mara("GET", "/audit") if e["action"] == "postmortem.author_assigned"]
            assert [e["detail"]["author"] for e in assigned] == [w.jun]
            await w.settle()
            async with w.ctx.db.tx() as tx:
                notices = await tx.fetch(
                    "select person_id from delivery where subject_kind = 'postmortem_due' and person_id = $1",
                    w.jun,
                )
            assert notices


async def test_a_step_of_a_run_is_evidence_for_those_who_may_read_it(dsn: str, clock: FakeClock) -> None:
    async with document(dsn, clock) as (w, mara, jun):
        actor = await w.actor(w.mara)
        async with w.ctx.db.tx() as tx:
            hidden = (
                await incidents.declare(tx, actor, title="Leak", severity=3, private=True, now=w.now)
            ).id
        await write(w)
        for incident_id in (1, hidden):
            run = await start(w, w.mara, incident_id=incident_id)
            await change(w, w.mara, run, PREPARE, RunEventKind.STEP_DONE, 0)
            await change(w, w.mara, run, FIRST, RunEventKind.STEP_FAILED, 0, "no route")
        await w.settle()
        picked = await jun("GET", f"{PM}/evidence", q="failed")
        assert [each["ref"] for each in picked] == ["r:1.2"], "the run has one row, and others none"
        text = "It failed [r:1.2], then [r:2.2], and [r:1.99]."
        for reader, count in ((jun, 1), (mara, 2)):
            html = (await reader("POST", f"{PM}/preview", {"text": text}))["html"]
            assert html.count('class="ev"') == count
            assert html.count("[evidence]") == 3 - count
        assert "/runbooks/runs/RUN-1#s-Steps-1" in html
        async with w.ctx.db.tx() as tx:
            await runs.stop(tx, actor, 1, w.now)
