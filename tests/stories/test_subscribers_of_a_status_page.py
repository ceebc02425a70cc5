"""Customers subscribe to a status page, hear of an incident, and leave: with a real mail server and real webhooks."""

import email
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from email import policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import httpx
import pytest
from aiosmtpd.smtp import SMTP, Envelope, Session

from firebell.kit.clock import FakeClock
from firebell.subscribers.broadcasts import actions as broadcasts
from firebell.subscribers.sending import lanes, mail_sender
from firebell.subscribers.sending.mail_sender import MailSender
from tests.api.api_clients import Api, browser, key_of
from tests.servers import mail_server
from tests.world import World, world

SUBSCRIBE = "/s/kestrel/subscribe"
INCIDENTS = "/status-pages/kestrel/incidents"


@dataclass(slots=True)
class Relay:
    """A mail server that keeps what it gets, and answers some recipients differently."""

    mails: list[EmailMessage] = field(default_factory=list)
    refused: dict[str, str] = field(default_factory=dict)
    answer: str = "250 OK"

    async def handle_RCPT(  # noqa: N802 - aiosmtpd's name
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if address in self.refused:
            return self.refused[address]
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        assert isinstance(envelope.content, bytes)
        self.mails.append(email.message_from_bytes(envelope.content, policy=policy.default))
        return self.answer

    def to(self, address: str) -> list[EmailMessage]:
        """Return what an address got, oldest first."""
        return [mail for mail in self.mails if mail["To"] == address]


def link_of(mail: EmailMessage) -> str:
    """Return the path of the first link with a token."""
    body = mail.get_body(("plain",))
    assert body is not None
    match = re.search(r"/u/\S+", body.get_content())
    assert match, body.get_content()
    return match[0]


@dataclass(slots=True)
class Town:
    """A world with a status page, a relay, a browser without a session, and the API."""

    w: World
    relay: Relay
    http: httpx.AsyncClient
    api: Api

    async def ask(self, address: str, **more: Any) -> httpx.Response:
        """Send the form of the status page as a person would."""
        token = re.search(r'name="token" value="([^"]+)"', (await self.http.get(SUBSCRIBE)).text)
        assert token
        self.w.clock.advance(timedelta(seconds=3))
        kinds = ["incident", "maintenance"]
        form = {"token": token[1], "address": address, "follows": "all", "kind": kinds, **more}
        return await self.http.post(SUBSCRIBE, data=form)

    async def subscribe(self, address: str, **more: Any) -> str:
        """Subscribe an address and return the path of its link to manage it."""
        assert (await self.ask(address, **more)).status_code == 202
        await self.w.settle()
        path = link_of(self.relay.to(address)[-1])
        assert (await self.http.post(path, data={"do": "confirm"})).status_code == 200
        return path

    async def publish(self, body: str, stage: str = "investigating", **more: Any) -> dict[str, Any]:
        """Publish the first update of an incident."""
        soon = (self.w.now + timedelta(minutes=30)).isoformat()
        update = {"name": "Payments fail", "stage": stage, "body": body, "next_update_at": soon, **more}
        published: dict[str, Any] = await self.api("POST", INCIDENTS, update, status=201)
        return published

    async def update(self, public_id: str, body: str, stage: str, **more: Any) -> None:
        """Publish the next update of an incident."""
        soon = None if stage == "resolved" else (self.w.now + timedelta(minutes=30)).isoformat()
        update = {"stage": stage, "body": body, "next_update_at": soon, **more}
        await self.api("POST", f"{INCIDENTS}/{public_id}/updates", update, status=201)

    async def states(self) -> dict[str, str]:
        """Return the state of each listed address."""
        listed = await self.api("GET", "/status-pages/kestrel/subscribers")
        return {each["address"]: each["state"] for each in listed}


@asynccontextmanager
async def town(dsn: str, clock: FakeClock, folder: Path) -> AsyncIterator[Town]:
    """Yield a world with the status page of Kestrel."""
    relay = Relay()
    async with (
        mail_server(relay) as port,
        world(dsn, clock, smtp_url=f"smtp://127.0.0.1:{port}", data=folder) as w,
        browser(w) as http,
    ):
        api = Api(http, await key_of(w.ctx.db, clock, w.mara))
        page = {"slug": "kestrel", "name": "Kestrel", "tz": "UTC", "service_ids": [w.service]}
        await api("POST", "/status-pages", page, status=201)
        yield Town(w, relay, http, api)


OPS = "ops@nordpost.example"


async def test_a_customer_confirms_hears_of_an_incident_and_leaves_with_one_click(
    dsn: str, clock: FakeClock, tmp_path: Path
) -> None:
    async with town(dsn, clock, tmp_path) as t:
        first = await t.ask(OPS)
        assert first.status_code == 202
        assert await t.states() == {}
        await t.w.settle()
        [confirm] = t.relay.to(OPS)
        assert (confirm["List-Unsubscribe"], confirm["Auto-Submitted"]) == (None, "auto-generated")
        # a mail scanner that follows the link changes nothing, and nothing is sent before the confirmation
        path = link_of(confirm)
        for _ in range(2):
            assert (await t.http.get(path)).status_code == 200
        assert await t.states() == {OPS: "pending"}
        await t.publish("One.")
        await t.w.settle()
        assert len(t.relay.to(OPS)) == 1
        assert (await t.http.post(path, data={"do": "confirm"})).status_code == 200
        assert await t.states() == {OPS: "active"}
        assert (await t.http.post(path, data={"do": "confirm"})).status_code == 410
        # known, unknown and role-like answers are the same; the address learns the difference
        t.w.clock.advance(timedelta(hours=1))
        answers = {(await t.ask(each)).content for each in (OPS, "new@nordpost.example")}
        assert answers == {first.content}
        await t.w.settle()
        assert len(t.relay.to(OPS)) == 2
        await t.ask(OPS)
        await t.w.settle()
        assert len(t.relay.to(OPS)) == 2

        t.w.clock.advance(timedelta(hours=1))
        published = await t.publish("We are looking.")
        await t.w.settle()
        news = t.relay.to(OPS)[-1]
        assert news["Subject"] == "[Kestrel] Investigating: Payments fail"
        assert news["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
        assert news["Precedence"] == "bulk"
        one_click = news["List-Unsubscribe"].strip("<>").removeprefix("http://127.0.0.1:8080")
        assert (await t.http.get(one_click)).status_code == 200
        assert (await t.states())[OPS] == "active"
        # what is queued when someone leaves is never sent
        await t.update(published["id"], "Found.", "identified")
        async with t.w.ctx.work_db.tx() as tx:
            await broadcasts.fan_out_step(tx, t.w.now)
        for link in (one_click, "/u/forged"):
            left = await t.http.post(
                link, data={"List-Unsubscribe": "One-Click"}, headers={"Sec-Fetch-Site": "cross-site"}
            )
            assert (left.status_code, left.content) == (200, b"")
            assert "set-cookie" not in left.headers
        await t.w.settle()
        assert [m["Subject"] for m in t.relay.to(OPS)][-2:] == [
            "[Kestrel] Investigating: Payments fail",
            "You’ve been unsubscribed from Kestrel",
        ]
        undo = link_of(t.relay.to(OPS)[-1])
        assert (await t.states())[OPS] == "ended"
        assert (await t.http.post(undo, data={"do": "undo"})).status_code == 200
        assert (await t.states())[OPS] == "active"
        assert (await t.http.post(one_click, data={"do": "erase"})).status_code == 200
        assert OPS not in await t.states()
        assert (await t.http.post(one_click, data={"do": "scope"})).status_code == 410
        async with t.w.ctx.db.tx() as tx:
            kept = await tx.fetch("select * from subscriber where state = 'erased'")
        assert "nordpost" not in repr([dict(row) for row in kept])


async def test_a_form_cannot_be_used_to_flood_anyone(dsn: str, clock: FakeClock, tmp_path: Path) -> None:
    async with town(dsn, clock, tmp_path) as t:
        await t.ask(OPS)
        await t.w.settle()
        assert (await t.http.post(link_of(t.relay.mails[0]), data={"do": "refuse"})).status_code == 200
        t.w.clock.advance(timedelta(days=40))
        again = await t.ask(OPS)
        trap = await t.ask("trap@nordpost.example", website="x")
        forged = await t.ask("forged@nordpost.example", token="x")
        assert {again.status_code, trap.status_code, forged.status_code} == {202}
        assert again.content == trap.content == forged.content
        await t.w.settle()
        assert len(t.relay.mails) == 1
        for address in ("not an address", "postmaster@nordpost.example"):
            assert (await t.ask(address)).status_code == 422
        assert (await t.ask("sixth@nordpost.example")).status_code == 429


async def test_mails_that_wait_are_replaced_by_the_next_one_that_says_both(
    dsn: str, clock: FakeClock, tmp_path: Path
) -> None:
    async with town(dsn, clock, tmp_path) as t:
        await t.subscribe(OPS)
        published = await t.publish("We are looking.", components={"1": "partial_outage"})
        async with t.w.ctx.work_db.tx() as tx:
            await broadcasts.fan_out_step(tx, t.w.now)
        await t.update(published["id"], "Over.", "resolved")
        await t.w.settle()
        [_, mail] = t.relay.to(OPS)
        body = mail.get_body(("plain",))
        assert body is not None
        assert mail["Subject"] == "[Kestrel] Resolved: Payments fail"
        assert "We are looking." in body.get_content()
        shown = {b["title"]: b for b in await t.api("GET", "/status-pages/kestrel/broadcasts")}
        assert (shown["Payments fail"]["void"], shown["Payments fail"]["sent"]) in {(1, 0), (0, 1)}
        # progress without a new stage is mailed at most every 30 minutes
        other = await t.publish("One.")
        await t.update(other["id"], "Two.", "investigating")
        await t.w.settle()
        assert len(t.relay.to(OPS)) == 3
        clock.advance(timedelta(minutes=31))
        await t.update(other["id"], "Three.", "investigating")
        await t.w.settle()
        assert len(t.relay.to(OPS)) == 4


async def test_addresses_that_bounce_are_stopped_and_a_broadcast_that_bounces_is_paused(
    dsn: str, clock: FakeClock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("firebell.subscribers.deliveries.dead_addresses.STOP_WITHIN", 40)
    async with town(dsn, clock, tmp_path) as t:
        csv = "address\r\n" + "".join(f"c{i}@d{i}.example\r\n" for i in range(6))
        preview = await t.api(
            "POST", "/status-pages/kestrel/subscribers/import", {"csv": csv, "dry_run": True}
        )
        assert (preview["new"], t.relay.mails) == (6, [])
        await t.api("POST", "/status-pages/kestrel/subscribers/import", {"csv": csv})
        await t.w.settle()
        for i in range(6):
            confirm = link_of(t.relay.to(f"c{i}@d{i}.example")[0])
            await t.http.post(confirm, data={"do": "confirm"})
        t.relay.refused = {
            "c0@d0.example": "550 5.1.1 no such user",
            "c1@d1.example": "432 4.7.12 try again later",
        }
        await t.publish("One.")
        await t.w.settle()
        states = await t.states()
        assert (states["c0@d0.example"], states["c1@d1.example"]) == ("quarantined", "active")
        [shown] = await t.api("GET", "/status-pages/kestrel/broadcasts")
        assert (shown["sent"], shown["failed"], shown["waiting"]) == (4, 1, 1)
        t.relay.refused = {f"c{i}@d{i}.example": "550 5.7.1 spam" for i in range(1, 6)}
        clock.advance(timedelta(hours=1))
        await t.publish("Two.")
        await t.w.settle()
        shown, *_ = await t.api("GET", "/status-pages/kestrel/broadcasts")
        assert shown["paused_at"]
        assert any("paused" in str(got.get("title")) for got in t.w.sink.got)
        t.relay.refused = {}
        resumed = await t.api("POST", f"/status-pages/kestrel/broadcasts/{shown['id']}/resume")
        assert resumed["paused_at"] is None


async def reported(t: Town, mail: EmailMessage, kind: str, **detail: object) -> httpx.Response:
    """Post a report of SES about a mail to the address that managers are shown."""
    address = (await t.api("POST", "/mail-events-address"))["url"]
    headers = [{"name": "Message-ID", "value": mail["Message-ID"]}]
    report = {"notificationType": kind, "mail": {"headers": headers}, kind.lower(): detail}
    return await t.http.post(httpx.URL(address).path, json=report)


async def test_reports_of_a_mail_provider_stop_dead_addresses_and_end_what_is_called_spam(
    dsn: str, clock: FakeClock, tmp_path: Path
) -> None:
    async with town(dsn, clock, tmp_path) as t:
        gone, spam, soft = "gone@nordpost.example", "angry@alvik.example", "soft@mira.example"
        for address in (gone, spam, soft):
            await t.subscribe(address)
        assert (await t.http.post("/in/mail-events/guess", json={})).status_code == 404
        published = await t.publish("One.")
        await t.w.settle()
        mails = {address: t.relay.to(address)[-1] for address in (gone, spam, soft)}
        await t.update(published["id"], "Two.", "identified")
        async with t.w.ctx.work_db.tx() as tx:
            await broadcasts.fan_out_step(tx, t.w.now)

        hard = {"bounceType": "Permanent", "bounceSubType": "General"}
        for _ in range(2):
            answer = await reported(t, mails[gone], "Bounce", **hard)
            assert (answer.status_code, answer.json()) == (200, {"accepted": 1, "ignored": 0})
        assert (await reported(t, mails[spam], "Complaint")).json()["accepted"] == 1
        assert (await reported(t, mails[soft], "Bounce", bounceType="Transient")).json()["accepted"] == 1
        forged = EmailMessage()
        forged["Message-ID"] = mails[soft]["Message-ID"].replace("d", "d1", 1)
        assert (await reported(t, forged, "Complaint")).json() == {"accepted": 0, "ignored": 1}
        assert await t.states() == {gone: "quarantined", spam: "ended", soft: "active"}

        before = len(t.relay.to(gone)), len(t.relay.to(spam))
        await t.w.settle()
        assert (len(t.relay.to(gone)), len(t.relay.to(spam))) == before
        assert t.relay.to(soft)[-1]["Subject"].startswith("[Kestrel] Identified")
        events = await t.api("GET", "/status-pages/kestrel/mail-events")
        assert [each["kind"] for each in events] == ["delayed", "complained", "bounced"]
        audited = [row["action"] for row in await t.api("GET", "/audit")]
        assert (audited.count("subscriber.bounced"), audited.count("subscriber.complained")) == (1, 1)
        # an address that called a mail spam is never written to again
        await t.ask(spam)
        await t.w.settle()
        assert len(t.relay.to(spam)) == before[1]

        path = httpx.URL((await t.api("POST", "/mail-events-address"))["url"]).path
        away = await t.http.post(
            path, content=b"Subject: Away\r\n\r\nBack soon.", headers={"Content-Type": "message/rfc822"}
        )
        assert away.status_code == 422
        unsigned = {
            "Type": "Notification",
            "TopicArn": "arn:x",
            "Message": "{}",
            "SigningCertURL": "https://x",
        }
        assert (await t.http.post(path, json=unsigned)).status_code == 403
        large = b'{"x": "' + b"x" * 1024 * 1024 + b'"}'
        assert (await t.http.post(path, content=large)).status_code == 413
        await t.api("POST", "/mail-events-address/replace")
        assert (await t.http.post(path, json={})).status_code == 404


async def test_a_first_post_that_waits_and_a_paused_one_are_findings_of_the_incident(
    dsn: str, clock: FakeClock, tmp_path: Path
) -> None:
    async with town(dsn, clock, tmp_path) as t:
        await t.subscribe(OPS)
        incident = {"title": "Checkout is down", "severity": "SEV1", "services": ["checkout"]}
        ref = (await t.api("POST", "/incidents", incident, status=201))["ref"]

        async def codes() -> set[str]:
            results = (await t.api("GET", f"/incidents/{ref}/checks"))["findings"]
            return {each["code"] for each in results} & {"T-QUEUE", "T-BOUNCE", "T-SUBFLOOD"}

        await t.publish("We are looking.", incident=ref)
        async with t.w.ctx.work_db.tx() as tx:
            await broadcasts.fan_out_step(tx, t.w.now)
        clock.advance(timedelta(minutes=15))
        assert await codes() == set()
        clock.advance(timedelta(minutes=1))
        assert await codes() == {"T-QUEUE"}
        await t.w.settle()
        assert await codes() == {"T-QUEUE"}
        [shown] = await t.api("GET", "/status-pages/kestrel/broadcasts")
        await t.api("POST", f"/status-pages/kestrel/broadcasts/{shown['id']}/pause", {})
        async with t.w.ctx.db.tx() as tx:
            await tx.execute(
                """
                insert into subscription_mail (address_hash, domain, status_page_id, purpose, at)
                select 'x', 'x', 1, 'confirm', $1 from generate_series(1, 50)
                """,
                t.w.now,
            )
        assert await codes() == {"T-QUEUE", "T-BOUNCE", "T-SUBFLOOD"}


async def test_a_post_mortem_is_told_to_those_who_chose_post_mortems(
    dsn: str, clock: FakeClock, tmp_path: Path
) -> None:
    async with town(dsn, clock, tmp_path) as t:
        other = "it@alvik.example"
        await t.subscribe(OPS, kind=["postmortem"])
        await t.subscribe(other, kind=["incident"])
        published = await t.publish("We are looking.", components={"1": "major_outage"})
        updates = f"{INCIDENTS}/{published['id']}/updates"
        text = {"stage": "resolved", "kind": "postmortem", "body": "A full disk. We now watch its space."}
        await t.api("POST", updates, text, status=409)
        await t.update(published["id"], "Over.", "resolved")
        before = (await t.api("GET", INCIDENTS))[0]
        clock.advance(timedelta(days=3))
        await t.api("POST", updates, text, status=201)
        await t.api("POST", updates, text, status=409)
        await t.w.settle()
        subjects = [mail["Subject"] for mail in t.relay.to(OPS)[1:]]
        assert subjects == ["[Kestrel] Post-mortem: Payments fail"]
        assert "Post-mortem" not in " ".join(mail["Subject"] for mail in t.relay.to(other))
        after = (await t.api("GET", INCIDENTS))[0]
        assert (after["resolved_at"], after["stage"]) == (before["resolved_at"], "resolved")
        [shown, *_] = await t.api("GET", "/status-pages/kestrel/broadcasts")
        assert shown["type"] == "postmortem.published"
        public = (await t.http.get("/s/kestrel/api/v2/incidents.json")).json()["incidents"][0]
        assert (public["status"], public["incident_updates"][0]["status"]) == ("postmortem", "postmortem")
        page = await t.http.get(f"/s/kestrel/incidents/{published['id']}")
        assert "We now watch its space." in page.text


async def test_after_a_kill_each_mail_arrives_and_a_repeat_has_the_same_message_id(
    dsn: str, clock: FakeClock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with town(dsn, clock, tmp_path) as t:
        csv = "address\r\n" + "".join(f"c{i}@d{i}.example\r\n" for i in range(12))
        await t.api("POST", "/status-pages/kestrel/subscribers/import", {"csv": csv})
        await t.w.settle()
        for confirm in list(t.relay.mails):
            await t.http.post(link_of(confirm), data={"do": "confirm"})
        t.relay.mails.clear()
        await t.publish("One.")
        async with t.w.ctx.work_db.tx() as tx:
            await broadcasts.fan_out_step(tx, t.w.now)
        killed = lanes.lanes(t.w.ctx)["subscriber_mail"]
        assert isinstance(killed, MailSender)

        class Killed(BaseException):
            pass

        ends = 0

        def end(delivery_id: int, code: int) -> None:
            nonlocal ends
            ends += 1
            if ends > 5:
                raise Killed
            original(delivery_id, code)

        original = killed._journal.end
        monkeypatch.setattr(type(killed._journal), "end", lambda self, *args: end(*args))
        with pytest.raises(Killed):
            await killed.run_once(t.w.now)
        monkeypatch.undo()
        for session in killed._sessions:
            session.drop()
        assert len(list((tmp_path / "subscriber-mail").iterdir())) >= 1
        await t.w.settle()
        before = len(t.relay.mails)
        clock.advance(timedelta(seconds=61))
        await t.w.settle()
        ids = [mail["Message-ID"] for mail in t.relay.mails]
        assert len(set(ids)) == 12
        assert before < len(ids) <= 12 + mail_sender.CONNECTIONS
        [shown] = await t.api("GET", "/status-pages/kestrel/broadcasts")
        assert (shown["sent"], shown["waiting"]) == (12, 0)


async def test_a_webhook_echoes_a_challenge_gets_signed_events_and_is_stopped_when_it_is_gone(
    dsn: str, clock: FakeClock, tmp_path: Path
) -> None:
    async with town(dsn, clock, tmp_path) as t:
        hook = {"channel": "webhook", "contact": OPS}
        assert (await t.ask("https://hooks.nordpost.example/x", channel="webhook")).status_code == 422
        await t.ask("https://hooks.nordpost.example/x", **hook)
        await t.w.settle()
        async with t.w.ctx.db.tx() as tx:
            await tx.execute("update subscriber set address = $1", t.w.sink.url)
        shown = await t.http.post(link_of(t.relay.to(OPS)[0]), data={"do": "confirm"})
        assert "whsec_" in shown.text
        t.w.sink.body = b"no echo"
        await t.w.settle()
        assert list((await t.states()).values()) == ["pending"]
        challenge = t.w.sink.got[-1]["data"]["challenge"]
        t.w.sink.body = challenge.encode()
        clock.advance(timedelta(seconds=6))
        await t.w.settle()
        assert list((await t.states()).values()) == ["active"]
        published = await t.publish("One.", components={"1": "partial_outage"})
        await t.w.settle()
        event, change = t.w.sink.got[-2:]
        changed = change["data"]
        assert (change["type"], changed["page"]["id"]) == ("component.status_changed", "kestrel")
        assert (changed["old_status"], changed["new_status"]) == ("operational", "partial_outage")
        assert (changed["status"], changed["incident_id"]) == ("partial_outage", event["data"]["id"])
        await t.update(published["id"], "Still.", "investigating", components={"1": "partial_outage"})
        await t.w.settle()
        assert [each["type"] for each in t.w.sink.got[-2:]] == [change["type"], "incident.updated"]
        assert (event["type"], event["data"]["page"]["id"]) == ("incident.created", "kestrel")
        assert event["data"]["name"] == "Payments fail"
        assert event["data"]["shortlink"].endswith(f"/s/kestrel/incidents/{event['data']['id']}")
        assert t.w.sink.headers[-1]["webhook-signature"].startswith("v1,")
        t.w.sink.status = 500
        await t.publish("Two.")
        await t.w.settle()
        first = t.w.sink.headers[-1]["webhook-id"]
        [failing] = await t.api("GET", "/status-pages/kestrel/subscribers")
        assert failing["failing_since"]
        t.w.sink.status = 410
        clock.advance(timedelta(seconds=6))
        await t.w.settle()
        assert t.w.sink.headers[-1]["webhook-id"] == first
        assert list((await t.states()).values()) == ["ended"]
        assert t.relay.to(OPS)[-1]["Subject"] == "Your webhook for Kestrel was stopped"
