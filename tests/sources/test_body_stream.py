"""A body that is too large is read to its end without being held."""

from collections.abc import Sequence

import pytest
from starlette.types import Message, Receive

from firebell.alerts.bodies.budget import BodyBudget
from firebell.alerts.bodies.stream import END_BYTES, MAX_SKIPPED_BYTES, BodyStream
from firebell.kit.errors import Unavailable

CHUNK = b"x" * 2**20


def sender(chunks: Sequence[bytes], *, disconnects: bool = False) -> tuple[Receive, list[int]]:
    """Return a `receive` for a body in chunks, and the list to which it appends the size of each one sent."""
    sent: list[int] = []

    async def receive() -> Message:
        if len(sent) == len(chunks):
            assert disconnects, "the whole body was read, so this would wait until the sender disconnects"
            return {"type": "http.disconnect"}
        chunk = chunks[len(sent)]
        sent.append(len(chunk))
        is_last = len(sent) == len(chunks) and not disconnects
        return {"type": "http.request", "body": chunk, "more_body": not is_last}

    return receive, sent


async def read(stream: BodyStream, limit: int) -> tuple[bytes, bytes]:
    """Return the start of a body and its end."""
    with BodyBudget().share() as share:
        start = await stream.start(limit, share)
        return start, await stream.end(start)


async def test_the_end_of_a_body_is_that_of_all_its_chunks() -> None:
    for chunks, start, end in (
        ([b"abc", b"def", b"ghi"], b"abcdef", b"abcdefghi"),
        ([b"abcdef"], b"abcdef", b"abcdef"),
        ([b"abcdef", CHUNK, b"ghi"], b"abcdef", CHUNK[: END_BYTES - 3] + b"ghi"),
        ([b""], b"", b""),
    ):
        receive, sent = sender(chunks)
        assert await read(BodyStream(receive), 4) == (start, end)
        assert len(sent) == len(chunks)


async def test_a_body_without_an_end_is_not_read_forever() -> None:
    receive, sent = sender([CHUNK] * 1_000)
    start, end = await read(BodyStream(receive), 4)
    assert (start, end) == (CHUNK, CHUNK[:END_BYTES])
    assert sum(sent) <= MAX_SKIPPED_BYTES + 2 * len(CHUNK)


async def test_a_large_body_whose_sender_disconnects_ends_there_but_a_small_one_is_not_taken() -> None:
    receive, _ = sender([b"abcdef", b"ghi"], disconnects=True)
    assert await read(BodyStream(receive), 4) == (b"abcdef", b"abcdefghi")
    receive, _ = sender([b"abc"], disconnects=True)
    with pytest.raises(Unavailable):
        await read(BodyStream(receive), 4)
