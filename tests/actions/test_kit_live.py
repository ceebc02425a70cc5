"""Event streams: how many one person may have open at once."""

import asyncio

import pytest

from firebell.kit.errors import TooMany
from firebell.kit.web.live import STREAMS_PER_PERSON, Live, stream

TOPICS = frozenset({"pages"})


class Welcome:
    """A session that never ends."""

    topic = "session"

    async def may_go_on(self, *, ask: bool) -> bool:
        return True


async def test_one_persons_event_streams_leave_room_for_others() -> None:
    live = Live()
    streams = [stream(live, 1, TOPICS, Welcome()) for _ in range(STREAMS_PER_PERSON)]
    for one in streams:
        await anext(one)
    with pytest.raises(TooMany):
        live.check_room(1)
    live.check_room(2)
    await streams[0].aclose()  # type: ignore[attr-defined]
    live.check_room(1)


async def test_only_twenty_event_streams_of_a_person_stay_open() -> None:
    live = Live()
    streams = [stream(live, 1, TOPICS, Welcome()) for _ in range(100)]
    begun = await asyncio.gather(*(anext(one) for one in streams), return_exceptions=True)
    assert sum(isinstance(first, str) for first in begun) == STREAMS_PER_PERSON


async def test_a_stream_is_heard_although_only_other_topics_change() -> None:
    live = Live()
    events = stream(live, 1, TOPICS, Welcome(), heartbeat_s=0.05)
    assert "hello" in await anext(events)
    silent = asyncio.ensure_future(anext(events))
    for _ in range(100):
        live.publish("oncall")
        await asyncio.sleep(0.01)
        if silent.done():
            break
    assert silent.done()
    assert "event: beat" in silent.result()
