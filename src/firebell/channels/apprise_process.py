"""Starts the child processes in which Apprise sends: one for each attempt, killed at its time limit."""

import asyncio
import importlib.util
import json
import os
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from weakref import WeakValueDictionary

from firebell.kit import child_process
from firebell.kit.errors import Unavailable
from firebell.kit.threads import Pool

LIMIT_S = 15.0
"""Time limit of one process."""
TURN_LIMIT_S = 6.0
"""How long a message waits for one of the processes before it goes back to the queue."""
PROCESSES, QUEUE = 4, 64
PROCESSES_PER_SERVICE = 3
"""A service that hangs leaves one process to the others."""
_POOL = Pool("Apprise messages", PROCESSES, QUEUE)
_SHARES: WeakValueDictionary[str, Pool] = WeakValueDictionary()
"""By service, while it has messages."""


def is_installed() -> bool:
    """Return True if the extra `firebell[apprise]` is installed."""
    return importlib.util.find_spec("apprise") is not None


@asynccontextmanager
async def turn(service: str) -> AsyncIterator[None]:
    """Occupy one of the processes for a message to a service; raise `Unavailable` if none becomes free in time."""
    share = _SHARES.setdefault(service, Pool("Apprise messages", PROCESSES_PER_SERVICE, QUEUE))
    async with AsyncExitStack() as stack:
        try:
            async with asyncio.timeout(TURN_LIMIT_S):
                await stack.enter_async_context(share.turn())
                await stack.enter_async_context(_POOL.turn())
        except TimeoutError:
            raise Unavailable("Too many Apprise messages are waiting.") from None
        yield


async def answer_of(request: dict[str, object]) -> dict[str, str]:
    """Return the answer of a child process, empty if it ended without one.

    Raises `TimeoutError` after the limit, and `OSError` if no process can be started.
    """
    out, _ = await child_process.output_of(
        "firebell.channels.apprise_child",
        json.dumps(request).encode(),
        LIMIT_S,
        flags=("-s", "-X", "utf8"),
        environment=_environment(),
    )
    return _read(out)


def _environment() -> dict[str, str]:
    """Return what Python needs to find Firebell, and none of the secrets and proxies of this process."""
    return {name: os.environ[name] for name in ("PYTHONPATH", "SYSTEMROOT") if name in os.environ}


def _read(out: bytes) -> dict[str, str]:
    try:
        answer = json.loads(out)
    except ValueError:
        return {}
    return {str(name): str(value) for name, value in answer.items()} if isinstance(answer, dict) else {}


async def unusable_kinds(kinds: Sequence[str]) -> dict[str, str]:
    """Return the `version` of Apprise and its `unusable` kinds among these; raise as `answer_of` does."""
    return await answer_of({"kinds": list(kinds)})


async def targets_of(address: str) -> int | None:
    """Return the number of targets of an address, None if Apprise can't read it; raise as `answer_of` does."""
    count = (await answer_of({"targets_of": address})).get("targets", "")
    return int(count) if count.isdecimal() else None
