"""What stands between the inbound routes and the database: the known keys and one committer."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta

from firebell.alerts import actions, store
from firebell.alerts.model import Received
from firebell.kit.context import Context
from firebell.kit.errors import Unavailable
from firebell.kit.group_commit import GroupCommit

QUEUE = 10_000
QUEUE_BYTES = 64 * 2**20
BATCH = 1_000
BATCH_BYTES = 8 * 2**20
KEY_LENGTH = 64
KEYS_MAX_AGE = timedelta(seconds=5)


class Ingest:
    """The one committer of this process, and the integration keys that it knows."""

    def __init__(self, ctx: Context) -> None:
        self._ctx = ctx
        self._commits = GroupCommit(
            self._store, batch=BATCH, weight=BATCH_BYTES, weigh=lambda received: len(received.body)
        )
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
            with self._refusals_counted():
                async with self._ctx.ingest_db.tx() as tx:
                    self._keys = {i.key: (i.id, i.service_id) for i in await store.integrations(tx)}
        found = self._keys.get(key)
        if found is None:
            # a key made within the last second
            with self._refusals_counted():
                async with self._ctx.ingest_db.tx() as tx:
                    found = await store.integration_of_key(tx, key)
        return found

    async def submit(self, received: Received) -> None:
        """Return when `received` is durable; raise `Unavailable` when it is not, so the sender repeats it."""
        with self._refusals_counted():
            if len(self._commits) >= QUEUE or self._commits.waiting_weight >= QUEUE_BYTES:
                raise Unavailable("Too many events wait to be stored; this one was not.", retry_after=5)
            await self._commits.add(received)
        self._ctx.health.stored()

    @contextmanager
    def _refusals_counted(self) -> Iterator[None]:
        try:
            yield
        except Unavailable as refusal:
            self._ctx.health.refused(refusal.message)
            raise

    async def _store(self, requests: Sequence[Received]) -> None:
        async with self._ctx.ingest_db.tx() as tx:
            await actions.receive(tx, requests, self._ctx.clock.now())
