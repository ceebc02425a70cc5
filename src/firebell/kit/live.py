"""Live topics: what changed, fanned out to every open browser as server-sent events."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from typing import Protocol

_END = ""


class Live:
    """The subscribers of this process; fed from the database's notifications by the worker loop."""

    def __init__(self) -> None:
        self._queues: set[asyncio.Queue[str]] = set()

    def close(self) -> None:
        """End every stream: the process stops."""
        self.publish(_END)

    def publish(self, topic: str) -> None:
        """Hand `topic` to every subscriber; one that is 1,000 behind loses its oldest."""
        for queue in self._queues:
            if queue.full():
                queue.get_nowait()
            queue.put_nowait(topic)

    @contextmanager
    def subscribe(self) -> Iterator[asyncio.Queue[str]]:
        """Yield a queue of topics until the block ends."""
        queue: asyncio.Queue[str] = asyncio.Queue(maxsize=1000)
        self._queues.add(queue)
        try:
            yield queue
        finally:
            self._queues.discard(queue)


class Watch(Protocol):
    """Decides whether the reader of a stream may go on reading it."""

    topic: str
    """The topic that is published when that may have changed."""

    async def may_go_on(self, *, ask: bool) -> bool:
        """Return False to end the stream; `ask` says that `topic` was published."""


async def stream(
    live: Live, topics: frozenset[str], watch: Watch, *, heartbeat_s: float = 15
) -> AsyncIterator[str]:
    """Yield the text of an event stream, one event named after each topic that changed, while `watch` lets it."""
    with live.subscribe() as queue:
        # what ended between the request and the subscription was published to nobody
        topic = watch.topic
        event = "retry: 2000\nevent: hello\ndata: {}\n\n"
        while await watch.may_go_on(ask=topic == watch.topic):
            if event:
                yield event
            try:
                topic = await asyncio.wait_for(queue.get(), heartbeat_s)
            except TimeoutError:
                topic, event = "", "event: beat\ndata: {}\n\n"
                continue
            if topic == _END:
                return
            event = f"event: {topic}\ndata: {{}}\n\n" if topic in topics else ""
