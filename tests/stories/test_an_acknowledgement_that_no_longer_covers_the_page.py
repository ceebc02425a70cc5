"""Story: a page was acknowledged and then grew; an old acknowledgment never silences a new failure."""

from datetime import timedelta

from firebell.kit.clock import FakeClock
from firebell.paging import actions as paging
from firebell.paging.model import PageState
from tests.world import World, world


async def woken(w: World) -> int:
    """Run the worker and return the number of messages sent, without those of the daily schedule checks."""
    await w.settle()
    return len([m for m in w.sink.got if m["event"] != "errors"])


async def test_what_joins_within_half_an_hour_is_covered_and_what_joins_later_is_not(
    dsn: str, clock: FakeClock
) -> None:
    async with world(dsn, clock) as w:
        await w.alert("backup failed")
        assert await woken(w) == 1
        await w.ack(w.mara)
        clock.advance(timedelta(minutes=30))
        await w.alert("replica lags")
        assert await woken(w) == 1
        clock.advance(timedelta(days=3))
        await w.alert("database down")
        assert await woken(w) == 2
        assert (await w.page()).state is PageState.TRIGGERED
        assert "New alerts arrived that the acknowledgment does not cover." in await w.story()
        await w.after(minutes=5)
        assert "Jun Okafor" in w.sink.people()


async def test_a_page_that_grows_tenfold_is_heard_again_in_spite_of_a_fresh_answer(
    dsn: str, clock: FakeClock
) -> None:
    async with world(dsn, clock) as w:
        await w.alert("a0")
        assert await woken(w) == 1
        await w.ack(w.mara)
        for number in range(1, 9):
            await w.alert(f"a{number}")
        assert await woken(w) == 1
        await w.alert("a9")
        assert await woken(w) == 2
        await w.ack(w.mara)
        for number in range(10, 60):
            await w.alert(f"a{number}")
        assert await woken(w) == 2


async def test_a_repetition_of_what_was_answered_wakes_no_one(dsn: str, clock: FakeClock) -> None:
    async with world(dsn, clock) as w:
        await w.alert("disk", count=0)
        await w.settle()
        await w.ack(w.mara)
        for count in range(1, 20):
            clock.advance(timedelta(hours=4))
            await w.alert("disk", count=count)
        assert await woken(w) == 1


async def test_a_snoozed_page_stays_silent_while_it_grows_and_lists_everything_afterwards(
    dsn: str, clock: FakeClock
) -> None:
    async with world(dsn, clock) as w:
        await w.alert("a0")
        await w.settle()
        async with w.ctx.db.tx() as tx:
            page, mara = await w.page(), await w.actor(w.mara)
            await paging.snooze(tx, mara, page.id, w.now + timedelta(hours=1), w.now)
        for number in range(1, 12):
            await w.alert(f"a{number}")
        assert await woken(w) == 1
        clock.advance(timedelta(hours=1))
        assert await woken(w) == 2
        assert len(w.sink.got[-1]["alerts"]) == 12
