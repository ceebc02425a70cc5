"""Event streams: how many one person may have open at once."""

import asyncio
import contextlib

import pytest

from firebell.kit.errors import TooMany
from firebell.kit.web.live import SLICE, STREAMS_PER_PERSON, Live, stream

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


async def test_a_reader_is_told_of_its_topics_each_once_and_of_no_other() -> None:
    live = Live()
    with live.subscribe(1, {"inc-1", "pages"}) as changes:
        for topic in ("inc-1", "oncall", "pages", "inc-1", "pg-7"):
            live.publish(topic)
        assert await changes.take() == ["inc-1", "pages"]
        live.publish("pages")
        assert await changes.take() == ["pages"]


async def test_a_change_that_thousands_read_leaves_turns_for_other_work() -> None:
    live = Live()
    with contextlib.ExitStack() as stack:
        readers = [stack.enter_context(live.subscribe(n, TOPICS)) for n in range(20 * SLICE)]
        live.publish("pages")
        tasks = [asyncio.create_task(reader.take()) for reader in readers]
        turns = 0
        while not all(task.done() for task in tasks):
            turns += 1
            await asyncio.sleep(0)
        assert turns >= 20
        assert [task.result() for task in tasks] == [["pages"]] * len(readers)
    live.publish("pages")
    assert not live._subscribers
    assert not live._publishing


async def test_the_changes_of_a_busy_moment_reach_a_stream_together() -> None:
    live = Live()
    events = stream(live, 1, frozenset({"pages", "inc-1"}), Welcome())
    await anext(events)
    for topic in ("inc-1", "pages", "inc-1"):
        live.publish(topic)
    text = await anext(events)
    assert [line for line in text.splitlines() if line.startswith("event")] == [
        "event: inc-1",
        "event: pages",
    ]


async def test_every_stream_ends_when_the_process_stops() -> None:
    live = Live()
    events = stream(live, 1, TOPICS, Welcome())
    await anext(events)
    live.close()
    with pytest.raises(StopAsyncIteration):
        await anext(events)


async def test_a_page_learns_what_changed_before_its_stream_was_open() -> None:
    clock = 100.0
    live = Live(lambda: clock)
    live.publish("pages")
    clock = 110.0
    missed = await anext(stream(live, 1, TOPICS, Welcome(), page_age_s=12))
    assert "event: pages" in missed
    known = await anext(stream(live, 1, TOPICS, Welcome(), page_age_s=8))
    assert "event: pages" not in known
    without = await anext(stream(live, 1, TOPICS, Welcome()))
    assert "event: pages" not in without
