"""Live parts of a page that many people have open, rendered once for all who see the same."""

import asyncio
import gzip
import hashlib
import re
import time
from collections.abc import Awaitable, Callable, Hashable
from dataclasses import dataclass

from firebell.kit.web.live import Live

MAX_AGE_S = 1.0
"""Maximum age of a rendering: not everything on a page has a topic, and a notification can be lost."""
MAX_RENDERINGS = 256
_ELAPSED = re.compile(r"(<time [^>]*>)[^<]*")


@dataclass(frozen=True, slots=True)
class Reader:
    """Anyone of this role and time zone: a template that asks for more about the person fails.

    The rights of a session are those of the role alone (`authentication.rights_of`).
    """

    role: str
    tz: str


@dataclass(frozen=True, slots=True)
class Rendering:
    """A page as every reader except those in `personal` sees it; valid until one of its topics changes."""

    text: str
    topics: frozenset[str]
    personal: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class Stored:
    """A rendered response."""

    plain: bytes
    gzipped: bytes
    etag: str
    topics: frozenset[str]
    personal: frozenset[int]
    sequence: int
    at: float


Render = Callable[[int | None], Awaitable[Rendering]]
"""Renders for one person by id, or for everyone who is not in the `personal` of the result if None."""


class RenderCache:
    """The newest renderings, by a key that holds all that the page depends on but its topics and `personal`."""

    def __init__(self, live: Live, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._live = live
        self._monotonic = monotonic
        self._stored: dict[Hashable, Stored] = {}
        self._locks: dict[Hashable, asyncio.Lock] = {}

    async def get(self, key: Hashable, person_id: int, render: Render) -> Stored:
        """Return what this person sees: at most `MAX_AGE_S` old, and no older than the last change of its topics."""
        stored = await self._current((key, None), lambda: render(None))
        if person_id in stored.personal:
            return await self._current((key, person_id), lambda: render(person_id))
        return stored

    async def _current(self, key: Hashable, render: Callable[[], Awaitable[Rendering]]) -> Stored:
        stored = self._stored.get(key)
        if stored and self._is_current(stored):
            return stored
        # later callers wait for this rendering unless it started before a change
        async with self._locks.setdefault(key, asyncio.Lock()):
            stored = self._stored.get(key)
            if not stored or not self._is_current(stored):
                sequence, at = self._live.sequence, self._monotonic()
                stored = _stored(await render(), sequence, at)
                self._keep(key, stored)
            return stored

    def _is_current(self, stored: Stored) -> bool:
        fresh = self._monotonic() - stored.at < MAX_AGE_S
        return fresh and not self._live.changed_since(stored.topics, stored.sequence)

    def _keep(self, key: Hashable, stored: Stored) -> None:
        self._stored.pop(key, None)
        self._stored[key] = stored
        for old in list(self._stored)[:-MAX_RENDERINGS]:
            del self._stored[old]
        for idle in [k for k, lock in self._locks.items() if k not in self._stored and not lock.locked()]:
            del self._locks[idle]


def _stored(rendering: Rendering, sequence: int, at: float) -> Stored:
    plain = rendering.text.encode()
    # the browser updates elapsed and remaining times
    lasting = _ELAPSED.sub(r"\1", rendering.text).encode()
    return Stored(
        plain,
        gzip.compress(plain, 4, mtime=0),
        f'W/"{hashlib.sha256(lasting).hexdigest()[:20]}"',
        rendering.topics,
        rendering.personal,
        sequence,
        at,
    )
