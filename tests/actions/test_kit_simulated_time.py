"""Simulated time passes only while all work waits, and wakes it in order."""

import asyncio
from datetime import timedelta

import pytest

from firebell.kit.clock import FakeClock
from firebell.kit.jobs.group_commit import GroupCommit
from firebell.kit.simulated_time import SimulatedPace

HOUR = timedelta(hours=1)


@pytest.fixture
def pace(clock: FakeClock) -> SimulatedPace:
    """Simulated time that moves `clock`."""
    return SimulatedPace(clock, seed=1)


async def test_sleepers_wake_in_order_at_their_own_instants(pace: SimulatedPace, clock: FakeClock) -> None:
    start = clock.now()
    woken: list[tuple[str, float]] = []

    async def sleeper(name: str, *seconds: float) -> None:
        for each in seconds:
            await pace.sleep(each)
            woken.append((name, pace.monotonic()))

    pace.start(sleeper("a", 60, 60))
    pace.start(sleeper("b", 90))
    await pace.run(HOUR)
    assert woken == [("a", 60), ("b", 90), ("a", 120)]
    assert clock.now() == start + HOUR


async def test_simulated_time_stops_while_a_task_works(pace: SimulatedPace) -> None:
    answer = asyncio.Event()
    ended: list[tuple[str, float]] = []

    async def asks_a_server() -> None:
        await answer.wait()
        ended.append(("answered", pace.monotonic()))

    async def sleeper() -> None:
        await pace.sleep(60)
        ended.append(("slept", pace.monotonic()))

    pace.start(asks_a_server())
    pace.start(sleeper())
    asyncio.get_running_loop().call_later(0.01, answer.set)
    await pace.run(HOUR)
    assert ended == [("answered", 0), ("slept", 60)]


async def test_an_event_ends_a_wait_before_its_limit(pace: SimulatedPace) -> None:
    event, waits = asyncio.Event(), list[float]()

    async def waiter() -> None:
        for _ in range(2):
            await pace.wait(event, 300)
            waits.append(pace.monotonic())
            event.clear()

    pace.start(waiter())
    pace.call_later(42, event.set)
    await pace.run(HOUR)
    assert waits == [42, 342]


async def test_a_time_limit_ends_what_is_too_slow(pace: SimulatedPace) -> None:
    ended: list[float] = []

    async def slow() -> None:
        async with pace.timeout(100):
            await pace.sleep(99)
        with pytest.raises(TimeoutError):
            async with pace.timeout(12):
                await pace.sleep(3600)
        ended.append(pace.monotonic())

    task = pace.start(slow())
    await pace.run(HOUR)
    await task
    assert ended == [99 + 12]


async def test_joining_gives_up_after_its_limit(pace: SimulatedPace) -> None:
    quick, slow = pace.start(pace.sleep(1)), pace.start(pace.sleep(1800))
    joined = pace.start(pace.join([quick, slow], 5))
    await pace.run(timedelta(minutes=1))
    assert joined.result() == {slow}
    assert await pace.join([]) == set()
    await pace.run(HOUR)
    assert slow.done()


async def test_a_canceled_call_is_not_made(pace: SimulatedPace) -> None:
    called: list[str] = []
    pace.call_later(1, lambda: called.append("kept"))
    pace.call_later(1, lambda: called.append("canceled")).cancel()
    await pace.run(HOUR)
    assert called == ["kept"]


async def test_a_commit_gathers_in_simulated_time_while_its_caller_waits(pace: SimulatedPace) -> None:
    batches: list[tuple[float, list[int]]] = []

    async def store(batch: list[int]) -> None:
        batches.append((pace.monotonic(), batch))

    commits = GroupCommit(store, batch=10, linger_s=0.5, pace=pace)

    async def add(number: int, after_s: float) -> None:
        await pace.sleep(after_s)
        await commits.add(number)

    for number, after_s in ((1, 0), (2, 0.25), (3, 0.75)):
        pace.start(add(number, after_s))
    await pace.run(HOUR)
    assert batches == [(0.5, [1, 2]), (1.25, [3])]


def test_simulated_randomness_is_reproducible(clock: FakeClock) -> None:
    once, again = (SimulatedPace(clock, seed=7) for _ in range(2))
    assert [once.uniform(0, 1) for _ in range(3)] == [again.uniform(0, 1) for _ in range(3)]
