"""The product as users run it: real processes on free ports, on the test's database or a data folder."""

import asyncio
import contextlib
import functools
import itertools
import os
import signal
import socket
import sys
import tempfile
import zlib
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import httpx
from aiosmtpd.smtp import SMTP

from tests import wake_ups
from tests.prefork import Fork

T = TypeVar("T")
MEMORY = "/dev/shm"  # noqa: S108 - only folders with random names are made there


@functools.cache
def _ports(worker: str) -> Iterator[int]:
    """Return the ports of a worker, again and again: 500 below those that the system hands out.

    Two checkouts that are tested at once begin at different ports.
    """
    first = 10_000 + (int(worker.removeprefix("gw")) + zlib.crc32(__file__.encode())) % 40 * 500
    return itertools.cycle(range(first, first + 500))


def free_port() -> int:
    """Return a free port that no other worker or connection gets meanwhile."""
    # asked each time: a worker is a fork of a process that has imported this, and has no name
    for port in _ports(os.environ.get("PYTEST_XDIST_WORKER", "gw0")):
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port
    raise AssertionError("unreachable: the ports are tried for ever")


async def until(what: Callable[[], Awaitable[T]], meant: str, limit_s: float = 60) -> T:
    """Return the first true result of `what`; fail with its description if there is none in time.

    The limit guards against hanging on a loaded machine; what has to be fast is measured.
    """
    deadline = asyncio.get_running_loop().time() + limit_s
    while not (value := await what()):
        if asyncio.get_running_loop().time() > deadline:
            raise AssertionError(f"not within {limit_s} s: {meant}")
        await asyncio.sleep(0.05)
    return value


async def answers(url: str, limit_s: float = 120) -> None:
    """Return when `url` answers with anything but an error of the server."""
    async with httpx.AsyncClient() as http:

        async def answered() -> bool:
            try:
                return (await http.get(url)).status_code < 500
            except httpx.TransportError:
                return False

        await until(answered, f"{url} answers", limit_s)


@asynccontextmanager
async def listening(
    answer: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]],
) -> AsyncIterator[int]:
    """Serve connections with `answer` until the block ends, which cuts off what is open; yield the port."""
    serving: set[asyncio.Task[None]] = set()

    async def serve_one(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task
        serving.add(task)
        with contextlib.suppress(asyncio.CancelledError, asyncio.IncompleteReadError, ConnectionError):
            await answer(reader, writer)
        writer.close()
        with contextlib.suppress(ConnectionError, asyncio.CancelledError):
            await writer.wait_closed()
        serving.discard(task)

    server = await asyncio.start_server(serve_one, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        # a connection that came just now has a handler then
        await asyncio.sleep(0.01)
        for task in serving:
            task.cancel()
        await asyncio.gather(*serving)


@asynccontextmanager
async def mail_server(handler: object, **options: Any) -> AsyncIterator[int]:
    """Run an SMTP server until the block ends; yield the port."""
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: SMTP(handler, loop=loop, **options), "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()


@dataclass(slots=True)
class Server:
    """A started `firebell serve`; `log` is where its standard error goes."""

    url: str
    process: asyncio.subprocess.Process | Fork
    log: Path

    @property
    def said(self) -> str:
        """What it has written so far."""
        return self.log.read_text(encoding="utf-8")

    async def ready(self) -> None:
        """Return when it serves."""
        await answers(f"{self.url}/livez")

    async def ended(self, limit_s: float = 60) -> int:
        """Return the exit code once it has ended by itself."""
        return await asyncio.wait_for(self.process.wait(), limit_s)

    async def stop(self) -> int:
        """Stop it as an operator would."""
        self.process.terminate()
        return await self.ended()

    async def kill(self) -> None:
        """Kill only this process with SIGKILL."""
        self.process.kill()
        await self.ended()

    async def kill_all(self) -> None:
        """Kill it, its database and everything that it started with -9, as a power cut would."""
        everything = tree(self.process.pid)
        for sign in (signal.SIGSTOP, signal.SIGKILL):
            for pid in everything:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, sign)
        await self.ended()


def tree(pid: int) -> list[int]:
    """Return a process and its descendants, without those that end meanwhile; each thread has its own children."""
    children: list[int] = []
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):
        for task in Path(f"/proc/{pid}/task").iterdir():
            with contextlib.suppress(FileNotFoundError, ProcessLookupError):
                children += map(int, (task / "children").read_text(encoding="ascii").split())
    return [pid, *(descendant for child in children for descendant in tree(child))]


@asynccontextmanager
async def started(
    dsn: str = "",
    *,
    descriptors: int = 0,
    fork: bool = True,
    prepare: Callable[[], None] | None = None,
    command: str = "serve",
    **env: str,
) -> AsyncIterator[Server]:
    """Start `firebell serve` on `dsn`, or on the embedded database of FIREBELL_DATA; nothing is left behind.

    Another `command` is started in the same way. A fork starts with a tenth of the processor time. `descriptors` is
    the hard limit of what the process may open, 0 for the limit of this process. `prepare` is what a fork calls first.
    """
    wake_ups.expect_listener(dsn)
    port = free_port()
    limited = ("sh", "-c", f'ulimit -n {descriptors}; exec "$@"', "sh") if descriptors else ()
    variables = {
        **os.environ,
        "DATABASE_URL": dsn,
        "FIREBELL_PORT": str(port),
        "FIREBELL_LOG_LEVEL": "warning",
        "FIREBELL_ALLOWED_NETWORKS": "127.0.0.0/8",
        **env,
    }
    with tempfile.NamedTemporaryFile(prefix="firebell-test-", suffix=".log") as log:
        process: asyncio.subprocess.Process | Fork
        # a fork would not write the coverage that it measured
        if fork and not descriptors and "COVERAGE_RUN" not in os.environ:
            process = Fork([command], variables, Path(log.name), prepare=prepare)
        else:
            process = await asyncio.create_subprocess_exec(
                *(*limited, sys.executable, "-m", "firebell", command), env=variables, stderr=log
            )
        server = Server(f"http://127.0.0.1:{port}", process, Path(log.name))
        try:
            yield server
        finally:
            if process.returncode is None:
                try:
                    await server.stop()
                except TimeoutError:
                    await server.kill_all()
                    raise
            print(server.said)


@asynccontextmanager
async def serve(
    dsn: str = "",
    *,
    descriptors: int = 0,
    fork: bool = True,
    prepare: Callable[[], None] | None = None,
    **env: str,
) -> AsyncIterator[Server]:
    """Run `firebell serve`, ready, and stop it the way an operator does."""
    async with started(dsn, descriptors=descriptors, fork=fork, prepare=prepare, **env) as server:
        await server.ready()
        yield server


def memory_folder() -> str | None:
    """Return a folder in memory that has room for databases and may hold programs; None if there is none.

    Copying a database takes a tenth of the time there.
    """
    try:
        status = os.statvfs(MEMORY)
    except FileNotFoundError:
        return None
    roomy = status.f_bavail * status.f_frsize >= 2 * 2**30 and not status.f_flag & os.ST_NOEXEC
    return MEMORY if roomy else None


@contextmanager
def data_folder(parent: str | None = None) -> Iterator[Path]:
    """Yield a place for FIREBELL_DATA that the unprivileged user of its database may enter."""
    with tempfile.TemporaryDirectory(prefix="firebell-test-", dir=parent, ignore_cleanup_errors=True) as name:
        folder = Path(name)
        folder.chmod(0o755)
        yield folder / "data"
