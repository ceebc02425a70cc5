"""The library over JSON and on its pages: sources, pushes, versions, webhooks, and what a page and an incident show."""

import hashlib
import hmac

import httpx

from firebell.kit.clock import FakeClock
from firebell.paging import actions as paging
from firebell.runbooks import actions as runbooks
from firebell.runbooks.sources import actions as source_actions
from firebell.runbooks.sources import store as source_store
from tests.api.api_clients import browser, key_of, organization, sign_in
from tests.rules.test_runbooks import GOOD
from tests.world import World

SOURCES = "/runbook-sources"
TRIGGERED = f"""---
triggers: ['title=~".*5xx.*", severity="critical"']
services: [search]
---
{GOOD}"""


async def hook_secret(w: World, source_id: int) -> str:
    """Return the secret of a source's webhook."""
    async with w.ctx.db.tx() as tx:
        return await source_store.open_hook_secret(tx, source_id)


async def test_sources_are_managed_and_filled_over_json(dsn: str, clock: FakeClock) -> None:
    async with organization(dsn, clock) as (w, api), browser(w) as http:
        git = {"kind": "git", "name": "Ops", "url": "https://git.example.org/ops.git", "token": "the-s3cret"}
        source = await api("POST", SOURCES, git, status=201)
        assert (source["has_token"], source["paths"], source["poll_s"]) == (True, ["**/*.md"], 60)
        await api("POST", SOURCES, git, status=409)
        refused = await api("POST", SOURCES, {**git, "name": "B", "url": "ssh://git@x/y"}, status=422)
        assert [e["field"] for e in refused["errors"]] == ["url"]
        assert "the-s3cret" not in (await api.answer("GET", SOURCES)).text

        viewer = api.with_key(await key_of(w.ctx.db, clock, w.jun, ["incidents:read"]))
        await viewer("GET", f"{SOURCES}/{source['id']}")
        await viewer("POST", f"{SOURCES}/{source['id']}/sync", status=403)
        synced = await api("POST", f"{SOURCES}/{source['id']}/sync", status=202)
        assert synced["last_ok_at"] is None

        address, body = f"/in/runbooks/{source['id']}", b'{"ref": "refs/heads/main"}'
        secret = await hook_secret(w, source["id"])
        signature = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
        async with w.ctx.db.tx() as tx:
            await source_store.change(tx, source["id"], next_sync_at=w.now.replace(year=2027))
        for headers, status in (
            ({}, 401),
            ({"X-Hub-Signature-256": f"sha256={'0' * 64}"}, 401),
            ({"X-Hub-Signature-256": f"sha256={signature}"}, 202),
        ):
            answer = await http.post(address, content=body, headers=headers)
            assert answer.status_code == status
        for unknown in ("/in/runbooks/999", "/in/runbooks/x", "/in/runbooks/٣"):
            answer = await http.post(unknown, content=body, headers={"X-Gitlab-Token": ""})
            assert answer.status_code == 401
        async with w.ctx.db.tx() as tx:
            assert (await source_actions.source(tx, source["id"])).next_sync_at == w.now

        ci = (await api("POST", SOURCES, {"kind": "push", "name": "CI"}, status=201))["id"]
        files = [{"path": "books/a.md", "body": TRIGGERED}, {"path": "b.md", "body": "no title"}]
        pushed = await api("POST", f"{SOURCES}/{ci}/push", {"commit": "c1", "files": files})
        assert (pushed["result"], pushed["changes"]["changed"]) == ("applied", 1)
        assert [(f["path"], f["id"]) for f in pushed["findings"]] == [("b.md", "R-SYNC")]
        again = await api("POST", f"{SOURCES}/{ci}/push", {"commit": "c1", "files": files})
        assert again["result"] == "unchanged"
        await api("POST", f"{SOURCES}/{source['id']}/push", {"commit": "c1", "files": files}, status=422)
        runbook = await api("GET", "/runbooks/a")
        assert (runbook["source_id"], runbook["commit"], runbook["listed_services"]) == (ci, "c1", ["search"])
        assert runbook["triggers"] == ['{title=~".*5xx.*",severity="critical"}']
        await api("PUT", "/runbooks/a", {"body": "# Mine"}, status=409)
        await api("DELETE", "/runbooks/a", status=409)

        await api("DELETE", f"{SOURCES}/{ci}", status=204)
        await api("PUT", "/runbooks/a", {"body": "# Mine"})
        assert [v["version"] for v in await api("GET", "/runbooks/a/versions")] == [2, 1]
        first = await api("GET", "/runbooks/a/versions/1")
        assert (first["body"], first["commit"], first["path"]) == (TRIGGERED, "c1", "books/a.md")
        await api("GET", "/runbooks/a/versions/9", status=404)
        assert (await api("POST", "/runbooks/a/versions/1/restore"))["change"] == "changed"
        assert (await api("GET", "/runbooks/a"))["version"] == 3
        actions = [e["action"] for e in await api("GET", "/audit")]
        assert {"runbook_source.added", "runbook_source.synced", "runbook_source.removed"} <= set(actions)


async def text(http: httpx.AsyncClient, path: str) -> str:
    """Return a page that is shown."""
    answer = await http.get(path)
    assert answer.status_code == 200, f"{path}: {answer.status_code}"
    return answer.text


async def test_a_page_its_message_and_an_incident_show_what_fits(dsn: str, clock: FakeClock) -> None:
    async with organization(dsn, clock) as (w, api), browser(w) as http:
        await api("PUT", "/runbooks/errors", {"body": TRIGGERED.replace("Payments failover", "Errors &c")})
        await w.alert("5xx above 5 %", runbook_url="https://wiki.example.org/5xx")
        await w.settle()
        await sign_in(w, http, w.mara)
        page = (await w.page()).ref
        shown = await text(http, f"/pages/{page}")
        assert "https://wiki.example.org/5xx" in shown
        assert 'href="http://127.0.0.1:8080/runbooks/errors"' in shown
        async with w.ctx.db.tx() as tx:
            entries = await runbooks.index(tx, [], "http://127.0.0.1:8080")
        assert [(e.slug, e.errors, e.services) for e in entries] == [("errors", 0, ("search",))]
        async with w.ctx.db.tx() as tx:
            await paging.ack(tx, await w.actor(w.mara), (await w.page()).id, w.now)
        declared = await api(
            "POST", "/incidents", {"title": "Errors", "severity": "SEV2", "page": page}, status=201
        )
        assert "/runbooks/errors" in await text(http, f"/incidents/{declared['ref']}")

        library = await text(http, "/runbooks?q=errors&findings=errors")
        assert "/runbooks/errors" in library
        assert "/runbooks/database-failover" not in library
        assert (await http.get("/runbooks?level=9")).status_code == 422
        runbook = await text(http, "/runbooks/errors")
        assert "1 alert of 30 days" in runbook
        assert "Errors &amp;c" in runbook
        await api("PUT", "/runbooks/errors", {"body": GOOD})
        history = await text(http, "/runbooks/errors/versions")
        assert "<del>" in history
        assert (await http.get("/runbooks/errors/versions?version=7")).status_code == 404
