"""`firebell doctor mail`: check that mails leave, and that mailbox providers believe them."""

import secrets
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime
from email.message import EmailMessage
from pathlib import Path

import aiosmtplib
import click

from firebell.commands.doctor_output import print_results
from firebell.commands.serve import load_settings, run
from firebell.kit.errors import Unavailable
from firebell.kit.findings import CheckResult
from firebell.kit.mail import authentication
from firebell.kit.mail.addresses import Mailbox, check_address, parse_mailbox
from firebell.kit.mail.connection import MailConnections
from firebell.kit.mail.server_url import SmtpServer, parse_smtp_url
from firebell.kit.txt_records import TxtRecords

LIMIT_S = 15.0
_BROKEN = (TimeoutError, aiosmtplib.SMTPException, OSError, UnicodeError, Unavailable)
EXAMPLE = (
    "\b\nExample:\n  firebell doctor mail --to me@example.org\n  firebell doctor mail --received test.eml"
)


@click.command("mail", epilog=EXAMPLE)
@click.option("--to", "recipient", help="Send a test email to this address.")
@click.option(
    "--received",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="A test email as it arrived, whose DKIM signature is checked.",
)
@click.option("--json", "json_", is_flag=True, help="Print JSON.")
def mail(recipient: str | None, received: Path | None, json_: bool) -> None:
    """Check mail servers, sign-in, STARTTLS, and the DNS records of the senders.

    Uses the settings of email and of mails to subscribers. Exits with 1 if a check fails.
    """
    settings = load_settings(log_level="error").channels
    if recipient:
        try:
            recipient = check_address(recipient)
        except ValueError as exc:
            raise click.BadParameter(f"{exc}.", param_hint="--to") from None
    results: list[CheckResult] = []
    own = (settings["FIREBELL_SMTP_URL"], settings["FIREBELL_MAIL_FROM"])
    bulk = (settings["FIREBELL_BULK_SMTP_URL"] or own[0], settings["FIREBELL_BULK_MAIL_FROM"] or own[1])

    arrived = received.read_bytes() if received else b""

    async def main() -> None:
        if not own[0] and not bulk[0]:
            results.append(
                CheckResult("mail server", "fail", "No mail server is set. Set FIREBELL_SMTP_URL.")
            )
        for url, sender in dict.fromkeys((own, bulk)):
            if url:
                results.extend(
                    [
                        each
                        async for each in check_server(parse_smtp_url(url), parse_mailbox(sender), recipient)
                    ]
                )
        records = TxtRecords()
        for domain in dict.fromkeys(parse_mailbox(sender).domain for _, sender in (own, bulk)):
            results.extend(await check_domain(records, domain))
        if received:
            results.extend(await check_received(records, arrived))

    run(main())
    print_results(results, json_=json_)


async def check_server(
    server: SmtpServer, sender: Mailbox, recipient: str | None
) -> AsyncIterator[CheckResult]:
    """Yield whether a server answers, encrypts, accepts the sign-in, and takes a test mail."""
    name = f"{server.host}:{server.port}"
    connections = MailConnections(server)
    try:
        client = aiosmtplib.SMTP(
            timeout=LIMIT_S,
            local_hostname=await connections.own_name(),
            sock=await connections.dial(),
            **{**server.options(), "username": None, "password": None},
        )
        await client.connect()
    except _BROKEN as exc:
        yield CheckResult("mail server", "fail", f"{name} does not answer: {_reason(exc)}.")
        return
    yield CheckResult("mail server", "ok", f"{name} answers.")
    try:
        encrypted = client.get_transport_info("sslcontext") is not None
        text = f"The connection to {name} is encrypted."
        if not encrypted:
            text = f"The connection to {name} is not encrypted. Turn on STARTTLS there, or use smtps://."
        yield CheckResult("encryption", "ok" if encrypted else "warn", text)
        if server.username:
            yield await _sign_in(client, server, name)
        if recipient:
            yield await _send_test(client, sender, recipient)
    finally:
        client.close()


async def _sign_in(client: aiosmtplib.SMTP, server: SmtpServer, name: str) -> CheckResult:
    assert server.username is not None
    try:
        await client.login(server.username, server.password or "")
    except _BROKEN as exc:
        return CheckResult("sign-in", "fail", f"{name} refuses the sign-in: {_reason(exc)}.")
    return CheckResult("sign-in", "ok", f"{name} accepts the sign-in.")


async def _send_test(client: aiosmtplib.SMTP, sender: Mailbox, recipient: str) -> CheckResult:
    message = EmailMessage()
    message["From"] = f"{sender.name} <{sender.address}>" if sender.name else sender.address
    message["To"], message["Subject"] = recipient, "Test of Firebell"
    message["Date"] = datetime.now(UTC)
    message["Message-ID"] = f"<{secrets.token_hex(12)}@{sender.domain}>"
    message["Auto-Submitted"] = "auto-generated"
    message["List-Unsubscribe"] = f"<https://{sender.domain}/u/test>"
    message["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    message.set_content(
        "Mail from Firebell arrives.\n\n"
        "Save this mail with all its headers, and run: firebell doctor mail --received FILE\n"
    )
    try:
        await client.send_message(message, sender=sender.address, recipients=[recipient])
    except _BROKEN as exc:
        return CheckResult("test mail", "fail", f"The test email was refused: {_reason(exc)}.")
    text = f"A test email to {recipient} was accepted. Save it as it arrived, and check it with --received."
    return CheckResult("test mail", "ok", text)


async def check_domain(records: TxtRecords, domain: str) -> Sequence[CheckResult]:
    """Return what DNS says about a sender's domain; a domain without public records is not checked."""
    if "." not in domain:
        text = f"Emails come from {domain}, which no mailbox provider knows. Set FIREBELL_MAIL_FROM."
        return [CheckResult("sender", "warn", text)]
    try:
        return [
            authentication.spf(domain, await records.lookup(domain)),
            authentication.dmarc(domain, await records.lookup(f"_dmarc.{domain}")),
        ]
    except OSError as exc:
        return [CheckResult("DNS", "warn", f"The records of {domain} can’t be read here: {exc}.")]


async def check_received(records: TxtRecords, received: bytes) -> list[CheckResult]:
    """Return what is signed of a mail that arrived, and whether the key is published."""
    domain, signed = authentication.signatures(received)
    results = [authentication.dkim(domain, signed)]
    for each in signed[:5]:
        try:
            keys = [text for text in await records.lookup(each.record_name) if "p=" in text]
        except OSError as exc:
            results.append(CheckResult("DNS", "warn", f"{each.record_name} can’t be read here: {exc}."))
            continue
        if not keys:
            results.append(CheckResult("DKIM", "fail", f"{each.record_name} has no key. Publish it."))
    return results


def _reason(exc: Exception) -> str:
    if isinstance(exc, aiosmtplib.SMTPResponseException):
        return f"{exc.code} {exc.message}".strip().rstrip(".")
    return (str(exc) or type(exc).__name__).rstrip(".")
