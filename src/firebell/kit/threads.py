"""Bounded thread pools, one per kind of blocking work, so that one that hangs does not block the others."""

import asyncio
import contextlib
import contextvars
import threading
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any, TypeVar

from firebell.kit.errors import Unavailable

T = TypeVar("T")


class Pool:
    """Runs at most `size` calls at once in daemon threads, and queues at most `queue` more.

    A canceled call keeps its thread until it returns; threads do not delay the end of the process.
    """

    def __init__(self, name: str, size: int, queue: int) -> None:
        self._name = name
        self._size = size
        self._queue = queue
        self._running = 0
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._lock = threading.Lock()

    @property
    def running(self) -> int:
        """The number of threads in use."""
        return self._running

    async def run(self, call: Callable[[], T]) -> T:
        """Return the result of `call`; raise `Unavailable` if the queue is full."""
        await self._acquire()
        loop = asyncio.get_running_loop()
        done: asyncio.Future[T] = loop.create_future()
        context = contextvars.copy_context()
        thread = threading.Thread(
            target=self._work, args=(context, call, loop, done), name=self._name, daemon=True
        )
        try:
            thread.start()
        except RuntimeError as exc:
            self._release()
            raise Unavailable("No thread can be started.") from exc
        return await done

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        """Occupy one of the places for a block of its own, without a thread; raise `Unavailable` as `run` does."""
        await self._acquire()
        try:
            yield
        finally:
            self._release()

    def _work(
        self,
        context: contextvars.Context,
        call: Callable[[], T],
        loop: asyncio.AbstractEventLoop,
        done: asyncio.Future[T],
    ) -> None:
        result: Any = None
        failure: Exception | None = None
        try:
            result = context.run(call)
        except Exception as exc:
            failure = exc
        self._release()
        # the loop may be closed by the time a hanging call returns
        with contextlib.suppress(RuntimeError):
            loop.call_soon_threadsafe(_settle, done, result, failure)

    async def _acquire(self) -> None:
        with self._lock:
            if self._running < self._size:
                self._running += 1
                return
            if len(self._waiting) >= self._queue:
                raise Unavailable(f"Too many {self._name} are waiting. Try again in a few seconds.")
            turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._waiting.append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            with self._lock:
                handed_over = turn not in self._waiting
                if not handed_over:
                    self._waiting.remove(turn)
            if handed_over:
                self._release()
            raise

    def _release(self) -> None:
        with self._lock:
            while self._waiting:
                turn = self._waiting.popleft()
                with contextlib.suppress(RuntimeError):
                    turn.get_loop().call_soon_threadsafe(_settle, turn, None, None)
                    return
            self._running -= 1


def _settle(done: asyncio.Future[Any], result: Any, failure: Exception | None) -> None:
    if done.done():
        return
    if failure is None:
        done.set_result(result)
    else:
        done.set_exception(failure)


PASSWORDS = Pool("password checks", size=2, queue=64)
"""Hashing of passwords; each takes 64 MiB while it runs."""
DOCUMENTS = Pool("documents", size=2, queue=32)
"""Rendering of feeds, reports and other documents."""
STARTS = Pool("parts of the start", size=1, queue=64)
"""What a process builds while it already accepts alerts."""
