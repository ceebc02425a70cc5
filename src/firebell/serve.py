"""The long-running process: web and worker side by side, one graceful end."""

import asyncio
import contextlib
import gc
import logging
import signal
import socket
import time
from collections.abc import Iterator

import uvicorn
from starlette.types import ASGIApp

from firebell import app, subscriptions
from firebell.kit import descriptors
from firebell.kit.connections import Limits, Register
from firebell.kit.errors import StartupError
from firebell.kit.http_in import protocol_of
from firebell.runtime import Running
from firebell.settings import Settings
from firebell.worker import Worker, timer_handlers

log = logging.getLogger(__name__)

_SWEEP_EVERY_TICKS = 10
"""Ticks of the web server, of 0.1 s, between two looks for connections that used up their time."""


def build_worker(process: Running) -> Worker:
    """Return the worker of this process."""
    return Worker(process.ctx, timer_handlers(), subscriptions.outbox_handlers(), process.ensure_database)


class _Server(uvicorn.Server):
    """Leaves signals to us: uvicorn's own handling would end the process before the worker has finished.

    Closes connections that used up their time.
    """

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


def web_server(asgi: ASGIApp, settings: Settings, limits: Limits) -> uvicorn.Server:
    """Return the web server of this process, whose clients are held to `limits`."""

    def report(closed: int) -> None:
        facts = {"closed": closed, "limit": limits.connections}
        log.warning("connections were closed to make room for others", extra=facts)

    register = Register(limits, report)
    config = uvicorn.Config(
        asgi,
        http=protocol_of(register),
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
    """Return a listening socket; raise `StartupError` when the address cannot be had."""
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        return socket.create_server((host, port), family=family, backlog=backlog)
    except OSError as exc:
        raise StartupError(
            f"Firebell cannot listen on {host}:{port}: {exc.strerror}.",
            hint="Another program may use the port: set FIREBELL_PORT, or stop that program.",
        ) from exc


def _asked_to_stop() -> asyncio.Event:
    """Return what SIGTERM or Ctrl-C sets; the second one ends the process at once."""
    asked = asyncio.Event()
    loop = asyncio.get_running_loop()

    def ask() -> None:
        asked.set()
        for sig in (signal.SIGTERM, signal.SIGINT):
            loop.remove_signal_handler(sig)

    for sig in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(sig, ask)
    return asked


def _settle_memory() -> None:
    """Leave what was loaded out of every later collection, which would halt the process for a tenth of a second."""
    gc.collect()
    gc.freeze()


async def serve(process: Running, settings: Settings) -> None:
    """Serve the web and run the worker until SIGTERM or Ctrl-C; finish what was accepted.

    Either of the two ends the other: a process never accepts what it does not work on. The web ends first.
    """
    budget = descriptors.budget(descriptors.limit())
    limits = Limits(connections=budget.connections, backlog=budget.backlog)
    with listen(settings.host, settings.port, limits.backlog) as address:
        server = web_server(app.build(process.ctx), settings, limits)
        _settle_memory()
        stop = asyncio.Event()
        asked = asyncio.create_task(_asked_to_stop().wait())
        worker = asyncio.create_task(build_worker(process).run(stop))
        web = asyncio.create_task(server.serve(sockets=[address]))
        await asyncio.wait({asked, worker, web}, return_when=asyncio.FIRST_COMPLETED)
        process.ctx.health.stopping = True
        server.should_exit = True
        process.ctx.live.close()
        await asyncio.wait({web})
        stop.set()
        await asyncio.wait({worker})
        await web
        await worker


async def work(process: Running) -> None:
    """Run only the worker until SIGTERM or Ctrl-C."""
    _settle_memory()
    await build_worker(process).run(_asked_to_stop())
