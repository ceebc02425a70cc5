"""Messages about urgent pages are counted for the workload of their recipients."""

from datetime import timedelta

from firebell.kit.clock import FakeClock
from firebell.paging import actions as paging
from firebell.paging.model import Arrival
from tests.world import world


async def test_each_minute_in_which_an_urgent_page_reached_someone_counts_once(
    dsn: str, clock: FakeClock
) -> None:
    async with world(dsn, clock) as w, w.ctx.db.tx() as tx:
        start = w.now.replace(second=0, microsecond=0)
        pages = [
            await tx.value(
                """
                insert into page (subject_kind, subject_id, plan, title, urgency, severity, state, triggered_at)
                values ('group', $1, '{"levels": [], "repeat": 0}', 'Old', $2, $3, 'resolved', $4)
                returning id
                """,
                number,
                urgency,
                severity,
                w.now,
            )
            for number, (urgency, severity) in enumerate((("high", 1), ("low", 3), ("high", None)))
        ]
        urgent, low, other = pages
        # (page, person, seconds after the start, state)
        sent = [
            (urgent, w.mara, 50, "accepted"),
            (urgent, w.mara, 20, "accepted"),
            (urgent, w.mara, 70, "accepted"),
            (urgent, w.jun, 20, "accepted"),
            (urgent, w.jun, 300, "failed"),
            (low, w.mara, 10, "accepted"),
            (other, w.mara, 15, "accepted"),
            (other, w.mara, 600, "accepted"),
        ]
        await tx.many(
            """
            insert into delivery (subject_kind, subject_id, epoch, level, round, person_id, method_id, rule_index, rank,
                reason, channel, address, idempotency_key, state, send_at, created_at, sent_at)
            select 'page', $1, 1, 0, 0, $2, max(id), 0, 1, 'page', 'email', 'x@example.org', $3, $4, $5, $5, $5
            from contact_method
            where person_id = $2
            """,
            [
                (page, person, f"sent-{number}", state, start + timedelta(seconds=seconds))
                for number, (page, person, seconds, state) in enumerate(sent)
            ],
        )
        end = start + timedelta(minutes=10)
        arrivals = await paging.arrivals(tx, start, end, [w.mara, w.jun])
        assert arrivals[0] == Arrival(w.mara, other, None, start + timedelta(seconds=15))
        assert set(arrivals[1:3]) == {
            Arrival(person, urgent, 1, start + timedelta(seconds=20)) for person in (w.mara, w.jun)
        }
        assert arrivals[3:] == [Arrival(w.mara, urgent, 1, start + timedelta(seconds=70))]
        assert await paging.arrivals(tx, start, end, [w.jun]) == [
            Arrival(w.jun, urgent, 1, start + timedelta(seconds=20))
        ]
        assert await paging.arrivals(tx, start, end, []) == []


async def test_a_page_of_a_drill_is_no_load_of_the_people_who_play_it(dsn: str, clock: FakeClock) -> None:
    """Pages of drills counted in the workload, its findings of fatigue, and the nights of a handoff."""
    async with world(dsn, clock) as w:
        await w.alert("Disk full")
        await w.settle()
        async with w.ctx.db.tx() as tx:
            start, end = w.now - timedelta(hours=1), w.now + timedelta(hours=1)
            assert await paging.arrivals(tx, start, end, [w.mara])
            await tx.execute("update page set plan = plan || '{\"is_drill\": true}'")
            assert await paging.arrivals(tx, start, end, [w.mara]) == []
