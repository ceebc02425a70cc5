"""A used link, or that of an acknowledged page, offers no button and shows who has the page since when."""

from datetime import timedelta

import httpx
import pytest

from firebell.kit.clock import FakeClock
from firebell.paging.model import PageState
from tests.api.api_clients import browser
from tests.world import World, world

BUTTON = '<form method="post">'


async def _link(w: World) -> str:
    """Let an alert page Mara and return the path of the link that she was sent."""
    await w.alert()
    await w.settle()
    return "/ack/" + str(w.sink.got[-1]["ack_url"]).rpartition("/")[2]


async def _message_id(w: World) -> int:
    """Return the number of the only message."""
    async with w.ctx.db.tx() as tx:
        [row] = await tx.fetch("select id from delivery")
    return int(row["id"])


def _state(answer: httpx.Response) -> str:
    """Return the state that a page of a link shows."""
    return answer.text.partition('class="state" data-state="')[2].partition('"')[0]


async def test_a_used_link_offers_no_button_and_names_its_owner(dsn: str, clock: FakeClock) -> None:
    async with world(dsn, clock) as w, browser(w) as http:
        link = await _link(w)
        assert BUTTON in (await http.get(link)).text
        used_at = w.now
        assert BUTTON not in (await http.post(link)).text
        await w.after(minutes=3)
        again = await http.get(link)
        assert (again.status_code, _state(again)) == (200, "acked")
        assert BUTTON not in again.text
        assert "Mara Lindqvist" in again.text
        assert used_at.isoformat() in again.text


async def test_a_link_of_someone_who_answered_elsewhere_offers_no_button(dsn: str, clock: FakeClock) -> None:
    async with world(dsn, clock) as w, browser(w) as http:
        link = await _link(w)
        await w.ack(w.mara)
        assert BUTTON not in (await http.get(link)).text


async def test_a_link_of_a_page_that_a_colleague_has_lets_its_holder_join(dsn: str, clock: FakeClock) -> None:
    async with world(dsn, clock) as w, browser(w) as http:
        link = await _link(w)
        await w.ack(w.jun)
        shown = await http.get(link)
        assert BUTTON in shown.text
        assert "Jun Okafor" in shown.text


async def test_the_link_of_a_resolved_page_offers_no_button(dsn: str, clock: FakeClock) -> None:
    async with world(dsn, clock) as w, browser(w) as http:
        link = await _link(w)
        await w.resolve(w.mara)
        shown = await http.get(link)
        assert _state(shown) == "resolved"
        assert BUTTON not in shown.text


async def test_a_link_from_before_an_old_backup_was_restored_acknowledges_no_other_page(
    dsn: str, clock: FakeClock
) -> None:
    """Pages and messages after the restoration get the numbers that were used after the backup."""
    async with world(dsn, clock) as w, browser(w) as http:
        link = await _link(w)
        lost, lost_id = await w.page(), await _message_id(w)
        async with w.ctx.db.tx() as tx:
            await tx.execute("truncate page, delivery, due, alert, alert_group restart identity cascade")
        clock.advance(timedelta(minutes=10))
        await w.alert("The database is down")
        await w.settle()
        assert ((await w.page()).id, w.sink.got[-1]["person"]) == (lost.id, "Mara Lindqvist")
        assert await _message_id(w) == lost_id
        for answer in (await http.get(link), await http.post(link)):
            assert answer.status_code == 410
            assert "The database is down" not in answer.text
        assert (await w.page()).state is PageState.TRIGGERED
        link = "/ack/" + str(w.sink.got[-1]["ack_url"]).rpartition("/")[2]
        assert BUTTON not in (await http.post(link)).text
        assert (await w.page()).state is PageState.ACKED


@pytest.mark.parametrize("differs", ["page", "person"])
async def test_a_link_of_the_release_before_acknowledges_nothing_for_the_message_of_another(
    dsn: str, clock: FakeClock, differs: str
) -> None:
    """Links did not have their time, and the number of their message can be that of another one now."""
    async with world(dsn, clock) as w, browser(w) as http:
        await _link(w)
        page = await w.page()
        other = {"page": {"p": page.id + 1}, "person": {"u": w.jun}}[differs]
        value = {"p": page.id, "u": w.mara, "d": await _message_id(w), **other}
        token = w.ctx.signer.sign("ack", value, w.now + timedelta(hours=1))
        for answer in (await http.get(f"/ack/{token}"), await http.post(f"/ack/{token}")):
            assert answer.status_code == 410
        assert (await w.page()).state is PageState.TRIGGERED
        token = w.ctx.signer.sign("ack", value | {"p": page.id, "u": w.mara}, w.now + timedelta(hours=1))
        assert (await http.post(f"/ack/{token}")).status_code == 200
        assert (await w.page()).state is PageState.ACKED
