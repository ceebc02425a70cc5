"""The long-running process: web and worker side by side, one graceful end."""

import asyncio
import signal
from types import FrameType

import uvicorn
from starlette.types import ASGIApp

from firebell import app, reactions
from firebell.kit.errors import StartupError
from firebell.kit.live import Live
from firebell.runtime import Running
from firebell.settings import Settings
from firebell.worker import Worker, timer_handlers


def build_worker(process: Running) -> Worker:
    """Return the worker of this process."""
    return Worker(process.ctx, timer_handlers(), reactions.outbox_handlers(), process.ensure_database)


class _Server(uvicorn.Server):
    """Ends the event streams first, so that open browsers do not hold up the stop."""

    def __init__(self, config: uvicorn.Config, live: Live) -> None:
        super().__init__(config)
        self._live = live

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        self._live.close()
        super().handle_exit(sig, frame)


def _server(asgi: ASGIApp, settings: Settings, live: Live) -> _Server:
    config = uvicorn.Config(
        asgi,
        host=settings.host,
        port=settings.port,
        lifespan="off",
        access_log=False,
        log_config=None,
        timeout_graceful_shutdown=5,
        proxy_headers=True,
        server_header=False,
    )
    return _Server(config, live)


async def serve(process: Running, settings: Settings) -> None:
    """Serve the web and run the worker until SIGTERM or Ctrl-C; finish what was accepted."""
    ctx = process.ctx
    server = _server(app.build(ctx), settings, ctx.live)
    stop = asyncio.Event()
    worker = asyncio.create_task(build_worker(process).run(stop))
    web = asyncio.create_task(server.serve())
    await asyncio.wait({worker, web}, return_when=asyncio.FIRST_COMPLETED)
    stop.set()
    server.should_exit = True
    ctx.live.close()
    await web
    await worker
    if not server.started:
        raise StartupError(
            f"Firebell cannot listen on {settings.host}:{settings.port}.",
            hint="Another program may use the port: set FIREBELL_PORT, or stop that program.",
        )


async def work(process: Running) -> None:
    """Run only the worker until SIGTERM or Ctrl-C."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for sig in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(sig, stop.set)
    await build_worker(process).run(stop)
