"""While thousands of pages escalate, each statement of an acknowledgment waits its turn for a busy process."""

from collections.abc import Sequence
from datetime import timedelta

import pytest

from firebell.channels.callbacks import PageAction
from firebell.kit.clock import FakeClock
from firebell.kit.db.events import Actor
from firebell.kit.errors import Forbidden
from firebell.paging import actions as paging
from firebell.paging import bulk_actions
from firebell.paging.bulk_actions import BulkAction, BulkOutcome, Result
from firebell.paging.model import NotChanged, PageState
from firebell.people import actions as people
from firebell.people import authentication
from firebell.replies import page_replies
from firebell.replies.page_replies import Answerer
from firebell.routing import alert_bulk_actions
from firebell.routing.alert_bulk_actions import AlertAction
from tests.actions.test_pages_start_in_few_round_trips import statements
from tests.world import World, world


async def _pages(w: World, count: int, first: int = 0) -> list[int]:
    """Start pages and send their messages; return their ids."""
    known = {page.id for page in await w.pages()}
    for number in range(first, first + count):
        await w.alert(f"disk {number} full", service=f"disk-{number}")
    await w.settle()
    return sorted(page.id for page in await w.pages() if page.id not in known)


async def _acted(w: World, action: BulkAction, page_ids: Sequence[int]) -> tuple[list[BulkOutcome], int]:
    """Return the outcomes of what Jun did, and the number of statements that they took."""
    jun = await w.actor(w.jun)
    async with w.ctx.db.tx() as tx:
        with statements(tx) as logged:
            outcomes = await bulk_actions.act_on_batch(tx, jun, action, page_ids, 30, w.now)
    return outcomes, len(logged)


async def _acknowledged(w: World, page_ids: Sequence[int]) -> tuple[list[BulkOutcome], int]:
    return await _acted(w, BulkAction.ACK, page_ids)


async def test_a_person_acknowledges_an_alert_storm_without_waiting_for_each_page(
    dsn: str, clock: FakeClock
) -> None:
    """Acknowledging 500 pages took 6,500 statements, and 18 s while 10,000 pages escalated."""
    async with world(dsn, clock) as w:
        few = await _pages(w, 2)
        many = await _pages(w, bulk_actions.BATCH, first=2)
        outcomes, for_few = await _acknowledged(w, few)
        assert [each.result for each in outcomes] == [Result.DONE] * 2
        outcomes, for_many = await _acknowledged(w, many)
        assert [(each.ref, each.result) for each in outcomes] == [
            (f"PG-{page_id}", Result.DONE) for page_id in many
        ]
        assert for_many == for_few
        assert for_many < bulk_actions.BATCH
        for page in await w.pages():
            assert page.state is PageState.ACKED
            assert page.acked_at == w.now
        async with w.ctx.db.tx() as tx:
            audited = await tx.fetch("select subject from audit where action = 'page.acked'")
            owned = await tx.fetch("select page_id from page_owner where person_id = $1", w.jun)
            logged = await tx.fetch(
                "select page_id from page_log where kind = 'acked' and actor_id = $1", w.jun
            )
            emitted = await tx.fetch("select payload from outbox where reaction = 'triage_incident'")
            assert await tx.value("select count(*) from delivery where state = 'queued'") == 0
        every = [*few, *many]
        assert sorted(row["subject"] for row in audited) == sorted(f"PG-{page_id}" for page_id in every)
        assert sorted(row["page_id"] for row in owned) == every
        assert sorted(row["page_id"] for row in logged) == every
        assert sorted(row["payload"]["page_id"] for row in emitted) == every


async def test_pages_that_are_acknowledged_together_have_the_outcomes_of_single_ones(
    dsn: str, clock: FakeClock
) -> None:
    async with world(dsn, clock) as w:
        waiting, own, of_mara, resolved, second = await _pages(w, 5)
        await w.ack(w.jun, own)
        await w.ack(w.mara, of_mara)
        mara = await w.actor(w.mara)
        async with w.ctx.db.tx() as tx:
            await paging.resolve(tx, mara, resolved, w.now)
        outcomes, _ = await _acknowledged(w, [waiting, own, of_mara, resolved, second, 10**6])
        assert [(each.result, each.reason, each.state) for each in outcomes] == [
            (Result.DONE, "", PageState.ACKED),
            (Result.UNCHANGED, "already acknowledged by you", PageState.ACKED),
            (Result.DONE, "", PageState.ACKED),
            (Result.UNCHANGED, "already resolved", PageState.RESOLVED),
            (Result.DONE, "", PageState.ACKED),
            (Result.REFUSED, "no such page", None),
        ]
        async with w.ctx.db.tx() as tx:
            logs = {page_id: await paging.log(tx, page_id) for page_id in (waiting, of_mara)}
        assert "Jun Okafor acknowledged." in [entry.text for entry in logs[waiting]]
        assert "Jun Okafor joined." in [entry.text for entry in logs[of_mara]]


@pytest.mark.parametrize("action", [BulkAction.RESOLVE, BulkAction.SNOOZE])
async def test_a_person_resolves_or_snoozes_a_storm_without_waiting_for_each_page(
    dsn: str, clock: FakeClock, action: BulkAction
) -> None:
    """Each page took statements of its own, each of which waits its turn for a busy process."""
    is_resolved = action is BulkAction.RESOLVE
    async with world(dsn, clock) as w:
        few = await _pages(w, 2)
        many = await _pages(w, bulk_actions.BATCH, first=2)
        # pages that are not there take no statements either
        gone = [10**6 + number for number in range(3)]
        statement_counts = []
        for page_ids, missing in ((few, gone[:1]), (many, gone)):
            outcomes, count = await _acted(w, action, [*page_ids, *missing])
            state = PageState.RESOLVED if is_resolved else PageState.SNOOZED
            assert outcomes == [
                *(BulkOutcome(f"PG-{page_id}", Result.DONE, "", state) for page_id in page_ids),
                *(BulkOutcome(f"PG-{page_id}", Result.REFUSED, "no such page", None) for page_id in missing),
            ]
            statement_counts.append(count)
        assert statement_counts[0] == statement_counts[1]
        assert statement_counts[1] < bulk_actions.BATCH

        every, kind = [*few, *many], "resolved" if is_resolved else "snoozed"
        due = {page.due_at for page in await w.pages()}
        assert due == ({None} if is_resolved else {w.now + timedelta(minutes=30)})
        async with w.ctx.db.tx() as tx:
            audited = await tx.fetch("select subject from audit where action = $1", f"page.{kind}")
            logged = await tx.fetch(
                "select page_id, text from page_log where kind = $1 and actor_id = $2", kind, w.jun
            )
            timers = await tx.value("select count(*) from due where kind = 'paging.page'")
            firing = await tx.value("select count(*) from alert where status = 'firing'")
            open_groups = await tx.value("select count(*) from alert_group where closed_at is null")
            assert await tx.value("select count(*) from delivery where state = 'queued'") == 0
        assert sorted(row["subject"] for row in audited) == sorted(f"PG-{page_id}" for page_id in every)
        assert sorted(row["page_id"] for row in logged) == every
        until = w.now + timedelta(minutes=30)
        text = "resolved the page." if is_resolved else f"snoozed the page until {until:%Y-%m-%d %H:%M} UTC."
        assert {row["text"] for row in logged} == {f"Jun Okafor {text}"}
        assert (timers, firing, open_groups) == ((0, 0, 0) if is_resolved else (len(every),) * 3)


@pytest.mark.parametrize("action", [BulkAction.RESOLVE, BulkAction.SNOOZE])
async def test_pages_that_are_resolved_or_snoozed_together_have_the_outcomes_of_single_ones(
    dsn: str, clock: FakeClock, action: BulkAction
) -> None:
    state = PageState.RESOLVED if action is BulkAction.RESOLVE else PageState.SNOOZED
    async with world(dsn, clock) as w:
        waiting, owned, resolved = await _pages(w, 3)
        mara = await w.actor(w.mara)
        await w.ack(w.mara, owned)
        async with w.ctx.db.tx() as tx:
            await paging.resolve(tx, mara, resolved, w.now)
        outcomes, _ = await _acted(w, action, [waiting, owned, resolved, 10**6])
        assert [(each.result, each.reason, each.state) for each in outcomes] == [
            (Result.DONE, "", state),
            (Result.DONE, "", state),
            (Result.UNCHANGED, "already resolved", PageState.RESOLVED),
            (Result.REFUSED, "no such page", None),
        ]
        async with w.ctx.db.tx() as tx:
            await people.update_person(tx, mara, w.jun, role="viewer", now=w.now)
            viewer = authentication.actor_of(await people.person(tx, w.jun))
            with pytest.raises(Forbidden):
                await bulk_actions.act_on_batch(tx, viewer, action, [waiting], 30, w.now)


async def test_pages_that_cannot_be_snoozed_say_why(dsn: str, clock: FakeClock) -> None:
    async with world(dsn, clock) as w:
        page_ids, jun = await _pages(w, 2), await w.actor(w.jun)
        async with w.ctx.db.tx() as tx:
            outcomes = await bulk_actions.act_on_batch(tx, jun, BulkAction.SNOOZE, page_ids, 25 * 60, w.now)
            with pytest.raises(NotChanged) as refusal:
                await paging.snooze(tx, jun, page_ids[0], w.now + timedelta(hours=25), w.now)
        assert {(each.result, each.reason, each.state) for each in outcomes} == {
            (Result.REFUSED, refusal.value.reason, PageState.TRIGGERED)
        }


async def test_alerts_of_a_storm_are_acknowledged_without_waiting_for_each_page(
    dsn: str, clock: FakeClock
) -> None:
    async with world(dsn, clock) as w:
        jun, statement_counts = await w.actor(w.jun), []
        for first, count in ((0, 2), (2, 20)):
            pages = await _pages(w, count, first)
            async with w.ctx.db.tx() as tx:
                ids = [row["id"] for row in await tx.fetch("select id from alert order by id")][first:]
                with statements(tx) as logged:
                    outcomes = await alert_bulk_actions.act_on_alerts(tx, jun, AlertAction.ACK, ids, w.now)
            assert [each.is_done for each in outcomes] == [True] * len(pages)
            statement_counts.append(len(logged))
        assert statement_counts[0] == statement_counts[1]


async def test_a_reply_to_many_pages_acknowledges_without_waiting_for_each(
    dsn: str, clock: FakeClock
) -> None:
    async with world(dsn, clock) as w:
        async with w.ctx.db.tx() as tx:
            answerer = Answerer(await people.person(tx, w.jun), "sms", "+46700000001", "en")
        statement_counts = []
        for first, count in ((0, 2), (2, 20)):
            pages = await _pages(w, count, first)
            async with w.ctx.db.tx() as tx:
                with statements(tx) as logged:
                    answer, done = await page_replies.respond_to_all(
                        tx, answerer, PageAction.ACK, pages, w.now
                    )
            assert (answer.is_done, sorted(done)) == (True, pages)
            assert answer.text.startswith(f"You acknowledged PG-{pages[0]}")
            statement_counts.append(len(logged))
        assert statement_counts[0] == statement_counts[1]


async def test_a_viewer_acknowledges_no_pages_by_a_reply(dsn: str, clock: FakeClock) -> None:
    async with world(dsn, clock) as w:
        page_ids = await _pages(w, 2)
        mara = await w.actor(w.mara)
        async with w.ctx.db.tx() as tx:
            await people.update_person(tx, mara, w.jun, role="viewer", now=w.now)
            answerer = Answerer(await people.person(tx, w.jun), "sms", "+46700000001", "en")
            answer, done = await page_replies.respond_to_all(tx, answerer, PageAction.ACK, page_ids, w.now)
        assert (answer.is_done, done) == (False, [])


async def test_someone_leaves_during_a_storm_without_a_wait_for_each_page(dsn: str, clock: FakeClock) -> None:
    """The transaction holds all pages of the leaver: no one acknowledges any of them until it ends."""
    system, statement_counts = Actor("system", "Test"), []
    async with world(dsn, clock) as w:
        await w.lift_night_limit()
        async with w.ctx.db.tx() as tx:
            await people.update_person(tx, system, w.jun, role="admin", now=w.now)
        for first, count in ((0, 2), (2, 25)):
            page_ids = await _pages(w, count, first)
            async with w.ctx.db.tx() as tx:
                with statements(tx) as logged:
                    await people.update_person(tx, system, w.mara, active=False, now=w.now)
                pages = (await paging.pages_by_id(tx, page_ids)).values()
                logs = [await paging.log(tx, page_id) for page_id in page_ids]
                await people.update_person(tx, system, w.mara, active=True, now=w.now)
            assert {(page.state, page.due_at) for page in pages} == {(PageState.TRIGGERED, w.now)}
            assert {[entry.kind for entry in log].count("unreached") for log in logs} == {1}
            statement_counts.append(len(logged))
            for page_id in page_ids:
                await w.ack(w.jun, page_id)
        assert statement_counts[0] == statement_counts[1]
