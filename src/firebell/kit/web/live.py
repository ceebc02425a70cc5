"""Live topics: changes, sent to every open browser as server-sent events."""

import asyncio
import contextlib
from collections import Counter
from collections.abc import AsyncIterator, Collection, Iterable, Iterator
from contextlib import contextmanager
from typing import Protocol

from firebell.kit.errors import TooMany

_END = ""
_SPREAD_MS, _MAX_SPREAD_MS = 2, 2000
"""Time that each reader of a topic adds to the interval over which browsers spread their requests."""
_MAX_REMEMBERED = 4096
STREAMS_PER_PERSON = 20
"""Maximum number of open event streams of one person in this process; each tab opens one."""


class Live:
    """The subscribers of this process; the worker publishes the database's notifications to them."""

    def __init__(self) -> None:
        self._queues: set[asyncio.Queue[str]] = set()
        self._streams: Counter[int] = Counter()
        self._readers: Counter[str] = Counter()
        self._changed: dict[str, int] = {}
        self._forgotten = 0
        self.sequence = 0
        """The number of changes published so far."""

    def close(self) -> None:
        """End every stream, because the process is shutting down."""
        self.publish(_END)

    def publish(self, topic: str) -> None:
        """Send `topic` to every subscriber; one that is 1,000 topics behind loses its oldest."""
        self.sequence += 1
        self._changed.pop(topic, None)
        self._changed[topic] = self.sequence
        if len(self._changed) > _MAX_REMEMBERED:
            self._forgotten = self._changed.pop(next(iter(self._changed)))
        for queue in self._queues:
            if queue.full():
                queue.get_nowait()
            queue.put_nowait(topic)

    def changed_since(self, topics: Iterable[str], sequence: int) -> bool:
        """Return True if one of the topics was published after `sequence`, or may have been."""
        return any(self._changed.get(topic, self._forgotten) > sequence for topic in topics)

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

    @contextmanager
    def subscribe(self, person_id: int, topics: Collection[str] = ()) -> Iterator[asyncio.Queue[str]]:
        """Register a reader of `topics` and yield a queue of changed topics until the block ends.

        Raise `TooMany` when the person has too many.
        """
        self.check_room(person_id)
        self._streams[person_id] += 1
        queue: asyncio.Queue[str] = asyncio.Queue(maxsize=1000)
        self._queues.add(queue)
        self._readers.update(topics)
        try:
            yield queue
        finally:
            self._queues.discard(queue)
            self._readers -= Counter(topics)
            self._streams[person_id] -= 1
            if not self._streams[person_id]:
                del self._streams[person_id]


class Watch(Protocol):
    """Decides whether a stream may continue."""

    topic: str
    """The topic published when that may have changed."""

    async def may_go_on(self, *, ask: bool) -> bool:
        """Return False to end the stream; `ask` says that `topic` was published."""


async def stream(
    live: Live, person_id: int, topics: frozenset[str], watch: Watch, *, heartbeat_s: float = 5
) -> AsyncIterator[str]:
    """Yield the text of a person's event stream, one event named after each topic that changed.

    Something is yielded every `heartbeat_s` seconds, however much other topics change: silence is a lost network.
    It ends when `watch` says so; of streams that begin together those beyond the limit end at once.
    """
    with contextlib.suppress(TooMany), live.subscribe(person_id, topics) as queue:
        # a session that ended between the request and the subscription was missed
        topic = watch.topic
        event, time = "retry: 2000\nevent: hello\ndata: {}\n\n", asyncio.get_running_loop().time
        beat_at = time() + heartbeat_s
        while await watch.may_go_on(ask=topic == watch.topic):
            if event:
                yield event
                beat_at = time() + heartbeat_s
            try:
                async with asyncio.timeout_at(beat_at):
                    topic = await queue.get()
            except TimeoutError:
                topic, event = "", "event: beat\ndata: {}\n\n"
                continue
            if topic == _END:
                return
            spread = f'{{"spread":{live.spread_ms(topic)}}}'
            event = f"event: {topic}\ndata: {spread}\n\n" if topic in topics else ""
