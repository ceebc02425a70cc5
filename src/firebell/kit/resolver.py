"""DNS lookups in their own threads, with a limit per host, a timeout, and the last good answer as fallback."""

import asyncio
import contextlib
import ipaddress
import socket
import time
from collections import Counter, OrderedDict
from collections.abc import Callable, Sequence

from firebell.kit.errors import Unavailable
from firebell.kit.resource_exhaustion import descriptors_left
from firebell.kit.threads import Pool

LIMIT_S = 5.0
"""Timeout of a lookup."""
STALE_AFTER_S = 1.0
"""Timeout of a lookup that can fall back on the last good answer."""
FRESH_S = 5.0
"""How long an answer is cached."""
KEPT_S = 3600.0
"""How long the last good answer is used while the name server does not respond."""
PER_HOST = 2
"""Maximum number of threads waiting for one name; further callers fail at once."""
THREADS, QUEUE = 32, 128
REMEMBERED = 1000
"""Maximum number of names whose last good answer is stored."""

Lookup = Callable[[str], Sequence[str]]


def system_lookup(host: str) -> list[str]:
    """Return the addresses of a name as the system resolves it; raise `OSError` or `UnicodeError`."""
    answers = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(answer[4][0]) for answer in answers))


class Resolver:
    """Resolves names for one event loop; callers of the same name share a lookup."""

    def __init__(
        self, lookup: Lookup = system_lookup, *, pool: Pool | None = None, limit_s: float = LIMIT_S
    ) -> None:
        self._lookup = lookup
        self._pool = pool or Pool("DNS lookups", THREADS, QUEUE)
        self._limit_s = limit_s
        self._answers: OrderedDict[str, tuple[float, list[str]]] = OrderedDict()
        self._under_way: dict[str, asyncio.Task[list[str]]] = {}
        self._threads: Counter[str] = Counter()

    async def resolve(self, host: str) -> list[str]:
        """Return the addresses of `host`.

        Raises `OSError` or `UnicodeError` when it has none, `TimeoutError` when its name server does not
        answer, and `Unavailable` when this process is out of threads or descriptors.
        """
        with contextlib.suppress(ValueError):
            ipaddress.ip_address(host.partition("%")[0])
            return [host]
        answered_at, addresses = self._answers.get(host, (float("-inf"), []))
        age = time.monotonic() - answered_at
        if age < FRESH_S:
            return addresses
        last_good = addresses if age < KEPT_S else []
        try:
            async with asyncio.timeout(min(self._limit_s, STALE_AFTER_S) if last_good else self._limit_s):
                return await asyncio.shield(self._shared(host))
        except socket.gaierror as exc:
            if not descriptors_left():
                raise Unavailable("This process has no descriptor left to resolve a name.") from exc
            if exc.errno == socket.EAI_NONAME or not last_good:
                raise
        except (TimeoutError, Unavailable):
            if not last_good:
                raise
        return last_good

    def _shared(self, host: str) -> "asyncio.Task[list[str]]":
        task = self._under_way.get(host)
        if task is None:
            if self._threads[host] >= PER_HOST:
                raise TimeoutError(f"the name server of {host} does not answer")
            task = asyncio.create_task(self._answer(host))
            task.add_done_callback(_retrieve)
            self._under_way[host] = task
            asyncio.get_running_loop().call_later(self._limit_s, self._let_go, host, task)
        return task

    def _let_go(self, host: str, task: "asyncio.Task[list[str]]") -> None:
        if self._under_way.get(host) is task:
            del self._under_way[host]

    async def _answer(self, host: str) -> list[str]:
        self._threads[host] += 1
        try:
            addresses = list(await self._pool.run(lambda: self._lookup(host)))
        finally:
            self._threads[host] -= 1
            if not self._threads[host]:
                del self._threads[host]
            if self._under_way.get(host) is asyncio.current_task():
                del self._under_way[host]
        self._answers[host] = (time.monotonic(), addresses)
        self._answers.move_to_end(host)
        while len(self._answers) > REMEMBERED:
            self._answers.popitem(last=False)
        return addresses


def _retrieve(task: "asyncio.Task[list[str]]") -> None:
    """Retrieve a failure that no caller waits for anymore, so that asyncio does not log it."""
    if not task.cancelled():
        task.exception()
