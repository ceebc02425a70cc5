"""Trackers over JSON and on the web: adding, changing, checking, linking, webhooks, and who may do what."""

import hmac
import json
import re
from datetime import timedelta
from typing import Any

from firebell.action_items.trackers.hook_signatures import path_token
from firebell.kit.clock import FakeClock
from tests.api.api_clients import browser, key_of, sign_in
from tests.standins.trackers import TOKEN, GitHubStandin, GitLabStandin
from tests.tracker_world import desk

SETTINGS = "/settings/trackers"


async def test_a_tracker_from_its_first_to_its_last_day(dsn: str, clock: FakeClock) -> None:
    gitlab = GitLabStandin(clock.now)
    async with desk(dsn, clock, gitlab, "gitlab", "acme/web/shop") as d:
        api, new = d.api, {"kind": "gitlab", "target": "acme/web/other", "token": TOKEN}
        for wrong, fields in (
            ({"kind": "trello"}, {"kind"}),
            ({"target": "no project"}, {"target"}),
            ({"token": "two words"}, {"token"}),
            ({"url": "ftp://x"}, {"url"}),
            ({"kind": "jira_cloud", "target": "PAY"}, {"url"}),
            ({"kind": "jira_cloud", "target": "PAY", "url": "https://a.example"}, {"login"}),
            ({"options": {"colour": "red"}}, {"options"}),
            ({"kind": "github", "target": "a/b", "options": {"due_field": "Due"}}, {"due_field"}),
            ({"directions": {"title": "sideways"}}, {"directions.title"}),
        ):
            refused = await api("POST", "/trackers", {**new, **wrong}, status=422)
            assert {error["field"] for error in refused["errors"]} == fields, wrong
        await api("POST", "/trackers", {**new, "url": gitlab.url, "target": "acme/web/shop"}, status=409)
        await api("GET", "/trackers/9", status=404)

        shown = await api("GET", "/trackers/1")
        assert (shown["name"], shown["state"], shown["token_hint"]) == (
            "GitLab acme/web/shop",
            "waiting",
            "d-in",
        )
        assert shown["directions"] == dict.fromkeys(("title", "state", "assignee", "due"), "both")
        assert TOKEN not in json.dumps(shown)
        changes = {"name": "Shop", "directions": {"due": "out"}, "private": True, "links_new": True}
        changed = await api("PATCH", "/trackers/1", changes)
        assert (changed["name"], changed["directions"]["due"], changed["private"]) == ("Shop", "out", True)

        checks = await api("POST", "/trackers/1/check")
        assert [check["level"] for check in checks] == ["ok"]
        tested = await api("POST", "/trackers/1/test")
        assert (tested["url"], gitlab.issues[1]["state"]) == (gitlab.issues[1]["web_url"], "closed")
        ref = await d.add()
        await d.later()
        link = await d.link_of(ref)
        assert (link["state"], link["issue"]) == ("linked", "#2")
        gitlab.issues[2]["title"] = "Time out the card client"
        dry = await api("POST", "/trackers/1/dry-run")
        assert [(c["item"], c["field"], c["to"]) for c in dry["changes"]] == [(ref, "Title", "here")]
        assert (await d.item(ref))["title"] == "Add a timeout to the card client"

        await api("PUT", f"/trackers/1/users/{d.w.jun}", {"handle": "nobody"}, status=204)
        await api("POST", "/trackers/1/sync", status=202)
        await d.later(10)
        assert [u["is_known"] for u in await api("GET", "/trackers/1/users")] == [False]
        gitlab.token = "another"
        assert [check["level"] for check in await api("POST", "/trackers/1/check")] == ["late"]
        await api("POST", "/trackers/1/test", status=409)

        off = await api("PATCH", "/trackers/1", {"enabled": False})
        assert off["state"] == "off"
        await api("POST", "/trackers/1/sync", status=409)
        other = await d.add("Add a timeout to search")
        await d.link(other, status=409)
        jun = api.with_key(await key_of(d.w.ctx.db, clock, d.w.jun))
        await jun("GET", "/trackers")
        for method, path in (("POST", "/trackers/1/check"), ("DELETE", "/trackers/1")):
            await jun(method, path, status=403)
        await jun("DELETE", f"/action-items/{ref}/links/{link['id']}", status=204)
        await api("DELETE", "/trackers/1", status=204)
        assert await api("GET", "/trackers") == []
        actions = [entry["action"] for entry in await api("GET", "/audit")]
        for action in (
            "tracker.added",
            "tracker.changed",
            "tracker.tested",
            "tracker.disabled",
            "tracker.removed",
        ):
            assert action in actions
        assert {"action_item.linked", "action_item.unlinked"} <= set(actions)
        assert not gitlab.refused


async def test_a_webhook_only_asks_for_a_reading(dsn: str, clock: FakeClock) -> None:
    """N15: what is not signed changes nothing, and what is signed is believed only after it was read there."""
    github = GitHubStandin(clock.now)
    async with desk(dsn, clock, github, "github", "acme/shop") as d, browser(d.w) as http:
        ref = await d.linked()
        hook = await d.api("POST", "/trackers/1/hook-secret")
        body = json.dumps(
            {
                "action": "closed",
                "issue": {"number": 1, "title": "Forged", "state": "closed"},
                "repository": {"full_name": "acme/shop"},
            }
        ).encode()

        async def send(body: bytes, number: str = "1", delivery: str = "d-1", **more: Any) -> int:
            signature = hmac.digest(hook["secret"].encode(), body, "sha256").hex()
            headers = {
                "X-Hub-Signature-256": f"sha256={signature}",
                "X-GitHub-Delivery": delivery,
                "Content-Type": "application/json",
                **more,
            }
            return (await http.post(f"/in/trackers/{number}", content=body, headers=headers)).status_code

        silent = len(github.calls)
        for status, more in (
            (401, {"X-Hub-Signature-256": "sha256=00"}),
            (401, {"X-Hub-Signature-256": ""}),
            (401, {"X-GitHub-Delivery": ""}),
            (401, {"number": "2"}),
            (401, {"number": "x"}),
        ):
            assert await send(body, **more) == status, more
        unsigned = await http.post(f"/in/trackers/1/{path_token(hook['secret'])}", content=body)
        assert unsigned.status_code == 401
        assert await send(b"\xff\xfe{") == 422
        assert await send(b" " * 5_000_000) == 413
        await d.later(30)
        assert len(github.calls) == silent

        # genuine, but the issue there is as it was
        assert await send(body) == 202
        await d.later(5)
        assert len(github.calls) == silent + 1
        assert (await d.item(ref))["state"] == "open"
        # the same delivery again asks for nothing
        github.change(1, state="closed", state_reason="not_planned")
        assert await send(body) == 202
        await d.later(5)
        assert (await d.item(ref))["state"] == "open"
        assert await send(body, delivery="d-2") == 202
        await d.later(5)
        assert (await d.item(ref))["state"] == "dropped"
        assert (await d.health())["last_hook_at"] is not None
        # ids of deliveries are kept for a week
        d.w.clock.advance(timedelta(days=8))
        await d.w.worker.run_due(d.w.now)
        form = b"payload=%7B%7D"
        assert (
            await send(form, delivery="d-3", **{"Content-Type": "application/x-www-form-urlencoded"}) == 202
        )


async def test_trackers_on_the_web(dsn: str, clock: FakeClock) -> None:
    gitlab = GitLabStandin(clock.now)
    async with desk(dsn, clock, gitlab, "gitlab", "acme/web/shop") as d, browser(d.w) as http:
        csrf = await sign_in(d.w, http, d.w.mara)
        ref = await d.add()

        async def post(path: str, status: int = 303, **fields: Any) -> str:
            answer = await http.post(path, data={"csrf": csrf, **fields})
            assert answer.status_code == status, (path, answer.status_code)
            return answer.text

        assert "Add tracker" in (await http.get(f"{SETTINGS}?kind=linear")).text
        # a refused key is not shown again, and the form stays that of an app
        app = {"kind": "github", "auth": "app", "target": "acme/shop", "url": "https://api.github.com"}
        again = await post(SETTINGS, 422, **app, client_id="Iv23li", private_key="s3cret-of-an-app")
        assert ('value="Iv23li"' in again, 'name="private_key"' in again) == (True, True)
        assert "s3cret-of-an-app" not in again
        await post(f"{SETTINGS}/1/token", 422, auth="sideways", token=TOKEN)
        wrong: dict[str, Any] = {
            "kind": "github",
            "target": "shop",
            "token": TOKEN,
            "url": "https://api.github.com",
        }
        assert "Owner and name" in await post(SETTINGS, 422, **wrong)
        await post(SETTINGS, **{**wrong, "target": "acme/shop"})
        own = f"{SETTINGS}/1"
        assert "The token reads acme/web/shop." in await post(f"{own}/check", 200)
        assert "Both sides are the same." in await post(f"{own}/dry-run", 200)
        await post(f"{own}/test")
        saved: dict[str, Any] = {
            "name": "Shop",
            "direction-due": "out",
            "option-dropped_label": "dropped",
            "links_new": "yes",
        }
        await post(own, **saved)
        shown = await d.health()
        assert (shown["name"], shown["options"], shown["links_new"]) == (
            "Shop",
            {"dropped_label": "dropped"},
            True,
        )
        # a refused form keeps what was chosen
        refused = await post(own, 409, name="GitHub acme/shop", is_private="yes")
        boxes = dict(
            re.findall(r'<input class="box" type="checkbox" name="(\w+)" value="yes"( checked)?', refused)
        )
        assert boxes == {"links_new": "", "is_private": " checked"}
        boxes = dict(
            re.findall(r'name="(\w+)" value="yes"( checked)?', await post(f"{own}/token", 422, token=""))
        )
        assert boxes == {"links_new": " checked", "is_private": ""}
        assert "whsec_" in await post(f"{own}/show-secret", 200)
        await post(f"{own}/user", person=str(d.w.jun), handle="jun")
        await post(f"{own}/user", 422, person="", handle="jun")
        await post(f"{own}/sync")

        await post(f"/actions/{ref}/links", tracker="1")
        await d.later()
        for path in (f"/actions/{ref}", "/actions?view=list"):
            assert gitlab.issues[2]["web_url"] in (await http.get(path)).text
        assert "1 not synced" not in (await http.get(SETTINGS)).text
        await post(f"/actions/{ref}/links", 409, tracker="1")
        await post(f"/actions/{ref}/links/1/sync")
        await post(f"/actions/{ref}/links/1/unlink")
        await post(f"{own}/disable")
        await post(f"{own}/remove")
        assert (await http.get(own)).status_code == 404
