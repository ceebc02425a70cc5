"""When thousands of pages escalate at once, a page that starts meanwhile is sent with the next messages."""

from datetime import timedelta

from firebell.kit.clock import FakeClock
from firebell.kit.jobs import timers
from firebell.notify.deliveries import store as delivery_store
from firebell.notify.sender import CLAIM
from firebell.worker import BATCH
from tests.world import world

STORM = 2_000
_ESCALATING = """
insert into page (
    subject_kind, subject_id, service_id, team_id, plan, title, urgency, severity, state, level, triggered_at
)
select 'group', 1000000 + n, service_id, team_id, plan, 'Escalating ' || n, urgency, severity, 'triggered', 1, $1
from page
cross join generate_series(1, $2) n
where page.id = $3
"""
_LEVEL_2 = """
insert into delivery (
    subject_kind, subject_id, epoch, level, round, person_id, method_id, rule_index, rank, reason, channel, address,
    idempotency_key, send_at, destination, state, created_at
)
select
    'page', page.id, page.epoch, 1, 0, person_id, method_id, rule_index, rank, reason, channel, address,
    'escalating-' || page.id, $1, destination, 'queued', $1
from delivery
cross join page
where page.title like 'Escalating %'
"""


async def test_a_page_that_starts_in_a_storm_of_escalations_is_next_to_be_sent(
    dsn: str, clock: FakeClock
) -> None:
    """A new page was sent half a minute late, after the last of ten thousand escalations."""
    async with world(dsn, clock) as w:
        await w.alert("the first")
        await w.settle()
        first = await w.page()
        async with w.ctx.db.tx() as tx:
            await tx.execute("delete from due")
            await tx.execute(_ESCALATING, w.now, STORM, first.id)
            await tx.execute(_LEVEL_2, w.now - timedelta(seconds=20))
            late = [(f"{n}", w.now - timedelta(seconds=1), 0) for n in range(100_000, 100_000 + STORM)]
            await timers.schedule_many(tx, "paging.page", late)
        await w.alert("disk full", service="storage")
        new = await w.page()
        async with w.ctx.db.tx() as tx:
            claimed = await timers.claim(tx, w.now, w.worker.timer_kinds["page_timers"], limit=BATCH)
            assert str(new.id) in {timer.key for timer in claimed}, "its timer runs in the next batch"
            assert len(claimed) == BATCH
            oldest = sum(timer.due_at < w.now for timer in claimed)
            assert oldest >= BATCH // 2, "the storm goes on meanwhile"
            await timers.finish(tx, [timer for timer in claimed if timer.key != str(new.id)])
            await tx.execute("delete from due where key <> $1", str(new.id))
        while await w.worker.run_due(w.now):
            pass
        async with w.ctx.db.tx() as tx:
            sent = [delivery.subject_id for delivery in await delivery_store.claim(tx, w.now, CLAIM)]
        assert new.id in sent
        assert len(set(sent)) > 10, "the storm goes on meanwhile"
