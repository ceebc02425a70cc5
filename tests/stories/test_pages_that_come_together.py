"""Story: pages at nearly the same time are one text message or call, and none is lost by that."""

import asyncio
from datetime import timedelta
from email.utils import format_datetime

import pytest

from firebell.kit.clock import FakeClock
from firebell.notify import page_bundles
from firebell.notify.composing import bundle_store
from firebell.notify.deliveries import store as delivery_store
from firebell.notify.receipts import store as receipt_store
from firebell.notify.sender import Sender
from tests.api.api_clients import sign_in
from tests.lock_waits import until_blocked
from tests.phone_world import BASE_URL, MARA, phones
from tests.world import World


async def _record(w: World, *delivery_ids: int) -> None:
    """Record messages as accepted in this order."""
    async with w.ctx.work_db.tx() as tx:
        deliveries = [await delivery_store.delivery(tx, delivery_id) for delivery_id in delivery_ids]
        await delivery_store.accepted(tx, [(each, "id") for each in deliveries if each], w.now)


async def test_pages_at_nearly_the_same_time_are_one_message(
    dsn: str, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with phones(dsn, clock) as p:
        w = p.w
        sms, voice = await p.add(w.mara, "sms", MARA), await p.add(w.mara, "voice", MARA)
        await p.rules(w.mara, (0, sms))
        before = len(p.providers.taken)

        # the first page waits for nothing, those after it wait for each other
        await p.fire("disk full")
        await w.settle()
        assert "Reply 1a ack" in p.last.text
        clock.advance(timedelta(seconds=10))
        await p.fire("queue stuck", "replica lag", "clock drift")
        await w.settle()
        assert len(p.providers.taken) == before + 1
        await w.resolve(w.mara)
        clock.advance(timedelta(seconds=49))
        await w.settle()
        assert len(p.providers.taken) == before + 1
        clock.advance(timedelta(seconds=1))
        await w.settle()
        # what was resolved meanwhile is left out
        assert len(p.providers.taken) == before + 2
        assert p.last.text.startswith("2 pages, most severe: ")
        assert p.last.text.endswith(f"PG-2 2a, PG-3 3a. Reply 4aa to acknowledge all. {BASE_URL}/pages")
        ids = [await p.delivery_ids(ref) for ref in (1, 2, 3, 4)]
        await p.twilio(
            "sms", "status", {"d": str(ids[1][0])}, MessageSid=p.last.id, MessageStatus="delivered"
        )
        await sign_in(w, p.http, w.mara)
        shown = [(await p.http.get(f"/api/v1/pages/PG-{ref}")).json()["deliveries"][0] for ref in (1, 2, 3)]
        assert [d["bundle_id"] for d in shown] == [None, ids[1][0], ids[1][0]]
        assert [d["receipt"]["state"] for d in shown] == ["accepted", "delivered", "delivered"]
        assert [d["receipt"]["parts"] for d in shown] == [1, 1, 0]
        assert "with other pages" in (await p.http.get("/pages/PG-2")).text
        assert (
            await p.reply("4r", "SM51") == "Several pages can only be acknowledged together. Open Firebell."
        )
        # without a code, it says which code acknowledges them together
        assert "PG-2, PG-3 (4aa to ack)" in await p.reply("aa", "SM50")
        assert await p.reply("4aa on it", "SM52") == "You acknowledged PG-2, PG-3."
        assert await p.states() == ["triggered", "acked", "acked", "resolved"]
        assert await p.reply("4aa", "SM53") == "You acknowledged PG-2."
        # what is left of a message is not what its code means
        assert "can only be acknowledged together" in await p.reply("4r", "SM54")

        # outcomes lock in the order of receipts and answers, so that no two wait for each other
        earlier, later = ids[1][0], ids[2][0]
        async with w.ctx.db.tx() as tx:
            await tx.execute("update delivery set state = 'sending' where id in ($1, $2)", earlier, later)
        async with w.ctx.db.tx() as answering:
            await receipt_store.lock_delivery(answering, earlier)
            recording = asyncio.create_task(_record(w, later, earlier))
            await asyncio.wait_for(until_blocked(w.ctx.db, recording), 5)
            await answering.execute("select from delivery where id = $1 for update nowait", later)
        await recording

        # one call for several pages: a failure is one of each, and a key acknowledges all
        await w.until(w.now + timedelta(minutes=2), timedelta(minutes=1))
        await p.rules(w.mara, (0, voice), (600, sms))
        await p.fire("5xx", "no backup")
        await w.settle()
        assert p.last.kind == "voice"
        assert "You have 2 pages. Press 4 to acknowledge all, star to repeat." in p.last.text
        first = (await p.delivery_ids(5))[0]
        query, call = {"d": str(first), "n": "1", "b": "1"}, {"CallSid": p.last.id, "To": MARA}
        assert "b=1" in p.last.fields["Twiml"]
        read = (await p.twilio("voice", "gather", query, Digits="*", **call)).text
        assert "no backup" in read
        assert "5 x x" in read or "5xx" in read
        failed = {"CallSid": p.last.id, "CallStatus": "failed", "SipResponseCode": "503"}
        await p.twilio("voice", "status", query, **failed)
        await w.settle()
        # the next rule of both acts, as one message
        assert p.last.kind == "sms"
        assert "PG-5 5a, PG-6 6a. Reply" in p.last.text
        # a process that died before it recorded the outcome: the same message is found, and not sent twice
        p.providers.date_created = format_datetime(w.now)
        taken = len(p.providers.taken)
        async with w.ctx.db.tx() as tx:
            await tx.execute(
                "update delivery set state = 'sending', lease_until = $1 where channel = 'sms' and subject_id > 4",
                w.now - timedelta(seconds=1),
            )
        await w.settle()
        assert len(p.providers.taken) == taken
        assert ("sms", "accepted") in [receipt[:2] for receipt in await p.receipts()]
        ignored = await p.twilio("voice", "gather", query, Digits="5", **call)
        assert "no backup" in ignored.text
        assert "b=1" in ignored.text
        done = await p.twilio("voice", "gather", query, Digits="4", **call)
        assert "You acknowledged PG-5, PG-6." in done.text
        assert (await p.states())[4:] == ["acked", "acked"]

        # providers that took a call and did not answer: its key, or its code, is for all pages of it
        await p.rules(w.mara, (0, voice), (120, sms))
        p.providers.twilio_fails, p.providers.vonage_fails = ["reset"], ["503"] * 2
        await p.fire("no disk", "no swap")
        await w.settle()
        query = {**query, "d": str((await p.delivery_ids(7))[0])}
        done = await p.twilio("voice", "gather", query, Digits="4", CallSid=p.last.id, To=MARA)
        assert "You acknowledged PG-7, PG-8." in done.text

        # what waits when its contact method is removed fails, and the next rule acts
        await p.rules(w.mara, (0, sms), (60, voice))
        await p.fire("no queue")
        await w.settle()
        async with w.ctx.db.tx() as tx:
            await tx.execute("update contact_method set disabled_at = $1 where id = $2", w.now, voice.id)
        await w.until(w.now + timedelta(minutes=1), timedelta(minutes=1))
        assert p.last.kind == "sms"
        assert ("voice", "failed") in [receipt[:2] for receipt in await p.receipts()]
        assert await p.reply("8a", "SM55") == "You acknowledged PG-9."

        # two processes that claim at once send each page, in one message or in two
        await p.rules(w.mara, (0, sms))
        taken = len(p.providers.taken)
        await p.fire("no cache", "no proxy", "no index")
        await w.worker.run_due(w.now)
        senders = [Sender(w.ctx), Sender(w.ctx)]
        await asyncio.gather(*(sender.run_once(w.now) for sender in senders))
        await asyncio.gather(*(sender.drain() for sender in senders))
        await w.settle()
        texts = " ".join(message.text for message in p.providers.taken[taken:])
        assert [texts.count(f"PG-{number} ") for number in (10, 11, 12)] == [1, 1, 1]
        for number in (10, 11, 12):
            await w.ack(w.mara, number)

        # what goes wrong with bundles keeps no page back
        await p.rules(w.mara, (0, sms))
        taken = len(p.providers.taken)
        monkeypatch.setattr(page_bundles, "bundled_message", None)
        await p.fire("no space", "no memory")
        await w.settle()
        assert len(p.providers.taken) == taken + 2
        monkeypatch.setattr(bundle_store, "latest_messages", None)
        await p.fire("no network")
        await w.settle()
        assert len(p.providers.taken) == taken + 3
