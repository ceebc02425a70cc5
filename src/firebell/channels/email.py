"""Email over SMTP."""

import ssl
from collections.abc import Mapping, Sequence
from datetime import UTC
from email import policy
from email.message import EmailMessage
from email.utils import format_datetime
from functools import partial
from html import escape

import aiosmtplib
import httpx

from firebell.channels.base import (
    Accepted,
    Action,
    Channel,
    ContentRefused,
    Edges,
    Failed,
    Message,
    MessageLimits,
    Outcome,
    Retry,
    SendRate,
    Setting,
    not_sent,
    whole_or_short,
)
from firebell.channels.languages import language
from firebell.kit import public_markdown
from firebell.kit.errors import StartupError, Unavailable
from firebell.kit.findings import CheckResult
from firebell.kit.mail import headers
from firebell.kit.mail.addresses import Mailbox, check_address, clean_address, parse_mailbox
from firebell.kit.mail.connection import MailConnections
from firebell.kit.mail.server_url import SmtpServer, parse_smtp_url
from firebell.kit.resolver import Resolver
from firebell.kit.truncation import cut, fit

_SMTP_URL = "FIREBELL_SMTP_URL"
"""smtp[s]://[user:password@]host:port[?insecure]; without it no email is sent."""
_MAIL_FROM = "FIREBELL_MAIL_FROM"
"""The sender of email, an address or Name <address>."""
_BULK_SMTP_URL = "FIREBELL_BULK_SMTP_URL"
"""Another server for mails to the subscribers of status pages."""
_BULK_MAIL_FROM = "FIREBELL_BULK_MAIL_FROM"
"""Another sender of mails to the subscribers of status pages."""
_BULK_MAIL_RATE = "FIREBELL_BULK_MAIL_RATE"
"""Mails to subscribers a second, at most."""
_BOUNCE_ADDRESS = "FIREBELL_BOUNCE_ADDRESS"
"""The address whose bounces are posted to Firebell: mails to subscribers are returned to it."""
_MAILGUN_SIGNING_KEY = "FIREBELL_MAILGUN_SIGNING_KEY"
"""The key with which Mailgun signs its webhooks; with it, unsigned ones are refused."""
_SENDGRID_PUBLIC_KEY = "FIREBELL_SENDGRID_PUBLIC_KEY"
"""The key that proves that SendGrid signed its webhooks; with it, unsigned ones are refused."""
_MAX_BULK_RATE = 1000
NO_TLS = (
    "The mail server does not offer STARTTLS, and the password in FIREBELL_SMTP_URL is never sent unencrypted."
    " Turn on TLS on the mail server, use smtps://, or add ?insecure to the URL."
)
_LISTED_ITEMS = 20
_LISTED_LINKS = 20
_ITEM_BODY_BYTES = 2000
_STYLE = "font:16px/1.5 system-ui,sans-serif;max-width:36em"
# 7-bit parts go through every server, whatever it announces
_POLICY = policy.SMTP.clone(cte_type="7bit")


class Email:
    """Sends through the server of FIREBELL_SMTP_URL."""

    limits = MessageLimits(title=500, text=100_000, whole=400_000)

    def __init__(self, smtp_url: str, mail_from: str, resolver: Resolver | None = None) -> None:
        self._server = parse_smtp_url(smtp_url) if smtp_url else None
        self._connections = MailConnections(self._server, resolver) if self._server else None
        self._from = parse_mailbox(mail_from)

    async def send(self, address: str, message: Message, key: str) -> Outcome:
        """Send one message; its Message-ID is made from `key`, so mail clients recognize a repeat."""
        server, connections = self._server, self._connections
        if server is None or connections is None:
            return Failed("No mail server is configured: set FIREBELL_SMTP_URL.", suspect=False)
        try:
            recipient = check_address(address)
        except ValueError as exc:
            return Failed(f"This is not a valid email address: {exc}.")

        async def attempt(short: bool) -> Outcome | ContentRefused:
            try:
                mail = compose(recipient, message, key, self._from, short=short)
            except headers.UnsafeHeaderError as exc:
                return Failed(str(exc), suspect=False)
            return await _hand_over(server, connections, self._from.address, recipient, mail)

        return await whole_or_short(attempt)


async def _hand_over(
    server: SmtpServer, connections: MailConnections, sender: str, recipient: str, mail: bytes
) -> Outcome | ContentRefused:
    try:
        _, answer = await aiosmtplib.send(
            mail,
            sender=sender,
            recipients=[recipient],
            timeout=15,
            local_hostname=await connections.own_name(),
            sock=await connections.dial(),
            **server.options(),
        )
    except aiosmtplib.SMTPRecipientsRefused as exc:
        refusals = exc.recipients
        reason = "; ".join(f"{r.code} {r.message}" for r in refusals)
        if not all(r.code >= 500 for r in refusals):
            return Retry(reason)
        # 5.7 and 554 are policies of the server about us, not about the address
        policy_only = all(r.code == 554 or r.message.startswith("5.7.") for r in refusals)
        return Failed(reason, suspect=not policy_only)
    except aiosmtplib.SMTPResponseException as exc:
        reason = f"{exc.code} {exc.message}"
        if exc.code < 500:
            return Retry(reason)
        if isinstance(exc, aiosmtplib.SMTPDataError) or exc.code == 552:
            return ContentRefused(reason)
        return Failed(reason, suspect=False)
    except (TimeoutError, aiosmtplib.SMTPException, OSError, ssl.SSLError, UnicodeError, Unavailable) as exc:
        if lacks_tls(server, exc):
            return Failed(NO_TLS, suspect=False)
        return not_sent(exc, f"The mail server did not respond: {exc}")
    return Accepted(answer[:200])


def lacks_tls(server: SmtpServer, error: Exception) -> bool:
    """Return True if the connection was closed because the server does not offer the required TLS."""
    return server.require_tls and type(error) is aiosmtplib.SMTPException and "STARTTLS" in str(error)


def compose(recipient: str, message: Message, key: str, sender: Mailbox, *, short: bool = False) -> bytes:
    """Return the email as text and HTML, in the thread of its subject.

    Raise `headers.UnsafeHeaderError` for a header that a mail client could read as two.
    """
    written = [
        headers.mailbox("From", sender),
        headers.mailbox("To", Mailbox("", recipient)),
        headers.unstructured("Subject", cut(message.mail_subject or message.subject, Email.limits.title)),
        f"Date: {format_datetime(message.composed_at.astimezone(UTC))}",
        f"Message-ID: <{key}@{sender.domain}>",
        f"List-Id: Firebell <firebell.{sender.domain}>",
        "Auto-Submitted: auto-generated",
        "X-Auto-Response-Suppress: All",
    ]
    if message.thread:
        thread = f"<{message.thread.lower()}@{sender.domain}>"
        written += [f"In-Reply-To: {thread}", f"References: {thread}"]
    written += [f"{name}: {value}" for name, value in message.headers]
    if message.urgency == "high":
        written += ["Importance: high", "X-Priority: 1"]
    body = EmailMessage(_POLICY)
    body.set_content(_short_text(message) if short else _text(message))
    if not short:
        body.add_alternative(_html(message), subtype="html")
    return headers.head(written) + body.as_bytes()


def is_web_link(url: str) -> bool:
    """Return True if the text is one http(s) URL."""
    return url.lower().startswith(("http://", "https://")) and url.isprintable() and " " not in url


def _links(message: Message) -> list[tuple[str, str]]:
    """Return the links of the items as (name, URL), each URL once."""
    by_url = {url: name for item in message.items for name, url in item.links.items() if is_web_link(url)}
    return [(headers.one_line(name), url) for url, name in by_url.items()][:_LISTED_LINKS]


def _short_text(message: Message) -> str:
    return f"{message.first_line}\n\n{message.url}\n"


def _text(message: Message) -> str:
    if message.is_text:
        return f"{message.text(Email.limits.text)}\n"
    lines = [
        message.first_line,
        "",
        *(f"{action.label}: {action.url}" for action in message.actions),
        f"{message.word('Open')}: {message.url}",
        "",
        *(f"{name}: {value}" for name, value in message.facts),
        "",
    ]
    listed = message.items[:_LISTED_ITEMS]
    lines += [f"- {item.title}: {cut(item.body, _ITEM_BODY_BYTES)}".rstrip(": ") for item in listed]
    more = message.more_than(len(listed))
    lines += [f"- {message.word('And {count} more', count=more)}: {message.url}"] if more else []
    if links := _links(message):
        lines += ["", *(f"{name}: {url}" for name, url in links)]
    return "\n".join([*lines, ""])


def _anchor(url: str, text: str) -> str:
    return f'<a href="{escape(url)}">{escape(text)}</a>'


def _button(action: Action) -> str:
    return (
        f'<a href="{escape(action.url)}" style="background:#1c1a17;color:#fff;padding:14px 28px;'
        f'border-radius:10px;text-decoration:none;font-weight:600;display:inline-block">{escape(action.label)}</a>'
    )


def _html_attributes(message: Message) -> str:
    """Return the language and direction of a message; what people and sources wrote has its own direction."""
    chosen = language(message.language)
    return f'lang="{chosen.code}" dir="{chosen.direction}" style="{_STYLE}"'


def _html(message: Message) -> str:
    if message.is_text:
        text = escape(fit(message.lines, message.url, Email.limits.text)).replace("\n", "<br>")
        written = public_markdown.to_html(cut(message.markdown, Email.limits.text))
        parts = [f'<div dir="auto">{written}</div>' if written else "", f"<p>{text}</p>" if text else ""]
        return f"<div {_html_attributes(message)}>{''.join(parts)}</div>"
    rows = "".join(
        f'<tr><td style="color:#666;padding:2px 16px 2px 0">{escape(name)}</td>'
        f'<td dir="auto">{_anchor(value, value) if is_web_link(value) else escape(value)}</td></tr>'
        for name, value in message.facts
    )
    listed = message.items[:_LISTED_ITEMS]
    items = "".join(
        f'<li dir="auto"><b>{escape(item.title)}</b><br>{escape(cut(item.body, _ITEM_BODY_BYTES))}</li>'
        for item in listed
    )
    more = message.more_than(len(listed))
    items += f"<li>{_anchor(message.url, message.word('And {count} more', count=more))}</li>" if more else ""
    links = "<br>".join(_anchor(url, name) for name, url in _links(message))
    buttons = " &nbsp; ".join([*map(_button, message.actions), _anchor(message.url, message.open_label)])
    return (
        f"<div {_html_attributes(message)}>"
        f'<h1 dir="auto" style="font-size:20px;margin:0 0 12px">{escape(message.first_line)}</h1>'
        f"<p>{buttons}</p>"
        f"<table>{rows}</table><ul>{items}</ul>{f'<p>{links}</p>' if links else ''}</div>"
    )


def _open(edges: Edges) -> Email:
    return Email(edges.settings[_SMTP_URL], edges.settings[_MAIL_FROM])


def _is_ready(settings: Mapping[str, str]) -> bool:
    return bool(settings[_SMTP_URL])


def _check_settings(settings: Mapping[str, str]) -> None:
    for name in (_MAIL_FROM, _BULK_MAIL_FROM):
        try:
            if settings[name]:
                parse_mailbox(settings[name])
        except ValueError as exc:
            raise StartupError(
                f"{name} is {settings[name]!r}: {exc}.",
                hint="Example: Firebell <firebell@example.org>",
            ) from exc
    for name in (_SMTP_URL, _BULK_SMTP_URL):
        try:
            if settings[name]:
                parse_smtp_url(settings[name])
        except ValueError as exc:
            raise StartupError(
                f"{name}: {exc}.", hint="Example: smtp://user:password@mail.example.org:587"
            ) from None
    if address := settings[_BOUNCE_ADDRESS]:
        try:
            check_address(address)
        except ValueError as exc:
            raise StartupError(f"{_BOUNCE_ADDRESS} is not an address: {exc}.") from None
    rate = settings[_BULK_MAIL_RATE]
    if not (rate.isascii() and rate.isdecimal() and len(rate) < 5 and 0 < int(rate) <= _MAX_BULK_RATE):
        raise StartupError(
            f"{_BULK_MAIL_RATE} is {rate[:20]!r}, which is not a whole number from 1 to {_MAX_BULK_RATE}."
        )


async def check_health(
    http: httpx.AsyncClient, settings: Mapping[str, str], addresses: Sequence[str] | None
) -> list[CheckResult]:
    """Check that the mail server answers, and accepts the sign-in if there is one."""
    if not settings[_SMTP_URL]:
        level = "ok" if addresses is not None and not addresses else "warn"
        return [CheckResult("mail", level, f"No mail server is set, so no email is sent. Set {_SMTP_URL}.")]
    server = parse_smtp_url(settings[_SMTP_URL])
    try:
        async with aiosmtplib.SMTP(timeout=10, port=server.port, **server.options()) as client:
            await client.ehlo()
    except (OSError, ValueError, aiosmtplib.SMTPException) as exc:
        if lacks_tls(server, exc):
            return [CheckResult("mail", "fail", NO_TLS)]
        return [CheckResult("mail", "fail", f"The mail server of {_SMTP_URL} cannot be used: {exc}")]
    login = f" and accepts {server.username}" if server.username else ""
    if server.sends_password_in_clear:
        text = f"The mail server {server.host}:{server.port} answers{login}, but the password is sent"
        text = f"{text} unencrypted. Remove ?insecure once the server offers TLS."
        return [CheckResult("mail", "warn", text)]
    return [CheckResult("mail", "ok", f"The mail server {server.host}:{server.port} answers{login}.")]


CHANNEL = Channel(
    kind="email",
    label="Email",
    icon="mail",
    address_label="Email address",
    address_help="you@example.org",
    limits=Email.limits,
    open=_open,
    check_address=partial(clean_address, field="address"),
    rate=SendRate(per_s=100, burst=200),
    settings=(
        *(Setting(_SMTP_URL), Setting(_MAIL_FROM, "Firebell <firebell@localhost>")),
        *(Setting(_BULK_SMTP_URL), Setting(_BULK_MAIL_FROM), Setting(_BULK_MAIL_RATE, "50")),
        *(Setting(_BOUNCE_ADDRESS), Setting(_MAILGUN_SIGNING_KEY), Setting(_SENDGRID_PUBLIC_KEY)),
    ),
    check_settings=_check_settings,
    is_ready=_is_ready,
    off_text=f"No mail server is configured. Set {_SMTP_URL} to send email; other contact methods work.",
    check_health=check_health,
    attempt_limit_s=25.0,
    wakes=False,
    is_secret=False,
    has_threads=True,
)
