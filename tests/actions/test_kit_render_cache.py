"""A screen that many people have open is rendered once, and is never older than the last change."""

import asyncio

from firebell.kit.web.live import Live
from firebell.kit.web.render_cache import MAX_AGE_S, MAX_RENDERINGS, RenderCache, Rendering

ROOM = frozenset({"inc-1"})


class Pages:
    """A render cache with its own clock and a renderer that counts its calls."""

    def __init__(self) -> None:
        self.live, self.time, self.rendered = Live(), 0.0, 0
        self.text, self.personal = "room", frozenset[int]()
        self.pages = RenderCache(self.live, lambda: self.time)

    async def render(self, person_id: int | None) -> Rendering:
        self.rendered += 1
        text = self.text if person_id is None else f"{self.text} of {person_id}"
        await asyncio.sleep(0)
        return Rendering(text, ROOM, self.personal)

    async def get(self, person_id: int = 1, key: str = "INC-1") -> str:
        return (await self.pages.get(key, person_id, self.render)).plain.decode()


async def test_three_hundred_readers_at_once_cost_one_rendering() -> None:
    it = Pages()
    texts = await asyncio.gather(*(it.get(person) for person in range(300)))
    assert set(texts) == {"room"}
    assert it.rendered == 1


async def test_after_a_change_no_one_gets_what_was_before_it() -> None:
    it = Pages()
    await it.get()
    it.text = "after"
    assert await it.get() == "room"
    it.live.publish("oncall")
    assert await it.get() == "room"
    it.live.publish("inc-1")
    assert await it.get() == "after"


async def test_a_change_while_it_is_rendered_is_rendered_again() -> None:
    it = Pages()
    first = asyncio.ensure_future(it.get())
    await asyncio.sleep(0)
    it.text = "after"
    it.live.publish("inc-1")
    assert await it.get() == "after"
    await first
    assert it.rendered == 2


async def test_what_has_no_topic_is_at_most_a_second_old() -> None:
    it = Pages()
    await it.get()
    it.time, it.text = MAX_AGE_S - 0.01, "later"
    assert await it.get() == "room"
    it.time = MAX_AGE_S
    assert await it.get() == "later"


async def test_people_who_see_something_different_never_share_a_rendering() -> None:
    it = Pages()
    it.personal = frozenset({7, 8})
    texts = await asyncio.gather(*(it.get(person) for person in (6, 7, 8, 9, 7)))
    assert texts == ["room", "room of 7", "room of 8", "room", "room of 7"]
    assert it.rendered == 3


async def test_a_failure_is_no_ones_page() -> None:
    it = Pages()

    async def fails(person_id: int | None) -> Rendering:
        raise RuntimeError

    results = await asyncio.gather(
        *(it.pages.get("INC-1", 1, fails) for _ in range(3)), return_exceptions=True
    )
    assert [type(result) for result in results] == [RuntimeError] * 3
    assert await it.get() == "room"


async def test_renderings_take_bounded_memory() -> None:
    it = Pages()
    for number in range(MAX_RENDERINGS + 50):
        await it.get(key=f"INC-{number}")
    assert it.rendered == MAX_RENDERINGS + 50
    await it.get(key=f"INC-{MAX_RENDERINGS + 49}")
    assert it.rendered == MAX_RENDERINGS + 50
    await it.get(key="INC-0")
    assert it.rendered == MAX_RENDERINGS + 51


async def test_only_elapsed_times_leave_the_tag_as_it_is() -> None:
    it = Pages()
    tags = []
    for text in (
        '<time data-since="5">1 min</time>',
        '<time data-since="5">2 min</time>',
        '<time data-since="6">2 min</time>',
    ):
        it.text, it.time = text, it.time + MAX_AGE_S
        tags.append((await it.pages.get("INC-1", 1, it.render)).etag)
    assert tags[0] == tags[1] != tags[2]


def test_many_browsers_spread_what_they_ask_for_and_one_does_not_wait() -> None:
    live = Live()
    with live.subscribe(1, ROOM):
        assert live.spread_ms("inc-1") == 0
        with live.subscribe(2, ROOM), live.subscribe(3, {"pages"}):
            assert live.spread_ms("inc-1") > 0
    assert live.spread_ms("inc-1") == 0


def test_a_topic_that_was_forgotten_counts_as_changed() -> None:
    live = Live()
    live.publish("inc-1")
    before = live.sequence
    for number in range(10_000):
        live.publish(f"pg-{number}")
    assert live.changed_since(ROOM, before)
    assert not live.changed_since(ROOM, live.sequence)
