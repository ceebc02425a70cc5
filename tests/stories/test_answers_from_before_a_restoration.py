"""Story: an old backup is restored, and what people still press in old messages answers no new page.

New pages and messages get the numbers that were given after the backup, so an old button names another message.
"""

import html
import re
from datetime import timedelta
from urllib.parse import parse_qsl

from firebell.kit.clock import FakeClock
from firebell.notify import actions as notify
from firebell.paging import actions as paging
from firebell.paging.model import PageState
from firebell.replies.actions import NOT_FOUND
from tests.api.api_clients import browser
from tests.phone_world import JUN
from tests.phone_world import phones as dialed
from tests.servers import listening
from tests.standins import phone_providers
from tests.standins.channel_lab import Provider
from tests.stories.test_pages_by_push import phone_of_mara, verify
from tests.stories.test_pages_in_telegram_and_pushover import (
    ANA,
    MARA,
    ROOM,
    MatrixServer,
    later,
    matrix_settings,
    only,
    phones,
)
from tests.world import World, world


async def restore(w: World) -> None:
    """Lose the pages and messages since a backup, with their numbers."""
    async with w.ctx.db.tx() as tx:
        await tx.execute("truncate page, delivery, due, alert, alert_group restart identity cascade")
    w.clock.advance(timedelta(minutes=10))


async def message_id(w: World) -> int:
    """Return the number of the only message."""
    async with w.ctx.db.tx() as tx:
        [row] = await tx.fetch("select id from delivery")
    return int(row["id"])


async def test_the_message_of_a_new_page_is_no_repetition_of_a_lost_one(dsn: str, clock: FakeClock) -> None:
    """Providers that honor the key, such as Matrix, drop a message whose key they have seen."""
    async with world(dsn, clock) as w:
        await w.alert("disk full")
        await w.settle()
        lost_id = await message_id(w)
        await restore(w)
        await w.alert("The database is down")
        await w.settle()
        assert await message_id(w) == lost_id
        assert [m["title"] for m in w.sink.got] == ["disk full", "The database is down"]
        first, second = [headers["idempotency-key"] for headers in w.sink.headers]
        assert first != second


async def test_a_message_about_a_new_page_is_not_in_the_thread_of_a_lost_one(
    dsn: str, clock: FakeClock
) -> None:
    """Chats show it far up among old messages, and some people have muted that thread."""
    async with world(dsn, clock) as w:

        async def thread() -> str:
            async with w.ctx.db.tx() as tx:
                delivery = await notify.delivery(tx, await message_id(w))
                assert delivery
                return (await notify.compose_again(tx, w.ctx, delivery, w.now)).thread

        await w.alert("disk full")
        await w.settle()
        lost = await thread()
        w.clock.advance(timedelta(minutes=1))
        assert await thread() == lost
        await restore(w)
        await w.alert("The database is down")
        await w.settle()
        assert await thread() != lost


async def test_an_old_button_in_telegram_acknowledges_no_new_page(dsn: str, clock: FakeClock) -> None:
    async with phones(dsn, clock) as (w, telegram, _):
        await only(w, w.mara, "telegram", str(MARA))
        await w.alert("disk full")
        await later(w)
        telegram.press(MARA, "Acknowledge")
        pressed, lost_id = telegram.updates.pop(), await message_id(w)
        await restore(w)
        await w.alert("The database is down")
        await later(w)
        assert await message_id(w) == lost_id
        assert "The database is down" in telegram.of("sendMessage")[-1]["text"]
        telegram.happen(callback_query=pressed["callback_query"])
        await later(w)
        assert (await w.page()).state is PageState.TRIGGERED
        answer = telegram.of("answerCallbackQuery")[-1]
        assert (answer["text"], answer["show_alert"]) == (NOT_FOUND.text, True)
        telegram.press(MARA, "Acknowledge")
        await later(w)
        assert (await w.page()).state is PageState.ACKED


async def test_a_button_of_the_release_before_still_acknowledges(dsn: str, clock: FakeClock) -> None:
    async with phones(dsn, clock) as (w, telegram, _):
        await only(w, w.mara, "telegram", str(MARA))
        await w.alert("disk full")
        await later(w)
        data = f"ack:{await message_id(w)}"
        telegram.happen(callback_query={"id": "q", "from": {"id": MARA}, "data": data})
        await later(w)
        assert (await w.page()).state is PageState.ACKED


async def test_an_answer_to_an_old_message_in_matrix_acknowledges_no_new_page(
    dsn: str, clock: FakeClock
) -> None:
    server = MatrixServer()
    provider = Provider(server.answer)
    async with listening(provider.serve) as provider.port:
        settings = matrix_settings(provider.url)
        async with world(dsn, clock, channel_settings=settings) as w:
            await only(w, w.mara, "matrix", f"{ROOM} {ANA}")
            await later(w)
            await w.alert("disk full")
            await later(w)
            old, lost_id = server.paged("disk full"), await message_id(w)
            await restore(w)
            # the server remembers transactions for a while only
            server.sent.clear()
            await w.alert("The database is down")
            await later(w)
            assert await message_id(w) == lost_id
            server.confirm(ANA, old)
            server.write(ANA, "ok", w.now, below=old)
            await later(w)
            assert (await w.page()).state is PageState.TRIGGERED
            assert NOT_FOUND.text in server.notices
            server.confirm(ANA, server.paged("The database is down"))
            await later(w)
            assert (await w.page()).state is PageState.ACKED


async def test_a_key_in_a_call_about_a_lost_page_acknowledges_no_new_page(dsn: str, clock: FakeClock) -> None:
    async with dialed(dsn, clock) as p:
        w = p.w
        await p.rules(w.mara, (0, await p.add(w.mara, "voice", JUN)))
        # without the message that had the code
        await restore(w)

        async def called() -> dict[str, str]:
            await w.settle()
            address = re.findall(r'action="([^"]+)"', p.last.fields["Twiml"])[-1]
            return dict(parse_qsl(html.unescape(address).partition("?")[2]))

        await w.alert("disk full")
        old = await called()
        await restore(w)
        await w.alert("The database is down")
        new = await called()
        assert new["d"] == old["d"]
        for query, state in ((old, PageState.TRIGGERED), (new, PageState.ACKED)):
            call = {"CallSid": f"CA{query['t']}", "To": JUN, "From": phone_providers.SENDER}
            for digits in ("*", "4"):
                answer = await p.twilio("voice", "gather", query, Digits=digits, **call)
                assert ("The database is down" in answer.text) == (digits == "*" and query is new)
            assert (await w.page()).state is state


async def test_a_device_that_shows_a_lost_message_has_seen_no_new_page(dsn: str, clock: FakeClock) -> None:
    async with phone_of_mara(dsn, clock) as (w, phone, method), browser(w) as http:
        await verify(w, phone, method)
        # without the message that had the code
        await restore(w)
        await w.alert("disk full")
        await w.settle()
        old = phone.shown[-1]["seen"]
        await restore(w)
        await w.alert("The database is down")
        await w.settle()
        for seen, states in ((old, []), (phone.shown[-1]["seen"], ["seen"])):
            assert (await http.post("/in/channel/web_push/device/seen", content=seen)).status_code == 204
            async with w.ctx.db.tx() as tx:
                receipts = [d.receipt for d in await paging.deliveries(tx, 1)]
            assert [str(each.state) for each in receipts if each and each.state != "accepted"] == states
