"""Story: an alert pages the primary; without an acknowledgment the secondary; an acknowledgment stops it."""

from dataclasses import replace
from datetime import timedelta

import pytest

from firebell.kit.clock import FakeClock
from firebell.kit.errors import Conflict
from firebell.paging import actions as paging
from firebell.paging.model import Level, PageState, Target, TargetKind
from tests.world import world


async def test_without_an_acknowledgement_the_secondary_is_paged_and_acknowledges(
    dsn: str, clock: FakeClock
) -> None:
    async with world(dsn, clock) as w:
        await w.alert("5xx above 5 %")
        await w.settle()
        assert w.sink.people() == ["Mara Lindqvist"]
        assert w.sink.got[0]["alerts"][0]["title"] == "5xx above 5 %"

        await w.after(minutes=4, seconds=59)
        assert w.sink.people() == ["Mara Lindqvist"]
        await w.after(seconds=1)
        assert w.sink.people()[:2] == ["Mara Lindqvist", "Jun Okafor"]
        assert [m["event"] for m in w.sink.got] == ["page", "page", "reminder"]

        await w.ack(w.jun)
        sent = len(w.sink.got)
        await w.after(hours=2)
        assert len(w.sink.got) == sent
        assert (await w.page()).state is PageState.ACKED


async def test_a_resolution_while_it_escalates_ends_everything(dsn: str, clock: FakeClock) -> None:
    async with world(dsn, clock) as w:
        await w.alert("disk full")
        await w.after(minutes=5)
        sent = len(w.sink.got)
        await w.alert("disk full", status="resolved")
        await w.after(hours=1)
        assert len(w.sink.got) == sent
        assert (await w.page()).state is PageState.RESOLVED
        async with w.ctx.db.tx() as tx:
            assert await tx.value("select count(*) from due where kind = 'paging.page'") == 0


async def test_an_edited_policy_does_not_change_the_page_that_waits(dsn: str, clock: FakeClock) -> None:
    async with world(dsn, clock) as w:
        await w.alert()
        await w.settle()
        async with w.ctx.db.tx() as tx:
            policy = (await paging.policies(tx))[0]
            await paging.update_policy(
                tx,
                await w.actor(w.mara),
                policy,
                replace(policy.plan, levels=(Level((Target(TargetKind.PERSON, w.mara),), 3600),), repeat=0),
                now=w.now,
            )
        await w.after(minutes=5)
        assert "Jun Okafor" in w.sink.people()


async def test_an_unanswered_page_reaches_everyone(dsn: str, clock: FakeClock) -> None:
    async with world(dsn, clock) as w:
        await w.alert()
        await w.after(minutes=45)
        page = await w.page()
        assert page.state is PageState.EXHAUSTED
        assert page.exhausted_reason == "No one acknowledged."
        alarms = [m["person"] for m in w.sink.got if m["event"] == "alarm"]
        assert set(alarms) == {"Mara Lindqvist", "Jun Okafor"}
        await w.after(minutes=15)
        assert len([m for m in w.sink.got if m["event"] == "alarm"]) == 2 * len(alarms)
        await w.ack(w.mara)
        assert (await w.page()).state is PageState.ACKED


async def test_a_page_that_reaches_no_one_is_exhausted_at_once(dsn: str, clock: FakeClock) -> None:
    async with world(dsn, clock) as w:
        async with w.ctx.db.tx() as tx:
            await tx.execute("update service set policy_id = null")
        await w.alert()
        await w.settle()
        assert (await w.page()).state is PageState.EXHAUSTED
        assert {m["event"] for m in w.sink.got} == {"alarm"}


async def test_a_late_acknowledgement_never_reopens_a_page(dsn: str, clock: FakeClock) -> None:
    async with world(dsn, clock) as w:
        await w.alert("x")
        await w.settle()
        await w.resolve(w.mara)
        async with w.ctx.db.tx() as tx:
            late = await paging.ack(tx, await w.actor(w.jun), (await w.page()).id, w.now)
        assert late.already == "already resolved"
        assert (await w.page()).state is PageState.RESOLVED


async def test_an_alert_that_keeps_firing_after_a_manual_resolve_pages_again(
    dsn: str, clock: FakeClock
) -> None:
    async with world(dsn, clock) as w:
        await w.alert("x", occurred_at="2026-11-24T03:13:00Z")
        await w.settle()
        await w.resolve(w.mara)
        await w.after(minutes=10)
        await w.alert("x", occurred_at="2026-11-24T03:13:00Z")
        await w.settle()
        assert [p.state for p in await w.pages()] == [PageState.RESOLVED, PageState.TRIGGERED]


async def test_a_snoozed_page_wakes_and_starts_over(dsn: str, clock: FakeClock) -> None:
    async with world(dsn, clock) as w:
        await w.alert()
        await w.settle()
        page = await w.page()
        async with w.ctx.db.tx() as tx:
            await paging.snooze(tx, await w.actor(w.mara), page.id, w.now + timedelta(minutes=30), w.now)
        await w.after(minutes=29)
        assert len(w.sink.got) == 1
        await w.after(minutes=1)
        assert w.sink.people() == ["Mara Lindqvist", "Mara Lindqvist"]
        async with w.ctx.db.tx() as tx:
            with pytest.raises(Conflict, match="24 hours"):
                await paging.snooze(tx, await w.actor(w.mara), page.id, w.now + timedelta(days=2), w.now)


async def test_a_message_that_cannot_be_delivered_does_not_wait_for_the_level(
    dsn: str, clock: FakeClock
) -> None:
    async with world(dsn, clock) as w:
        w.sink.status = 410
        await w.alert()
        await w.settle()
        page = await w.page()
        assert page.state is PageState.EXHAUSTED
        assert "No message of this level could be delivered." in await w.story()


async def test_a_receiver_that_fails_for_a_moment_is_tried_again(dsn: str, clock: FakeClock) -> None:
    async with world(dsn, clock) as w:
        w.sink.status = 503
        await w.alert()
        await w.settle()
        w.sink.status = 200
        await w.after(seconds=10)
        keys = {h["idempotency-key"] for h in w.sink.headers}
        assert len(w.sink.got) == 2
        assert len(keys) == 1


async def test_a_more_urgent_alert_pages_people_who_had_a_low_urgency_message(
    dsn: str, clock: FakeClock
) -> None:
    async with world(dsn, clock) as w:
        await w.alert("a", severity="warning")
        await w.settle()
        await w.ack(w.mara)
        await w.alert("b", severity="critical")
        await w.settle()
        page = await w.page()
        assert (page.state, page.urgency) == (PageState.TRIGGERED, "high")
        assert len(w.sink.got) == 2


async def test_a_page_without_an_accepted_message_does_not_claim_that_no_one_answered(
    dsn: str, clock: FakeClock
) -> None:
    async with world(dsn, clock) as w:
        w.sink.status = 410
        await w.alert()
        await w.settle()
        page = await w.page()
        assert page.exhausted_reason == "No message could be delivered."
        assert "No message could be delivered. Final alarm to" in " ".join(await w.story())
