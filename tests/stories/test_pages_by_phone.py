"""Story: pages arrive as text messages and calls, are answered from there, and survive a provider that fails."""

from dataclasses import replace
from datetime import timedelta

import pytest

from firebell.channels.phone import gsm7, requests
from firebell.kit.clock import FakeClock
from firebell.notify.composing import reply_code_store
from firebell.notify.hourly_limits import rules as hourly_limits
from firebell.notify.retention_store import delete_reply_codes
from firebell.paging import actions as paging
from firebell.paging.model import PageState
from firebell.people import actions as people
from firebell.people.model import MethodState
from tests.api.api_clients import key_of, sign_in
from tests.phone_world import BASE_URL, JUN, MARA, phones
from tests.standins import phone_providers
from tests.standins.phone_providers import twilio_post


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
                insert into reply_code (person_id, code, subject_kind, subject_id, given_at, added_at)
                select $1, code, subject_kind, subject_id, given_at, added_at
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
        assert p.last.text.startswith("Firebell: Alarm 2, Checkout. Antwort: 2a")
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
        csrf = await sign_in(w, p.http, w.mara)
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

        # the admins see whose limit is reached, too
        monkeypatch.setitem(hourly_limits._LIMITS, "person", 2)
        of_person = (await p.http.get("/api/v1/phone-usage/stops")).json()[1]
        assert (of_person["value"], of_person["text"]) == (str(w.mara), "Codes and tests of Mara Lindqvist")
        monkeypatch.setitem(hourly_limits._LIMITS, "person", hourly_limits.PERSON_MAX)

        # an admin allows the country for a while, and only what is stopped
        allowances = "/api/v1/phone-usage/allowances"
        admin = {"Authorization": f"Bearer {await key_of(w.ctx.db, clock, w.mara)}"}
        for scope, value, code in (("country", "SE", 409), ("range", "", 422), ("installation", "", 422)):
            answer = await p.http.post(allowances, json={"scope": scope, "value": value}, headers=admin)
            assert answer.status_code == code, (scope, value)
        assert "Allow for 24 hours" in (await p.http.get("/settings/phone")).text
        form = {"csrf": csrf, "scope": "country", "value": "DE"}
        allowed = await p.http.post("/settings/phone/allowances", data=form, follow_redirects=False)
        assert allowed.status_code == 303
        answer = await p.http.post(
            allowances, json={"scope": "country", "value": "DE", "hours": 2}, headers=admin
        )
        assert (answer.status_code, answer.json()["created_by"]) == (201, "Mara Lindqvist (test)")
        assert (await p.http.get("/api/v1/phone-usage/stops")).json() == []
        refused_with = "select error from delivery where subject_kind = 'test' order by id desc limit 1"
        async with w.ctx.db.tx() as tx:
            assert "are stopped" in await tx.value(refused_with)
            clock.advance(timedelta(seconds=1))
            await people.request_test(tx, await w.actor(w.mara), voice.id, w.mara, w.now)
        await w.settle()
        async with w.ctx.db.tx() as tx:
            # only the daily limit is left, which this organization has reached
            assert "are stopped" not in await tx.value(refused_with)
        listed = (await p.http.get(allowances)).json()
        assert [(each["scope"], each["value"]) for each in listed] == [("country", "DE")]
        page = (await p.http.get("/settings/phone")).text
        assert f"/settings/phone/allowances/{listed[0]['id']}/end" in page
        # it expires; one that is ended does so at once
        clock.advance(timedelta(hours=2))
        assert (await p.http.get(allowances)).json() == []
        ended = [
            (await p.http.delete(f"{allowances}/{listed[0]['id']}", headers=admin)).status_code
            for _ in range(2)
        ]
        assert ended == [204, 404]
