"""Story: pages arrive as text messages and calls, are answered from there, and survive a provider that fails."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from email.utils import format_datetime
from typing import Any

import httpx
import pytest

from firebell.channels.phone import gsm7, requests
from firebell.kit.clock import FakeClock
from firebell.notify import hourly_limits, reply_code_store
from firebell.notify.retention_store import delete_reply_codes
from firebell.paging import actions as paging
from firebell.paging.model import PageState
from firebell.people import actions as people
from firebell.people import verification_actions as verification
from firebell.people.model import ContactMethod, MethodState
from tests.api.api_clients import browser, sign_in
from tests.standins import phone_providers
from tests.standins.phone_providers import Message, PhoneProviders, twilio_post, vonage_headers
from tests.world import World, world

BASE_URL = "https://firebell.example.org"
MARA = "+4915123456789"
JUN = "+14155552671"


@dataclass(slots=True)
class Phones:
    """The world, its providers, and who posts to Firebell for them."""

    w: World
    providers: PhoneProviders
    http: httpx.AsyncClient

    @property
    def last(self) -> Message:
        """What a provider took last."""
        return self.providers.taken[-1]

    async def twilio(self, channel: str, hook: str, query: dict[str, str], **form: str) -> httpx.Response:
        """Post as Twilio does."""
        path, headers, body = twilio_post(BASE_URL, channel, hook, query, **form)
        return await self.http.post(path, headers=headers, content=body)

    async def vonage(self, channel: str, hook: str, query: str = "", **fields: Any) -> httpx.Response:
        """Post as Vonage does."""
        body = json.dumps(fields).encode()
        headers = vonage_headers(body, int(self.w.now.timestamp()))
        return await self.http.post(
            f"/in/channel/{channel}/vonage/{hook}{query}", headers=headers, content=body
        )

    async def reply(self, text: str, key: str, sender: str = MARA) -> str:
        """Send a text from a phone, and return what Firebell answers."""
        answer = await self.twilio(
            "sms", "reply", {}, From=sender, To=phone_providers.SENDER, Body=text, MessageSid=key
        )
        assert answer.status_code == 200
        return answer.text.partition("<Message>")[2].partition("</Message>")[0]

    async def add(self, person: int, kind: str, address: str) -> ContactMethod:
        """Add a number and verify it with the code that arrives."""
        w = self.w
        actor = await w.actor(person)
        async with w.ctx.db.tx() as tx:
            method = await people.add_contact_method(
                *(tx, actor),
                person_id=person,
                kind=kind,
                address=address,
                label="",
                settings=w.ctx.channel_settings,
                now=w.now,
            )
            await people.request_code(tx, actor, method.id, person, w.now)
        await w.settle()
        code = "".join(c for c in self.last.text.partition("Your code is")[2][:20] if c.isdecimal())
        code = code or self.last.text.split()[0]
        async with w.ctx.db.tx() as tx:
            (await verification.enter_code(tx, actor, w.ctx.signer, method.id, person, code, w.now)).check()
        return method

    async def rules(self, person: int, *rules: tuple[int, ContactMethod]) -> None:
        """Set how a person is notified of urgent pages."""
        actor = await self.w.actor(person)
        async with self.w.ctx.db.tx() as tx:
            pairs = [(delay_s, method.id) for delay_s, method in rules]
            await people.set_rules(tx, actor, person_id=person, urgency="high", rules=pairs, now=self.w.now)

    async def state_of(self, method: ContactMethod) -> MethodState:
        """Return the state of a contact method."""
        async with self.w.ctx.db.tx() as tx:
            current = await people.method(tx, method.id)
        assert current
        return current.state

    async def receipts(self) -> list[tuple[str, str, str]]:
        """Return channel, state and receipt of each delivery of the newest page."""
        page = await self.w.page()
        async with self.w.ctx.db.tx() as tx:
            deliveries = await paging.deliveries(tx, page.id)
        return [(d.channel, str(d.state), str(d.receipt.state) if d.receipt else "") for d in deliveries]

    async def fire(self, *names: str) -> None:
        """Send alerts, each of which has a page of its own."""
        labels = [{"alertname": name, "service": name, "severity": "critical"} for name in names]
        alerts = [{"labels": each, "status": "firing", "fingerprint": each["alertname"]} for each in labels]
        body = {"version": "4", "status": "firing", "alerts": alerts}
        await self.w.receive("alertmanager", json.dumps(body).encode())

    async def delivery_ids(self, page_id: int) -> list[int]:
        """Return the ids of the deliveries of a page, oldest first."""
        async with self.w.ctx.db.tx() as tx:
            return [d.id for d in await paging.deliveries(tx, page_id)]

    async def states(self) -> list[str]:
        """Return the state of each page, oldest first."""
        async with self.w.ctx.db.tx() as tx:
            pages = await paging.pages_by_id(tx, list(range(1, 20)))
        return [str(pages[i].state) for i in sorted(pages)]

    async def delivery_id(self, channel: str) -> str:
        """Return the id of the newest message about the newest page on a channel."""
        page = await self.w.page()
        async with self.w.ctx.db.tx() as tx:
            return str(max(d.id for d in await paging.deliveries(tx, page.id) if d.channel == channel))


@asynccontextmanager
async def phones(dsn: str, clock: FakeClock, **more: str) -> AsyncIterator[Phones]:
    """Run a world with both providers."""
    async with phone_providers.serving(BASE_URL) as providers:
        channel_settings = {**providers.settings, **more}
        async with (
            world(dsn, clock, base_url=BASE_URL, channel_settings=channel_settings) as w,
            browser(w) as http,
        ):
            providers.date_created = format_datetime(w.now)
            async with w.ctx.db.tx() as tx:
                for method in await people.methods_of(tx, [w.mara, w.jun]):
                    await people.mark_method_verified(tx, method.id, w.now)
            yield Phones(w, providers, http)
            assert providers.refused == []


async def test_a_page_is_answered_by_text_and_by_key(dsn: str, clock: FakeClock) -> None:
    async with phones(dsn, clock) as p:
        w = p.w
        sms = await p.add(w.mara, "sms", "0151 23456789")
        assert (sms.address, await p.state_of(sms)) == (MARA, MethodState.VERIFIED)
        await p.rules(w.mara, (0, sms))
        async with w.ctx.db.tx() as tx:
            (policy,) = await paging.policies(tx)
            await paging.update_policy(
                *(tx, await w.actor(w.mara), policy),
                replace(policy.plan, repeat=0, ack_timeout_s=1200),
                now=w.now,
            )

        await w.alert("5xx above 5 %")
        await w.settle()
        assert (p.last.provider, p.last.number, gsm7.segments(p.last.text)) == ("twilio", MARA, 1)
        assert p.last.text.endswith(f"PG-1. Reply 1a ack, 1e escalate. {BASE_URL}/pages/PG-1")
        status = {"d": await p.delivery_id("sms")}

        # receipts move forward only, whoever posts them last
        for word in ("sent", "delivered", "sent", "delivered"):
            posted = await p.twilio("sms", "status", status, MessageSid=p.last.id, MessageStatus=word)
            assert posted.status_code == 204
        assert await p.receipts() == [("sms", "accepted", "delivered")]

        # what no provider signed changes nothing
        path, headers, body = twilio_post(
            BASE_URL, "sms", "reply", {}, From=MARA, Body="1a", MessageSid="SM9"
        )
        forged = [
            await p.http.post(path, headers={**headers, "X-Twilio-Signature": "AAAA"}, content=body),
            await p.http.post(path, headers=headers, content=body.replace("1a", "1r")),
            await p.http.post(path, content=body),
            await p.http.post(path.replace("twilio", "acme"), headers=headers, content=body),
            await p.http.post("/in/channel/pigeon/twilio/reply", headers=headers, content=body),
        ]
        assert [r.status_code for r in forged] == [403, 403, 401, 401, 404]
        assert await p.reply("1a", "SM20", "+4915199999999") == ""
        assert (await w.page()).state is PageState.TRIGGERED

        assert "such as 47a" in await p.reply("hello", "SM21")
        assert await p.reply("2a", "SM22") == "There is no page with the code 2. Reply ? for your open pages."
        assert await p.reply("?", "SM23") == "Open: PG-1 (1a to ack)."
        assert await p.reply("1a on it", "SM24") == "You acknowledged PG-1."
        assert await p.reply("1a on it", "SM24") == ""
        assert (await w.page()).state is PageState.ACKED
        assert await p.receipts() == [("sms", "accepted", "answered")]
        story = await w.story()
        assert "Mara Lindqvist acknowledged." in story
        assert [entry for entry in story if entry in ("hello", "on it")] == ["hello", "on it"]
        # before it runs out, the same code renews it
        ends = (await w.page()).due_at
        await w.after(minutes=15)
        assert "Still on it?" in p.last.text
        assert "Reply 1a ack" in p.last.text
        assert await p.reply("1a", "SM28") == "You acknowledged PG-1."
        renewed = (await w.page()).due_at
        assert ends
        assert renewed == ends + timedelta(minutes=15)
        # a code stays that of its page while it is open, and is given to no other soon after
        in_a_month = w.now + timedelta(days=30)
        async with w.ctx.db.tx() as tx:
            assert await delete_reply_codes(tx, in_a_month, 10) == 0
        assert await p.reply("1r", "SM25") == "You resolved PG-1."
        assert await p.reply("1a", "SM26") == "PG-1 is resolved."

        # a call reads the page, and takes keys
        voice = await p.add(w.jun, "voice", JUN)
        await p.rules(w.mara, (0, sms))
        await p.rules(w.jun, (0, voice))
        await w.alert("disk full")
        await w.settle()
        async with w.ctx.db.tx() as tx:
            assert await delete_reply_codes(tx, in_a_month, 10) == 1
        assert "Reply 2a ack" in p.last.text
        assert await p.reply("e", "SM27") == "You escalated PG-2."
        await w.settle()
        placed = next(m for m in reversed(p.providers.taken) if m.kind == "voice")
        assert placed.number == JUN
        assert "You have a page. Press 4 to acknowledge" in placed.text
        assert "heckout" not in placed.text
        assert "disk full" not in placed.text
        call = {"CallSid": placed.id, "To": JUN, "From": phone_providers.SENDER}
        query = {"d": await p.delivery_id("voice"), "n": "1"}
        again = await p.twilio("voice", "gather", query, Digits="*", **call)
        assert "disk full" in again.text
        asked = await p.twilio("voice", "gather", query, Digits="6", **call)
        assert "Press 6 again to resolve." in asked.text
        other = await p.twilio("voice", "gather", query, Digits="4", **{**call, "To": MARA})
        assert "can no longer answer" in other.text
        assert (await w.page()).state is PageState.TRIGGERED
        # a number that Jun has not confirmed, or has removed, may be a stranger's
        for column in ("verified_at = null", "disabled_at = now()"):
            async with w.ctx.db.tx() as tx:
                await tx.execute(f"update contact_method set {column} where id = $1", voice.id)
            refused = await p.twilio("voice", "gather", query, Digits="4", **call)
            assert "Confirm this address in Firebell first." in refused.text
            assert (await w.page()).state is PageState.TRIGGERED
            async with w.ctx.db.tx() as tx:
                await tx.execute(
                    "update contact_method set verified_at = now(), disabled_at = null where id = $1",
                    voice.id,
                )
        done = await p.twilio("voice", "gather", query, Digits="4", **call)
        assert "You acknowledged PG-2." in done.text
        assert "<Hangup/>" in done.text
        repeated = await p.twilio("voice", "gather", query, Digits="4", **call)
        assert "You acknowledged PG-2." in repeated.text
        assert (await w.page()).state is PageState.ACKED
        assert ("voice", "accepted", "answered") in await p.receipts()

        await w.resolve(w.mara)
        await w.alert("queue stuck")
        await w.settle()
        assert "Reply 3a ack" in p.last.text

        # two people share a number: a page of both is answered, and the codes of two pages differ
        async with w.ctx.db.tx() as tx:
            shared = await people.add_contact_method(
                *(tx, await w.actor(w.jun)), person_id=w.jun, kind="sms", address=MARA, label="", now=w.now
            )
            await people.mark_method_verified(tx, shared.id, w.now)
            await tx.execute(
                """
                insert into reply_code (person_id, code, subject_kind, subject_id, given_at)
                select $1, code, subject_kind, subject_id, given_at
                from reply_code
                where person_id = $2 and code = 3
                """,
                *(w.jun, w.mara),
            )
            given = await reply_code_store.give(
                tx, [(w.jun, "page", 901), (w.mara, "page", 902)], ["sms", "voice"], w.now
            )
            assert sorted(given.values()) == [4, 5]
        assert await p.reply("3e", "SM29") == "You escalated PG-3."
        assert await p.reply("?", "SM33") == "Open: PG-3 (3a to ack)."
        assert await p.reply("a", "SM34") == "You acknowledged PG-3."

        # STOP ends the messages and START brings them back
        assert await p.reply("STOP", "SM30") == ""
        assert await p.state_of(sms) is MethodState.DISABLED
        assert await p.reply("a", "SM31") == ""
        assert await p.reply("start", "SM32") == ""
        assert await p.state_of(sms) is MethodState.VERIFIED


async def test_pages_at_nearly_the_same_time_are_one_message(dsn: str, clock: FakeClock) -> None:
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
        assert await p.reply("4aa on it", "SM52") == "You acknowledged PG-2, PG-3."
        assert await p.states() == ["triggered", "acked", "acked", "resolved"]
        assert await p.reply("4aa", "SM53") == "You acknowledged PG-2."

        # one call for several pages: a failure is one of each, and a key acknowledges all
        await w.until(w.now + timedelta(minutes=2), timedelta(minutes=1))
        await p.rules(w.mara, (0, voice), (600, sms))
        await p.fire("5xx", "no backup")
        await w.settle()
        assert p.last.kind == "voice"
        assert "You have 2 pages. Press 4 to acknowledge all, star to repeat." in p.last.text
        first = (await p.delivery_ids(5))[0]
        query, call = {"d": str(first), "n": "1"}, {"CallSid": p.last.id, "To": MARA}
        read = (await p.twilio("voice", "gather", query, Digits="*", **call)).text
        assert "no backup" in read
        assert "5 x x" in read or "5xx" in read
        failed = {"CallSid": p.last.id, "CallStatus": "failed", "SipResponseCode": "503"}
        await p.twilio("voice", "status", query, **failed)
        await w.settle()
        # the next rule of both acts, as one message
        assert p.last.kind == "sms"
        assert "PG-5 5a, PG-6 6a. Reply" in p.last.text
        refused = await p.twilio("voice", "gather", query, Digits="5", **call)
        assert "only be acknowledged together" in refused.text
        done = await p.twilio("voice", "gather", query, Digits="4", **call)
        assert "You acknowledged PG-5, PG-6." in done.text
        assert (await p.states())[4:] == ["acked", "acked"]


async def test_a_provider_that_fails_loses_no_page_and_low_urgency_has_a_limit(
    dsn: str, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with phones(dsn, clock, FIREBELL_PHONE_DAILY_PARTS="4") as p:
        w = p.w
        sms, voice = await p.add(w.mara, "sms", MARA), await p.add(w.mara, "voice", MARA)
        await p.rules(w.mara, (0, sms), (600, voice))

        # a message whose answer was lost is found, and not sent twice
        p.providers.twilio_fails = ["reset"]
        await w.alert("disk full")
        await w.settle()
        sent = [m for m in p.providers.taken if m.kind == "sms" and "disk full" in m.text]
        assert [m.provider for m in sent] == ["twilio"]

        # a receipt of failure makes the next rule act now
        status = {"d": await p.delivery_id("sms")}
        for _ in range(2):
            await p.twilio(
                "sms", "status", status, MessageSid=sent[0].id, MessageStatus="failed", ErrorCode="30005"
            )
        await w.settle()
        assert (p.last.kind, p.last.number) == ("voice", MARA)
        assert [state for _, state, _ in await p.receipts()] == ["failed", "accepted"]
        assert await p.state_of(sms) is MethodState.SUSPECT

        # an answering machine hears nothing of what the page is about, and a key proves that it is none
        query, call = {"d": await p.delivery_id("voice"), "n": "1"}, {"CallSid": p.last.id, "To": MARA}
        assert "disk full" in (await p.twilio("voice", "gather", query, **call)).text
        await p.twilio("voice", "status", query, CallSid=p.last.id, AnsweredBy="machine_start")
        silent = (await p.twilio("voice", "gather", query, **call)).text
        assert ("disk full" in silent, "<Hangup/>" in silent) == (False, True)
        assert "disk full" in (await p.twilio("voice", "gather", query, Digits="*", **call)).text

        # a refused key opens the circuit: the next provider sends at once
        await w.resolve(w.mara)
        p.providers.twilio_fails = ["401"]
        async with w.ctx.db.tx() as tx:
            await people.set_message_settings(
                *(tx, await w.actor(w.mara)),
                method_id=sms.id,
                person_id=w.mara,
                language="de",
                privacy="title_hidden",
                now=w.now,
            )
        await w.alert("replica lag")
        await w.settle()
        assert (p.last.provider, p.last.kind) == ("vonage", "sms")
        # the phone lies on the table: no title, in her language, and the way to answer
        assert p.last.text.startswith("Firebell: Alarm 2, Checkout. Antworte 2a")
        assert "replica" not in p.last.text
        rejected = {
            "message_uuid": p.last.id,
            "client_ref": p.last.fields["client_ref"],
            "status": "rejected",
        }
        posted = await p.vonage("sms", "status", error={"title": "1240"}, **rejected)
        assert posted.status_code == 204
        await w.settle()
        assert (p.last.provider, p.last.kind) == ("twilio", "voice")
        assert len([m for m in p.providers.taken if m.provider == "vonage"]) == 1

        # a reply to Vonage is answered by a message
        number = MARA.removeprefix("+")
        reply = {
            "message_uuid": "u-1",
            "from": number,
            "to": "15005550001",
            "text": "ack 2",
        }
        assert (await p.vonage("sms", "reply", **reply)).status_code == 204
        await w.settle()
        assert p.last.text == "Du hast PG-2 übernommen."
        assert (await w.page()).state is PageState.ACKED

        # beyond the limit only urgent pages go on, and the admins know
        before = len(p.providers.taken)
        async with w.ctx.db.tx() as tx:
            await people.request_test(tx, await w.actor(w.mara), sms.id, w.mara, w.now)
        await w.settle()
        async with w.ctx.db.tx() as tx:
            tested = await people.method(tx, sms.id)
        assert tested
        assert (len(p.providers.taken), tested.test_result) == (before, "failed")
        assert "Text message (SMS): 100% of the daily limit is used" in [m["title"] for m in w.sink.got]
        await w.resolve(w.mara)
        clock.advance(timedelta(minutes=1))
        await w.alert("queue full")
        # the provider may report a failure before its answer is recorded
        p.providers.before_answer = lambda taken: p.vonage(
            *("sms", "status"),
            message_uuid=taken.id,
            client_ref=taken.fields["client_ref"],
            status="undeliverable",
        )
        await w.settle()
        urgent = p.providers.taken[-2:]
        assert [("Alarm 3" in m.text, m.kind) for m in urgent] == [(True, "sms"), (False, "voice")]

        # what was sent stands beside the page and in the settings
        await sign_in(w, p.http, w.mara)
        page = (await p.http.get("/api/v1/pages/PG-2")).json()
        assert [d["receipt"] and d["receipt"]["state"] for d in page["deliveries"]] == ["failed", "accepted"]
        assert (page["deliveries"][0]["receipt"]["provider"], page["deliveries"][0]["error"]) == (
            "vonage",
            "rejected 1240",
        )
        usage = {each["kind"]: each for each in (await p.http.get("/api/v1/phone-usage")).json()}
        assert (usage["sms"]["daily_limit"], usage["sms"]["daily_parts"]) == (4, 5)
        assert {(u["provider"], u["country"], u["failed"]) for u in usage["sms"]["usage"]} == {
            ("twilio", "DE", 1),
            ("vonage", "DE", 2),
        }
        shown = await p.http.get("/settings/phone")
        assert "Vonage" in shown.text
        assert "Vonage" in (await p.http.get("/pages/PG-2")).text

        # beyond the hourly limit, a page uses another contact method (I9)
        p.providers.before_answer = None
        monkeypatch.setattr(hourly_limits, "PAGE_MAX", 1)
        async with w.ctx.db.tx() as tx:
            [hook] = [m for m in await people.methods_of(tx, [w.mara]) if m.kind == "webhook"]
        await p.rules(w.mara, (0, sms), (60, voice), (3600, hook))
        await w.resolve(w.mara)
        clock.advance(timedelta(minutes=1))
        # a provider that is slow has taken the message: it is looked up, and not sent twice
        p.providers.twilio_fails = ["slow"]
        monkeypatch.setattr(requests, "LIMIT_S", 1.0)
        await w.alert("clock drift")
        await w.after(minutes=2)
        p.providers.slow.set()
        assert [m.kind for m in p.providers.taken if "Alarm 4" in m.text] == ["sms"]
        assert any("clock drift" in m["title"] and m["event"] == "page" for m in w.sink.got)

        # many codes and tests to one country look like fraud: they stop, and the admins know
        monkeypatch.setitem(hourly_limits._LIMITS, "country", 2)
        async with w.ctx.db.tx() as tx:
            await people.request_test(tx, await w.actor(w.mara), voice.id, w.mara, w.now)
        await w.settle()
        assert "Codes and tests to DE are stopped" in [m["title"] for m in w.sink.got]
        [stop] = (await p.http.get("/api/v1/phone-usage/stops")).json()
        assert (stop["scope"], stop["value"], stop["sent"]) == ("country", "DE", 2)
        assert stop["text"] in (await p.http.get("/settings/phone")).text
