"""Story: a tool that can send only email pages, by SMTP and from a mailbox; nothing is lost and nothing comes twice."""

import asyncio
import contextlib
import smtplib
import ssl
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from email.message import EmailMessage
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from firebell.alerts.ingest.ingest_queue import Ingest
from firebell.inbound_mail import imap_client, listener
from firebell.inbound_mail import receiving as mail_receiving
from firebell.inbound_mail.addresses import address_of
from firebell.inbound_mail.imap_client import Mailbox, MailboxError
from firebell.inbound_mail.mailbox_reader import IDLE_PAUSE, POLL_INTERVAL, REPORT_INTERVAL, MailboxReader
from firebell.inbound_mail.receiving import MAX_MAIL_BYTES
from firebell.kit.clock import FakeClock
from firebell.kit.errors import Unavailable
from firebell.kit.mail.inbound_settings import ImapServer, InboundMailSettings
from firebell.paging.model import PageState
from tests.api.api_clients import Api, key_of, sign_in
from tests.api.api_clients import browser as client
from tests.servers import free_port
from tests.standins.imap import StandInMailbox, stand_in_mailbox
from tests.world import World, world

DOMAIN, RELAY = "alerts.example.org", "mx.example.org"
PROBLEM = "** PROBLEM Service Alert: db1/Disk is CRITICAL **"
RECOVERY = "** RECOVERY Service Alert: db1/Disk is OK **"


def mail(subject: str, to: str, *, sender: str = "nagios@example.org", **headers: str) -> EmailMessage:
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = f"Nagios <{sender}>", to, subject
    for name, value in headers.items():
        message[name.replace("_", "-")] = value
    message.set_content("97% of /var\n")
    return message


def certificate(folder: Path) -> tuple[Path, Path]:
    """Write a certificate and its key."""
    pem, key = folder / "cert.pem", folder / "key.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", "-subj", f"/CN={DOMAIN}",
         "-keyout", str(key), "-out", str(pem)],
        check=True, capture_output=True,
    )  # fmt: skip
    return pem, key


@asynccontextmanager
async def receiving(dsn: str, clock: FakeClock, **more: Any) -> AsyncIterator[tuple[World, Api, int, str]]:
    port = free_port()
    settings = InboundMailSettings(DOMAIN, ("127.0.0.1", port), auth_server=RELAY, **more)
    async with world(dsn, clock, inbound_mail=settings) as w, client(w) as http:
        await w.lift_night_limit()
        async with listener.listening(w.ctx, w.ingest):
            yield (
                w,
                Api(http, await key_of(w.ctx.db, clock, w.mara)),
                port,
                address_of("Checkout", w.key, DOMAIN),
            )


async def send(
    port: int, *messages: EmailMessage, sender: str = "nagios@example.org", tls: Any = None
) -> None:
    """Send mails with the client of the standard library, on one connection."""

    def blocking() -> None:
        with smtplib.SMTP("127.0.0.1", port, timeout=30) as smtp:
            if tls is not None:
                smtp.starttls(context=tls)
            for message in messages:
                smtp.send_message(message, from_addr=sender)

    await asyncio.get_running_loop().run_in_executor(None, blocking)


async def mails(w: World, api: Api) -> list[tuple[str, str]]:
    listed = await api("GET", f"/services/checkout/integrations/{w.integration}/mails")
    return [(each["outcome"], each["subject"]) for each in reversed(listed)]


async def test_a_mail_pages_and_its_recovery_ends_it(dsn: str, clock: FakeClock, tmp_path: Path) -> None:
    pem, key = certificate(tmp_path)
    async with receiving(dsn, clock, certificate=(pem, key)) as (w, api, port, to):
        trusting = ssl.create_default_context(cafile=str(pem))
        trusting.check_hostname = False
        await send(port, mail(PROBLEM, to, Message_ID="<1@example.org>"), tls=trusting)
        await w.settle()
        page = await w.page()
        assert (page.state, page.title) == (PageState.TRIGGERED, PROBLEM)
        [alert] = await api("GET", "/alerts")
        assert (alert["labels"], alert["severity"]) == ({"from": "nagios@example.org"}, None)
        [message] = await api("GET", f"/alerts/{alert['id']}/messages")
        assert message["source"] == "email"
        assert w.key not in message["text"]

        # delivered again by a server that lost our answer, with one more header
        again = mail(PROBLEM, to, Message_ID="<1@example.org>", X_Attempt="2")
        w.clock.advance(timedelta(hours=1))
        await send(port, again, again)
        reply = mail("Re: disk", to, Message_ID="<2@example.org>", References="<1@example.org>")
        w.clock.advance(timedelta(minutes=2))
        await send(port, reply)
        [alert] = await api("GET", "/alerts")
        assert alert["count"] == 2, "the reply belongs to the alert of its thread"
        w.clock.advance(timedelta(minutes=2))
        await send(port, mail(RECOVERY, to, Message_ID="<3@example.org>"))
        await w.settle()
        assert (await w.page()).state is PageState.RESOLVED
        assert await mails(w, api) == [("fired", PROBLEM), ("fired", "Re: disk"), ("resolved", RECOVERY)]


async def test_a_mail_that_is_not_an_alert_or_not_proved_is_kept_without_effect(
    dsn: str, clock: FakeClock
) -> None:
    async with receiving(dsn, clock) as (w, api, port, to):
        await send(port, mail("Out of office", to, Auto_Submitted="auto-replied"))
        await send(port, mail("Undelivered", to), sender="")
        path = f"/services/checkout/integrations/{w.integration}/mail"
        await api("PUT", path, {"senders": ["x"]}, status=422)
        saved = await api(
            "PUT", path, {"senders": ["@example.org"], "resolve_matchers": 'subject=~".*gone.*"'}
        )
        assert saved["address"].endswith(f"{w.key[-4:]}@{DOMAIN}")
        assert w.key not in saved["address"]
        await send(port, mail("Forged", to))
        assert await w.pages() == []
        await send(port, mail("Proved", to, Authentication_Results=f"{RELAY}; dmarc=pass"))
        await w.settle()
        assert [page.title for page in await w.pages()] == ["Proved"]
        assert await mails(w, api) == [
            *(("ignored", "Out of office"), ("ignored", "Undelivered")),
            *(("refused", "Forged"), ("fired", "Proved")),
        ]
        async with w.ctx.db.tx() as tx:
            assert await tx.value("select count(*) from event where source = 'email'") == 4
            assert await tx.value("select count(*) from event where error is not null") == 1

        # too many of one sender share one alert
        await api("PUT", path, {})
        await send(port, *(mail(f"Disk {chr(97 + n)}", to, Message_ID=f"<s{n}@x>") for n in range(26)))
        await send(port, *(mail(f"Host {chr(97 + n)}", to, Message_ID=f"<t{n}@x>") for n in range(26)))
        await send(port, *(mail(f"Link {chr(97 + n)}", to, Message_ID=f"<u{n}@x>") for n in range(12)))
        outcomes = [outcome for outcome, _ in await mails(w, api)]
        assert outcomes.count("storm") == 8
        [storm] = [a for a in await api("GET", "/alerts", limit=100) if a["title"].startswith("Too many")]
        assert (storm["severity"], storm["count"]) == ("error", 8)


async def test_a_mail_with_broken_headers_is_stored(dsn: str, clock: FakeClock) -> None:
    headers = (
        *(b"Message-ID: <a\xe9@x>", b"Message-ID: <a\x00@x>", b"In-Reply-To: <b\x00@x>"),
        *(b"References: <b\xff@x>", b"Date: Fri, 31 Dec 9999 23:59:59 -2359", b"Subject: =?utf-8?b?A?="),
        b"Subject: =?utf-7?q?+2AA-?=",
    )
    async with receiving(dsn, clock) as (w, api, port, to):

        def blocking() -> list[int]:
            with smtplib.SMTP("127.0.0.1", port, timeout=30) as smtp:
                replies = []
                for header in headers:
                    smtp.ehlo_or_helo_if_needed()
                    smtp.mail("nagios@example.org")
                    smtp.rcpt(to)
                    replies.append(smtp.data(header + b"\r\n\r\n97% of /var\r\n")[0])
                return replies

        assert set(await asyncio.get_running_loop().run_in_executor(None, blocking)) == {250}
        assert [outcome for outcome, _ in await mails(w, api)] == ["fired"] * len(headers)


async def _send_raw(port: int, to: str, content: bytes) -> int:
    """Send a mail like a device that ignores standards, and return the reply code."""

    def blocking() -> int:
        with smtplib.SMTP("127.0.0.1", port, timeout=30) as smtp:
            smtp.ehlo()
            smtp.mail("nagios@example.org")
            smtp.rcpt(to)
            return smtp.data(content)[0]

    return await asyncio.get_running_loop().run_in_executor(None, blocking)


async def test_a_device_without_a_clock_pages_at_each_outage(dsn: str, clock: FakeClock) -> None:
    async with receiving(dsn, clock) as (w, _, port, to):
        content = b"From: ups@example.org\r\nSubject: On battery\r\n\r\nOn battery\r\n"
        assert await _send_raw(port, to, content) == 250
        await w.settle()
        await w.resolve(w.mara)
        w.clock.advance(timedelta(days=1))
        assert await _send_raw(port, to, content) == 250
        await w.settle()
        assert [page.state for page in await w.pages()] == [PageState.RESOLVED, PageState.TRIGGERED]


async def test_a_refused_mail_whose_sender_has_a_nul_is_not_sent_again_forever(
    dsn: str, clock: FakeClock
) -> None:
    async with receiving(dsn, clock) as (w, api, port, to):
        path = f"/services/checkout/integrations/{w.integration}/mail"
        await api("PUT", path, {"senders": ["@example.org"]})
        content = b"From: =?utf-8?q?e=00v=40example.com?=\r\nSubject: x\r\n\r\ntext\r\n"
        assert await _send_raw(port, to, content) == 250
        [receipt] = await api("GET", f"/services/checkout/integrations/{w.integration}/mails")
        assert (receipt["outcome"], receipt["sender"]) == ("refused", "ev@example.com")


async def test_a_form_with_one_field_is_shown_again_with_its_error(dsn: str, clock: FakeClock) -> None:
    async with world(dsn, clock) as w, client(w) as http:
        csrf = await sign_in(w, http, w.mara)
        path = f"/services/checkout/integrations/{w.integration}/mail"
        again = await http.post(path, data={"csrf": csrf, "senders": "nagios"})
        assert again.status_code == 422
        assert "nagios is neither an address nor a domain" in again.text


async def test_nothing_is_answered_with_250_before_it_is_stored(
    dsn: str, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with receiving(dsn, clock) as (w, api, port, to):
        unknown = address_of("Checkout", "0" * 32, DOMAIN)

        async def away(self: Ingest, key: str) -> None:
            raise Unavailable("The database is unavailable.")

        replies = []
        smtp = await asyncio.get_running_loop().run_in_executor(
            None, partial(smtplib.SMTP, "127.0.0.1", port, timeout=30)
        )
        with contextlib.closing(smtp):
            await asyncio.get_running_loop().run_in_executor(None, smtp.ehlo)
            assert not smtp.has_extn("size"), (
                "a client would refuse a large mail before it names its recipient"
            )
            replies += await _talk(smtp, "MAIL FROM:<a@x>", f"RCPT TO:<{unknown}>", "RCPT TO:<a@example.org>")
            with monkeypatch.context() as patch:
                patch.setattr(Ingest, "find", away)
                replies += await _talk(smtp, f"RCPT TO:<{to}>")
            replies += await _talk(smtp, *([f"RCPT TO:<{to}>"] * 101))
            await _talk(smtp, "RSET")
            assert replies == [250, 550, 550, 451, *[250] * 100, 452]
            await _talk(smtp, "MAIL FROM:<a@x>", f"RCPT TO:<{to}>", "DATA")
            assert await _talk(smtp, "x" * 100_000 + "\r\n.") == [250], (
                "a long line is no reason to lose an alert"
            )
            # a mail that is too large is refused, and pages
            await _talk(smtp, "MAIL FROM:<a@x>", f"RCPT TO:<{to}>", "DATA")
            large = "\r\n".join(["y" * 60_000] * (MAX_MAIL_BYTES // 60_000 + 1))
            assert await _talk(smtp, f"Subject: large\r\n\r\n{large}\r\n.") == [552]
            titles = [alert["title"] for alert in await api("GET", "/alerts")]
            assert any("10 MiB" in title for title in titles)
            # the transaction fails: the sender keeps the mail
            await w.ctx.ingest_db.close()
            await _talk(smtp, "MAIL FROM:<a@x>")
            [code] = await _talk(smtp, f"RCPT TO:<{to}>")
            if code == 250:
                assert await _talk(smtp, "DATA", "Subject: lost?\r\n\r\nx\r\n.") == [354, 451]
            else:
                assert code == 451
            await _talk(smtp, "QUIT")


async def _talk(smtp: smtplib.SMTP, *lines: str) -> list[int]:
    """Send commands, or the text of a mail, as they are; return the codes of the replies."""

    def exchange(line: str) -> int:
        smtp.send(f"{line}\r\n")
        return smtp.getreply()[0]

    loop = asyncio.get_running_loop()
    return [await loop.run_in_executor(None, exchange, line) for line in lines]


async def test_a_mailbox_is_read_and_marked_only_after_the_commit(dsn: str, clock: FakeClock) -> None:
    async with stand_in_mailbox() as mailbox:
        server = ImapServer(
            "127.0.0.1", mailbox.port, "alerts", "s3cret", implicit_tls=False, require_tls=False
        )
        settings = InboundMailSettings(DOMAIN, imap=server)
        async with world(dsn, clock, inbound_mail=settings) as w:
            await w.lift_night_limit()
            to = address_of("Checkout", w.key, DOMAIN)
            first = mailbox.put(bytes(mail(PROBLEM, f"someone@x, {to}", Message_ID="<1@x>")))
            stray = mailbox.put(bytes(mail("Newsletter", "alerts@example.org")))
            bounce = mailbox.put(b"Return-Path: <>\nTo: " + to.encode() + b"\nSubject: Undelivered\n\nx")
            await _fails(w, mailbox, "STORE")
            assert [page.title for page in await w.pages()] == [PROBLEM]
            assert mailbox.flags[first] == set(), "it is taken again, and does nothing twice"
            w.clock.advance(timedelta(minutes=1))
            await w.settle()
            assert mailbox.flags == {first: {r"\Seen"}, stray: {r"\Seen", r"\Flagged"}, bounce: {r"\Seen"}}
            assert len(await w.pages()) == 1
            mailbox.put(bytes(mail(RECOVERY, to, Message_ID="<2@x>")))
            await _fails(w, mailbox, "SEARCH")
            w.clock.advance(timedelta(minutes=1))
            await w.settle()
            assert (await w.page()).state is PageState.RESOLVED
            async with w.ctx.db.tx() as tx:
                assert await tx.value("select count(*) from mail_receipt") == 3


async def test_a_server_that_reports_new_mail_is_not_polled_for_it(
    dsn: str, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with stand_in_mailbox() as mailbox:
        server = ImapServer(
            "127.0.0.1", mailbox.port, "alerts", "s3cret", implicit_tls=False, require_tls=False
        )
        settings, rung = InboundMailSettings(DOMAIN, imap=server), asyncio.Event()
        async with world(dsn, clock, inbound_mail=settings) as w:
            to = address_of("Checkout", w.key, DOMAIN)
            reader = MailboxReader(w.ctx)
            reader.watch(rung.set)
            # a server that cannot do it gets a new connection for each round
            assert await reader.run_once(w.now) == 0
            w.clock.advance(POLL_INTERVAL)
            mailbox.can_idle = True
            assert await reader.run_once(w.now) == 0
            assert (len(mailbox.logins), len(mailbox.idle)) == (2, 1)
            uid = mailbox.put(bytes(mail("Disk full", to)))
            await asyncio.wait_for(rung.wait(), 60)
            assert await reader.run_once(w.now) == 0, (
                "what a server reports each moment is not read each moment"
            )
            w.clock.advance(REPORT_INTERVAL)
            assert await reader.run_once(w.now) == 1
            assert mailbox.flags[uid] == {r"\Seen"}
            assert await reader.run_once(w.now) == 0
            assert (len(mailbox.logins), len(mailbox.idle)) == (3, 1)
            # a connection that is lost is noticed, and mail is read on a new one
            rung.clear()
            mailbox.idle[0].close()
            await asyncio.wait_for(rung.wait(), 60)
            mailbox.put(bytes(mail("Disk full again", to)))
            w.clock.advance(REPORT_INTERVAL)
            assert await reader.run_once(w.now) == 1
            # such a server is polled once before it is trusted again; mail is looked for from time to time anyway
            assert await reader.run_once(w.now) == 0
            assert mailbox.idle == []
            w.clock.advance(POLL_INTERVAL)
            assert await reader.run_once(w.now) == 0
            assert len(mailbox.idle) == 1
            mailbox.mails[9], mailbox.flags[9] = bytes(mail("Disk full on db9", to)), set()
            w.clock.advance(POLL_INTERVAL)
            assert await reader.run_once(w.now) == 1
            # one that does not answer when it is asked to report mail is polled, and healthy
            asked: list[Mailbox] = []

            def unanswered(each: Mailbox) -> None:
                asked.append(each)
                raise MailboxError("timed out")

            with monkeypatch.context() as patch:
                patch.setattr(Mailbox, "idle", unanswered)
                for pause in (timedelta(), POLL_INTERVAL, IDLE_PAUSE):
                    w.clock.advance(pause)
                    assert await reader.run_once(w.now) == 0
                assert len(asked) == 2
                # after the clock was set back, it is asked again at once
                w.clock.advance(-2 * IDLE_PAUSE)
                assert await reader.run_once(w.now) == 0
            assert len(asked) == 3
            await reader.close()
            async with w.ctx.db.tx() as tx:
                assert await tx.value("select count(*) from mail_receipt") == 3


async def test_mails_that_were_read_before_one_that_cannot_be_are_kept(dsn: str, clock: FakeClock) -> None:
    """A mailbox from which one mail could not be read gave no alert of the others either."""
    async with stand_in_mailbox() as mailbox:
        server = ImapServer(
            "127.0.0.1", mailbox.port, "alerts", "s3cret", implicit_tls=False, require_tls=False
        )
        async with world(dsn, clock, inbound_mail=InboundMailSettings(DOMAIN, imap=server)) as w:
            await w.lift_night_limit()
            to = address_of("Checkout", w.key, DOMAIN)
            first, broken, last = (
                mailbox.put(bytes(mail(f"Disk full on db{number}", to))) for number in range(3)
            )
            mailbox.broken = {broken}
            for _ in range(2):
                with pytest.raises(Unavailable):
                    await w.settle()
                w.clock.advance(timedelta(minutes=1))
            assert mailbox.flags == {first: {r"\Seen"}, broken: set(), last: {r"\Seen"}}
            mailbox.broken = set()
            await w.settle()
            assert mailbox.flags[broken] == {r"\Seen"}
            async with w.ctx.db.tx() as tx:
                assert await tx.value("select count(*) from mail_receipt") == 3


async def test_a_mail_that_cannot_be_stored_holds_up_no_other(
    dsn: str, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = mail_receiving.receive

    async def failing(*args: Any) -> Any:
        if args[4].subject == "Broken":
            raise ValueError("no such mail was expected")
        return await store(*args)

    async with stand_in_mailbox() as mailbox:
        server = ImapServer(
            "127.0.0.1", mailbox.port, "alerts", "s3cret", implicit_tls=False, require_tls=False
        )
        async with world(dsn, clock, inbound_mail=InboundMailSettings(DOMAIN, imap=server)) as w:
            to = address_of("Checkout", w.key, DOMAIN)
            broken, other = (mailbox.put(bytes(mail(subject, to))) for subject in ("Broken", "Disk full"))
            with monkeypatch.context() as patch:
                patch.setattr(mail_receiving, "receive", failing)
                with pytest.raises(Unavailable, match="1 mail of the mailbox"):
                    await w.settle()
                assert mailbox.flags == {broken: set(), other: {r"\Seen"}}
                # nor does it keep newer mails from being read, where only a few are read at once
                patch.setattr(imap_client, "MAILS_AT_ONCE", 1)
                newer = mailbox.put(bytes(mail("Disk full on db9", to)))
                w.clock.advance(timedelta(minutes=1))
                with pytest.raises(Unavailable, match="1 mail of the mailbox"):
                    await w.settle()
                assert mailbox.flags == {broken: set(), other: {r"\Seen"}, newer: {r"\Seen"}}
            w.clock.advance(timedelta(minutes=1))
            await w.settle()
            assert mailbox.flags[broken] == {r"\Seen"}
            async with w.ctx.db.tx() as tx:
                assert await tx.value("select count(*) from mail_receipt") == 3


async def _fails(w: World, mailbox: StandInMailbox, command: str) -> None:
    w.clock.advance(timedelta(minutes=1))
    mailbox.refused.add(command)
    with pytest.raises(Unavailable) as failed:
        await w.settle()
    assert "s3cret" not in failed.value.message
    mailbox.refused.clear()
    await w.worker.run_due(w.now)
