"""Live topics: changes, sent to every open browser as server-sent events."""

import asyncio
import contextlib
import math
import time
from collections import Counter, deque
from collections.abc import AsyncIterator, Callable, Collection, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Protocol

from firebell.kit.errors import TooMany

_END, _EVERYTHING = "", "*"
_SPREAD_MS, _MAX_SPREAD_MS = 2, 2000
"""Time that each reader of a topic adds to the interval over which browsers spread their requests."""
_MAX_REMEMBERED = 4096
STREAMS_PER_PERSON = 20
"""Maximum number of open event streams of one person in this process; each tab opens one."""
_GOLDEN_RATIO = 0.618034
SLICE = 32
"""Number of subscribers told in one turn of the event loop, so that an alert never waits for thousands."""
_CLOCKS_DIFFER_S = 0.1
"""How far the clock of the process that rendered a page may be ahead of this one's."""
_MERGE_S, _MAX_MERGE_S = 0.0005, 1.0
"""Pause that each open stream adds between two events of a stream; changes of a topic in it are merged."""


class Subscriber:
    """The topics that changed for one reader since it last asked, each once, oldest first.

    `phase` is between 0 and 1 and differs between readers, so that those of one change do not act in one moment again.
    """

    def __init__(self, phase: float = 0) -> None:
        self.phase = phase
        self._changed: dict[str, None] = {}
        self._any = asyncio.Event()

    def add(self, topic: str) -> None:
        """Note that `topic` changed."""
        self._changed[topic] = None
        self._any.set()

    async def take(self) -> list[str]:
        """Return the topics that changed, waiting for one if there is none."""
        await self._any.wait()
        self._any.clear()
        topics = list(self._changed)
        self._changed.clear()
        return topics


@dataclass(frozen=True, slots=True)
class _Change:
    """A change of a topic: its place among all changes, and when it was published."""

    sequence: int
    at: float


class Live:
    """The subscribers of this process; the worker publishes the database's notifications to them."""

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._subscribers: dict[str, dict[Subscriber, None]] = {}
        """By topic; those under `_EVERYTHING` are told of each."""
        self._publishing: deque[tuple[str, list[Subscriber]]] = deque()
        self._streams: Counter[int] = Counter()
        self._phase = 0.0
        self._readers: Counter[str] = Counter()
        self._changed: dict[str, _Change] = {}
        """The last change of each topic, oldest first."""
        self._forgotten = _Change(0, -math.inf)
        self.sequence = 0
        """The number of changes published so far."""

    def close(self) -> None:
        """End every stream, because the process is shutting down."""
        for subscriber in {each for readers in self._subscribers.values() for each in readers}:
            subscriber.add(_END)

    def publish(self, topic: str) -> None:
        """Tell the subscribers of `topic` that it changed, a few in each turn of the event loop."""
        self.sequence += 1
        self._changed.pop(topic, None)
        self._changed[topic] = _Change(self.sequence, self._monotonic())
        if len(self._changed) > _MAX_REMEMBERED:
            self._forgotten = self._changed.pop(next(iter(self._changed)))
        readers = [*self._subscribers.get(topic, ()), *self._subscribers.get(_EVERYTHING, ())]
        if not readers:
            return
        self._publishing.append((topic, readers))
        if len(self._publishing) == 1:
            self._publish_slice()

    def _publish_slice(self) -> None:
        topic, readers = self._publishing[0]
        for subscriber in readers[-SLICE:]:
            subscriber.add(topic)
        del readers[-SLICE:]
        if not readers:
            self._publishing.popleft()
        if self._publishing:
            asyncio.get_running_loop().call_soon(self._publish_slice)

    def changed_since(self, topics: Iterable[str], sequence: int) -> bool:
        """Return True if one of the topics was published after `sequence`, or may have been."""
        return any(self._changed.get(topic, self._forgotten).sequence > sequence for topic in topics)

    def changed_within(self, topics: Iterable[str], seconds: float) -> list[str]:
        """Return those of the topics that were published in the last `seconds`, or may have been."""
        since = self._monotonic() - seconds
        return [topic for topic in topics if self._changed.get(topic, self._forgotten).at >= since]

    def spread_ms(self, topic: str) -> int:
        """Return the interval over which the readers of a topic spread their requests when it changes."""
        return min(_MAX_SPREAD_MS, _SPREAD_MS * (self._readers[topic] - 1)) if topic in self._readers else 0

    def check_room(self, person_id: int) -> None:
        """Raise `TooMany` if this person has reached the limit of open event streams."""
        if self._streams[person_id] >= STREAMS_PER_PERSON:
            raise TooMany(
                f"You have {STREAMS_PER_PERSON} live pages open.",
                hint="Close some of them, then load this page again.",
                retry_after=30,
            )

    def merge_s(self) -> float:
        """Return how long a stream pauses after an event: the longer, the more streams there are."""
        return min(_MAX_MERGE_S, _MERGE_S * self._streams.total())

    @contextmanager
    def subscribe(
        self, person_id: int, topics: Collection[str] = (), *, also: Collection[str] = ()
    ) -> Iterator[Subscriber]:
        """Register a reader of `topics` and yield what changes for it until the block ends.

        Without topics it is told of everything; of those in `also` without being counted as their reader.
        Raise `TooMany` when the person has too many.
        """
        self.check_room(person_id)
        self._streams[person_id] += 1
        # multiples of the golden ratio are evenly spread, however many there are
        self._phase = (self._phase + _GOLDEN_RATIO) % 1
        subscriber = Subscriber(self._phase)
        subscribed = {*topics, *also} or {_EVERYTHING}
        for topic in subscribed:
            self._subscribers.setdefault(topic, {})[subscriber] = None
        self._readers.update(topics)
        try:
            yield subscriber
        finally:
            for topic in subscribed:
                del self._subscribers[topic][subscriber]
                if not self._subscribers[topic]:
                    del self._subscribers[topic]
            for topic in topics:
                self._readers[topic] -= 1
                if not self._readers[topic]:
                    del self._readers[topic]
            self._streams[person_id] -= 1
            if not self._streams[person_id]:
                del self._streams[person_id]


class Watch(Protocol):
    """Decides whether a stream may continue."""

    topic: str
    """The topic published when that may have changed."""

    async def may_go_on(self, *, ask: bool) -> bool:
        """Return False to end the stream; `ask` says that `topic` was published."""


def _events(live: Live, topics: Iterable[str]) -> str:
    return "".join(f'event: {topic}\ndata: {{"spread":{live.spread_ms(topic)}}}\n\n' for topic in topics)


async def stream(
    live: Live,
    person_id: int,
    topics: frozenset[str],
    watch: Watch,
    *,
    heartbeat_s: float = 5,
    page_age_s: float | None = None,
) -> AsyncIterator[str]:
    """Yield the text of a person's event stream, one event named after each topic that changed.

    `page_age_s` says how old the page is that asks: what changed since it was rendered is told at once.

    Something is yielded every `heartbeat_s` seconds or sooner, however much other topics change: silence is a lost
    network.
    It ends when `watch` says so; of streams that begin together those beyond the limit end at once.
    """
    loop = asyncio.get_running_loop()
    asked_at = loop.time()
    with contextlib.suppress(TooMany), live.subscribe(person_id, topics, also=(watch.topic,)) as changes:
        # a session that ended between the request and the subscription was missed
        changed = [watch.topic]
        text = "retry: 2000\nevent: hello\ndata: {}\n\n"
        if page_age_s is not None:
            missed = live.changed_within(
                sorted(topics), loop.time() - asked_at + page_age_s + _CLOCKS_DIFFER_S
            )
            text += _events(live, missed)
        heartbeat_s *= 1 - 0.2 * changes.phase
        beat_at = loop.time() + heartbeat_s
        while await watch.may_go_on(ask=watch.topic in changed):
            if text:
                yield text
                beat_at = loop.time() + heartbeat_s
            if changed:
                await asyncio.sleep(live.merge_s() * (0.5 + changes.phase))
            try:
                async with asyncio.timeout_at(beat_at):
                    changed = await changes.take()
            except TimeoutError:
                changed, text = [], "event: beat\ndata: {}\n\n"
                continue
            if _END in changed:
                return
            text = _events(live, [topic for topic in changed if topic in topics])
