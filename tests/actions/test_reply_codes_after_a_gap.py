"""When an old backup may have been restored, the reply codes of lost messages are not reused."""

from datetime import timedelta

import pytest

from firebell.kit.clock import FakeClock, SystemClock
from firebell.kit.db import org_settings
from firebell.kit.db.database import Db
from firebell.kit.db.database_clock import DatabaseClock, last_gap
from firebell.notify.composing import reply_code_store
from firebell.notify.retention_store import count_reply_codes, delete_reply_codes
from tests.world import World, world

NIGHT = timedelta(hours=9)


async def code(w: World, page_id: int) -> int:
    """Give a page a code for Mara and return it."""
    subject = (w.mara, "page", page_id)
    async with w.ctx.db.tx() as tx:
        return (await reply_code_store.give(tx, [subject], ["sms"], w.now))[subject]


async def measured(w: World) -> None:
    """Record the time, as the worker does every minute."""
    async with w.ctx.db.tx() as tx:
        stored = await org_settings.get(tx, "database_clock", {})
        await org_settings.put(tx, "database_clock", {**stored, "at": w.now.isoformat()})


async def test_codes_after_the_latest_in_the_backup_are_skipped(dsn: str, clock: FakeClock) -> None:
    async with world(dsn, clock) as w:
        await measured(w)
        assert [await code(w, page_id) for page_id in (1, 2, 3)] == [1, 2, 3]
        clock.advance(NIGHT)
        # resending a page of the backup keeps its code and doesn't make the code newer
        assert await code(w, 3) == 3
        first = await code(w, 4)
        assert first > 3 + 100
        clock.advance(timedelta(minutes=1))
        assert await code(w, 5) == first + 1


async def test_the_same_backup_restored_twice_skips_different_codes(dsn: str, clock: FakeClock) -> None:
    async with world(dsn, clock) as w:
        await measured(w)
        assert await code(w, 1) == 1
        codes = []
        for _ in range(2):
            clock.advance(NIGHT)
            codes.append(await code(w, 2))
            async with w.ctx.db.tx() as tx:
                await tx.execute("delete from reply_code where subject_id = 2")
        assert len({1, *codes}) == 3


async def test_the_first_code_of_a_person_after_a_gap_may_be_in_a_lost_message(
    dsn: str, clock: FakeClock
) -> None:
    async with world(dsn, clock) as w:
        await measured(w)
        clock.advance(NIGHT)
        assert await code(w, 1) > 100


async def test_messages_sent_again_after_a_gap_make_no_lost_code_free(dsn: str, clock: FakeClock) -> None:
    async with world(dsn, clock) as w:
        await measured(w)
        given = [await code(w, page_id) for page_id in range(1, 201)]
        assert max(given) == 200
        clock.advance(NIGHT)
        for page_id in range(1, 201):
            await code(w, page_id)
        assert await code(w, 201) > 200 + 100


async def test_the_latest_code_is_kept_so_that_lost_ones_are_not_given_again(
    dsn: str, clock: FakeClock
) -> None:
    async with world(dsn, clock) as w:
        for page_id in range(1, 201):
            await code(w, page_id)
        clock.advance(timedelta(days=30))
        await measured(w)
        clock.advance(NIGHT)
        async with w.ctx.db.tx() as tx:
            assert await delete_reply_codes(tx, w.now - timedelta(days=7), 1_000) == 199
            assert (await count_reply_codes(tx, w.now, 1_000)).rows == 0
        assert await code(w, 201) > 200 + 100


@pytest.mark.parametrize(("days", "is_remembered"), [(6, True), (8, False)])
async def test_a_gap_is_recorded_when_the_time_is_measured(db: Db, days: int, is_remembered: bool) -> None:
    clock = DatabaseClock(SystemClock())
    await clock.measure(db)
    before = clock.now() - NIGHT
    async with db.tx() as tx:
        await org_settings.put(tx, "database_clock", {"at": before.isoformat()})
        # immediately, before any process has recorded it
        gap = await last_gap(tx, clock.now())
    assert gap
    assert gap.start == before
    for _ in range(2):
        async with db.tx() as tx:
            await clock.claim_set_back(tx)
    async with db.tx() as tx:
        later = clock.now() + timedelta(days=days)
        stored = await org_settings.get(tx, "database_clock")
        await org_settings.put(tx, "database_clock", {**stored, "at": later.isoformat()})
        remembered = await last_gap(tx, later)
    assert (remembered is not None) == is_remembered
    assert remembered is None or remembered.start == before


async def test_no_gap_is_seen_while_the_time_is_measured(db: Db) -> None:
    clock = DatabaseClock(SystemClock())
    await clock.measure(db)
    async with db.tx() as tx:
        await clock.claim_set_back(tx)
        assert await last_gap(tx, clock.now() + timedelta(minutes=4)) is None
