"""Foreign locks and dead connections cost seconds: senders get 503 at once, and pages continue afterwards."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import parse_qs, urlsplit

import asyncpg
import pytest

from firebell import event_subscriptions
from firebell.alerts.ingest.ingest_queue import LARGE_BYTES
from firebell.kit.clock import FakeClock
from firebell.kit.db import database as kit_db
from firebell.kit.db.database import INGEST_LIMITS, REQUEST_LIMITS, WORK_LIMITS, Db, Limits
from firebell.kit.errors import Unavailable
from firebell.process import connected
from firebell.worker import HEARTBEAT_S, LOCKED_PAUSE, Worker, timer_handlers
from tests.api.api_clients import browser, sign_in
from tests.servers import until
from tests.sources.inbound_client import door
from tests.stopwatch import stopwatch
from tests.world import World, settings, world

pytestmark = pytest.mark.chaos


@asynccontextmanager
async def locked(dsn: str, table: str) -> AsyncIterator[None]:
    """Lock a table, as a careless administrator might, until the block ends."""
    conn = await asyncpg.connect(dsn)
    try:
        async with conn.transaction():
            await conn.execute(f"lock table {table} in access exclusive mode")
            yield
    finally:
        await conn.close()


@asynccontextmanager
async def at_work(w: World, heartbeat_s: float = HEARTBEAT_S) -> AsyncIterator[None]:
    stop = asyncio.Event()
    worker = Worker(w.ctx, timer_handlers(), event_subscriptions.outbox_handlers(), heartbeat_s=heartbeat_s)
    running = asyncio.create_task(worker.run(stop))
    try:
        yield
    finally:
        stop.set()
        await running


@pytest.mark.parametrize("table", ["alert", "due", "integration", "event"])
async def test_a_sender_gets_503_at_once_and_its_retry_is_paged(
    dsn: str, clock: FakeClock, table: str
) -> None:
    async with door(dsn, clock, share_pool=False) as d, at_work(d.world):
        async with locked(dsn, table):
            with stopwatch() as watch:
                answer = await d.post("generic", {"title": "db-1 is down", "severity": "critical"})
            assert answer.status_code == 503
            assert int(answer.headers["retry-after"]) > 0
            assert watch.seconds < 2 * INGEST_LIMITS.lock_s + 1

        async def accepted() -> bool:
            answer = await d.post("generic", {"title": "db-1 is down", "severity": "critical"})
            return bool(answer.status_code == 202)

        async def paged() -> bool:
            return [message["title"] for message in d.world.sink.got] == ["db-1 is down"]

        await until(accepted, "the repeated alert is accepted")
        await until(paged, "it is paged")


async def test_however_many_large_messages_meet_a_lock_each_is_refused_within_seconds(
    dsn: str, clock: FakeClock
) -> None:
    async with door(dsn, clock, share_pool=False) as d:
        async with locked(dsn, "alert"):

            async def post(number: int) -> int:
                padding = "x" * LARGE_BYTES
                answer = await d.post("generic", {"title": f"db-{number} is down", "body": padding})
                return int(answer.status_code)

            with stopwatch() as watch:
                statuses = await asyncio.gather(*(post(number) for number in range(12)))
        assert set(statuses) == {503}
        assert watch.seconds < 2 * INGEST_LIMITS.lock_s + 1
        assert (await d.post("generic", {"title": "db-1 is down"})).status_code == 202


async def test_a_person_is_refused_at_once_what_another_program_has_locked(
    dsn: str, clock: FakeClock
) -> None:
    async with world(dsn, clock, share_pool=False) as w, browser(w, "127.0.0.1") as http:
        await sign_in(w, http, w.mara)
        async with locked(dsn, "page"):
            with stopwatch() as watch:
                answer = await http.get("/pages")
            assert answer.status_code == 503
            assert int(answer.headers["retry-after"]) > 0
            assert watch.seconds < 2 * REQUEST_LIMITS.lock_s + 1


async def test_timers_that_meet_a_lock_cost_no_attempt_and_run_within_seconds(
    dsn: str, clock: FakeClock
) -> None:
    async with world(dsn, clock, share_pool=False) as w:
        await w.lift_night_limit()
        for number in range(30):
            await w.alert(f"alert {number}", service=f"s{number}")
        async with locked(dsn, "contact_method"):
            with stopwatch() as watch:
                assert await w.worker.run_due(w.now) == 0
            assert watch.seconds < WORK_LIMITS.lock_s + 3
            async with w.ctx.db.tx() as tx:
                assert await tx.value("select max(attempts) from due where kind = 'paging.page'") == 0
        clock.advance(LOCKED_PAUSE)
        await w.settle()
        assert len(w.sink.got) == 30


async def test_every_connection_has_time_limits(dsn: str, clock: FakeClock) -> None:
    names = ("statement_timeout", "lock_timeout", "idle_in_transaction_session_timeout")

    async def limits(db: Db) -> list[str]:
        async with db.tx() as tx:
            return [await tx.value(f"show {name}") for name in names]

    async with connected(settings(), dsn, clock) as ctx:
        assert await limits(ctx.work_db) == ["50s", "5s", "1min"]
        assert await limits(ctx.db) == ["20s", "5s", "30s"]
        assert await limits(ctx.ingest_db) == ["20s", "2s", "30s"]


async def _forget(db: Db, seconds: float) -> None:
    async with db.tx() as tx:
        await tx.execute("select 1")
        await asyncio.sleep(seconds)
        await tx.execute("select 1")


async def test_a_transaction_that_its_process_forgot_is_ended_by_the_server(dsn: str) -> None:
    db = await Db.connect(dsn, event_subscriptions.build(), size=1, limits=Limits(50, 5, 1))
    try:
        with pytest.raises(Unavailable):
            await _forget(db, 2)
        async with db.tx() as tx:
            assert await tx.value("select 1") == 1
    finally:
        await db.close()


class Network:
    """A TCP proxy to the test's database that can swallow everything on open connections."""

    def __init__(self, unix_socket: str) -> None:
        self._unix_socket = unix_socket
        self._pumps: set[asyncio.Task[None]] = set()
        self._frozen: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = []
        self._open: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = []

    async def connect(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        far_reader, far_writer = await asyncio.open_unix_connection(self._unix_socket)
        self._open += [(reader, far_writer), (far_reader, writer)]
        for source, sink in ((reader, far_writer), (far_reader, writer)):
            task = asyncio.create_task(self._pump(source, sink))
            self._pumps.add(task)

    async def _pump(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError):
            while chunk := await source.read(65536):
                sink.write(chunk)
                await sink.drain()
        sink.close()

    def swallow(self) -> None:
        """Stop delivering on open connections, without closing them."""
        for pump in self._pumps:
            pump.cancel()
        self._frozen += self._open
        self._pumps, self._open = set(), []

    async def close(self) -> None:
        for pump in self._pumps:
            pump.cancel()
        for _, sink in self._frozen + self._open:
            sink.close()
        for _, sink in self._frozen + self._open:
            with contextlib.suppress(ConnectionError):
                await sink.wait_closed()


@asynccontextmanager
async def network(dsn: str) -> AsyncIterator[tuple[Network, str]]:
    """Yield a network and the address of the database behind it."""
    parts = urlsplit(dsn)
    way = Network(parse_qs(parts.query)["host"][0] + "/.s.PGSQL.5432")
    server = await asyncio.start_server(way.connect, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    try:
        # without TLS a statement can be canceled over a new connection, after which its own one is still silent
        yield way, f"postgresql://firebell@127.0.0.1:{port}{parts.path}?sslmode=disable"
    finally:
        server.close()
        await way.close()


async def test_a_connection_over_a_network_is_probed_when_it_is_idle(dsn: str, clock: FakeClock) -> None:
    async with network(dsn) as (_, remote):
        db = await Db.connect(remote, event_subscriptions.build(), size=1)
        listening = await db.listen({})
        try:
            async with db.tx() as tx:
                for conn in (tx.conn, listening):
                    sock = conn._transport.get_extra_info("socket")  # type: ignore[union-attr]
                    assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
                    if hasattr(socket, "TCP_USER_TIMEOUT"):
                        assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE) <= 30
                        assert 0 < sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) <= 30_000
        finally:
            await listening.close()
            await db.close()


@pytest.mark.parametrize("moment", ["statement", "savepoint", "commit", "rollback"])
async def test_an_answer_that_a_network_swallowed_is_awaited_once(
    dsn: str, monkeypatch: pytest.MonkeyPatch, moment: str
) -> None:
    monkeypatch.setattr(Limits, "answer_s", 0.5)
    monkeypatch.setattr(kit_db, "_ROLLBACK_LIMIT_S", 0.5)

    async def transact(db: Db, way: Network) -> None:
        async with db.tx() as tx:
            if moment == "savepoint":
                way.swallow()
            async with tx.savepoint():
                if moment == "statement":
                    way.swallow()
                await tx.execute("select 1")
            way.swallow()
            if moment == "rollback":
                raise ValueError(moment)

    async with network(dsn) as (way, remote):
        db = await Db.connect(remote, event_subscriptions.build(), size=1)
        try:
            # sixty times the limit: nothing waits without one, nor for the cancellation of a statement
            async with asyncio.timeout(30) as limit:
                with pytest.raises(Unavailable):
                    await transact(db, way)
                async with db.tx() as tx:
                    assert await tx.value("select 1") == 1
            assert not limit.expired()
        finally:
            await db.close()


async def test_idle_connections_that_a_network_swallowed_are_replaced_within_seconds(
    dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kit_db, "_TRUSTED_S", 0)
    async with network(dsn) as (way, remote):
        db = await Db.connect(remote, event_subscriptions.build(), size=4)
        together = asyncio.Barrier(4)

        async def use() -> int:
            async with db.tx() as tx:
                await together.wait()
                return int(await tx.value("select pg_backend_pid()"))

        try:
            before = await asyncio.gather(*[use() for _ in range(4)])
            way.swallow()
            async with asyncio.timeout(WORK_LIMITS.answer_s / 2) as limit:
                after = await asyncio.gather(*[use() for _ in range(4)])
            assert not limit.expired()
            assert len({*before, *after}) == 8
        finally:
            await db.close()


async def test_wake_ups_come_again_after_a_network_swallowed_the_connection(
    dsn: str, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kit_db, "_LISTEN_LIMIT_S", 0.5)
    monkeypatch.setattr(Limits, "answer_s", 1)
    direct = await Db.connect(dsn, event_subscriptions.build(), size=1)

    async def publish() -> None:
        async with direct.tx() as tx:
            await tx.live("pages")

    try:
        async with (
            network(dsn) as (way, remote),
            world(remote, clock, share_pool=False) as w,
            at_work(w, 0.2),
        ):
            with w.ctx.live.subscribe(w.mara) as topics:

                async def hears() -> bool:
                    await publish()
                    with contextlib.suppress(TimeoutError):
                        async with asyncio.timeout(0.05):
                            return bool(await topics.take())
                    return False

                await until(hears, "it hears of changes")
                way.swallow()
                await until(hears, "it hears of changes again")

                async def works() -> bool:
                    with contextlib.suppress(Unavailable):
                        await w.alert("after the network came back")
                    return bool(w.sink.got)

                await until(works, "alerts are accepted and paged again", 60)
    finally:
        await direct.close()
