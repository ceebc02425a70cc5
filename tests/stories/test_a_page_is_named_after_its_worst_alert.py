"""Story: a page is titled by its most severe firing alert, wherever and whenever it is read."""

import asyncio
from datetime import timedelta
from random import Random

import pytest

from firebell.alerts import actions as alerts
from firebell.alerts.batches import group_titles
from firebell.kit.clock import FakeClock
from tests.api.api_clients import organization
from tests.world import World, world

DISK, PAYMENTS = "Disk of db-1 is 80 % full", "Payments are down"


async def group_title(w: World) -> str:
    """Return the title that the newest page's group is stored with."""
    page = await w.page()
    async with w.ctx.db.tx() as tx:
        return (await alerts.groups_by_id(tx, [page.subject_id]))[page.subject_id].title


async def test_a_page_is_never_titled_by_a_resolved_or_less_severe_alert(dsn: str, clock: FakeClock) -> None:
    async with world(dsn, clock) as w:
        await w.alert(DISK, severity="warning")
        await w.settle()
        assert w.sink.got[-1]["title"] == DISK
        await w.alert(PAYMENTS)
        await w.settle()
        assert (w.sink.got[-1]["title"], w.sink.got[-1]["urgency"]) == (PAYMENTS, "high")
        assert f"A more urgent alert arrived: {PAYMENTS}" in await w.story()
        await w.alert(DISK, severity="warning", status="resolved")
        so_far = len(w.sink.got)
        await w.after(hours=1)
        later = w.sink.got[so_far:]
        assert {m["event"] for m in later} >= {"page", "reminder", "alarm"}
        assert {m["title"] for m in later} == {PAYMENTS}
        assert [a["status"] for a in later[-1]["alerts"]] == ["firing", "resolved"]


async def test_when_the_worst_is_over_the_page_is_named_by_what_is_left_and_at_the_end_by_the_worst_again(
    dsn: str, clock: FakeClock
) -> None:
    async with world(dsn, clock) as w:
        await w.alert(DISK, severity="warning")
        await w.alert("Cache is slow", severity="error")
        await w.alert(PAYMENTS)
        assert ((await w.page()).title, await group_title(w)) == (PAYMENTS, PAYMENTS)
        await w.alert(PAYMENTS, status="resolved")
        assert (await w.page()).title == "Cache is slow"
        await w.alert("Cache is slow", severity="info")
        assert (await w.page()).title == DISK
        await w.alert(DISK, status="resolved")
        await w.alert("Cache is slow", status="resolved")
        page = await w.page()
        assert (page.state, page.title) == ("resolved", PAYMENTS)


async def test_an_alert_with_a_new_title_renames_its_page(dsn: str, clock: FakeClock) -> None:
    async with world(dsn, clock) as w:
        await w.alert("Disk 80 %", key="disk", severity="warning")
        await w.alert("Disk 90 %", key="disk", severity="warning")
        await w.settle()
        assert w.sink.got[-1]["title"] == "Disk 90 %"


async def test_lists_search_detail_and_declaring_use_the_same_title(dsn: str, clock: FakeClock) -> None:
    async with organization(dsn, clock) as (w, api):
        await w.alert(DISK, severity="warning")
        await w.alert(PAYMENTS)
        (listed,) = await api("GET", "/pages")
        assert listed["title"] == (await api("GET", "/pages/PG-1"))["title"] == PAYMENTS
        assert [p["ref"] for p in await api("GET", "/pages", q="payments")] == ["PG-1"]
        detail = await api("GET", "/pages/PG-1")
        assert [a["title"] for a in detail["alert_list"]] == [PAYMENTS, DISK]


async def test_a_storm_keeps_its_title(dsn: str, clock: FakeClock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("firebell.alerts.batches.dedup_and_grouping.STORM_GROUPS", 1)
    async with world(dsn, clock) as w:
        await w.alert("first", service="a", severity="warning")
        await w.alert("second", service="b", severity="warning")
        await w.alert("third", service="c")
        await w.alert("second", service="b", status="resolved")
        assert (await w.page()).title == "Alert storm: second and others"


async def test_after_any_alerts_in_any_batches_the_title_is_that_of_a_most_severe_firing_alert(
    dsn: str, clock: FakeClock
) -> None:
    """Eight random histories side by side; what arrives at once is applied in one transaction."""
    dice = Random(20261124)  # noqa: S311 - a reproducible history
    async with world(dsn, clock) as w:
        for _ in range(30):
            clock.advance(timedelta(seconds=1))
            batch = [
                w.alert(
                    f"{key} {dice.choice(('high', 'higher'))}",
                    key=f"{service}-{key}",
                    service=f"s{service}",
                    severity=dice.choice(("critical", "error", "warning", "info", "")),
                    status=dice.choice(("firing", "resolved")),
                )
                for service in range(8)
                for key in dice.sample("abcd", dice.randint(0, 3))
            ]
            await asyncio.gather(*batch)
            for page in await w.pages():
                async with w.ctx.db.tx() as tx:
                    group = (await alerts.groups_by_id(tx, [page.subject_id]))[page.subject_id]
                    (members,) = (await alerts.alerts_of_groups(tx, [group.id], 1000)).values()
                firing = [a for a in members if a.status == "firing"] or members
                worst = min(group_titles.rank(a.severity) for a in firing)
                assert page.title == group.title
                titles = {a.title for a in firing if group_titles.rank(a.severity) == worst}
                assert page.title.removeprefix("Flapping: ") in titles
        assert len(await w.pages()) > 16
