"""E-mail over SMTP."""

import re
import ssl
from datetime import UTC
from email.message import EmailMessage
from email.utils import format_datetime, parseaddr
from html import escape
from urllib.parse import unquote, urlsplit

import aiosmtplib

from firebell.kit.localtime import said
from firebell.paging.channels import Accepted, Failed, Message, Outcome, Retry, not_sent


class Email:
    """Sends through the server of FIREBELL_SMTP_URL."""

    def __init__(self, smtp_url: str, mail_from: str) -> None:
        self._url = urlsplit(smtp_url)
        self._from = mail_from

    async def send(self, address: str, message: Message, key: str) -> Outcome:
        """Send one message; its Message-ID comes from `key`, so a repeat is recognised as one."""
        if not self._url.hostname:
            return Failed("No mail server is configured: set FIREBELL_SMTP_URL.", suspect=False)
        secure = self._url.scheme == "smtps"
        try:
            _, answer = await aiosmtplib.send(
                compose(address, message, key, self._from),
                hostname=self._url.hostname,
                port=self._url.port or (465 if secure else 25),
                username=unquote(self._url.username) if self._url.username else None,
                password=unquote(self._url.password) if self._url.password else None,
                use_tls=secure,
                timeout=15,
            )
        except aiosmtplib.SMTPRecipientsRefused as exc:
            refusals = exc.recipients
            permanent = all(r.code >= 500 for r in refusals)
            reason = "; ".join(f"{r.code} {r.message}" for r in refusals)
            return Failed(reason) if permanent else Retry(reason)
        except aiosmtplib.SMTPResponseException as exc:
            reason = f"{exc.code} {exc.message}"
            return Failed(reason, suspect=False) if exc.code >= 500 else Retry(reason)
        except (TimeoutError, aiosmtplib.SMTPException, OSError, ssl.SSLError) as exc:
            return not_sent(exc, f"The mail server does not answer: {exc}")
        return Accepted(answer[:200])


def compose(address: str, message: Message, key: str, sender: str) -> EmailMessage:
    """Return the mail: readable at 3 am as text, with one button as HTML, one thread per page."""
    mail = EmailMessage()
    domain = parseaddr(sender)[1].rpartition("@")[2] or "localhost"
    mail["From"] = sender
    mail["To"] = address
    mail["Subject"] = re.sub(r"\s+", " ", message.subject)
    mail["Date"] = format_datetime(message.triggered_at.astimezone(UTC))
    mail["Message-ID"] = f"<{key}@{domain}>"
    mail["References"] = f"<{message.page_ref or message.reason}@{domain}>"
    mail["Auto-Submitted"] = "auto-generated"
    mail["X-Firebell-Page"] = message.page_ref
    if message.urgency == "high":
        mail["Importance"] = "high"
    mail.set_content(_text(message))
    mail.add_alternative(_html(message), subtype="html")
    return mail


def _facts(message: Message) -> list[tuple[str, str]]:
    facts = [
        ("Service", message.service),
        ("Team", message.team),
        ("Since", f"{said(message.triggered_at, message.tz)} ({message.tz})"),
        ("Urgency", message.urgency),
        ("Runbook", message.runbook),
    ]
    return [(name, value) for name, value in facts if value]


def _text(message: Message) -> str:
    if message.note:
        return f"Hello {message.person},\n\n{message.note}\n"
    lines = [message.title, "", *(f"{name}: {value}" for name, value in _facts(message)), ""]
    lines += [f"- {alert.title}: {alert.body}".rstrip(": ") for alert in message.alerts[:20]]
    lines += ["", f"Acknowledge: {message.ack_url}", f"Open: {message.page_url}", ""]
    return "\n".join(lines)


def _html(message: Message) -> str:
    if message.note:
        note = escape(message.note).replace("\n", "<br>")
        return f"<p>Hello {escape(message.person)},</p><p>{note}</p>"
    rows = "".join(
        f'<tr><td style="color:#666;padding:2px 16px 2px 0">{escape(name)}</td><td>{escape(value)}</td></tr>'
        for name, value in _facts(message)
    )
    alerts = "".join(
        f"<li><b>{escape(alert.title)}</b><br>{escape(alert.body[:500])}</li>"
        for alert in message.alerts[:20]
    )
    return (
        '<div style="font:16px/1.5 system-ui,sans-serif;max-width:36em">'
        f'<h1 style="font-size:20px;margin:0 0 12px">{escape(message.title)}</h1>'
        f'<p><a href="{escape(message.ack_url)}" style="background:#1c1a17;color:#fff;padding:14px 28px;'
        'border-radius:10px;text-decoration:none;font-weight:600;display:inline-block">Acknowledge</a>'
        f' &nbsp; <a href="{escape(message.page_url)}">Open {escape(message.page_ref)}</a></p>'
        f"<table>{rows}</table><ul>{alerts}</ul></div>"
    )
