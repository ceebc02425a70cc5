"""Story: the same sync with workflows, late searches, required fields and ids that clients choose."""

import pytest

from firebell.kit.clock import FakeClock
from tests.standins.jira import LOGIN, JiraStandin
from tests.standins.linear import LinearStandin
from tests.standins.trackers import Fault
from tests.tracker_world import desk


@pytest.mark.parametrize("is_cloud", [True, False])
async def test_an_item_in_jira(is_cloud: bool, dsn: str, clock: FakeClock) -> None:
    jira = JiraStandin(clock.now, is_cloud=is_cloud)
    kind = "jira_cloud" if is_cloud else "jira_data_center"
    login = {"login": LOGIN} if is_cloud else {}
    async with desk(dsn, clock, jira, kind, "PAY", **login) as d:
        ref = await d.linked(owner_id=d.w.mara, priority=2, detail="Two lines\nof text")
        issue = jira.issues[1]
        fields = issue["fields"]
        assert (fields["assignee"]["displayName"], fields["priority"]["name"]) == ("mara", "Medium")
        assert fields["labels"] == ["firebell", f"firebell-{ref.lower()}"]
        assert (await d.link_of(ref))["issue"] == "PAY-1"

        # a workflow: started, then dropped with a resolution that says so, then reopened
        for state, more, expected in (
            ("in_progress", {}, ("In Progress", None)),
            ("dropped", {"reason": "Another client"}, ("Done", "Won't Do")),
            ("open", {"reason": "Needed after all"}, ("To Do", None)),
            ("done", {}, ("Done", "Fixed")),
        ):
            await d.set_state(ref, state, **more)
            await d.later(60)
            assert (issue["status"], issue["resolution"]) == expected, state

        # there to here: a person, a priority and a due day, found by the sweep
        fields["assignee"] = jira.user({"accountId" if is_cloud else "name": "acc-2" if is_cloud else "jun"})
        fields["priority"] = {"name": "Low"}
        issue |= {"status": "In Progress", "resolution": None}
        jira.touch_fields(issue)
        await d.later(1000)
        item = await d.item(ref)
        assert (item["state"], item["owner_id"], item["priority"]) == ("in_progress", d.w.jun, 3)

        # a workflow without a way to done is an error that is shown, and is not tried again and again
        jira.has_done = False
        await d.set_state(ref, "done")
        await d.later(60)
        link = await d.link_of(ref)
        assert (link["not_synced"], issue["status"]) == (["state"], "In Progress")
        writes = len(jira.writes)
        await d.later(7200)
        assert len(jira.writes) == writes
        jira.deleted.add(issue["id"])
        await d.api("POST", "/trackers/1/sync", status=202)
        await d.later(30)
        assert (await d.link_of(ref))["state"] == "gone"
        assert not jira.refused


async def test_a_lost_answer_and_a_late_search_make_no_second_issue(dsn: str, clock: FakeClock) -> None:
    jira = JiraStandin(clock.now, lacks={"duedate", "priority"})
    async with desk(dsn, clock, jira, "jira_cloud", "PAY", login=LOGIN) as d:
        # refused because of fields that the project's screens lack: created without them
        jira.write_faults.extend([None, Fault.LOST])
        ref = await d.add()
        await d.link(ref)
        await d.later(30)
        assert len(jira.issues) == 1
        await d.later(600)
        assert len(jira.issues) == 1
        link = await d.link_of(ref)
        assert (link["state"], link["not_synced"]) == ("linked", ["due"])
        # a second item whose answer is lost twice
        jira.write_faults.extend([None, Fault.DONE_BUT_500])
        await d.link(await d.add("Add a timeout to search"))
        await d.later(1200)
        assert len(jira.issues) == 2
        checks = await d.api("POST", "/trackers/1/check")
        assert [check["level"] for check in checks] == ["ok"]


async def test_an_item_in_linear(dsn: str, clock: FakeClock) -> None:
    linear = LinearStandin(clock.now)
    async with desk(dsn, clock, linear, "linear", "PAY") as d:
        linear.write_faults.extend([Fault.LOST])
        ref = await d.add(owner_id=d.w.mara)
        await d.link(ref)
        await d.later(120)
        assert len(linear.by_id) == 1
        issue = next(iter(linear.by_id.values()))
        assert (issue["assigneeId"], issue["dueDate"], issue["priority"]) == ("u-1", "2026-12-14", 2)
        await d.set_state(ref, "in_progress")
        await d.later(30)
        assert issue["stateId"] == "s-2"
        linear.attachments[issue["id"]] = ["https://github.example/acme/shop/pull/7"]
        issue |= {"stateId": "s-3", "assigneeId": "u-2", "priority": 0, "updatedAt": linear.stamp}
        await d.later(4000)
        item = await d.item(ref)
        assert (item["state"], item["owner_id"], item["priority"]) == ("done", d.w.jun, 2)
        assert [link["url"] for link in item["evidence"]] == ["https://github.example/acme/shop/pull/7"]
        issue["trashed"] = True
        await d.api("POST", f"/action-items/{ref}/links/1/sync", status=202)
        await d.later(30)
        assert (await d.link_of(ref))["state"] == "gone"
        assert not linear.refused
