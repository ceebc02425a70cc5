"""Commands of `firebell` as forks of a process that has imported the product.

To import it takes more processor time than most tests of a command.
"""

import asyncio
import multiprocessing
import os
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from multiprocessing import forkserver
from multiprocessing.context import ForkServerProcess
from pathlib import Path

from firebell import cli
from firebell.kit.db import database

_forks = multiprocessing.get_context("forkserver")
_forks.set_forkserver_preload(["tests.preload"])


def start() -> None:
    """Start the process that has imported the product; forks of this process use it too."""
    forkserver._forkserver.ensure_running()
    # a fork would wait for it as for a child of its own, and fail
    forkserver._forkserver.ensure_running = lambda: None  # type: ignore[method-assign] # no public way


def _command(
    args: Sequence[str],
    env: Mapping[str, str],
    err: Path,
    out: Path | None,
    prepare: Callable[[], None] | None,
) -> None:
    os.environ.clear()
    os.environ.update(env)
    time.tzset()
    os.dup2(os.open(err, os.O_WRONLY | os.O_APPEND), 2)
    # the process that forks has the terminal's standard output
    os.dup2(os.open(out or os.devnull, os.O_WRONLY | os.O_APPEND), 1)
    # a server would open six connections in advance, each a process of PostgreSQL; with none, a database that
    # cannot be reached would be noticed later
    database.WARM = 1
    if prepare:
        prepare()
    cli.main(args, prog_name="firebell")


class Fork:
    """A command in a process of its own, with the part of `asyncio.subprocess.Process` that tests use.

    `prepare` is a function of a module, which the process calls before the command.
    """

    def __init__(
        self,
        args: Sequence[str],
        env: Mapping[str, str],
        err: Path,
        out: Path | None = None,
        prepare: Callable[[], None] | None = None,
    ) -> None:
        command = (args, dict(env), err, out, prepare)
        self._process: ForkServerProcess = _forks.Process(target=_command, args=command)
        self._process.start()
        assert self._process.pid
        self.pid: int = self._process.pid

    @property
    def returncode(self) -> int | None:
        """The exit code, negative for a signal; None while it runs."""
        return self._process.exitcode

    def terminate(self) -> None:
        """Send SIGTERM."""
        self._process.terminate()

    def kill(self) -> None:
        """Send SIGKILL."""
        self._process.kill()

    async def wait(self) -> int:
        """Return the exit code once it has ended."""
        ended = asyncio.Event()
        loop = asyncio.get_running_loop()
        loop.add_reader(self._process.sentinel, ended.set)
        try:
            await ended.wait()
        finally:
            loop.remove_reader(self._process.sentinel)
        code = self._process.exitcode
        assert code is not None
        return code


async def run(*args: str, env: Mapping[str, str]) -> tuple[int, str, str]:
    """Run a command; return its exit code and what it wrote to standard output and standard error."""
    with tempfile.NamedTemporaryFile() as out, tempfile.NamedTemporaryFile() as err:
        code = await Fork(args, env, Path(err.name), Path(out.name)).wait()
        return code, out.read().decode(), err.read().decode()
