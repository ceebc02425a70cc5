"""Story: emails, byte for byte, on a real SMTP server."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email import message_from_bytes, policy
from email.header import decode_header, make_header
from email.message import Message as Mail
from email.utils import parsedate_to_datetime
from typing import Any

import pytest

from firebell.kit.clock import FakeClock
from firebell.notify import actions as notify
from firebell.notify.model import Notice
from firebell.paging import actions as paging
from firebell.people import actions as people
from firebell.people import validation
from tests.servers import mail_server
from tests.world import World, world

INJECTED = (
    "=?utf-8?q?Checkout_down=0D=0ABcc:_eve@example.net=0D=0AContent-Type:_text/html"
    "=0D=0A=0D=0A=3Ca_href=3Dhttps://evil.example=3EAcknowledge=3C/a=3E?="
)


@dataclass(slots=True)
class Mailbox:
    """A mail server's handler that records messages as bytes; `refuse` is its response to DATA."""

    raw: list[bytes] = field(default_factory=list)
    recipients: list[list[str]] = field(default_factory=list)
    refuse: list[str] = field(default_factory=list)

    async def handle_DATA(self, server: object, session: object, envelope: Any) -> str:  # noqa: N802
        self.raw.append(envelope.original_content)
        self.recipients.append(envelope.rcpt_tos)
        return self.refuse.pop(0) if self.refuse else "250 OK"

    @property
    def mails(self) -> list[Mail]:
        """A received message, with its raw headers."""
        return [message_from_bytes(raw, policy=policy.compat32) for raw in self.raw]


def heading(mail: Mail, name: str = "Subject") -> str:
    """Return a header as a reader shows it."""
    (value,) = mail.get_all(name, [])
    return str(make_header(decode_header("".join(str(value).splitlines()))))


def part(mail: Mail, kind: str) -> str:
    """Return the text of one part."""
    (match,) = [p for p in mail.walk() if p.get_content_type() == kind]
    payload = match.get_payload(decode=True)
    assert isinstance(payload, bytes)
    return payload.decode()


@asynccontextmanager
async def mailed(dsn: str, clock: FakeClock, **more: Any) -> AsyncIterator[tuple[World, Mailbox]]:
    """Run a world in which both people are reached by email alone."""
    box = Mailbox()
    async with mail_server(box) as port, world(dsn, clock, smtp_url=f"smtp://127.0.0.1:{port}", **more) as w:
        async with w.ctx.db.tx() as tx:
            for person in (w.mara, w.jun):
                (mail,) = [m for m in await people.methods_of(tx, [person]) if m.kind == "email"]
                for urgency in ("high", "low"):
                    await people.set_rules(
                        tx, await w.actor(person), person_id=person, urgency=urgency,
                        rules=[(0, mail.id)], now=w.now,
                    )  # fmt: skip
        yield w, box


@pytest.mark.parametrize(
    "title",
    [
        INJECTED,
        "=?utf-8?q?a=0Ab?=",
        "=?utf-8?b?Zm9v?= =?utf-8?b?YmFy?=",
        "Speicher fast voll: 95 % auf „db-1“ 🔥",
        "x" * 250,
        "5xx above 5 %, " * 15 + "end",
    ],
)
async def test_a_title_is_one_subject_that_shows_it_as_it_came(
    dsn: str, clock: FakeClock, title: str
) -> None:
    async with mailed(dsn, clock) as (w, box):
        await w.alert(title)
        await w.settle()
        (mail,) = box.mails
        assert heading(mail).endswith(f": {title}")
        assert mail.get_all("Bcc") is None
        assert mail.get_all("Content-Type") == [mail["Content-Type"]]
        assert mail.get_content_type() == "multipart/alternative"
        assert title in part(mail, "text/plain")
        head = box.raw[0].partition(b"\r\n\r\n")[0]
        assert max(len(line) for line in box.raw[0].split(b"\r\n")) <= 998
        assert max(len(line) for line in head.split(b"\r\n")) <= 78
        assert head.isascii()


async def test_a_notice_named_by_a_person_injects_no_header(dsn: str, clock: FakeClock) -> None:
    async with mailed(dsn, clock) as (w, box):
        async with w.ctx.db.tx() as tx:
            word = Notice("shift-1", w.mara, "shift", f"{INJECTED} takes your shift", "At nine.")
            await notify.send_notices(tx, [word], w.now)
        await w.settle()
        (mail,) = box.mails
        assert heading(mail) == f"{INJECTED} takes your shift"
        assert mail.get_all("Bcc") is None


@pytest.mark.parametrize("address", ["a;b@example.org", "x,bob@example.org", "mara@example.org\nBcc: x"])
async def test_an_address_from_before_the_check_is_never_handed_to_the_server(
    dsn: str, clock: FakeClock, address: str
) -> None:
    async with mailed(dsn, clock) as (w, box):
        async with w.ctx.db.tx() as tx:
            await tx.execute(
                "update contact_method set address = $1 where kind = 'email' and person_id = $2",
                address,
                w.mara,
            )
        await w.alert()
        await w.settle()
        assert ["jun@example.org"] in box.recipients
        assert all(recipients == ["jun@example.org"] for recipients in box.recipients)


async def test_the_sender_is_one_mailbox_whatever_its_name(dsn: str, clock: FakeClock) -> None:
    sender = 'ACME, Bereitschaft "Nord" <bell@example.org>'
    async with mailed(dsn, clock, mail_from=sender) as (w, box):
        await w.alert()
        await w.settle()
        (mail,) = box.mails
        parsed = message_from_bytes(box.raw[0], policy=policy.default)
        (one,) = parsed["From"].addresses
        assert (one.display_name, one.addr_spec) == ('ACME, Bereitschaft "Nord"', "bell@example.org")
        assert mail["Message-ID"].endswith("@example.org>")


async def test_each_mail_carries_the_time_at_which_it_was_written(dsn: str) -> None:
    clock = FakeClock(datetime(2026, 11, 24, 23, 0, tzinfo=UTC))
    async with mailed(dsn, clock) as (w, box):
        await w.alert()
        await w.after(hours=1)
        dates = [parsedate_to_datetime(mail["Date"]) for mail in box.mails]
        assert len(dates) > 3
        assert dates == sorted(dates)
        assert w.now - dates[-1] < timedelta(minutes=16)


async def test_a_page_is_one_conversation_and_its_alarm_another(dsn: str, clock: FakeClock) -> None:
    async with mailed(dsn, clock) as (w, box):
        await w.alert("disk", severity="warning")
        await w.settle()
        await w.alert("Payments are down")
        await w.after(hours=2)
        by_thread: dict[str, set[str]] = {}
        for mail in box.mails:
            assert mail["In-Reply-To"] == mail["References"]
            by_thread.setdefault(mail["References"], set()).add(heading(mail))
        assert len(by_thread) == 2
        assert all(len(subjects) == 1 for subjects in by_thread.values())
        alarms = [s for subjects in by_thread.values() for s in subjects if "UNANSWERED" in s]
        assert len(alarms) == 1
        assert alarms[0].endswith("Payments are down")
        assert len({mail["Message-ID"] for mail in box.mails}) == len(box.mails)
        assert {mail["X-Firebell-Page"] for mail in box.mails} == {"PG-1"}


async def test_notices_are_not_one_conversation(dsn: str, clock: FakeClock) -> None:
    async with mailed(dsn, clock) as (w, box):
        for number in (1, 2):
            async with w.ctx.db.tx() as tx:
                word = Notice(f"shift-{number}", w.mara, "shift", "Your shift begins", "At nine.")
                await notify.send_notices(tx, [word], w.now)
            await w.settle()
        first, second = box.mails
        assert first["References"] is None
        assert second["In-Reply-To"] is None
        assert "X-Firebell-Page" not in first
        assert first["Message-ID"] != second["Message-ID"]


async def test_the_links_of_an_alert_are_in_the_mail_and_only_web_links(dsn: str, clock: FakeClock) -> None:
    async with mailed(dsn, clock) as (w, box):
        links = {
            "dashboard": "https://grafana.example.org/d/1?a=1&b=<2>",
            "runbook": "https://wiki.example.org/checkout",
            "evil": "javascript:alert(1)",
            '<img src="x">': "http://example.org/source",
        }
        await w.alert(links=links)
        await w.settle()
        (mail,) = box.mails
        text, html = part(mail, "text/plain"), part(mail, "text/html")
        for name in ("dashboard", "runbook", '<img src="x">'):
            assert links[name] in text
        assert 'href="https://grafana.example.org/d/1?a=1&amp;b=&lt;2&gt;"' in html
        assert 'href="https://wiki.example.org/checkout"' in html
        assert "javascript:" not in text + html
        assert "<img" not in html


async def test_what_is_resolved_is_marked_so(dsn: str, clock: FakeClock) -> None:
    async with mailed(dsn, clock) as (w, box):
        await w.alert("disk of db-1")
        await w.alert("Payments are down")
        await w.alert("disk of db-1", status="resolved")
        await w.after(minutes=6)
        text, html = part(box.mails[-1], "text/plain"), part(box.mails[-1], "text/html")
        assert "Resolved: disk of db-1" in text
        assert "Resolved: disk of db-1" in html
        assert "Resolved: Payments" not in text + html


async def test_a_mail_that_is_too_large_for_the_server_comes_in_short_form(
    dsn: str, clock: FakeClock
) -> None:
    async with mailed(dsn, clock) as (w, box):
        box.refuse = ["552 5.3.4 Message too big"]
        await w.alert("disk", body="much " * 500)
        await w.settle()
        whole, short = box.mails
        assert "much" in part(whole, "text/plain")
        assert "much" not in part(short, "text/plain")
        assert "/pages/PG-1" in part(short, "text/plain")
        assert whole["Message-ID"] == short["Message-ID"]
        async with w.ctx.db.tx() as tx:
            (sent,) = await paging.deliveries(tx, 1)
            assert (sent.state, sent.attempts) == ("accepted", 1)
            assert await tx.value("select count(*) from contact_method where suspect_since is not null") == 0


async def test_the_bundle_of_the_morning_has_the_date_of_the_morning(dsn: str) -> None:
    clock = FakeClock(datetime(2026, 11, 24, 23, 0, tzinfo=UTC))
    async with mailed(dsn, clock) as (w, box):
        async with w.ctx.db.tx() as tx:
            hours = validation.clean_quiet_hours("22:00", "07:00", "Europe/Stockholm")
            await people.set_quiet_hours(tx, await w.actor(w.mara), w.mara, hours, w.now)
        await w.alert("disk", severity="warning", service="a")
        await w.alert("fan", severity="warning", service="b")
        await w.after(hours=7)
        assert parsedate_to_datetime(box.mails[0]["Date"]) == datetime(2026, 11, 25, 6, 0, tzinfo=UTC)
        assert box.mails[0]["References"] is None
