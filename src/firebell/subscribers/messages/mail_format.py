"""Composes the mails to subscribers: plain text and HTML, with one-click unsubscribing (pure; RFC 8058)."""

import binascii
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import format_datetime
from html import escape

from firebell.kit import public_markdown
from firebell.kit.mail import headers
from firebell.kit.mail.addresses import Mailbox
from firebell.kit.truncation import cut

SUBJECT_BYTES = 250


@dataclass(frozen=True, slots=True)
class Markdown:
    """A Markdown text that people wrote, after an introduction by Firebell."""

    text: str
    lead: str = ""


@dataclass(frozen=True, slots=True)
class MailText:
    """What a mail says: paragraphs, a link to follow, and a footer of (label, URL)."""

    subject: str
    paragraphs: Sequence[str | Markdown]
    link: tuple[str, str] | None = None
    footer: Sequence[tuple[str, str]] = ()
    reason: str = ""
    """Why the recipient gets the mail."""
    locale: str = "en"
    direction: str = "ltr"


@dataclass(frozen=True, slots=True)
class Envelope:
    """The recipient of a mail, and what its headers need."""

    recipient: str
    key: str
    sender: Mailbox
    list_name: str
    """The slug of the status page."""
    page_name: str
    token: str
    """By which reports of mail providers name the mail."""
    unsubscribe_url: str = ""
    """The address of RFC 8058; empty for a mail that is not part of the list, such as a confirmation."""


def compose(text: MailText, envelope: Envelope, now: datetime) -> bytes:
    """Return a mail; its Message-ID is made of its key, so that a repeat is recognized.

    Raise `headers.UnsafeHeaderError` for a header that a mail client could read as two.
    """
    domain = envelope.sender.domain
    written = [
        headers.mailbox("From", Mailbox(envelope.page_name, envelope.sender.address)),
        headers.mailbox("To", Mailbox("", envelope.recipient)),
        headers.unstructured("Subject", cut(text.subject, SUBJECT_BYTES)),
        f"Date: {format_datetime(now.astimezone(UTC))}",
        f"Message-ID: <{envelope.token}.{envelope.key}@{domain}>",
        f"X-Firebell-Mail: {envelope.token}",
        # what Postmark gives back of a mail in its webhooks
        f"X-PM-Metadata-firebell: {envelope.token}",
        f"Content-Language: {text.locale}",
        "Auto-Submitted: auto-generated",
        "X-Auto-Response-Suppress: All",
    ]
    if envelope.unsubscribe_url:
        written += [
            f"List-Id: <{envelope.list_name}.status.{domain}>",
            f"List-Unsubscribe: <{envelope.unsubscribe_url}>",
            "List-Unsubscribe-Post: List-Unsubscribe=One-Click",
            "Precedence: bulk",
        ]
    # no line of quoted-printable can begin with this
    boundary = f"=_{envelope.key}"
    written += ["MIME-Version: 1.0", f'Content-Type: multipart/alternative; boundary="{boundary}"']
    parts = (_part(boundary, "plain", _plain(text)), _part(boundary, "html", _html(text)))
    return b"".join((headers.head(written), *parts, f"\r\n--{boundary}--\r\n".encode()))


def _part(boundary: str, subtype: str, text: str) -> bytes:
    """Return a part in lines of 7-bit text, which goes through every server; `email.message` takes 40 times as long."""
    head = (
        f'\r\n--{boundary}\r\nContent-Type: text/{subtype}; charset="utf-8"\r\n'
        "Content-Transfer-Encoding: quoted-printable\r\n\r\n"
    )
    encoded = binascii.b2a_qp(text.replace("\r", "").encode("utf-8", "replace"))
    return head.encode() + encoded.replace(b"\n", b"\r\n")


def plain_paragraphs(paragraphs: Sequence[str | Markdown]) -> list[str]:
    """Return paragraphs as plain text."""
    return [
        each if isinstance(each, str) else f"{each.lead}{public_markdown.to_plain(each.text)}"
        for each in paragraphs
    ]


def _html_paragraph(paragraph: str | Markdown) -> str:
    if isinstance(paragraph, Markdown):
        lead = _html_paragraph(paragraph.lead.strip()) if paragraph.lead else ""
        return f'{lead}<div dir="auto">{public_markdown.to_html(paragraph.text)}</div>'
    return f'<p dir="auto">{escape(paragraph).replace(chr(10), "<br>")}</p>'


def _plain(text: MailText) -> str:
    lines = ["\n\n".join(plain_paragraphs(text.paragraphs))]
    lines += [f"{text.link[0]}: {text.link[1]}"] if text.link else []
    footer = [text.reason, *(f"{label}: {url}" for label, url in text.footer)]
    lines += ["-- \n" + "\n".join(filter(None, footer))] if any(footer) else []
    return "\n\n".join(lines) + "\n"


def _html(text: MailText) -> str:
    # what people wrote can be in another direction than the rest
    paragraphs = "".join(_html_paragraph(each) for each in text.paragraphs)
    button = (
        f'<p><a href="{escape(text.link[1])}" style="display:inline-block;padding:10px 16px;border-radius:8px;'
        f'background:#1c1a17;color:#fff;text-decoration:none">{escape(text.link[0])}</a></p>'
        if text.link
        else ""
    )
    links = " &nbsp; ".join(f'<a href="{escape(url)}">{escape(label)}</a>' for label, url in text.footer)
    footer = f'<p style="font-size:13px;color:#666">{escape(text.reason)} {links}</p>'
    return (
        f'<div lang="{text.locale}" dir="{text.direction}"'
        ' style="font:16px/1.5 system-ui,sans-serif;max-width:36em;margin:0 auto">'
        f"{paragraphs}{button}{footer}</div>"
    )
