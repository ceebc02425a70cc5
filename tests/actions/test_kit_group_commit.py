"""Group commit: which items share a commit, and who gets which outcome."""

import asyncio

import pytest

from firebell.kit.errors import Unavailable
from firebell.kit.jobs.group_commit import PATIENCE_S, GroupCommit
from firebell.kit.timing import RealPace


class Store:
    """Records each batch once the gate is open, and refuses a batch that contains 13."""

    def __init__(self, error: Exception) -> None:
        self.batches: list[list[int]] = []
        self.begun = asyncio.Event()
        self.gate = asyncio.Event()
        self.gate.set()
        self._error = error

    async def write(self, batch: list[int]) -> None:
        self.begun.set()
        await self.gate.wait()
        if 13 in batch:
            raise self._error
        self.batches.append(batch)


async def test_items_that_arrive_during_a_commit_share_the_next_one() -> None:
    store = Store(ValueError())
    commits = GroupCommit(store.write, batch=100)
    store.gate.clear()
    first = asyncio.create_task(commits.add(0))
    await store.begun.wait()
    others = [asyncio.create_task(commits.add(i)) for i in range(1, 5)]
    await asyncio.sleep(0)
    store.gate.set()
    await asyncio.gather(first, *others)
    assert store.batches == [[0], [1, 2, 3, 4]]


async def test_a_batch_is_never_larger_than_its_limit() -> None:
    store = Store(ValueError())
    commits = GroupCommit(store.write, batch=3)
    await asyncio.gather(*[commits.add(i) for i in range(7)])
    assert store.batches == [[0, 1, 2], [3, 4, 5], [6]]


async def test_senders_take_turns_and_a_busy_one_leaves_room_for_the_others() -> None:
    store = Store(ValueError())
    commits = GroupCommit(
        store.write, batch=4, weight=10_000, weigh=lambda item: item, key=lambda item: item % 10
    )
    store.gate.clear()
    tasks = [asyncio.create_task(commits.add(0))]
    await store.begun.wait()
    tasks += [asyncio.create_task(commits.add(item)) for item in (11, 21, 31, 41, 51, 61, 12, 22, 23)]
    await asyncio.sleep(0)
    # six of the first sender wait: of twelve in all, it has as much room as is left for the others
    rooms = [(commits.has_room(item, items=15, weight=10_000), item) for item in (71, 32, 33, 4)]
    assert rooms == [(False, 71), (True, 32), (True, 33), (True, 4)]
    assert [commits.has_room(item, items=100, weight=300) for item in (71, 4)] == [False, True]
    assert not any(commits.has_room(item, items=9, weight=10_000) for item in (71, 4))
    store.gate.set()
    await asyncio.gather(*tasks)
    assert store.batches == [[0], [11, 12, 23, 21], [22, 31, 41, 51], [61]]


async def test_an_item_that_cannot_be_stored_fails_alone_in_its_batch() -> None:
    store = Store(ValueError("13 is unlucky"))
    commits = GroupCommit(store.write, batch=100)
    results = await asyncio.gather(*[commits.add(i) for i in (12, 13, 14)], return_exceptions=True)
    assert [type(t) for t in results] == [type(None), Unavailable, type(None)]
    assert store.batches == [[12], [14]]


async def test_without_a_database_a_whole_batch_fails_at_once_and_the_next_is_tried() -> None:
    store = Store(Unavailable("away"))
    commits = GroupCommit(store.write, batch=100)
    results = await asyncio.gather(*[commits.add(i) for i in (12, 13, 14)], return_exceptions=True)
    assert [type(t) for t in results] == [Unavailable] * 3
    await commits.add(15)
    assert store.batches == [[15]]


class Stopwatch(RealPace):
    """Real time, except for an elapsed time that a test sets."""

    seconds = 0.0

    def monotonic(self) -> float:
        return self.seconds


async def test_those_that_waited_long_behind_a_database_that_does_not_answer_are_told_with_the_first() -> (
    None
):
    refused = asyncio.Event()
    batches: list[list[int]] = []

    async def write(batch: list[int]) -> None:
        batches.append(batch)
        await refused.wait()
        raise Unavailable("locked")

    pace = Stopwatch()
    commits = GroupCommit(write, batch=1, key=lambda item: item % 2, pace=pace)
    early = [asyncio.create_task(commits.add(i)) for i in range(5)]
    await asyncio.sleep(0)
    pace.seconds = PATIENCE_S + 0.1
    late = asyncio.create_task(commits.add(5))
    await asyncio.sleep(0)
    refused.set()
    results = await asyncio.gather(*early, late, return_exceptions=True)
    assert [type(t) for t in results] == [Unavailable] * 6
    assert batches == [[0], [5]]


async def test_a_sender_that_gives_up_cancels_no_one_elses_commit() -> None:
    store = Store(ValueError())
    commits = GroupCommit(store.write, batch=100)
    gone, stays = asyncio.create_task(commits.add(1)), asyncio.create_task(commits.add(2))
    await asyncio.sleep(0)
    gone.cancel()
    await stays
    with pytest.raises(asyncio.CancelledError):
        await gone
    assert store.batches == [[1, 2]]


class Lingering(RealPace):
    """Real time, except for sleeps, which end when a test says so."""

    def __init__(self) -> None:
        self.slept_s: list[float] = []
        self.over = asyncio.Event()

    async def sleep(self, seconds: float) -> None:
        self.slept_s.append(seconds)
        await self.over.wait()


async def test_lingering_gathers_more_items_into_a_commit() -> None:
    store, pace = Store(ValueError()), Lingering()
    commits = GroupCommit(store.write, batch=100, linger_s=0.02, pace=pace)
    tasks = [asyncio.create_task(commits.add(1))]
    await asyncio.sleep(0)
    tasks.append(asyncio.create_task(commits.add(2)))
    await asyncio.sleep(0)
    pace.over.set()
    await asyncio.gather(*tasks)
    assert (store.batches, pace.slept_s) == ([[1, 2]], [0.02])


class Gathering(RealPace):
    """Records each limit of a wait; a wait ends with its event, and at once if `is_over`."""

    def __init__(self) -> None:
        self.limits_s: list[float] = []
        self.is_over = False

    async def wait(self, event: asyncio.Event, limit_s: float) -> None:
        self.limits_s.append(limit_s)
        if not self.is_over:
            await event.wait()


async def test_senders_that_send_again_at_once_stay_together_in_one_commit() -> None:
    store, pace = Store(ValueError()), Gathering()
    commits = GroupCommit(store.write, batch=100, gather_s=0.002, pace=pace)
    await asyncio.gather(*[commits.add(i) for i in range(3)])
    again = [asyncio.create_task(commits.add(10))]
    await asyncio.sleep(0)
    again += [asyncio.create_task(commits.add(i)) for i in (11, 12)]
    await asyncio.gather(*again)
    assert (store.batches, pace.limits_s) == ([[0, 1, 2], [10, 11, 12]], [0.002])


async def test_a_sender_that_comes_back_alone_waits_once_and_then_never() -> None:
    store, pace = Store(ValueError()), Gathering()
    commits = GroupCommit(store.write, batch=100, gather_s=0.002, pace=pace)
    await asyncio.gather(*[commits.add(i) for i in range(3)])
    pace.is_over = True
    await commits.add(10)
    await commits.add(11)
    assert (store.batches, pace.limits_s) == ([[0, 1, 2], [10], [11]], [0.002])
