"""Elapsed time, sleep, timeouts and randomness, injected so that tests can simulate them."""

import asyncio
import contextlib
import random
import time
from collections.abc import Callable, Collection, Coroutine
from contextlib import AbstractAsyncContextManager, AbstractContextManager
from typing import Any, Protocol, TypeVar

T = TypeVar("T")


class Scheduled(Protocol):
    """A scheduled call."""

    def cancel(self) -> None:
        """Cancel the call. Idempotent."""
        ...


class Pace(Protocol):
    """The time and randomness available to long-running loops; `RealPace` outside of tests."""

    def monotonic(self) -> float:
        """Return seconds since an arbitrary instant; never goes backwards."""
        ...

    def uniform(self, low: float, high: float) -> float:
        """Return a random number between `low` and `high`."""
        ...

    def start(self, work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        """Run `work` as a task; simulated time stands still while it runs."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Return after `seconds`."""
        ...

    async def wait(self, event: asyncio.Event, limit_s: float) -> None:
        """Return once `event` is set, and after `limit_s` at the latest."""
        ...

    async def join(
        self, tasks: Collection[asyncio.Task[Any]], limit_s: float | None = None
    ) -> set[asyncio.Task[Any]]:
        """Wait for all `tasks`, at most `limit_s`; return those that are still running."""
        ...

    def waiting(self) -> AbstractContextManager[None]:
        """Mark a block in which this task only waits for another task, so that simulated time may pass."""
        ...

    def timeout(self, seconds: float) -> AbstractAsyncContextManager[object]:
        """Limit a block to `seconds`; raise TimeoutError if it takes longer."""
        ...

    def call_later(self, seconds: float, callback: Callable[[], None]) -> Scheduled:
        """Call `callback` after `seconds` unless canceled."""
        ...


class RealPace:
    """Real elapsed time, asyncio timers and system randomness."""

    def monotonic(self) -> float:
        return time.monotonic()

    def uniform(self, low: float, high: float) -> float:
        return random.uniform(low, high)  # noqa: S311 - jitter is no secret

    def start(self, work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        return asyncio.create_task(work)

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)

    async def wait(self, event: asyncio.Event, limit_s: float) -> None:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(event.wait(), limit_s)

    async def join(
        self, tasks: Collection[asyncio.Task[Any]], limit_s: float | None = None
    ) -> set[asyncio.Task[Any]]:
        if not tasks:
            return set()
        _, running = await asyncio.wait(tasks, timeout=limit_s)
        return running

    def waiting(self) -> AbstractContextManager[None]:
        return contextlib.nullcontext()

    def timeout(self, seconds: float) -> AbstractAsyncContextManager[object]:
        return asyncio.timeout(seconds)

    def call_later(self, seconds: float, callback: Callable[[], None]) -> Scheduled:
        return asyncio.get_running_loop().call_later(seconds, callback)


REAL = RealPace()
