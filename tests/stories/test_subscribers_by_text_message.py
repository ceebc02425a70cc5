"""Story: customers are told about an incident by text message, from a number that never sends pages."""

import re
from datetime import timedelta
from email.utils import format_datetime
from urllib.parse import urlsplit

import pytest

from firebell.channels import callbacks
from firebell.channels.phone import failover, gsm7, public_sms
from firebell.kit.clock import FakeClock
from firebell.subscribers.sending import lanes as subscriber_lanes
from tests.api.api_clients import Api, browser, key_of
from tests.standins import phone_providers
from tests.standins.phone_providers import PUBLIC_SENDER, SENDER, twilio_post
from tests.world import world

BASE_URL = "https://firebell.example.org"
SUBSCRIBERS, SUBSCRIBE = "/status-pages/kestrel/subscribers", "/s/kestrel/subscribe"
MARA, JUN = "+4915123456789", "+4915123456780"


async def test_a_number_confirms_by_a_code_hears_of_an_incident_and_leaves_by_stop(
    dsn: str, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with phone_providers.serving(BASE_URL) as providers:
        settings = {
            **providers.settings,
            "FIREBELL_TWILIO_PUBLIC_FROM": PUBLIC_SENDER,
            "FIREBELL_PUBLIC_SMS_COUNTRIES": "DE",
            "FIREBELL_PUBLIC_SMS_DAILY_PARTS": "14",
        }
        async with world(dsn, clock, base_url=BASE_URL, channel_settings=settings) as w, browser(w) as http:
            api = Api(http, await key_of(w.ctx.db, clock, w.mara))
            page = {"slug": "kestrel", "name": "Kestrel", "tz": "UTC", "service_ids": [w.service]}
            await api("POST", "/status-pages", page, status=201)

            async def states() -> dict[str, str]:
                return {each["address"]: each["state"] for each in await api("GET", SUBSCRIBERS)}

            async def sent() -> int:
                clock.advance(timedelta(minutes=1))
                await w.settle()
                return len(providers.taken)

            async def post(
                hook: str, query: dict[str, str], hooks: str = public_sms.HOOKS, **form: str
            ) -> int:
                path, headers, body = twilio_post(BASE_URL, "sms", hook, query, hooks=hooks, **form)
                answer = await http.post(path, headers=headers, content=body)
                return answer.status_code

            # by the form, in the spelling of the country
            token = re.search(r'name="token" value="([^"]+)"', (await http.get(SUBSCRIBE)).text)
            assert token
            clock.advance(timedelta(seconds=3))
            form = {"token": token[1], "channel": "sms", "follows": "all", "kind": ["incident"]}
            refused = await http.post(SUBSCRIBE, data={**form, "address": "+33612345678"})
            assert refused.status_code == 422
            asked = await http.post(SUBSCRIBE, data={**form, "address": "0151 23456789"})
            assert (asked.status_code, f'value="{MARA}"' in asked.text) == (202, True)
            assert await sent() == 1
            [message] = providers.taken
            assert (message.number, message.fields["From"]) == (MARA, PUBLIC_SENDER)
            assert gsm7.segments(message.text) <= 2
            code = message.text[:6]

            async def enter(typed: str, number: str = MARA) -> int:
                answer = await http.post(f"{SUBSCRIBE}/code", data={"address": number, "code": typed})
                return answer.status_code

            wrong = "000000" if code != "000000" else "111111"
            assert [await enter(wrong), await enter(wrong, JUN), await states()] == [
                422,
                422,
                {MARA: "pending"},
            ]
            confirmed = await http.post(
                f"{SUBSCRIBE}/code", data={"address": MARA, "code": f"{code[:3]} {code[3:]}"}
            )
            assert (confirmed.status_code, await states()) == (303, {MARA: "active"})
            own = confirmed.headers["location"]
            assert MARA in (await http.get(own)).text
            assert (
                await http.post(own, data={"do": "scope", "follows": "all", "kind": "incident"})
            ).status_code == 200
            assert await enter(code) == 422

            # a manager invites someone, who guesses five times
            invited = {"address": JUN, "channel": "sms"}
            await api("POST", SUBSCRIBERS, invited, status=202)
            assert await sent() == 2
            assert providers.taken[-1].number == JUN
            assert [await enter(wrong, JUN) for _ in range(5)] == [422] * 5
            assert await enter(providers.taken[-1].text[:6], JUN) == 422

            soon = (w.now + timedelta(minutes=30)).isoformat()
            first = {"name": "Payments fail", "stage": "investigating", "body": "We **look** into it. " * 40}
            incident = await api(
                "POST", "/status-pages/kestrel/incidents", {**first, "next_update_at": soon}, status=201
            )
            # its answer is lost, so the provider is asked before it would be sent again
            providers.twilio_fails = ["reset"]
            monkeypatch.setattr(failover, "LOOKUP_AFTER_S", 0)
            assert await sent() == 3
            providers.date_created = format_datetime(w.now)
            clock.advance(timedelta(minutes=1))
            assert await sent() == 3
            news = providers.taken[-1]
            # the provider keeps it longer than a page, and sends one part a second, for all processes
            assert news.fields["ValidityPeriod"] == "14400"
            other = subscriber_lanes.lanes(w.ctx)["subscriber_sms"]
            [mara] = [each["id"] for each in await api("GET", SUBSCRIBERS) if each["address"] == MARA]
            await api("POST", f"{SUBSCRIBERS}/{mara}/test")
            assert (await other.run_once(w.now + timedelta(seconds=1)), other.upcoming) == (
                0,
                w.now + timedelta(seconds=2),
            )
            assert await sent() == 4
            assert (news.number, gsm7.segments(news.text)) == (MARA, 2)
            for part in (
                "Kestrel: Investigating: Payments fail. We look into it.",
                "/s/kestrel/incidents/",
                "STOP",
            ):
                assert part in news.text, news.text

            # what a provider reports about these messages touches no page
            assert await post("status", {"d": "1"}, MessageSid="SM1", MessageStatus="delivered") == 204
            assert await post("reply", {}, From=MARA, Body="Thanks!", MessageSid="SM2") == 200
            # one address may get what both numbers receive, as at Vonage: the number decides
            to_pages = {"From": MARA, "Body": "STOP", "To": SENDER}
            assert await post("reply", {}, **to_pages, MessageSid="SM5") == 200
            assert (await states())[MARA] == "active"
            to_public = {"From": MARA, "Body": " Stop.", "To": PUBLIC_SENDER}
            assert await post("reply", {}, callbacks.PATH, **to_public, MessageSid="SM3") == 200
            assert (await states())[MARA] == "ended"
            update = {"stage": "resolved", "body": "It works again."}
            await api("POST", f"/status-pages/kestrel/incidents/{incident['id']}/updates", update, status=201)
            # the number asked for silence, so an invitation is refused until START
            await api("POST", SUBSCRIBERS, {"address": MARA, "channel": "sms"}, status=409)
            clock.advance(timedelta(days=1))
            assert await sent() == 4
            assert await post("reply", {}, From=MARA, Body="START", MessageSid="SM4") == 200
            # no one but its readers gets to the form of a private page, so its text has a link that confirms
            await api("PATCH", "/status-pages/kestrel", {"visibility": "private"})
            await api("POST", SUBSCRIBERS, {"address": MARA, "channel": "sms"}, status=202)
            assert await sent() == 5
            assert (providers.taken[-1].number, (await states())[MARA]) == (MARA, "pending")
            confirm = urlsplit(providers.taken[-1].text.split()[-1]).path
            assert (await http.get(confirm)).status_code == 200
            assert (await http.post(confirm, data={"do": "confirm"})).status_code == 200
            assert (await states())[MARA] == "active"
            assert providers.refused == []
