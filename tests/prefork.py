"""`firebell serve` as a fork of a process that has imported the product.

To import it takes more processor time than most tests of a server.
"""

import asyncio
import multiprocessing
import os
import time
from collections.abc import Mapping
from multiprocessing.context import ForkServerProcess
from pathlib import Path

from firebell import cli

_forks = multiprocessing.get_context("forkserver")
_forks.set_forkserver_preload(["tests.preload"])


def _serve(env: Mapping[str, str], log: Path) -> None:
    os.environ.clear()
    os.environ.update(env)
    time.tzset()
    os.dup2(os.open(log, os.O_WRONLY | os.O_APPEND), 2)
    cli.main(["serve"], prog_name="firebell")


class Fork:
    """A forked `firebell serve`, with the part of `asyncio.subprocess.Process` that tests use."""

    def __init__(self, env: Mapping[str, str], log: Path) -> None:
        self._process: ForkServerProcess = _forks.Process(target=_serve, args=(dict(env), log))
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
