"""Reads a mail, however broken; never raises (pure, spec 9.6)."""

import email
import email.errors
import email.message
import email.policy
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from email.header import decode_header
from email.utils import parseaddr, parsedate_to_datetime
from html.parser import HTMLParser

from firebell.alerts import cleaning
from firebell.alerts.bodies.decoding import to_text
from firebell.inbound_mail.model import MailMessage

MAX_PARTS = 200
MAX_TEXT_CHARS = 64 * 1024
MAX_HEADER_CHARS = 8 * 1024
MAX_HTML_CHARS = 512 * 1024
MAX_REFERENCES = 50
MAX_SENDER_CHARS = 320
MAX_ATTACHMENTS = 20
RECIPIENT_FIELDS = ("Delivered-To", "X-Original-To", "Envelope-To", "To", "Cc")
"""Where a mailbox has the address to which a mail was delivered, the surest first."""
_OWN_FIELDS = ("X-Firebell-Page", "X-Firebell-Mail")
_ID = re.compile(r"<[^<>\s\x00-\x1f\x7f]{1,500}>")
_QUOTED = re.compile(r'"(?:[^"\\]|\\.)*+"|\([^()]*+\)')
"""Quoted strings and comments in an address."""
_IN_BRACKETS = re.compile(r"<([^<>@\s]++@[^<>@\s]++)>")
_BREAKS = re.compile(r"[^\S\n]*\n\s*\n\s*")
_SPACES = re.compile(r"[ \t\r\f\v\xa0]+")
_BROKEN = (
    *(ValueError, TypeError, LookupError, AttributeError, RecursionError, AssertionError, OverflowError),
    email.errors.MessageError,
)
"""What the parser of the standard library raises for mails that follow no standard."""


def read(content: bytes) -> MailMessage:
    """Return what a mail says; of one that cannot be parsed, its raw text with the reason as `problem`.

    All texts can be stored: they have no lone surrogates, and identifiers no control characters.
    """
    try:
        return _read(content)
    except _BROKEN as error:
        text = to_text(content[:MAX_TEXT_CHARS])
        subject = re.search(r"^subject:[ \t]*(.*)$", text, re.IGNORECASE | re.MULTILINE)
        return MailMessage(
            subject=_words(subject[1]) if subject else "",
            text=text,
            problem=f"This email can’t be parsed ({type(error).__name__}).",
        )


def _read(content: bytes) -> MailMessage:
    message = email.message_from_bytes(content, policy=email.policy.compat32)
    answered = _ID.findall(_raw(message, "References"))[:MAX_REFERENCES]
    answered += [each for each in _ID.findall(_raw(message, "In-Reply-To"))[:1] if each not in answered]
    ids = _ID.findall(_raw(message, "Message-ID"))
    return_paths = _all(message, "Return-Path")
    text, attachments = _content(message)
    return MailMessage(
        subject=_words(_raw(message, "Subject")),
        sender=cleaning.line(_address(_raw(message, "From")).lower(), MAX_SENDER_CHARS),
        recipients=tuple(_words(value) for name in RECIPIENT_FIELDS for value in _all(message, name)),
        date=_date(_raw(message, "Date")),
        message_id=ids[0] if ids else "",
        references=tuple(answered),
        text=text,
        attachments=attachments,
        auto_submitted=_raw(message, "Auto-Submitted").partition(";")[0].strip().lower(),
        is_report=message.get_content_type() in ("multipart/report", "message/delivery-status"),
        is_relayed=message.get("Received") is not None,
        is_own=any(message.get(name) is not None for name in _OWN_FIELDS),
        authentication=tuple(" ".join(value.split()) for value in _all(message, "Authentication-Results")),
        return_path=parseaddr(return_paths[0])[1] if return_paths else None,
    )


def _address(header: str) -> str:
    """Return the address in a header as a relay reads it to confirm the sender, never from the display name.

    Encoded words are decoded only if there is no address without them, because a decoded name can look like one.
    """
    header = " ".join(header.split())
    unquoted = _QUOTED.sub(" ", header)
    bracketed = _IN_BRACKETS.search(unquoted)
    if bracketed and not {'"', "("} & set(unquoted):
        return bracketed[1]
    address = parseaddr(header)[1]
    return address if "@" in address else parseaddr(_words(header))[1]


def _raw(message: email.message.Message, name: str) -> str:
    return next(iter(_all(message, name)), "")


def _all(message: email.message.Message, name: str) -> list[str]:
    """Return the values of a header, whose encoded words are not decoded."""
    wanted = name.lower()
    values = [str(value) for field, value in message.raw_items() if field.lower() == wanted][:20]
    # bytes that are not ASCII arrive as surrogates
    return [to_text(value.encode("utf-8", "surrogateescape"))[:MAX_HEADER_CHARS] for value in values]


def _words(value: str) -> str:
    """Return a header with its encoded words decoded, as one line."""
    try:
        parts = [
            part if isinstance(part, str) else _decoded(part, charset)
            for part, charset in decode_header(value)
        ]
    except _BROKEN:  # an encoded word that is not base64, such as
        parts = [value]
    return " ".join("".join(parts).split())


def _decoded(content: bytes, charset: str | None) -> str:
    """Return bytes as text in their charset, or as they look if it is unknown."""
    try:
        # UTF-7 can hold lone surrogates, which cannot be stored
        return content.decode(charset or "unknown-8bit", "replace").encode("utf-8", "replace").decode()
    except (LookupError, ValueError):
        return to_text(content)


def _date(text: str) -> datetime | None:
    """Return the instant of a Date header; None without one, and for a time without a zone."""
    try:
        date = parsedate_to_datetime(text)
        return date.astimezone(UTC) if date.tzinfo is not None else None
    except (TypeError, ValueError, OverflowError, IndexError):
        return None


def _parts(message: email.message.Message) -> Iterator[email.message.Message]:
    """Yield the parts that are not containers, without recursion, at most MAX_PARTS of them."""
    waiting, count = [message], 0
    while waiting and count < MAX_PARTS:
        part = waiting.pop()
        payload = part.get_payload()
        if isinstance(payload, list):
            parts = [each for each in payload[:MAX_PARTS] if isinstance(each, email.message.Message)]
            waiting.extend(reversed(parts))
        else:
            count += 1
            yield part


def _content(message: email.message.Message) -> tuple[str, tuple[str, ...]]:
    """Return the text, plain before HTML, and the names of what is attached."""
    plain, html, attachments = "", "", []
    for part in _parts(message):
        name, kind = part.get_filename(), part.get_content_type()
        is_text = kind.startswith("text/") and part.get_content_disposition() != "attachment"
        if not is_text or (name and (plain or html)):
            attachments.append(_words(str(name)) if name else kind)
        elif kind == "text/html":
            html = html or _text_of(part)
        else:
            plain = plain or _text_of(part)
    text = plain.strip() or html_to_text(html[:MAX_HTML_CHARS])
    return text[:MAX_TEXT_CHARS], tuple(attachments[:MAX_ATTACHMENTS])


def _text_of(part: email.message.Message) -> str:
    payload = part.get_payload(decode=True)
    body = payload if isinstance(payload, bytes) else str(payload or "").encode("utf-8", "surrogateescape")
    return _decoded(body, part.get_content_charset()).replace("\r\n", "\n")


class _Text(HTMLParser):
    """Collects what a reader of a page sees."""

    HIDDEN = frozenset({"script", "style", "head", "title", "template"})
    BLOCKS = frozenset(
        {"p", "div", "br", "tr", "li", "table", "h1", "h2", "h3", "h4", "h5", "h6", "pre", "hr"}
    )

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.chunks: list[str] = []
        self._hidden = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in self.HIDDEN:
            self._hidden += 1
        elif tag in self.BLOCKS:
            self.chunks.append("\n")
        elif tag in ("td", "th"):
            self.chunks.append(" ")

    def handle_endtag(self, tag: str) -> None:
        if tag in self.HIDDEN:
            self._hidden = max(0, self._hidden - 1)
        elif tag in self.BLOCKS:
            self.chunks.append("\n")

    def handle_data(self, data: str) -> None:
        if not self._hidden:
            self.chunks.append(data)


def html_to_text(html: str) -> str:
    """Return what a reader of HTML sees, as text."""
    parser = _Text()
    parser.feed(html)
    parser.close()
    text = _SPACES.sub(" ", "".join(parser.chunks))
    return _BREAKS.sub("\n\n", "\n".join(line.strip() for line in text.split("\n"))).strip()
