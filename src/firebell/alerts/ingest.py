"""Group commit: requests that arrive while a commit runs share the next; each is answered after its own."""

import asyncio
import logging
from collections import deque
from datetime import timedelta

from firebell.alerts import actions, store
from firebell.alerts.model import Received
from firebell.kit.context import Context
from firebell.kit.errors import FirebellError, Unavailable

log = logging.getLogger(__name__)

QUEUE = 10_000
BATCH = 1_000
KEY_LENGTH = 64
KEYS_MAX_AGE = timedelta(seconds=5)


class Ingest:
    """The one committer of this process, and the integration keys that it knows."""

    def __init__(self, ctx: Context) -> None:
        self._ctx = ctx
        self._waiting: deque[tuple[Received, asyncio.Future[None]]] = deque()
        self._running: asyncio.Task[None] | None = None
        self._keys: dict[str, tuple[int, int]] = {}
        self._keys_at = ctx.clock.now() - 2 * KEYS_MAX_AGE

    async def find(self, key: str) -> tuple[int, int] | None:
        """Return (integration id, service id) of a key in force, None for any other.

        Keys are read again when they are older than five seconds, or unknown and older than one.
        """
        if not 0 < len(key) <= KEY_LENGTH or not key.isprintable():
            return None
        # a clock that was set back must not keep a revoked key alive
        age = abs(self._ctx.clock.now() - self._keys_at)
        if age > KEYS_MAX_AGE or (key not in self._keys and age > timedelta(seconds=1)):
            self._keys_at = self._ctx.clock.now()
            async with self._ctx.db.tx() as tx:
                self._keys = {i.key: (i.id, i.service_id) for i in await store.integrations(tx)}
        found = self._keys.get(key)
        if found is None:
            # a key made within the last second
            async with self._ctx.db.tx() as tx:
                found = await store.integration_of_key(tx, key)
        return found

    async def submit(self, received: Received) -> None:
        """Return when `received` is durable; raise `Unavailable` when it is not, so the sender repeats it."""
        if len(self._waiting) >= QUEUE:
            raise Unavailable("Too many events wait to be stored; this one was not.", retry_after=5)
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((received, done))
        if self._running is None:
            self._running = asyncio.create_task(self._drain())
        await done

    async def _drain(self) -> None:
        try:
            while self._waiting:
                batch = [self._waiting.popleft() for _ in range(min(BATCH, len(self._waiting)))]
                await self._commit(batch)
        finally:
            self._running = None

    async def _commit(self, batch: list[tuple[Received, asyncio.Future[None]]]) -> None:
        """Commit the batch as one; when that fails for a reason of its own, each request alone."""
        try:
            await self._store([received for received, _ in batch])
        except Exception as exc:
            if isinstance(exc, Unavailable) or len(batch) == 1:
                _settle(batch, exc)
                return
            log.exception("batch failed, storing one by one", extra={"size": len(batch)})
            for one in batch:
                await self._commit([one])
        else:
            _settle(batch, None)

    async def _store(self, requests: list[Received]) -> None:
        async with self._ctx.db.tx() as tx:
            await actions.receive(tx, requests, self._ctx.clock.now())


def _settle(batch: list[tuple[Received, asyncio.Future[None]]], failure: Exception | None) -> None:
    if failure and not isinstance(failure, FirebellError):
        log.error("an event could not be stored", exc_info=failure)
        failure = Unavailable("The event could not be stored.", retry_after=30)
    for _, done in batch:
        if done.done():
            continue
        if failure:
            done.set_exception(failure)
        else:
            done.set_result(None)
