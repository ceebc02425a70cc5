"""Runs a Firebell process: starts and migrates the database, runs web and worker, shuts down gracefully."""

import asyncio
import contextlib
import logging
import signal
import socket
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

import asyncpg
import uvicorn
from starlette.types import ASGIApp

from firebell import app, event_subscriptions
from firebell.database_server import Ensure, database
from firebell.health_check import HealthCheck
from firebell.inbound_mail import listener
from firebell.kit import file_descriptors, garbage
from firebell.kit.clock import Clock, SystemClock
from firebell.kit.context import Context
from firebell.kit.db import org_settings
from firebell.kit.db.database import AWAY, INGEST_LIMITS, REQUEST_LIMITS, WORK_LIMITS, Db
from firebell.kit.db.database import Limits as DatabaseLimits
from firebell.kit.db.database_clock import DatabaseClock, measure_if_stale
from firebell.kit.db.migrate import migrate
from firebell.kit.errors import StartupError, Unavailable
from firebell.kit.http_out import guarded_client
from firebell.kit.process_health import ProcessHealth
from firebell.kit.signing import Signer
from firebell.kit.timing import REAL, Pace
from firebell.kit.web import html
from firebell.kit.web.connections import ConnectionLimits, Register
from firebell.kit.web.http_protocol import protocol_of
from firebell.kit.web.live import Live
from firebell.kit.web.small_requests import DirectApp
from firebell.monitoring import web as monitoring_web
from firebell.settings import Settings
from firebell.status_pages.hosting import saved_pages
from firebell.status_pages.hosting.edge import SavedEdge, SavedPageSource
from firebell.worker import Worker, timer_handlers

log = logging.getLogger(__name__)

T = TypeVar("T")
START_PATIENCE_S = 60.0
"""How long startup retries while the embedded database keeps dying."""
WEB_CONNECTIONS, WORK_CONNECTIONS, INGEST_CONNECTIONS = 8, 6, 3
"""Connections of each pool; the worker has its own, so that neither waits for what the other waits for."""
DATABASE_POLL_S = 2.0
"""How often a process that serves saved status pages asks for the database."""
_SWEEP_EVERY_TICKS = 10
"""Web server ticks (0.1 s each) between two sweeps for timed-out connections."""


@dataclass(frozen=True, slots=True)
class Running:
    """A prepared process: its context, and how to restart a lost embedded database."""

    ctx: Context
    ensure_database: Ensure


@contextmanager
def usable() -> Iterator[None]:
    """Raise `StartupError` with the driver's message if the database cannot be used."""
    try:
        yield
    except (*AWAY, asyncpg.PostgresError) as exc:
        raise StartupError(
            f"The database cannot be used: {str(exc).rstrip('.') or type(exc).__name__}.",
            hint="Check DATABASE_URL, or unset it to use the embedded PostgreSQL.",
        ) from exc


async def _persistently(ensure: Ensure, step: Callable[[], Awaitable[T]], pace: Pace = REAL) -> T:
    """Return what `step` returns; if the embedded database dies meanwhile, restart it and retry.

    Raises the error of `step` after `START_PATIENCE_S`, or at once if Firebell does not run the database.
    """
    deadline = pace.monotonic() + START_PATIENCE_S
    while True:
        try:
            return await step()
        except (*AWAY, Unavailable) as exc:
            if ensure is None or pace.monotonic() > deadline:
                raise
            log.warning("lost the database during startup, retrying", extra={"reason": repr(exc)})
        await pace.sleep(0.2)
        await ensure()


@asynccontextmanager
async def running(settings: Settings, *, clock: Clock | None = None) -> AsyncIterator[Running]:
    """Start or join the database, migrate it, and yield the context; close everything on exit."""
    async with database(settings) as (dsn, ensure), joined(settings, dsn, ensure, clock) as process:
        yield process


@asynccontextmanager
async def joined(
    settings: Settings, dsn: str, ensure: Ensure, clock: Clock | None = None
) -> AsyncIterator[Running]:
    """Migrate a running database and yield the context; `ensure` restarts it if it is lost."""
    with usable():
        await _persistently(ensure, lambda: migrate(dsn))
    async with connected(settings, dsn, clock or DatabaseClock(), ensure) as ctx:
        yield Running(ctx, ensure)


@asynccontextmanager
async def _pools(dsn: str, clock: Clock) -> AsyncIterator[tuple[Db, Db, Db, bytes]]:
    """Yield the pools of the web, of the worker and of the inbound routes, and the secret of the installation."""
    reactions = event_subscriptions.build()
    async with AsyncExitStack() as stack:

        async def pool(size: int, limits: DatabaseLimits) -> Db:
            db = await Db.connect(dsn, reactions, size=size, limits=limits)
            stack.push_async_callback(db.close)
            if isinstance(clock, DatabaseClock):
                db.clock = clock
            return db

        db = await pool(WEB_CONNECTIONS, REQUEST_LIMITS)
        work = await pool(WORK_CONNECTIONS, WORK_LIMITS)
        ingest = await pool(INGEST_CONNECTIONS, INGEST_LIMITS)
        async with db.tx() as tx:
            secret = await org_settings.installation_secret(tx)
        await measure_if_stale(clock, db)
        yield db, work, ingest, secret


@asynccontextmanager
async def connected(
    settings: Settings, dsn: str, clock: Clock, ensure: Ensure = None, pace: Pace = REAL
) -> AsyncIterator[Context]:
    """Yield a context on a running, migrated database."""
    async with AsyncExitStack() as stack:
        http = await stack.enter_async_context(guarded_client(settings.allowed_networks))
        db, work_db, ingest, secret = await _persistently(
            ensure, lambda: stack.enter_async_context(_pools(dsn, clock)), pace
        )
        yield Context(
            db=db,
            work_db=work_db,
            ingest_db=ingest,
            clock=clock,
            signer=Signer(secret),
            http=http,
            live=Live(),
            public_url=settings.public_url,
            channel_settings=settings.channels,
            composers=event_subscriptions.composers(),
            pace=pace,
            health=ProcessHealth(pace.monotonic),
            allowed_hosts=settings.hosts,
            retention_days=settings.retention_days,
            data=settings.data,
            status_directory=settings.status_directory,
            runbook_directory=settings.runbook_directory,
            war_room_url=settings.war_room_url,
            metrics_token=settings.metrics_token,
            metrics_networks=settings.metrics_networks,
            inbound_mail=settings.inbound_mail,
        )


def build_worker(process: Running) -> Worker:
    """Return the worker of this process."""
    handlers = timer_handlers(retention_days=process.ctx.retention_days)
    health_check = HealthCheck(process.ctx)

    async def checks() -> Mapping[str, str]:
        return (await health_check.report()).checks

    return Worker(
        process.ctx,
        handlers,
        event_subscriptions.outbox_handlers(),
        process.ensure_database,
        checks=checks,
    )


class _Server(uvicorn.Server):
    """Closes timed-out connections, and leaves signals to `serve`, so that the worker can finish its work."""

    def __init__(self, config: uvicorn.Config, register: Register) -> None:
        super().__init__(config)
        self._register = register

    async def on_tick(self, counter: int) -> bool:
        if counter % _SWEEP_EVERY_TICKS == 0:
            self._register.sweep(time.monotonic())
        return await super().on_tick(counter)

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def web_server(
    asgi: ASGIApp, settings: Settings, limits: ConnectionLimits, direct_app: DirectApp | None = None
) -> uvicorn.Server:
    """Return the web server of this process, which enforces `limits` on its clients."""

    def report(closed: int) -> None:
        facts = {"closed": closed, "limit": limits.connections}
        log.warning("closed connections to make room for new ones", extra=facts)

    register = Register(limits, report)
    config = uvicorn.Config(
        asgi,
        http=protocol_of(register, direct_app),
        ws="none",
        host=settings.host,
        port=settings.port,
        lifespan="off",
        access_log=False,
        log_config=None,
        timeout_graceful_shutdown=3,
        backlog=limits.backlog,
        timeout_keep_alive=limits.keep_alive_s,
        proxy_headers=True,
        forwarded_allow_ips=settings.trusted_proxies,
        server_header=False,
    )
    return _Server(config, register)


def listen(host: str, port: int, backlog: int = 128) -> socket.socket:
    """Return a listening socket; raise `StartupError` if the address cannot be bound."""
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        return socket.create_server((host, port), family=family, backlog=backlog)
    except OSError as exc:
        raise StartupError(
            f"Firebell cannot listen on {host}:{port}: {exc.strerror}.",
            hint="Another program may use the port: set FIREBELL_PORT, or stop that program.",
        ) from exc


def _asked_to_stop() -> asyncio.Event:
    """Return the event set by SIGTERM or Ctrl-C; a second signal ends the process at once."""
    asked = asyncio.Event()
    loop = asyncio.get_running_loop()

    def ask() -> None:
        asked.set()
        for sig in (signal.SIGTERM, signal.SIGINT):
            loop.remove_signal_handler(sig)

    for sig in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(sig, ask)
    return asked


async def _warm_up(pages: asyncio.Task[ASGIApp]) -> None:
    """Compile the templates, so that the first readers of pages don't wait for it."""
    await asyncio.wait({pages})
    garbage.settle()
    await html.compile_templates()


async def serve(process: Running, settings: Settings) -> None:
    """Serve the web and run the worker until SIGTERM or Ctrl-C; finish what was accepted.

    If either ends, so does the other: a process never accepts work that it does not do. The web ends first.
    Alerts are accepted before the routes of the web pages are built.
    """
    budget = file_descriptors.budget(file_descriptors.limit())
    limits = ConnectionLimits(connections=budget.connections, backlog=budget.backlog)
    async with AsyncExitStack() as stack:
        address = stack.enter_context(listen(settings.host, settings.port, limits.backlog))
        web_app = app.build(process.ctx)
        await stack.enter_async_context(listener.listening(process.ctx, web_app.ingest))
        server = web_server(web_app, settings, limits, web_app.direct)
        stop = asyncio.Event()
        asked = asyncio.create_task(_asked_to_stop().wait())
        worker = asyncio.create_task(build_worker(process).run(stop))
        web = asyncio.create_task(server.serve(sockets=[address]))
        pages = asyncio.create_task(web_app.load())
        warming_up = asyncio.create_task(_warm_up(pages))
        ends = {asked, worker, web}
        await asyncio.wait({*ends, pages}, return_when=asyncio.FIRST_COMPLETED)
        if pages.done() and pages.exception() is None:
            await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
        warming_up.cancel()
        process.ctx.health.stopping = True
        server.should_exit = True
        process.ctx.live.close()
        await asyncio.wait({web, warming_up})
        stop.set()
        await asyncio.wait({worker})
        await web
        await worker
        await pages


async def work(process: Running, settings: Settings) -> None:
    """Run only the worker until SIGTERM or Ctrl-C, and answer Prometheus if a port is set."""
    async with AsyncExitStack() as stack:
        if settings.metrics_port is not None:
            await stack.enter_async_context(
                _answering_prometheus(process.ctx, settings, settings.metrics_port)
            )
        garbage.settle()
        await build_worker(process).run(_asked_to_stop())


@asynccontextmanager
async def _answering_prometheus(ctx: Context, settings: Settings, port: int) -> AsyncIterator[None]:
    budget = file_descriptors.budget(file_descriptors.limit())
    limits = ConnectionLimits(connections=budget.connections, backlog=budget.backlog)
    with listen(settings.host, port, limits.backlog) as address:
        server = web_server(monitoring_web.app_of_worker(ctx), settings, limits)
        web = asyncio.create_task(server.serve(sockets=[address]))
        try:
            yield
        finally:
            server.should_exit = True
            await web


async def serve_alone(
    asgi: ASGIApp, settings: Settings, until: Callable[[], Coroutine[Any, Any, None]] | None = None
) -> bool:
    """Serve an app without database and worker until SIGTERM or Ctrl-C, or until `until` returns; return True then."""
    budget = file_descriptors.budget(file_descriptors.limit())
    limits = ConnectionLimits(connections=budget.connections, backlog=budget.backlog)
    with listen(settings.host, settings.port, limits.backlog) as address:
        server = web_server(asgi, settings, limits)
        asked = asyncio.create_task(_asked_to_stop().wait())
        web = asyncio.create_task(server.serve(sockets=[address]))
        ended = asyncio.create_task(until()) if until else None
        await asyncio.wait({asked, web, *({ended} if ended else ())}, return_when=asyncio.FIRST_COMPLETED)
        server.should_exit = True
        await web
        is_over = ended is not None and ended.done()
        for task in (asked, ended):
            if task is not None:
                task.cancel()
        return is_over


async def serve_saved_pages(settings: Settings) -> bool:
    """Serve the saved status pages while the database of the settings is unavailable; return False if asked to stop."""
    folder = settings.data / saved_pages.FOLDER
    if not settings.database_url or not folder.is_dir() or await _answers(settings.database_url):
        return True
    source = SavedPageSource(lambda: saved_pages.read(folder), SystemClock())
    if not source.saved:
        return True
    log.warning(
        "the database is unavailable, serving the last status pages", extra={"pages": len(source.saved)}
    )

    async def until_it_answers() -> None:
        while not await _answers(settings.database_url):
            await REAL.sleep(DATABASE_POLL_S)

    return await serve_alone(SavedEdge(source), settings, until_it_answers)


async def _answers(dsn: str) -> bool:
    """Return False if the database cannot be reached; an error that it answers with is reported by the start."""
    try:
        conn = await asyncpg.connect(dsn, timeout=DATABASE_POLL_S)
    except AWAY:
        return False
    except (asyncpg.PostgresError, ValueError):
        return True
    conn.terminate()
    return True
