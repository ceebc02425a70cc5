"""Group commit: items that arrive while a commit runs share the next one."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Hashable
from typing import Generic, TypeVar

from firebell.kit.errors import FirebellError, Unavailable
from firebell.kit.jobs.fair_queue import FairQueue
from firebell.kit.timing import REAL, Pace

log = logging.getLogger(__name__)

T = TypeVar("T")
Done = Callable[[FirebellError | None], None]
"""Called with None once an item is durable, with the error if it could not be stored."""

PATIENCE_S = 0.5
"""When the database is unavailable, items that have waited longer fail together with the batch before them."""


class GroupCommit(Generic[T]):
    """One committer: `store` writes a batch in one transaction that is durable when it returns.

    A batch has at most `batch` items, and ends with the one that reaches `weight`, as `weigh` counts. Items with the
    same `key` are stored in the order in which they came, and those of different keys take turns.
    `linger_s` delays each commit so that more items arrive, for callers that do not wait. `gather_s` is for callers
    that send their next item once the last one is durable: a commit waits until it has as many items as the one
    before, but never longer. Without it, the first to return would be committed alone, and all others wait for that.
    """

    def __init__(
        self,
        store: Callable[[list[T]], Awaitable[None]],
        *,
        batch: int,
        weight: int = 0,
        weigh: Callable[[T], int] = lambda _: 0,
        key: Callable[[T], Hashable] = lambda _: None,
        linger_s: float = 0,
        gather_s: float = 0,
        pace: Pace = REAL,
    ) -> None:
        self._store = store
        self._batch = batch
        self._weight = weight
        self._weigh = weigh
        self._key = key
        self._linger_s = linger_s
        self._gather_s = gather_s
        self._expected = 1
        """How many items the last batch had."""
        self._gathered = asyncio.Event()
        self._pace = pace
        self._waiting: FairQueue[tuple[T, Done]] = FairQueue()
        self._running: asyncio.Task[None] | None = None

    def __len__(self) -> int:
        return len(self._waiting)

    def has_room(self, item: T, *, items: int, weight: int) -> bool:
        """Return True unless `items` or `weight` wait, or as many of the key of `item` as all others may still come.

        So one key alone gets half of the room, two a third each, and one that is new always some.
        """
        waiting, key = self._waiting, self._key(item)
        return (
            waiting.length_of(key) < items - len(waiting) and waiting.weight_of(key) < weight - waiting.weight
        )

    async def add(self, item: T) -> None:
        """Return once `item` is durable; raise `Unavailable` if it could not be stored."""
        durable: asyncio.Future[None] = asyncio.get_running_loop().create_future()

        def done(failure: FirebellError | None) -> None:
            if durable.done():
                return
            if failure:
                durable.set_exception(failure)
            else:
                durable.set_result(None)

        self.enqueue(item, done)
        with self._pace.waiting():
            await durable

    def enqueue(self, item: T, done: Done) -> None:
        """Call `done` once `item` is durable, or could not be stored."""
        self._waiting.push(self._key(item), (item, done), self._pace.monotonic(), self._weigh(item))
        if len(self._waiting) >= self._expected:
            self._gathered.set()
        if self._running is None:
            self._running = self._pace.start(self._drain())

    async def _drain(self) -> None:
        try:
            while self._waiting:
                if self._linger_s:
                    await self._pace.sleep(self._linger_s)
                if self._gather_s and len(self._waiting) < self._expected:
                    self._gathered.clear()
                    await self._pace.wait(self._gathered, self._gather_s)
                batch = self._next()
                self._expected = len(batch)
                await self._commit(batch)
        finally:
            self._running = None

    def _next(self) -> list[tuple[T, Done]]:
        batch: list[tuple[T, Done]] = []
        taken = 0
        while self._waiting and len(batch) < self._batch and taken <= self._weight:
            batch.append(self._waiting.pop())
            taken += self._weigh(batch[-1][0])
        return batch

    async def _commit(self, batch: list[tuple[T, Done]]) -> None:
        """Commit the batch; if that fails while the database is available, commit each item individually."""
        try:
            await self._store([item for item, _ in batch])
        except Exception as exc:
            if isinstance(exc, Unavailable):
                # they would wait for the same lock or server, one batch after the other
                batch += self._waiting.pop_before(self._pace.monotonic() - PATIENCE_S)
            if isinstance(exc, Unavailable) or len(batch) == 1:
                _settle(batch, exc)
                return
            log.exception("batch failed, storing its items individually", extra={"size": len(batch)})
            for one in batch:
                await self._commit([one])
        else:
            _settle(batch, None)


def _settle(batch: list[tuple[T, Done]], failure: Exception | None) -> None:
    outcome = failure if isinstance(failure, FirebellError) else None
    if failure and outcome is None:
        log.error("it could not be stored", exc_info=failure)
        outcome = Unavailable("This could not be stored.", retry_after=30)
    for _, done in batch:
        try:
            done(outcome)
        except Exception:
            # the others must get their outcome
            log.exception("the outcome of a commit could not be passed on")
