"""Look integration keys up and commit inbound requests in batches."""

import asyncio
import logging
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from datetime import datetime, timedelta
from functools import partial
from typing import Protocol

from firebell.alerts import actions, mutes
from firebell.alerts.batches.optimistic_batch import Assumed, KnownState
from firebell.alerts.batches.store import ServiceNotLocked
from firebell.alerts.inhibition import actions as inhibition_actions
from firebell.alerts.inhibition.rules import RuleIndex
from firebell.alerts.integrations import store as integration_store
from firebell.alerts.model import InboundRequest, Integration, NewChangeEvent
from firebell.alerts.muting import store as mute_store
from firebell.alerts.routing_rules import rules as routing_rules
from firebell.alerts.routing_rules import store as routing_store
from firebell.alerts.routing_rules.actions import RoutingChanged
from firebell.kit.context import Context
from firebell.kit.db import deadlocks
from firebell.kit.db.database import Tx
from firebell.kit.errors import FirebellError, Unavailable
from firebell.kit.jobs.group_commit import Done, GroupCommit

log = logging.getLogger(__name__)

MAX_QUEUED_REQUESTS = 10_000
MAX_QUEUED_BYTES = 64 * 2**20
BATCH_REQUESTS = 1_000
BATCH_BYTES = 8 * 2**20
LARGE_BYTES = 256 * 1024
LARGE_EVENTS = 500
MAX_KEY_LENGTH = 64
GATHER_S = 0.002
"""The longest that alerts wait for those of other senders; about the time of a commit."""
KEYS_MAX_AGE = timedelta(seconds=5)
TURN_LIMIT_S = 10.0
"""The longest that a message with a transaction of its own waits for its turn."""


class Diverter(Protocol):
    """Takes events of some services out of their messages before these are stored."""

    async def load(self, tx: Tx) -> frozenset[int]:
        """Load what it needs; return the services whose messages it must see."""
        ...

    async def divert(self, received: InboundRequest) -> InboundRequest:
        """Commit what it takes, and return the message without it; raise Unavailable if that fails."""
        ...


def _sender(received: InboundRequest) -> int:
    return received.integration_id


class Ingest:
    """Commits requests in batches, large ones apart, and caches the integration keys.

    Integrations take turns, and one that sends more than can be stored leaves room for the others.
    """

    def __init__(self, ctx: Context, diverter: Diverter | None = None) -> None:
        self._ctx = ctx
        self._diverter = diverter
        self._diverted: frozenset[int] = frozenset()
        """The services whose messages go through the diverter."""
        self._commits = GroupCommit(
            self._store,
            batch=BATCH_REQUESTS,
            weight=BATCH_BYTES,
            weigh=lambda received: len(received.body),
            key=_sender,
            gather_s=GATHER_S,
            pace=ctx.pace,
        )
        # a large message has its own transaction, so that other alerts do not wait for it
        self._large_commits = GroupCommit(self._store, batch=1, key=_sender, pace=ctx.pace)
        self._turns = asyncio.Semaphore(1)
        self._known = KnownState()
        self._keys: dict[str, Integration] = {}
        self._mutes: mutes.MutesByService = {}
        self._mute_index = mutes.index_of(())
        self._inhibition = RuleIndex()
        self._routing = routing_rules.NO_ROUTING
        self._routed_integrations: set[int] = set()
        """The integrations whose firing alerts may belong to other services than theirs."""
        self._loaded_at: datetime | None = None
        """When the last load began; None before the first."""
        self._has_loaded = asyncio.Event()
        """Set once the rules were loaded for the first time, or could not be."""

    async def find(self, key: str) -> Integration | None:
        """Return the active integration with this key, or None.

        The cache of keys, mutes and rules is reloaded after five seconds, or after one second for a key that it lacks.
        """
        if not 0 < len(key) <= MAX_KEY_LENGTH or not key.isprintable():
            return None
        age = self._age()
        if age > KEYS_MAX_AGE or (key not in self._keys and age > timedelta(seconds=1)):
            with self._refusals_counted():
                await self._load()
        await self._loaded_once()
        integration = self._keys.get(key)
        if integration is None:
            # the key may be newer than the cache
            with self._refusals_counted():
                async with self._ctx.ingest_db.tx() as tx:
                    integration = await integration_store.integration_of_key(tx, key)
        return integration

    async def _load(self) -> None:
        """Load the integration keys, the mutes, and the rules of routing and inhibition."""
        self._loaded_at = self._ctx.clock.now()
        try:
            async with self._ctx.ingest_db.tx() as tx:
                keys = {i.key: i for i in await integration_store.integrations(tx)}
                unended = await mute_store.unended(tx)
                inhibition = RuleIndex(await inhibition_actions.compiled_rules(tx))
                routing = await routing_store.load(tx)
                routed_integrations = await routing_store.routed_integrations(tx)
                diverted = self._diverted if self._diverter is None else await self._diverter.load(tx)
            # together: an alert of a key that is known is stored by the rules that are known
            self._keys, self._diverted = keys, diverted
            self._mutes, self._mute_index = mutes.by_service(unended), mutes.index_of(unended)
            self._inhibition, self._routing = inhibition, routing
            self._routed_integrations = routed_integrations
        finally:
            self._has_loaded.set()

    async def _loaded_once(self) -> None:
        """Wait for the first load, if one is under way: without the rules, an alert would page by the fallback rule."""
        if not self._has_loaded.is_set():
            with self._ctx.pace.waiting():
                await self._has_loaded.wait()

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        """Wait for the turn of a message with a transaction of its own, such as a ping.

        A thousand jobs report in the same minute. One after another, they leave the other connections to alerts.
        Raise Unavailable after `TURN_LIMIT_S`.
        """
        try:
            async with self._ctx.pace.timeout(TURN_LIMIT_S):
                await self._turns.acquire()
        except TimeoutError as exc:
            raise Unavailable("Too many messages are waiting to be stored.", retry_after=5) from exc
        try:
            yield
        finally:
            self._turns.release()

    def _age(self) -> timedelta:
        # abs: a clock that was set back must not keep a revoked key alive
        return timedelta.max if self._loaded_at is None else abs(self._ctx.clock.now() - self._loaded_at)

    def _is_stale(self) -> bool:
        return self._age() > KEYS_MAX_AGE

    def cached(self, key: str) -> Integration | None:
        """Return the active integration with this key if the cache is fresh and has it; `find` looks further.

        None also for an integration whose messages `submit` must divert.
        """
        integration = None if self._is_stale() else self._keys.get(key)
        return None if integration is None or integration.service_id in self._diverted else integration

    async def submit(self, received: InboundRequest) -> None:
        """Return once `received` is committed; raise Unavailable otherwise, so that the sender repeats it."""
        with self._refusals_counted():
            if self._is_stale():
                await self._load()
            await self._loaded_once()
            if self._diverter is not None and received.service_id in self._diverted:
                async with self.turn():
                    received = await self._diverter.divert(received)
            await self._queue(received).add(received)
        self._stored(received)

    def enqueue(self, received: InboundRequest, done: Done) -> None:
        """Call `done` once `received` is committed, or with the error; raise Unavailable if too many are waiting."""

        def counted(failure: FirebellError | None) -> None:
            if isinstance(failure, Unavailable):
                self._ctx.health.refused(failure.message)
            elif failure is None:
                self._stored(received)
            done(failure)

        with self._refusals_counted():
            self._queue(received).enqueue(received, counted)

    def _queue(self, received: InboundRequest) -> GroupCommit[InboundRequest]:
        """Return the group commit for a request; raise Unavailable if too many of its sender, or of all, wait there."""
        is_large = len(received.body) > LARGE_BYTES or len(received.incoming) > LARGE_EVENTS
        commits = self._large_commits if is_large else self._commits
        if not commits.has_room(received, items=MAX_QUEUED_REQUESTS, weight=MAX_QUEUED_BYTES):
            raise Unavailable(
                "Too many events are waiting to be stored; this one was not stored.", retry_after=5
            )
        return commits

    async def record_change(self, received: InboundRequest, change: NewChangeEvent) -> None:
        """Return once the change is committed; raise Unavailable otherwise."""
        with self._refusals_counted():
            async with self.turn(), self._ctx.ingest_db.tx() as tx:
                await actions.record_change(tx, received, change, self._ctx.clock.now())
        self._ctx.counters.inbound_messages[received.source] += 1

    def waiting(self) -> int:
        """The number of messages that wait to be committed."""
        return len(self._commits) + len(self._large_commits)

    def _stored(self, received: InboundRequest) -> None:
        self._ctx.health.stored()
        self._ctx.counters.inbound_messages[received.source] += 1
        self._ctx.counters.inbound_events[received.source] += len(received.incoming)

    @contextmanager
    def _refusals_counted(self) -> Iterator[None]:
        try:
            yield
        except Unavailable as error:
            self._ctx.health.refused(error.message)
            raise

    async def _store(self, requests: Sequence[InboundRequest]) -> None:
        routed = self._routed(requests)
        try:
            await self._store_routed(routed)
        except (ServiceNotLocked, RoutingChanged):
            # another process has routed an alert, or someone saved rules, since this one loaded them
            await self._load()
            await self._store_routed(self._routed(requests))
        except Exception as exc:
            is_routed = any(request.is_routed for request in routed)
            # each request is stored separately, so that the others are still stored as routed
            if isinstance(exc, Unavailable) or not is_routed or len(requests) > 1:
                raise
            log.exception("a request could not be stored as routed, trying once more")
            await self._store_or_fall_back(requests)

    async def _store_or_fall_back(self, requests: Sequence[InboundRequest]) -> None:
        """Store requests as the rules decide, once more; if that fails too, by the fallback rule."""
        try:
            await self._store_routed(self._routed(requests))
        except Unavailable:
            raise
        except Exception:
            log.exception("a request could not be stored as routed, storing it by the fallback rule")
            await self._store_routed(requests)

    def _routed(self, requests: Sequence[InboundRequest]) -> Sequence[InboundRequest]:
        """Return requests with what the rules decide; if that fails, as they are: the fallback rule pages."""
        if not self._routing.rules:
            return requests
        try:
            routed = routing_rules.routed(self._routing, requests)
        except Exception:
            log.exception("the routing rules could not be applied")
            return requests
        self._routed_integrations.update(r.integration_id for r in routed if r.is_routed)
        return routed

    async def _store_routed(self, requests: Sequence[InboundRequest]) -> None:
        """Commit requests, again after a deadlock: many senders do not repeat a message."""
        await deadlocks.repeated(partial(self._commit, requests))

    async def _commit(self, requests: Sequence[InboundRequest]) -> None:
        now = self._ctx.clock.now()
        ids_by_request = [actions.event_ids(request) for request in requests]
        # after a failure nothing is known, so that the batch is stored the long way when it is tried again
        known, self._known = self._known, KnownState()
        may_be_muted = bool(self._mutes) and mutes.may_apply(self._mute_index, requests)
        muting = mutes.active(self._mutes, requests, now) if may_be_muted else {}
        is_held = bool(muting) or self._inhibition.touches(requests)
        assumed = None if is_held else known.assume(requests, ids_by_request, now)
        if assumed is not None and await self._store_assumed(assumed, now):
            batch = assumed.batch
        else:
            are_routed = any(request.integration_id in self._routed_integrations for request in requests)
            async with self._ctx.ingest_db.tx() as tx:
                batch = await actions.receive(
                    tx, requests, now, muting, self._inhibition.rules, are_alerts_routed=are_routed
                )
        known.learn(batch)
        self._known = known

    async def _store_assumed(self, assumed: Assumed, now: datetime) -> bool:
        """Return True once the batch is committed as assumed, False if it must be stored the long way."""
        db = self._ctx.ingest_db
        async with db.tx() if assumed.opened else db.single_statement() as tx:
            return await actions.store_assumed(tx, assumed, now)
