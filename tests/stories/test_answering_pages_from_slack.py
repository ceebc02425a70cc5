"""Pages answered from Slack: by button and by command, by two people at once, and by no one who may not."""

import asyncio
import json
from datetime import timedelta

import pytest

from firebell.kit.clock import FakeClock
from firebell.paging import actions as paging
from firebell.paging.model import Page, PageState
from tests.chat_inbound_world import ADA, JUN, MARA, ChatWorld, chat_world
from tests.standins.slack.inbound import buttons


def value(page: Page) -> str:
    """Return the value of the buttons of a page's message."""
    return json.dumps({"p": page.id, "v": page.version})


async def owners(c: ChatWorld, page: Page) -> list[int]:
    """Return the owners of a page, earliest first."""
    async with c.world.ctx.db.tx() as tx:
        return (await paging.owners(tx, [page.id]))[page.id]


@pytest.mark.parametrize(("first", "second"), [(MARA, JUN), (JUN, MARA)])
async def test_two_press_acknowledge_and_the_second_owns_it_too(
    dsn: str, clock: FakeClock, first: str, second: str
) -> None:
    async with chat_world(dsn, clock) as c:
        people = {MARA: c.world.mara, JUN: c.world.jun}
        await c.world.alert()
        page = await c.world.page()
        answer = await c.slack.press("fb_page_ack", value(page), first)
        assert answer["replace_original"] is False
        clock.advance(timedelta(seconds=1))
        answer = await c.slack.press("fb_page_ack", value(page), second)
        assert "1 s before you" in answer["text"]
        assert await owners(c, page) == [people[first], people[second]]
        assert (await c.world.page()).state is PageState.ACKED
        assert len(await c.world.story()) == 3


async def test_two_press_at_the_same_moment_and_both_own_it(dsn: str, clock: FakeClock) -> None:
    async with chat_world(dsn, clock) as c:
        for number in range(10):
            await c.world.alert(f"Alert {number}")
            page = await c.world.page()
            await asyncio.gather(
                c.slack.press("fb_page_ack", value(page), MARA),
                c.slack.press("fb_page_ack", value(page), JUN),
            )
            assert set(await owners(c, page)) == {c.world.mara, c.world.jun}
            story = await c.world.story()
            assert sum("acknowledged" in text for text in story) == 1
            assert sum("joined" in text for text in story) == 1
            await c.world.resolve(c.world.mara)
            clock.advance(timedelta(minutes=1))


async def test_a_page_is_acknowledged_by_command_if_it_is_the_only_one(dsn: str, clock: FakeClock) -> None:
    async with chat_world(dsn, clock) as c:
        nothing = await c.slack.command("/page ack", MARA)
        assert "No open page" in nothing["text"]
        await c.world.alert()
        await c.world.settle()
        await c.slack.command("/page ack", MARA)
        page = await c.world.page()
        assert (page.state, await owners(c, page)) == (PageState.ACKED, [c.world.mara])
        await c.slack.command("/page note looks like DNS", MARA)
        await c.slack.command("/page snooze 30m", MARA)
        assert (await c.world.page()).state is PageState.SNOOZED
        await c.slack.command(f"/page resolve PG-{page.id} false alarm", MARA)
        assert (await c.world.page()).state is PageState.RESOLVED
        story = await c.world.story()
        assert "looks like DNS" in story
        assert "false alarm" in story


async def test_with_several_pages_none_is_taken_by_guessing(dsn: str, clock: FakeClock) -> None:
    async with chat_world(dsn, clock) as c:
        incident = await c.declared(severity=1)
        await c.world.alert()
        await c.world.settle()
        first, second = await c.world.pages()
        asked = await c.slack.command("/page ack", MARA)
        assert PageState.ACKED not in {p.state for p in await c.world.pages()}
        labels = {b["text"]["text"] for b in buttons(asked)}
        assert labels == {f"Acknowledge {first.ref}", f"Acknowledge {second.ref}"}
        await c.slack.press_button(asked, f"Acknowledge {second.ref}", MARA)
        assert [p.state is PageState.ACKED for p in await c.world.pages()] == [False, True]
        assert incident.id == 1


async def test_a_press_on_a_page_that_is_resolved_says_so(dsn: str, clock: FakeClock) -> None:
    async with chat_world(dsn, clock) as c:
        await c.world.alert()
        page = await c.world.page()
        await c.slack.press("fb_page_resolve", value(page), MARA)
        assert (await c.world.page()).state is PageState.RESOLVED
        answer = await c.slack.press("fb_page_ack", value(page), JUN)
        assert "already resolved" in answer["text"]
        assert await owners(c, page) == []


async def test_who_is_on_call_and_which_pages_are_open(dsn: str, clock: FakeClock) -> None:
    async with chat_world(dsn, clock) as c:
        await c.world.alert()
        listed = await c.slack.command("/page list", MARA)
        assert "5xx above 5 %" in listed["text"]
        who = await c.slack.command("/page who", MARA)
        assert "Mara Lindqvist" in who["text"]
        assert "Link my account" in [
            b["text"]["text"] for b in buttons(await c.slack.command("/page who", ADA))
        ]
