"""Answers Prometheus from memory; the database is read beside it, by one reading at a time."""

import asyncio
import logging
from collections.abc import Callable, Iterator

import asyncpg
from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client.exposition import choose_encoder
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from firebell import __version__
from firebell.kit.context import Context
from firebell.kit.errors import Unavailable
from firebell.kit.log import OncePerMinute
from firebell.monitoring import fact_queries, readings_store
from firebell.monitoring.families import ProcessState, families
from firebell.monitoring.model import FactReadings, Readings

log = logging.getLogger(__name__)
_unexpected = OncePerMinute(log, "cannot read the numbers for Prometheus")

REUSED_S = 5.0
"""How long readings are reused: several Prometheus servers cost no more than one."""
FACTS_REUSED_S = 60.0
"""How long facts are reused: a reading of a million pages takes a quarter of a second, and they follow in a minute."""
WAIT_S = 0.03
"""How long a scrape waits for new readings before it answers with the last ones."""
LIMIT_S = 8.0
"""How long a reading may take; it uses one of the connections of requests, never one of the worker or of ingest."""


class Exporter(Collector):
    """The numbers of one process and the work that all processes share."""

    def __init__(self, ctx: Context, inbound_waiting: Callable[[], int] | None = None) -> None:
        self._ctx = ctx
        self._inbound_waiting = inbound_waiting
        self._readings: Readings | None = None
        self._facts: FactReadings | None = None
        self._read_at = self._facts_read_at = float("-inf")
        self._is_up: bool | None = None
        self._reading: asyncio.Task[None] | None = None
        self._registry = CollectorRegistry()
        self._registry.register(self)
        ProcessCollector(registry=self._registry)

    async def scrape(self, accept: str) -> tuple[bytes, str]:
        """Return the exposition in the format that the client accepts, and its content type."""
        await self._refresh()
        encode, content_type = choose_encoder(accept)
        return encode(self._registry), content_type

    def collect(self) -> Iterator[Metric]:
        """Yield the families, as the registry asks for them."""
        ctx = self._ctx
        state = ProcessState(
            version=__version__,
            counters=ctx.counters,
            lanes={lane: not problem for lane, problem in ctx.health.lanes().items()},
            pools={
                "web": ctx.db.pool_usage(),
                "worker": ctx.work_db.pool_usage(),
                "inbound": ctx.ingest_db.pool_usage(),
            },
            inbound_waiting=self._inbound_waiting() if self._inbound_waiting else None,
            is_database_up=self._is_up,
        )
        yield from families(state, self._readings, self._facts)

    def describe(self) -> Iterator[Metric]:
        """Yield nothing: registering must not collect."""
        yield from ()

    async def _refresh(self) -> None:
        """Start a reading if the last one is old, and wait for it briefly."""
        if self._reading is None and self._ctx.pace.monotonic() - self._read_at > REUSED_S:
            self._reading = asyncio.create_task(self._read())
        if self._reading is not None:
            await asyncio.wait({self._reading}, timeout=WAIT_S)

    async def _read(self) -> None:
        """Replace the readings, and the facts if they are old; drop what cannot be read."""
        readings, facts = None, self._facts
        try:
            async with self._ctx.pace.timeout(LIMIT_S), self._ctx.db.reads() as tx:
                readings = await readings_store.readings(tx, self._ctx.clock.now())
                self._readings = readings
                if self._ctx.pace.monotonic() - self._facts_read_at > FACTS_REUSED_S:
                    facts = None
                    facts = await fact_queries.fact_readings(
                        tx, self._ctx.channel_settings, self._ctx.clock.now()
                    )
                    self._facts_read_at = self._ctx.pace.monotonic()
        except (Unavailable, TimeoutError):
            pass
        except asyncpg.PostgresError as exc:
            _unexpected.add(repr(exc))
        finally:
            self._readings, self._is_up = readings, readings is not None
            self._facts = facts if self._is_up else None
            if self._facts is None:
                self._facts_read_at = float("-inf")
            self._read_at = self._ctx.pace.monotonic()
            self._reading = None
