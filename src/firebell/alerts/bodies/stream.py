"""Read the body of a request as it arrives, in bounded memory."""

from starlette.types import Receive

from firebell.alerts.bodies.budget import Share
from firebell.kit.errors import Unavailable

END_BYTES = 4 * 1024
"""How many of the last bytes of an oversized body are returned."""
MAX_SKIPPED_BYTES = 16 * 1024 * 1024
"""How many more bytes of an oversized body are read to find its end."""


class BodyStream:
    """The body of one request, which is read once."""

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self._has_more = True

    async def start(self, limit: int, share: Share) -> bytes:
        """Return the body, cut soon after `limit`; raise Unavailable if the sender disconnects or memory is short."""
        chunks: list[bytes] = []
        size = 0
        while self._has_more and size <= limit:
            chunks.append(await self._chunk())
            size += len(chunks[-1])
            share.resize(size)
        return chunks[0] if len(chunks) == 1 else b"".join(chunks)

    async def end(self, start: bytes) -> bytes:
        """Return the last bytes of the body that began with `start`, or of what arrived of it.

        Of a body that continues for more than `MAX_SKIPPED_BYTES`, return the last ones before that.
        """
        last, skipped = start[-END_BYTES:], 0
        while self._has_more and skipped <= MAX_SKIPPED_BYTES:
            try:
                chunk = await self._chunk()
            except Unavailable:
                break
            skipped += len(chunk)
            last = (last + chunk)[-END_BYTES:]
        return last

    async def _chunk(self) -> bytes:
        message = await self._receive()
        if message["type"] == "http.disconnect":
            raise Unavailable("The sender closed the connection before the whole message arrived.")
        self._has_more = message.get("more_body", False)
        chunk: bytes = message.get("body", b"")
        return chunk
