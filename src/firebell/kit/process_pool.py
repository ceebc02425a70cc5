"""Runs work whose cost depends on user input in child processes, which are killed when they take too long."""

import asyncio
import atexit
import contextlib
import hashlib
import importlib
import json
import os
import struct
import subprocess
import sys
import threading
import time
from collections import OrderedDict
from typing import IO, Any

import msgspec

from firebell.kit import child_limits
from firebell.kit.errors import Unavailable
from firebell.kit.threads import Pool

LIMIT_S = 5.0
"""How long one call may take."""
START_LIMIT_S = 30.0
RETRY_AFTER_S = 30.0
"""How long work that took too long isn't retried: each caller would wait for it, some in a transaction."""
ORPHAN_LIMIT_S = 60.0
"""How long a child works on one call if no one is left to kill it."""
PROCESSES, QUEUE = 2, 64
CACHED_RESULTS, CACHED_BYTES = 512, 16 * 1024**2
LARGEST_RESULT = 4 * 1024**2
_MEMORY = 1024**3
_SIZE = struct.Struct(">I")


class TakesTooLong(Exception):  # noqa: N818 - reads as a statement where it is raised
    """The work took too much time or memory, or its result is too large."""


class _Child:
    """A child process that handles one call at a time."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", "firebell.kit.process_pool"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        with self._killed_after(START_LIMIT_S):
            self.ready = _read(self._output) is not None

    @property
    def _input(self) -> IO[bytes]:
        assert self._process.stdin
        return self._process.stdin

    @property
    def _output(self) -> IO[bytes]:
        assert self._process.stdout
        return self._process.stdout

    @property
    def is_running(self) -> bool:
        """False once the process has ended, for example killed by the kernel when memory is short."""
        return self._process.poll() is None

    def answer(self, request: bytes, limit_s: float) -> bytes | None:
        """Return the result; None if the process died or was killed because of the limit."""
        answer = None
        with contextlib.suppress(OSError), self._killed_after(limit_s):
            _write(self._input, request)
            answer = _read(self._output)
        return answer

    def stop(self) -> None:
        """Kill and discard the process."""
        self._process.kill()
        with contextlib.suppress(OSError):
            self._input.close()
        self._output.close()
        self._process.wait()

    @contextlib.contextmanager
    def _killed_after(self, limit_s: float) -> Any:
        timer = threading.Timer(limit_s, self._process.kill)
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()


class _Work:
    """A call whose result all its callers share."""

    def __init__(self) -> None:
        self.task: asyncio.Task[bytes | None]
        self.readers = 0
        self.has_begun = False


class ProcessPool:
    """Calls functions of Firebell in child processes and caches their results."""

    def __init__(self, limit_s: float = LIMIT_S) -> None:
        self._limit_s = limit_s
        self._pool = Pool("documents", PROCESSES, QUEUE)
        self._idle: list[_Child] = []
        self._results: OrderedDict[bytes, bytes] = OrderedDict()
        self._bytes = 0
        self._too_long: OrderedDict[bytes, float] = OrderedDict()
        """When work that took too long may be tried again."""
        self._working: dict[tuple[asyncio.AbstractEventLoop, bytes], _Work] = {}
        atexit.register(self.close)

    async def call(self, function: str, *args: Any) -> bytes:
        """Return the JSON result of `function`, given as `module:name`, for JSON-serializable `args`; cached.

        Concurrent equal calls share one run. Raises `TakesTooLong`, and `Unavailable` when too many calls wait.
        """
        request = json.dumps([function, *args]).encode()
        key = hashlib.sha256(request).digest()
        if key in self._results:
            self._results.move_to_end(key)
            return self._results[key]
        if self._too_long.get(key, 0) > time.monotonic():
            raise TakesTooLong
        place = asyncio.get_running_loop(), key
        work = self._working.get(place)
        if work is None:
            work = self._working[place] = _Work()
            work.task = asyncio.create_task(self._run(work, key, request))
            work.task.add_done_callback(lambda done: self._end(place, done))
        work.readers += 1
        try:
            result = await asyncio.shield(work.task)
        finally:
            work.readers -= 1
            if not (work.readers or work.has_begun or work.task.done()):
                # no one waits for it anymore, so free its place in the queue
                del self._working[place]
                work.task.cancel()
        if not result:
            raise TakesTooLong
        return result

    def close(self) -> None:
        """Stop the idle child processes."""
        while self._idle:
            self._idle.pop().stop()

    async def _run(self, work: _Work, key: bytes, request: bytes) -> bytes | None:
        def begin() -> bytes | None:
            work.has_begun = True
            return self._answered(request)

        result = await self._pool.run(begin)
        if result:
            self._keep(key, result)
        else:
            self._too_long[key] = time.monotonic() + RETRY_AFTER_S
            while len(self._too_long) > CACHED_RESULTS:
                self._too_long.popitem(last=False)
        return result

    def _end(self, place: tuple[asyncio.AbstractEventLoop, bytes], done: asyncio.Task[bytes | None]) -> None:
        work = self._working.get(place)
        if work is not None and work.task is done:
            del self._working[place]
        if not done.cancelled():
            # keeps asyncio from reporting it if every waiting caller was canceled
            done.exception()

    def _answered(self, request: bytes) -> bytes | None:
        child = self._idle_child() or _Child()
        if not child.ready:
            child.stop()
            raise Unavailable("Documents cannot be read now. Try again in a few seconds.")
        answer = child.answer(request, self._limit_s)
        if answer is None:
            child.stop()
        else:
            self._idle.append(child)
        return answer

    def _idle_child(self) -> _Child | None:
        """Return an idle child process, or None; discard those that have ended."""
        while self._idle:
            child = self._idle.pop()
            if child.is_running:
                return child
            child.stop()
        return None

    def _keep(self, key: bytes, result: bytes) -> None:
        if key not in self._results:
            self._results[key] = result
            self._bytes += len(result)
        while len(self._results) > CACHED_RESULTS or self._bytes > CACHED_BYTES:
            _, oldest = self._results.popitem(last=False)
            self._bytes -= len(oldest)


DOCUMENTS = ProcessPool()
"""Parses and renders user-written Markdown."""


def _write(stream: IO[bytes], data: bytes) -> None:
    stream.write(_SIZE.pack(len(data)) + data)
    stream.flush()


def _read(stream: IO[bytes]) -> bytes | None:
    head = stream.read(_SIZE.size)
    if len(head) < _SIZE.size:
        return None
    (size,) = _SIZE.unpack(head)
    data = stream.read(size)
    return data if len(data) == size else None


def main() -> None:
    """Handle calls from standard input until end of file."""
    child_limits.limit_memory(_MEMORY)
    with contextlib.suppress(AttributeError):
        os.nice(5)
    _write(sys.stdout.buffer, b"ready")
    while (request := _read(sys.stdin.buffer)) is not None:
        function, *args = json.loads(request)
        module, _, name = function.partition(":")
        child_limits.end_after(ORPHAN_LIMIT_S)
        result = msgspec.json.encode(getattr(importlib.import_module(module), name)(*args))
        child_limits.end_after(0)
        _write(sys.stdout.buffer, result if len(result) <= LARGEST_RESULT else b"")


if __name__ == "__main__":
    main()
