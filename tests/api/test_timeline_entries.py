"""Timeline entries over HTTP: history, key moments, attachments and exports."""

import base64
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from typing import Any

import httpx

from firebell.alerts import actions as alerts
from firebell.alerts.model import InboundRequest, NewChangeEvent
from firebell.incidents import actions as incidents
from firebell.incidents.model import Phase
from firebell.kit.clock import FakeClock
from firebell.postmortems import actions as postmortems
from firebell.postmortems.editing.queries import expanded
from tests.api.api_clients import Api, browser, key_of, organization, sign_in
from tests.world import World

PNG = b"\x89PNG\r\n\x1a\n" + bytes(64)
SVG = b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'
INC = "/incidents/INC-1"


async def declare(w: World, severity: int = 2) -> None:
    async with w.ctx.db.tx() as tx:
        await incidents.declare(
            tx,
            await w.actor(w.mara),
            title="Card payments fail",
            severity=severity,
            commander_id=w.mara,
            now=w.now,
        )


@asynccontextmanager
async def incident(dsn: str, clock: FakeClock) -> AsyncIterator[tuple[World, Api]]:
    async with organization(dsn, clock) as (w, api):
        await declare(w)
        yield w, api


@asynccontextmanager
async def page(w: World) -> AsyncIterator[tuple[httpx.AsyncClient, str]]:
    """Yield Mara's browser and its CSRF value."""
    async with browser(w) as http:
        await sign_in(w, http, w.mara)
        text = (await http.get(INC)).text
        yield http, re.findall(r'name="csrf" value="([^"]+)"', text)[0]


async def entry(api: Api, kind: str = "finding", text: str = "It is the pool", **more: Any) -> Any:
    await api("POST", f"{INC}/entries", {"text": text, "kind": kind, **more}, status=201)
    return (await api("GET", f"{INC}/timeline"))[-1]


async def test_an_edit_keeps_the_earlier_text_and_overwrites_no_other_edit(
    dsn: str, clock: FakeClock
) -> None:
    async with incident(dsn, clock) as (w, api):
        made = await entry(api)
        path = f"{INC}/entries/{made['id']}"
        clock.advance(timedelta(minutes=2))
        edited = await api("PATCH", path, {"text": "It is the proxy", "version": 1})
        assert (edited["text"], edited["version"], edited["by"]) == ("It is the proxy", 2, made["by"])
        assert [v["text"] for v in edited["versions"]] == ["It is the pool", "It is the proxy"]
        late = await api("PATCH", path, {"text": "It is DNS", "version": 1}, status=409)
        assert "Mara" in late["detail"]
        assert (await api("GET", path)) == edited
        assert (await api("PATCH", path, {"text": "It is the proxy", "version": 2}))["version"] == 2
        async with w.ctx.db.tx() as tx:
            stored = await tx.value("select text from timeline_entry where id = $1", made["id"])
        assert stored == "It is the pool", "nothing underneath is overwritten"
        log = await api("GET", "/audit", limit=1)
        assert (log[0]["action"], log[0]["detail"]["entry"]) == ("incident.entry_edited", made["id"])


async def test_what_is_struck_no_longer_counts_but_stays_readable(dsn: str, clock: FakeClock) -> None:
    async with incident(dsn, clock) as (w, api):
        made = await entry(api, "mitigation", "Restarted the pods")
        path = f"{INC}/entries/{made['id']}"
        await api("POST", f"{path}/strike", {"reason": " "}, status=422)
        struck = await api("POST", f"{path}/strike", {"reason": "That was staging"})
        assert struck["struck"]["reason"] == "That was staging"
        assert struck["text"] == "Restarted the pods"
        async with w.ctx.db.tx() as tx:
            assert made["id"] not in [e.id for e in await incidents.timeline(tx, 1)]
        refused = await api("POST", f"{INC}/phase", {"phase": "monitoring"}, status=409)
        assert "mitigation" in refused["detail"]
        await api("PATCH", path, {"text": "x", "version": 1}, status=409)
        assert (await api("POST", f"{path}/restore"))["struck"] is None
        assert (await api("POST", f"{INC}/phase", {"phase": "monitoring"}))["phase"] == "monitoring"


async def test_an_update_that_was_struck_does_not_put_off_the_next_one(dsn: str, clock: FakeClock) -> None:
    async with incident(dsn, clock) as (w, api):
        due = (await api("GET", INC))["update_due_at"]
        await w.after(minutes=10)
        update = await entry(api, "update", "Disk of another cluster is full")
        mitigation = await entry(api, "mitigation", "Freed the disk")
        later = (await api("GET", INC))["update_due_at"]
        assert later > due
        for one in (update, mitigation):
            await api("POST", f"{INC}/entries/{one['id']}/strike", {"reason": "Another incident"})
        async with w.ctx.db.tx() as tx:
            struck = await incidents.incident(tx, 1)
        assert (await api("GET", INC))["update_due_at"] == due
        assert (struck.last_update_at, struck.mitigated_at) == (None, None)
        await api("POST", f"{INC}/entries/{update['id']}/restore")
        assert (await api("GET", INC))["update_due_at"] == later


async def test_what_firebell_wrote_can_be_marked_but_not_rewritten(dsn: str, clock: FakeClock) -> None:
    async with incident(dsn, clock) as (_, api):
        declared = (await api("GET", f"{INC}/timeline"))[0]
        path = f"{INC}/entries/{declared['id']}"
        await api("PATCH", path, {"text": "Nothing happened", "version": 1}, status=409)
        await api("POST", f"{path}/strike", {"reason": "Embarrassing"}, status=409)
        marked = await api("PUT", f"{path}/key-moment", {"label": "Declared"})
        assert marked["key_moment"] == "Declared"
        assert (await api("DELETE", f"{path}/key-moment"))["key_moment"] == ""
        await api("GET", f"{INC}/entries/999", status=404)
        await api("PUT", f"{INC}/entries/999/key-moment", {}, status=404)


async def test_an_entry_of_another_incident_is_not_found(dsn: str, clock: FakeClock) -> None:
    async with incident(dsn, clock) as (w, api):
        made = await entry(api)
        clock.advance(timedelta(minutes=1))
        await declare(w)
        other = f"/incidents/INC-2/entries/{made['id']}"
        await api("GET", other, status=404)
        await api("PATCH", other, {"text": "x", "version": 1}, status=404)
        file = await attach(api, "a.png", PNG)
        shown = file["attachments"][0]["id"]
        await api("GET", f"/incidents/INC-2/attachments/{shown}", status=404)


async def test_the_post_mortem_has_the_key_moments_and_no_struck_entries(dsn: str, clock: FakeClock) -> None:
    async with incident(dsn, clock) as (w, api):
        cause = await entry(api, text="The pool was too small")
        await api("PUT", f"{INC}/entries/{cause['id']}/key-moment", {"label": "Cause identified"})
        wrong = await entry(api, text="Pods are out of memory")
        await api("POST", f"{INC}/entries/{wrong['id']}/strike", {"reason": "staging"})
        async with w.ctx.db.tx() as tx:
            document = await postmortems.start(tx, await w.actor(w.mara), 1, w.now)
            body = (await expanded(tx, document, document.body, w.now)).body
        assert "**Cause identified**" in body
        assert "The pool was too small" in body
        assert "out of memory" not in body


async def test_an_entry_happened_when_it_did_and_never_in_the_future(dsn: str, clock: FakeClock) -> None:
    async with incident(dsn, clock) as (_, api):
        early = (clock.now() - timedelta(minutes=20)).isoformat()
        made = await entry(api, "note", "Deployed build 4812")
        await api("POST", f"{INC}/entries", {"text": "Build 4812 rolled out", "at": early}, status=201)
        timeline = await api("GET", f"{INC}/timeline")
        back_dated = next(e for e in timeline if e["text"] == "Build 4812 rolled out")
        assert back_dated["effective_at"] < back_dated["at"] == made["at"]
        for minutes in (1, -60 * 24 * 8):
            at = (clock.now() + timedelta(minutes=minutes)).isoformat()
            refused = await api("POST", f"{INC}/entries", {"text": "x", "at": at}, status=422)
            assert [e["field"] for e in refused["errors"]] == ["at"]


async def attach(api: Api, name: str, content: bytes, *, status: int = 201, **more: Any) -> Any:
    body = {"name": name, "content": base64.b64encode(content).decode(), **more}
    return await api("POST", f"{INC}/attachments", body, status=status)


async def test_an_image_is_shown_and_everything_else_is_a_download(dsn: str, clock: FakeClock) -> None:
    async with incident(dsn, clock) as (_, api):
        image = (await attach(api, "graph.html", PNG, text="5xx by bank"))["attachments"][0]
        assert (image["name"], image["media_type"], image["size"]) == ("graph.png", "image/png", len(PNG))
        served = await api.answer("GET", f"{INC}/attachments/{image['id']}")
        assert served.content == PNG
        assert served.headers["content-type"] == "image/png"
        assert served.headers["content-disposition"].startswith("inline")
        for name, content in (("x.png", SVG), ("page.html", b"<script>alert(1)</script>")):
            file = (await attach(api, name, content))["attachments"][0]
            served = await api.answer("GET", f"{INC}/attachments/{file['id']}")
            assert served.headers["content-type"].startswith("text/plain")
            assert served.headers["content-disposition"].startswith("attachment")
            assert "sandbox" in served.headers["content-security-policy"]
            assert served.headers["x-content-type-options"] == "nosniff"


async def test_what_is_not_an_image_or_a_log_is_refused_by_name(dsn: str, clock: FakeClock) -> None:
    async with incident(dsn, clock) as (_, api):
        before = len(await api("GET", f"{INC}/timeline"))
        refused = await attach(api, "setup.exe", b"MZ\x90\x00\x03", status=422)
        assert [e["field"] for e in refused["errors"]] == ["files"]
        assert "setup.exe" in refused["detail"]
        too_large = await attach(api, "a.log", b"x" * 2_500_001, status=422)
        assert [e["field"] for e in too_large["errors"]] == ["content"]
        assert len(await api("GET", f"{INC}/timeline")) == before, "no entry without its file"
        made = await entry(api)
        for n in range(5):
            await attach(api, f"{n}.log", b"502", entry_id=made["id"])
        await attach(api, "5.log", b"502", entry_id=made["id"], status=422)


async def test_bug_no_one_could_tell_who_attached_a_file_to_someone_elses_entry(
    dsn: str, clock: FakeClock
) -> None:
    async with incident(dsn, clock) as (w, api):
        made = await entry(api)
        jun = api.with_key(await key_of(w.ctx.db, clock, w.jun))
        await attach(jun, "errors.log", b"502", entry_id=made["id"])
        log = (await api("GET", "/audit", limit=1))[0]
        assert (log["action"], log["by"], log["subject"]) == (
            "incident.files_attached",
            "Jun Okafor (test)",
            "INC-1",
        )
        assert log["detail"] == {"entry": made["id"], "files": ["errors.log"]}


async def test_the_web_posts_text_and_files_in_one_form(dsn: str, clock: FakeClock) -> None:
    async with incident(dsn, clock) as (w, api), page(w) as (http, csrf):
        files = [("files", ("graph.png", PNG, "text/html")), ("files", ("errors.log", b"502", "image/png"))]
        form = {"csrf": csrf, "kind": "finding", "text": "Look at this"}
        assert (await http.post(f"{INC}/entries", data=form, files=files)).status_code == 303
        made = (await api("GET", f"{INC}/timeline"))[-1]
        assert [f["media_type"] for f in made["attachments"]] == ["image/png", "text/plain"]
        only = await http.post(
            f"{INC}/entries", data={"csrf": csrf, "kind": "note", "text": ""}, files=files[:1]
        )
        assert only.status_code == 303
        assert (await api("GET", f"{INC}/timeline"))[-1]["text"] == "Attached graph.png"
        text = (await http.get(INC)).text
        assert f'src="{INC}/attachments/{made["attachments"][0]["id"]}"' in text
        assert f'src="{INC}/attachments/{made["attachments"][1]["id"]}"' not in text


async def test_a_refused_entry_keeps_what_was_typed(dsn: str, clock: FakeClock) -> None:
    async with incident(dsn, clock) as (w, api), page(w) as (http, csrf):
        before = len(await api("GET", f"{INC}/timeline"))
        form = {
            "csrf": csrf,
            "kind": "decision",
            "text": "Fail over to ledger-db-2",
            "at": "2099-01-01T00:00",
        }
        answer = await http.post(f"{INC}/entries", data=form)
        assert answer.status_code == 422
        assert "Fail over to ledger-db-2" in answer.text
        assert re.search(r'value="decision" checked', answer.text)
        evil = [("files", ("setup.exe", b"MZ\x90\x00\x03", "image/png"))]
        answer = await http.post(f"{INC}/entries", data={**form, "at": ""}, files=evil)
        assert answer.status_code == 422
        assert "Fail over to ledger-db-2" in answer.text
        assert len(await api("GET", f"{INC}/timeline")) == before


async def test_the_page_of_an_entry_edits_and_shows_a_conflict(dsn: str, clock: FakeClock) -> None:
    async with incident(dsn, clock) as (w, api), page(w) as (http, csrf):
        made = await entry(api)
        own = f"{INC}/entries/{made['id']}"
        assert "It is the pool" in (await http.get(own)).text
        form = {"csrf": csrf, "text": "It is the proxy", "version": "1"}
        assert (await http.post(f"{own}/edit", data=form)).status_code == 303
        late = await http.post(f"{own}/edit", data={**form, "text": "It is DNS"})
        assert late.status_code == 409
        assert "It is DNS" in late.text
        assert "It is the proxy" in late.text
        assert (await http.post(f"{own}/strike", data={"csrf": csrf, "reason": "no"})).status_code == 303
        room = (await http.get(INC)).text
        assert "<del>It is the proxy</del>" in room
        assert (await http.post(f"{own}/restore", data={"csrf": csrf})).status_code == 303
        marked = await http.post(f"{own}/mark", data={"csrf": csrf, "label": "Cause identified"})
        assert marked.status_code == 303
        moments = (await http.get(f"{INC}?show=moments")).text
        assert "Cause identified" in moments
        assert f'id="e-{made["id"]}"' in moments
        assert 'id="e-1"' not in moments
        assert (await http.get(f"{INC}/entries/999")).status_code == 404
        assert (await http.post(f"{own}/melt", data={"csrf": csrf})).status_code == 404


async def test_a_long_timeline_shows_the_newest_entries_and_the_earlier_on_demand(
    dsn: str, clock: FakeClock
) -> None:
    async with incident(dsn, clock) as (w, _), page(w) as (http, _):
        async with w.ctx.db.tx() as tx:
            mara = await w.actor(w.mara)
            for n in range(260):
                await incidents.add_entry(tx, mara, 1, "note", f"Line {n}", w.now)
        shown = re.findall(r'<li id="e-(\d+)"', (await http.get(INC)).text)
        assert len(shown) == 200
        assert "?entries=400" in (await http.get(INC)).text
        everything = (await http.get(f"{INC}?entries=400")).text
        assert len(re.findall(r'<li id="e-(\d+)"', everything)) > 260
        assert 'id="earlier"' not in everything


async def test_the_exports_have_everything_with_its_history(dsn: str, clock: FakeClock) -> None:
    async with incident(dsn, clock) as (w, api):
        made = await entry(api, text="It is the | pool")
        await api("PATCH", f"{INC}/entries/{made['id']}", {"text": "It is the proxy", "version": 1})
        wrong = await entry(api, text="Out of memory")
        await api("POST", f"{INC}/entries/{wrong['id']}/strike", {"reason": "staging"})
        await attach(api, "graph.png", PNG)
        export = await api("GET", f"{INC}/export")
        assert export["format"] == "firebell.incident/1"
        assert export["incident"]["ref"] == "INC-1"
        by_id = {e["id"]: e for e in export["timeline"]}
        assert [v["text"] for v in by_id[made["id"]]["versions"]] == ["It is the | pool", "It is the proxy"]
        assert by_id[wrong["id"]]["struck"]["reason"] == "staging"
        assert export["timeline"][-1]["attachments"][0]["name"] == "graph.png"
        answer = await api.answer("GET", f"{INC}/timeline.md", tz="Europe/Berlin")
        assert answer.headers["content-type"].startswith("text/markdown")
        assert "~~Out of memory~~" in answer.text
        assert "**04:14**" in answer.text
        async with page(w) as (http, _):
            assert (await http.get(f"{INC}/timeline.md")).text.startswith("# INC-1: Card payments fail")


async def test_viewers_read_history_and_files_but_change_nothing(dsn: str, clock: FakeClock) -> None:
    async with incident(dsn, clock) as (w, api):
        made = await attach(api, "graph.png", PNG)
        async with w.ctx.db.tx() as tx:
            await tx.execute("update person set role = 'viewer' where id = $1", w.jun)
        jun = api.with_key(await key_of(w.ctx.db, clock, w.jun))
        own = f"{INC}/entries/{made['id']}"
        await jun("GET", own)
        assert (await jun.answer("GET", f"{INC}/attachments/{made['attachments'][0]['id']}")).content == PNG
        await jun("PATCH", own, {"text": "x", "version": 1}, status=403)
        await jun("POST", f"{own}/strike", {"reason": "x"}, status=403)
        await jun("PUT", f"{own}/key-moment", {}, status=403)
        await attach(jun, "a.png", PNG, status=403)


async def test_attachments_are_deleted_after_their_retention_and_their_entries_stay(
    dsn: str, clock: FakeClock
) -> None:
    async with incident(dsn, clock) as (w, api):
        made = await attach(api, "graph.png", PNG)
        async with w.ctx.db.tx() as tx:
            await incidents.set_phase(tx, await w.actor(w.mara), 1, Phase.DISMISSED, w.now, reason="a test")
        clock.advance(timedelta(days=732))
        await w.settle()
        await w.after(minutes=2)
        api = api.with_key(await key_of(w.ctx.db, clock, w.mara))
        kept = await api("GET", f"{INC}/entries/{made['id']}")
        assert kept["attachments"] == []


async def test_the_room_shows_runbooks_changes_and_the_war_room(dsn: str, clock: FakeClock) -> None:
    async with organization(dsn, clock) as (w, api):
        await w.alert(runbook_url="https://runbooks.example.org/checkout")
        await w.settle()
        async with w.ctx.db.tx() as tx:
            mara = await w.actor(w.mara)
            await incidents.declare(tx, mara, title="Checkout is down", severity=1, page_id=1, now=w.now)
            received = InboundRequest(w.integration, w.service, "pagerduty-change", b"{}", ())
            change = NewChangeEvent("Build 4812 deployed", "ci", {}, {})
            await alerts.record_change(tx, received, change, w.now)
        w.ctx = replace(w.ctx, war_room_url="https://meet.jit.si/acme-{ref}")
        async with page(w) as (http, _):
            room = (await http.get(INC)).text
            assert "Show as table" in (await http.get(f"{INC}/graph")).text
        graph = await api("GET", f"{INC}/graph")
        assert graph["rows"][-1]["alerts_firing"] == 1
        assert {"Paged", "Declared"} <= {name for row in graph["rows"] for name in row["moments"]}
        assert graph["impact"] == []
        assert 'href="https://runbooks.example.org/checkout"' in room
        assert "Build 4812 deployed" in room
        assert 'href="https://meet.jit.si/acme-inc-1"' in room
