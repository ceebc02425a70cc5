"""Live topics: what changed, fanned out to every open browser as server-sent events."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager

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


async def stream(live: Live, topics: frozenset[str], *, heartbeat_s: float = 15) -> AsyncIterator[str]:
    """Yield the text of an event stream: one event named after each topic that changed."""
    with live.subscribe() as queue:
        yield "retry: 2000\nevent: hello\ndata: {}\n\n"
        while True:
            try:
                topic = await asyncio.wait_for(queue.get(), heartbeat_s)
            except TimeoutError:
                yield "event: beat\ndata: {}\n\n"
                continue
            if topic == _END:
                return
            if topic in topics:
                yield f"event: {topic}\ndata: {{}}\n\n"
