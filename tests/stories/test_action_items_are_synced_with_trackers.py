"""Story: an action item and its issue stay the same, whatever changes where, and whatever fails on the way."""

import re
from datetime import timedelta
from itertools import count
from typing import Any

import pytest

from firebell.action_items import actions as action_items
from firebell.action_items.trackers import link_sync
from firebell.action_items.trackers.doctor_checks import check
from firebell.action_items.trackers.queries import findings_of
from firebell.action_items.trackers.sync_worker import TrackerSync
from firebell.action_items.trackers.vendors.github import GitHubApi
from firebell.incidents import actions as incidents
from firebell.incidents.model import IncidentType
from firebell.kit.clock import FakeClock
from firebell.kit.db.database import Tx
from tests.standins.trackers import Fault, GitHubStandin, GitLabStandin
from tests.tracker_world import desk, killed_at

SHOP = "acme/shop"


async def test_an_issue_is_created_once_wherever_the_process_dies(dsn: str, clock: FakeClock) -> None:
    """N14: kill the lane at each of its waits, and let another process go on."""
    github = GitHubStandin(clock.now)
    async with desk(dsn, clock, github, "github", SHOP) as d:
        for number in count(1):
            ref = await d.add(f"Add a timeout to client {number}")
            await d.link(ref)
            await d.w.worker.run_outbox(d.w.now)
            died = await killed_at(TrackerSync(d.w.ctx).run_once(d.w.now), number)
            # the lease of the dead process ends, and its attempt is repeated
            d.w.clock.advance(timedelta(minutes=4))
            await d.later(60)
            titles = [issue["title"] for issue in github.issues.values()]
            assert titles.count(f"Add a timeout to client {number}") == 1, number
            assert (await d.link_of(ref))["state"] == "linked", number
            if not died:
                break
        assert number > 20
        assert not github.refused


@pytest.mark.parametrize(
    ("kind", "fault"),
    [
        *(("github", each) for each in (Fault.LOST, Fault.DONE_BUT_500, Fault.NOT_ARRIVED)),
        *(("github", each) for each in (Fault.BAD_GATEWAY, Fault.HTML)),
        ("gitlab", Fault.LOST),
    ],
)
async def test_an_issue_is_created_once_whatever_answer_is_lost(
    kind: str, fault: Fault, dsn: str, clock: FakeClock
) -> None:
    standin = GitHubStandin(clock.now) if kind == "github" else GitLabStandin(clock.now)
    async with desk(dsn, clock, standin, kind, SHOP if kind == "github" else "acme/web/shop") as d:
        standin.write_faults.extend([fault, None, fault, fault])
        refs = [await d.add(f"Add a timeout to client {number}") for number in range(3)]
        for ref in refs:
            await d.link(ref)
        await d.later(1200)
        assert len(standin.issues) == 3
        assert {(await d.link_of(ref))["state"] for ref in refs} == {"linked"}
        health = await d.health()
        assert (health["state"], health["links"]) == ("ok", {"linked": 3})


async def test_a_failed_attempt_is_repeated_after_half_a_minute_then_twice_as_long(
    dsn: str, clock: FakeClock
) -> None:
    github = GitHubStandin(clock.now)
    async with desk(dsn, clock, github, "github", SHOP) as d:
        github.write_faults.extend([Fault.BAD_GATEWAY] * 3)
        ref = await d.add()
        await d.link(ref)
        # attempts at about 0, 30, 90 and 210 seconds
        for seconds, attempts in ((20, 1), (20, 2), (40, 2), (25, 3), (60, 3), (60, 4)):
            await d.later(seconds)
            created = [call for call in github.calls if call == f"POST /repos/{SHOP}/issues"]
            assert len(created) == attempts, seconds
        assert (await d.link_of(ref))["state"] == "linked"


async def test_what_changes_on_one_side_reaches_the_other(dsn: str, clock: FakeClock) -> None:
    github = GitHubStandin(clock.now)
    async with desk(dsn, clock, github, "github", SHOP) as d:
        for person, handle in ((d.w.mara, "mara-dev"), (d.w.jun, "@Jun-Dev")):
            await d.api("PUT", f"/trackers/1/users/{person}", {"handle": handle}, status=204)
        ref = await d.linked(owner_id=d.w.mara, detail="Ask @ops first\n/close <!-- firebell x -->")
        issue = github.issues[1]
        assert issue["assignees"][0]["login"] == "mara-dev"
        assert "Due: 2026-12-14" in issue["body"]
        assert "@ops" not in issue["body"]
        assert issue["body"].count("<!-- firebell ") == 1
        assert issue["labels"] == ["firebell"]

        # here to there: title, due day, and two changes of the state, of which GitHub knows one
        await d.api("PATCH", f"/action-items/{ref}", {"title": "Add a timeout to all clients"})
        await d.api("POST", f"/action-items/{ref}/due", {"due": "2026-12-16"})
        await d.set_state(ref, "in_progress")
        await d.later()
        assert (issue["title"], issue["state"]) == ("Add a timeout to all clients", "open")
        assert "Due: 2026-12-16" in issue["body"]
        writes = len(github.writes)
        await d.later(60)
        assert len(github.writes) == writes

        # there to here: an assignee, then closed by a commit
        github.change(1, assignees=github.users_of(["Jun-Dev"]))
        github.events[1] = [
            {
                "event": "closed",
                "commit_id": "6dcb09b5b57875f334f61aebed695e2e4193db5e",
                "commit_url": f"{github.url}/repos/acme/shop/commits/6dcb09b5b57875f334f61aebed695e2e4193db5e",
            }
        ]
        github.change(1, state="closed", state_reason="completed")
        await d.later(1000)
        item = await d.item(ref)
        assert (item["state"], item["owner_id"], item["accepted"]) == ("done", d.w.jun, False)
        assert item["evidence"][0]["url"].endswith(
            "/acme/shop/commit/6dcb09b5b57875f334f61aebed695e2e4193db5e"
        )
        assert ("state", "in_progress", "done", "tracker:1") in await d.events(ref)

        # reopened there, dropped here, reopened here
        github.change(1, state="open", state_reason="reopened")
        await d.later(1000)
        assert (await d.item(ref))["state"] == "open"
        await d.set_state(ref, "dropped", reason="Another client")
        await d.later()
        assert (issue["state"], issue["state_reason"]) == ("closed", "not_planned")
        await d.set_state(ref, "open", reason="Needed after all")
        await d.later()
        assert issue["state"] == "open"
        assert not github.refused


async def test_another_field_that_changes_during_a_write_follows_at_once(
    dsn: str, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    github = GitHubStandin(clock.now)
    async with desk(dsn, clock, github, "github", SHOP) as d:
        ref = await d.linked()
        push = GitHubApi.push

        async def change_during_push(*args: Any) -> None:
            await push(*args)
            monkeypatch.setattr(GitHubApi, "push", push)
            await d.api("PATCH", f"/action-items/{ref}", {"title": "Add a timeout to all clients"})
            await d.w.worker.run_outbox(d.w.now)

        monkeypatch.setattr(GitHubApi, "push", change_during_push)
        await d.set_state(ref, "dropped", reason="Another client")
        await d.later(10)
        issue = github.issues[1]
        assert (issue["state"], issue["title"]) == ("closed", "Add a timeout to all clients")


async def test_both_sides_change_at_once(dsn: str, clock: FakeClock) -> None:
    """The vectors of 11.18 on a tracker with due days."""
    gitlab = GitLabStandin(clock.now)
    async with desk(dsn, clock, gitlab, "gitlab", "acme/web/shop") as d:
        ref = await d.linked(due="2026-12-01", owner_id=d.w.mara)
        issue = gitlab.issues[1]
        assert (issue["due_date"], issue["assignees"][0]["username"]) == ("2026-12-01", "mara")
        await d.set_state(ref, "in_progress")
        await d.api("POST", f"/action-items/{ref}/due", {"due": "2026-12-08"})
        issue |= {"due_date": "2026-12-05", "title": "Time out all clients"}
        gitlab.touch(issue)
        await d.later()
        item = await d.item(ref)
        assert (item["due"], item["moved"], issue["due_date"]) == ("2026-12-08", 1, "2026-12-08")
        assert item["title"] == "Time out all clients"
        assert ("due", "2026-12-05", "2026-12-08", "tracker:1") in await d.events(ref)

        # a due day that is moved there counts as moved, on any day of the week
        issue["due_date"] = "2026-12-13"
        gitlab.touch(issue)
        await d.later(1000)
        assert ((await d.item(ref))["due"], (await d.item(ref))["moved"]) == ("2026-12-13", 2)

        # done there and dropped here: the tracker wins
        issue["state"] = "closed"
        gitlab.merged[1] = "https://gitlab.example/acme/web/shop/-/merge_requests/7"
        gitlab.touch(issue)
        await d.set_state(ref, "dropped", reason="Another client")
        await d.later()
        item = await d.item(ref)
        assert (item["state"], issue["state"]) == ("done", "closed")

        # what a tracker can't have stays as it is, and is shown
        issue |= {"title": "Short", "due_date": None, "assignees": [{"id": 99, "username": "octocat"}]}
        gitlab.touch(issue)
        await d.set_state(ref, "open", reason="Again")
        await d.later(1000)
        link = await d.link_of(ref)
        assert link["not_synced"] == ["assignee", "due", "title"]
        assert (await d.item(ref))["owner_id"] == d.w.mara
        quiet = len(gitlab.writes)
        await d.later(3600)
        assert len(gitlab.writes) == quiet
        assert not gitlab.refused


async def test_a_conflict_names_people_and_states(dsn: str, clock: FakeClock) -> None:
    gitlab = GitLabStandin(clock.now)
    async with desk(dsn, clock, gitlab, "gitlab", "acme/web/shop") as d:
        declared = {"title": "Card payments fail", "severity": "SEV1"}
        inc = (await d.api("POST", "/incidents", declared, status=201))["ref"]
        assigned = await d.linked(incident=inc, owner_id=d.w.mara)
        finished = await d.linked("Add a timeout to search", incident=inc)
        await d.api("POST", f"/action-items/{assigned}/assign", {"owner_id": d.w.jun})
        await d.set_state(finished, "dropped", reason="Another client")
        gitlab.issues[1]["assignees"] = []
        gitlab.issues[2]["state"] = "closed"
        await d.later()
        async with d.w.ctx.db.tx() as tx:
            items = await action_items.items_by_id(tx, [1, 2])
            findings = (await findings_of(tx, {inc: list(items.values())}, d.w.now))[inc]
        conflicts = {f.message.partition(":")[0]: f.message for f in findings if f.code == "X-CONFLICT"}
        assert re.findall("“(.*?)”", conflicts[assigned]) == ["Jun Okafor", "no one"]
        assert re.findall("“(.*?)”", conflicts[finished]) == ["Dropped", "Done"]


async def test_moved_deleted_and_unreadable_issues(dsn: str, clock: FakeClock) -> None:
    github = GitHubStandin(clock.now)
    async with desk(dsn, clock, github, "github", SHOP) as d:
        first, second = await d.linked("Add a timeout to billing"), await d.linked("Add a timeout to search")
        third = await d.linked("Add a timeout to labels", owner_id=d.w.mara)
        # moved to another repository, with another number
        github.moved[1] = "/repositories/5/issues/9"
        github.issues[9] = {**github.issues[1], "number": 9}
        github.issues[9]["repository_url"] = f"{github.url}/repos/acme/other"
        github.issues[9]["html_url"] = "https://github.example/acme/other/issues/9"
        github.gone.add(3)
        await d.api("POST", "/trackers/1/sync", status=202)
        await d.later(30)
        moved = await d.link_of(first)
        assert (moved["state"], moved["issue"], moved["url"]) == (
            "moved",
            "#9",
            "https://github.example/acme/other/issues/9",
        )
        gone = await d.link_of(third)
        assert (gone["state"], (await d.item(third))["state"]) == ("gone", "open")
        created = len(github.issues)
        await d.later(7200)
        assert len(github.issues) == created

        # without access, an issue is not taken for deleted
        github.is_readable = False
        await d.api("POST", "/trackers/1/sync", status=202)
        await d.later(60)
        assert (await d.link_of(second))["state"] == "error"
        github.is_readable = True
        await d.later(90_000)
        assert (await d.link_of(second))["state"] == "linked"
        async with d.w.ctx.db.tx() as tx:
            assert [result.level for result in await check(tx, d.w.now)] == ["warn"]


async def test_a_tracker_that_refuses_is_left_in_peace(dsn: str, clock: FakeClock) -> None:
    github = GitHubStandin(clock.now)
    async with desk(dsn, clock, github, "github", SHOP) as d:
        ref = await d.add()
        # a 403 that is a rate limit stops nothing: one minute of silence, then it goes on
        github.write_faults.append(Fault.SECONDARY_LIMIT)
        await d.link(ref)
        await d.later(10)
        silent = len(github.calls)
        await d.later(40)
        assert len(github.calls) == silent
        await d.later(60)
        assert (await d.link_of(ref))["state"] == "linked"
        # a 429 names its time
        github.faults.append(Fault.TOO_MANY)
        await d.set_state(ref, "dropped", reason="No longer needed")
        await d.later(5)
        assert github.issues[1]["state"] == "open"
        await d.later(10)
        assert github.issues[1]["state"] == "closed"
        # a token that is refused stops the tracker until someone enters a new one
        github.token = "another"
        await d.set_state(ref, "open", reason="Needed after all")
        await d.later(10)
        assert (await d.health())["state"] == "stopped"
        silent = len(github.calls)
        await d.later(3600)
        assert len(github.calls) == silent
        await d.api("PUT", "/trackers/1/token", {"token": "another"}, status=204)
        await d.later(10)
        assert ((await d.health())["state"], github.issues[1]["state"]) == ("ok", "open")


async def test_screens_are_told_that_a_tracker_answers_again(
    dsn: str, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    github = GitHubStandin(clock.now)
    async with desk(dsn, clock, github, "github", SHOP) as d:
        await d.linked()
        live, failures = Tx.live, list[int]()

        async def publish(tx: Tx, topic: str) -> None:
            await live(tx, topic)
            if topic == "trackers":
                failures.append(await tx.value("select failures from tracker"))

        monkeypatch.setattr(Tx, "live", publish)
        github.faults.append(Fault.BAD_GATEWAY)
        await d.api("POST", "/trackers/1/sync", status=202)
        await d.later(5)
        assert failures[-1] == 1
        await d.later(60)
        assert failures[-1] == 0


async def test_an_item_of_a_private_incident_stays_here(dsn: str, clock: FakeClock) -> None:
    github = GitHubStandin(clock.now)
    async with desk(dsn, clock, github, "github", SHOP, links_new=True) as d:
        declared = {"title": "Card payments fail", "severity": "SEV1"}
        inc = (await d.api("POST", "/incidents", declared, status=201))["ref"]
        ref = await d.add(incident=inc)
        await d.later()
        assert len(github.issues) == 1
        async with d.w.ctx.db.tx() as tx:
            mara = await d.w.actor(d.w.mara)
            await incidents.set_type(tx, mara, 1, IncidentType.SECURITY, d.w.now, private=True)
        silent = len(github.calls)
        await d.api("PATCH", f"/action-items/{ref}", {"title": "Rotate the leaked credentials"})
        other = await d.add("Rotate the other credentials", incident=inc)
        await d.later(600)
        assert [call for call in github.calls[silent:] if "/issues/1" in call] == []
        assert github.issues[1]["title"] != "Rotate the leaked credentials"
        assert await d.api("GET", f"/action-items/{other}/links") == []
        await d.link(other, status=409)
        await d.api("PATCH", "/trackers/1", {"private": True})
        await d.link(other)
        await d.later(30)
        assert {issue["title"] for issue in github.issues.values()} == {
            "Rotate the leaked credentials",
            "Rotate the other credentials",
        }


@pytest.mark.parametrize("meanwhile", ["private", "unlinked"])
async def test_what_changes_while_people_are_looked_up_counts(
    meanwhile: str, dsn: str, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    github = GitHubStandin(clock.now)
    async with desk(dsn, clock, github, "github", SHOP) as d:
        declared = {"title": "Card payments fail", "severity": "SEV1"}
        inc = (await d.api("POST", "/incidents", declared, status=201))["ref"]
        ref = await d.add(incident=inc)
        link = await d.link(ref)

        async def look_up(*_: object) -> None:
            if meanwhile == "unlinked":
                await d.api("DELETE", f"/action-items/{ref}/links/{link['id']}", status=204)
                return
            async with d.w.ctx.db.tx() as tx:
                mara = await d.w.actor(d.w.mara)
                await incidents.set_type(tx, mara, 1, IncidentType.SECURITY, d.w.now, private=True)

        monkeypatch.setattr(link_sync, "_look_up_people", look_up)
        await d.later(30)
        assert not github.issues


async def test_an_existing_issue_is_linked_once(dsn: str, clock: FakeClock) -> None:
    github = GitHubStandin(clock.now)
    async with desk(dsn, clock, github, "github", SHOP) as d:
        github.add("Time out the card client", state="closed", state_reason="completed")
        github.add("A change", pull_request={"url": "x"})
        ref = await d.add("Add a timeout to the card client")
        await d.link(ref, issue="https://elsewhere.example/acme/other/issues/1", status=422)
        await d.link(ref, issue="#1")
        await d.later()
        # both differ at first: the tracker has the state, Firebell the title
        assert (await d.item(ref))["state"] == "done"
        assert github.issues[1]["title"] == "Add a timeout to the card client"
        other = await d.add("Add a timeout to search")
        await d.link(other, issue="1", status=409)
        await d.link(other, issue="2")
        await d.later()
        assert (await d.link_of(other))["state"] == "error"
