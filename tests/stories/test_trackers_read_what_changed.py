"""Story: what did not change in a tracker is not read again, costs no rate, and changes nothing."""

import pytest

from firebell.kit.clock import FakeClock
from tests.standins.trackers import GitHubStandin, GitLabStandin, TrackerStandin
from tests.tracker_world import Desk, desk

SWEEP_S, DAY_S = 15 * 60, 86_400


def reads(standin: TrackerStandin, ends: str) -> list[str]:
    """Return the calls that read a path."""
    return [call for call in standin.calls if call.partition("?")[0].endswith(ends)]


def looks_at_issues(standin: TrackerStandin) -> list[str]:
    """Return the reads of single issues that were answered with 304."""
    return [each for each in standin.unchanged if "per_page" not in each]


async def rate_of(d: Desk) -> float:
    """Return the tokens of the bucket for reading."""
    async with d.w.ctx.db.tx() as tx:
        return float(await tx.value("select tokens from tracker_rate where kind = 'read'"))


@pytest.mark.parametrize("kind", ["github", "gitlab"])
async def test_a_quiet_tracker_is_polled_by_its_etags(kind: str, dsn: str, clock: FakeClock) -> None:
    standin: TrackerStandin
    standin, target, issues = (
        (GitHubStandin(clock.now), "acme/shop", "/acme/shop/issues")
        if kind == "github"
        else (GitLabStandin(clock.now), "acme/web/shop", "/issues")
    )
    async with desk(dsn, clock, standin, kind, target) as d:
        ref = await d.linked()
        issue = standin.issues[1]
        # the first sweep finds the new issue, the second an empty list, whose ETag the third knows
        await d.later(2 * SWEEP_S + 60)
        assert not [each for each in standin.unchanged if "per_page" in each]
        before = (len(standin.writes), len(reads(standin, issues)), len(standin.calls))
        await d.later(4 * SWEEP_S)
        swept = reads(standin, issues)[before[1] :]
        assert len(swept) == 4
        assert len(set(swept)) == 1, "the same question each time"
        assert len([each for each in standin.unchanged if "per_page" in each]) == 4
        assert len(standin.calls) == before[2] + 4

        # what changes there is found by the next sweep, however long it was quiet
        issue["title"] = "Time out all clients"
        standin.touch(issue)
        await d.later(SWEEP_S + 30)
        assert (await d.item(ref))["title"] == "Time out all clients"

        # the daily look at the issue is conditional too, and neither side changes
        link = await d.link_of(ref)
        looked = len(looks_at_issues(standin))
        await d.later(DAY_S)
        looks = looks_at_issues(standin)
        assert len(looks) == looked + 1
        assert (await d.link_of(ref))["synced_at"] > link["synced_at"]
        assert (len(standin.writes), (await d.link_of(ref))["state"]) == (before[0], "linked")

        # what changes here is compared with the whole issue, and a person's sync reads everything
        await d.api("PATCH", f"/action-items/{ref}", {"title": "Add a timeout to all clients"})
        await d.later(30)
        assert issue["title"] == "Add a timeout to all clients"
        whole = len(reads(standin, "/issues/1")) - len(looks_at_issues(standin))
        await d.api("POST", "/trackers/1/sync", status=202)
        await d.later(30)
        assert len(reads(standin, "/issues/1")) - len(looks_at_issues(standin)) == whole + 1
        assert not standin.refused


async def test_an_unchanged_answer_of_github_costs_no_rate(dsn: str, clock: FakeClock) -> None:
    github = GitHubStandin(clock.now)
    async with desk(dsn, clock, github, "github", "acme/shop") as d:
        await d.linked()
        await d.later(3 * SWEEP_S)
        for etag, costs in (("etag", 0.0), ("''", 1.0)):
            async with d.w.ctx.db.tx() as tx:
                await tx.execute("update tracker_rate set tokens = 10, at = $1", d.w.now)
                await tx.execute(f"update tracker_link set check_at = $1, etag = {etag}", d.w.now)
            assert await d.sync.run_once(d.w.now)
            assert await rate_of(d) == 10 - costs


async def test_a_link_that_is_not_in_agreement_is_read_whole(dsn: str, clock: FakeClock) -> None:
    """An assignee that Firebell does not know may become known without a change there."""
    gitlab = GitLabStandin(clock.now)
    async with desk(dsn, clock, gitlab, "gitlab", "acme/web/shop") as d:
        ref = await d.linked(owner_id=d.w.mara)
        looked = len(looks_at_issues(gitlab))
        gitlab.issues[1]["assignees"] = [{"id": 99, "username": "octocat"}]
        gitlab.touch(gitlab.issues[1])
        await d.later(SWEEP_S + 30)
        assert (await d.link_of(ref))["not_synced"] == ["assignee"]
        await d.later(2 * DAY_S)
        assert len(looks_at_issues(gitlab)) == looked

        # an issue that could not be read in between is read whole, too
        gitlab.issues[1]["assignees"] = gitlab.assignees([11])
        gitlab.touch(gitlab.issues[1])
        await d.later(SWEEP_S + 30)
        gitlab.is_readable = False
        await d.api("POST", "/trackers/1/sync", status=202)
        await d.later(30)
        assert (await d.link_of(ref))["state"] == "error"
        gitlab.is_readable = True
        await d.later(DAY_S)
        assert (await d.link_of(ref))["state"] == "linked"
