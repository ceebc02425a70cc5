"""Simulated time for tests: stops while work runs, and jumps to the next wake-up once all work waits."""

import asyncio
import contextlib
import heapq
import itertools
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Coroutine, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import timedelta
from typing import Any, TypeVar

from firebell.kit.clock import FakeClock

T = TypeVar("T")

LOOP_TURNS = 12
"""Event loop iterations after which a set event has woken its waiter: more than the longest callback chain."""


class _Call:
    """A call at a simulated instant."""

    def __init__(self, callback: Callable[[], None]) -> None:
        self.callback: Callable[[], None] | None = callback

    def cancel(self) -> None:
        self.callback = None


async def _nothing() -> None:
    return


class SimulatedPace:
    """A `Pace` whose time passes only in `run`, which also moves `clock`; randomness is seeded.

    Time stands still while a task from `start` runs or waits for anything but this object (a database, a socket).
    """

    def __init__(self, clock: FakeClock, seed: int = 0) -> None:
        self._clock = clock
        self._start = clock.now()
        self._elapsed_s = 0.0
        self._random = random.Random(seed)  # noqa: S311 - jitter is no secret
        self._order = itertools.count()
        self._calls: list[tuple[float, int, _Call]] = []
        self._tasks: set[asyncio.Task[Any]] = set()
        self._running = 0
        self._all_wait = asyncio.Event()
        self._all_wait.set()

    def monotonic(self) -> float:
        return self._elapsed_s

    def uniform(self, low: float, high: float) -> float:
        return self._random.uniform(low, high)

    def start(self, work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        self._count(1)
        task.add_done_callback(self._ended)
        return task

    async def sleep(self, seconds: float) -> None:
        if seconds <= 0:
            await asyncio.sleep(0)
            return
        await self.wait(asyncio.Event(), seconds)

    async def wait(self, event: asyncio.Event, limit_s: float) -> None:
        expiry = asyncio.Event()
        call = self.call_later(limit_s, expiry.set)
        waiters = [asyncio.ensure_future(each.wait()) for each in (event, expiry)]
        try:
            with self.waiting():
                await asyncio.wait(waiters, return_when=asyncio.FIRST_COMPLETED)
        finally:
            call.cancel()
            for waiter in waiters:
                waiter.cancel()

    async def join(
        self, tasks: Collection[asyncio.Task[Any]], limit_s: float | None = None
    ) -> set[asyncio.Task[Any]]:
        limit = contextlib.nullcontext() if limit_s is None else self.timeout(limit_s)
        if tasks:
            with contextlib.suppress(TimeoutError), self.waiting():
                async with limit:
                    await asyncio.wait(tasks)
        return {task for task in tasks if not task.done()}

    @contextmanager
    def waiting(self) -> Iterator[None]:
        if asyncio.current_task() not in self._tasks:
            yield
            return
        self._count(-1)
        try:
            yield
        finally:
            self._count(1)

    @asynccontextmanager
    async def timeout(self, seconds: float) -> AsyncIterator[object]:
        loop = asyncio.get_running_loop()
        async with asyncio.timeout(None) as scope:
            call = self.call_later(seconds, lambda: scope.reschedule(loop.time()))
            try:
                yield scope
            finally:
                call.cancel()

    def call_later(self, seconds: float, callback: Callable[[], None]) -> _Call:
        call = _Call(callback)
        heapq.heappush(self._calls, (self._elapsed_s + max(0.0, seconds), next(self._order), call))
        return call

    async def run(self, span: timedelta, flush: Callable[[], Awaitable[None]] = _nothing) -> None:
        """Let `span` of simulated time pass; `flush` returns once external notifications have arrived."""
        end_s = self._elapsed_s + span.total_seconds()
        await self._until_all_wait(flush)
        while self._calls and self._calls[0][0] <= end_s:
            at_s, _, call = heapq.heappop(self._calls)
            if call.callback is None:
                continue
            self._advance_to(at_s)
            call.callback()
            await self._until_all_wait(flush)
        self._advance_to(end_s)

    def _advance_to(self, to_s: float) -> None:
        self._elapsed_s = max(self._elapsed_s, to_s)
        self._clock.set(self._start + timedelta(seconds=self._elapsed_s))

    async def _until_all_wait(self, flush: Callable[[], Awaitable[None]]) -> None:
        flushed = False
        while not flushed or self._running:
            await self._all_wait.wait()
            for _ in range(LOOP_TURNS):
                await asyncio.sleep(0)
            flushed = not self._running
            if flushed:
                await flush()
                for _ in range(LOOP_TURNS):
                    await asyncio.sleep(0)

    def _count(self, by: int) -> None:
        self._running += by
        if self._running:
            self._all_wait.clear()
        else:
            self._all_wait.set()

    def _ended(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        self._count(-1)
