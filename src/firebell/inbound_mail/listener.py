"""The SMTP listener: 250 only after the commit, and 4xx while that is impossible (spec 9.6)."""

import asyncio
import logging
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from aiosmtpd.smtp import SMTP, Envelope, Session

from firebell.alerts import cleaning
from firebell.alerts.ingest.ingest_queue import Ingest
from firebell.alerts.model import InboundRequest, Integration, Rejected
from firebell.inbound_mail import actions, receiving
from firebell.inbound_mail.addresses import key_of
from firebell.inbound_mail.receiving import MAX_MAIL_BYTES, IncomingMail
from firebell.kit.context import Context
from firebell.kit.errors import StartupError, Unavailable
from firebell.kit.log import OncePerMinute

log = logging.getLogger(__name__)
# it would log the addresses, and with them the keys
logging.getLogger("mail.log").setLevel(logging.WARNING)
_failures = OncePerMinute(log, "mails could not be stored, and their senders will repeat them")

MAX_RECIPIENTS = 100
MAX_CONNECTIONS = 32
"""With mails of the greatest size, they take 320 MiB."""
IDLE_LIMIT_S = 120.0
LINE_LIMIT_BYTES = 128 * 1024
"""RFC 5321 allows lines of 1,000 bytes; some tools send longer ones, and refusing them would lose the alert."""

OK = "250 2.0.0 Stored"
NOT_NOW = "451 4.3.0 The message could not be stored. Send it again later"
NO_SUCH_ADDRESS = "550 5.1.1 No integration has this address"
TOO_MANY_RECIPIENTS = "452 4.5.3 Too many recipients"
BUSY = b"421 4.3.2 Too many connections. Try again later\r\n"


class MailHandler:
    """Decides about recipients and stores mails; the hooks of aiosmtpd."""

    def __init__(self, ctx: Context, ingest: Ingest) -> None:
        self._ctx = ctx
        self._ingest = ingest

    async def handle_EHLO(  # noqa: N802 - named by aiosmtpd
        self, server: SMTP, session: Session, envelope: Envelope, hostname: str, responses: list[str]
    ) -> list[str]:
        """Announce no size: a client that knows it would not say for whom a mail is that is too large to be taken."""
        session.host_name = hostname
        return [response for response in responses if not response.startswith("250-SIZE")]

    async def handle_RCPT(  # noqa: N802 - named by aiosmtpd
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        """Accept the address of an active integration."""
        if len(envelope.rcpt_tos) >= MAX_RECIPIENTS:
            return TOO_MANY_RECIPIENTS
        try:
            integration = await self._integration(address)
        except Unavailable as error:
            _failures.add(error.reason)
            return NOT_NOW
        if integration is None:
            return NO_SUCH_ADDRESS
        envelope.rcpt_tos.append(address)
        envelope.rcpt_options.extend(options)
        return "250 2.1.5 OK"

    async def handle_DATA(  # noqa: N802 - named by aiosmtpd
        self, server: SMTP, session: Session, envelope: Envelope
    ) -> str:
        """Store a mail for each of its integrations; after a failure the sender repeats it, and none gets it twice."""
        content = envelope.original_content or b""
        mail = IncomingMail(content, (envelope.mail_from or "").strip("<>"))
        try:
            message = await receiving.read(content)
            for integration in await self._integrations(envelope):
                async with self._ingest.turn():
                    await receiving.receive(self._ctx, self._ctx.ingest_db, integration, mail, message)
        except Unavailable as error:
            _failures.add(error.reason)
            return NOT_NOW
        return OK

    async def handle_exception(self, error: Exception) -> str:
        """Let the sender repeat what failed: a permanent error would lose the alert."""
        log.error("a mail could not be received", exc_info=error)
        return NOT_NOW

    async def refuse_size(self, envelope: Envelope) -> None:
        """Page for a mail that was too large to be taken, as the sender is told."""
        for integration in await self._integrations(envelope):
            event = cleaning.too_large(MAX_MAIL_BYTES, integration.name)
            refused = Rejected(event.title, (event,))
            body = f"From: {envelope.mail_from or '<>'}\n".encode()
            await self._ingest.submit(
                InboundRequest(
                    *(integration.id, integration.service_id, actions.SOURCE, body),
                    refused.events,
                    refused.reason,
                )
            )

    async def _integrations(self, envelope: Envelope) -> list[Integration]:
        """Return the integrations of the recipients, each once; one that was revoked meanwhile gets nothing."""
        integrations = [await self._integration(address) for address in envelope.rcpt_tos]
        return list({each.id: each for each in integrations if each is not None}.values())

    async def _integration(self, address: str) -> Integration | None:
        key = key_of(address, self._ctx.inbound_mail.domain)
        return await self._ingest.find(key) if key is not None else None


class _Connection(SMTP):
    """One connection; it counts itself, and reports mails that are too large."""

    line_length_limit = LINE_LIMIT_BYTES

    def __init__(self, handler: MailHandler, connections: "set[_Connection]", **options: Any) -> None:
        super().__init__(handler, **options)
        self._mail_handler = handler
        self._connections = connections

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        if self not in self._connections and len(self._connections) >= MAX_CONNECTIONS:
            assert isinstance(transport, asyncio.WriteTransport)
            transport.write(BUSY)
            transport.close()
            return
        # called again after STARTTLS
        self._connections.add(self)
        super().connection_made(transport)

    def connection_lost(self, error: Exception | None) -> None:
        if self in self._connections:
            self._connections.discard(self)
            super().connection_lost(error)

    async def push(self, status: Any) -> None:
        """Send a reply; before one that refuses the size of a mail, page for it."""
        text = status if isinstance(status, str) else status.decode("latin-1")
        if text.startswith("552") and self.envelope is not None and self.envelope.rcpt_tos:
            try:
                await self._mail_handler.refuse_size(self.envelope)
            except Unavailable as error:
                _failures.add(error.reason)
                status = NOT_NOW
        await super().push(status)

    def close(self) -> None:
        """Close the connection; a mail that is not stored is sent again."""
        if self.transport is not None:
            self.transport.close()


def _tls(ctx: Context) -> ssl.SSLContext | None:
    if ctx.inbound_mail.certificate is None:
        return None
    certificate, key = ctx.inbound_mail.certificate
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    try:
        context.load_cert_chain(certificate, key)
    except (OSError, ssl.SSLError) as exc:
        raise StartupError(
            f"FIREBELL_MAIL_TLS_CERTIFICATE: {certificate} and its key can’t be used: {exc}.",
            hint="Use a certificate chain and an unencrypted key in PEM format that belong together.",
        ) from exc
    return context


@asynccontextmanager
async def listening(ctx: Context, ingest: Ingest) -> AsyncIterator[None]:
    """Accept mails until the block ends; do nothing unless FIREBELL_MAIL_LISTEN is set."""
    if ctx.inbound_mail.listen is None:
        yield
        return
    host, port = ctx.inbound_mail.listen
    loop, handler, tls = asyncio.get_running_loop(), MailHandler(ctx, ingest), _tls(ctx)
    connections: set[_Connection] = set()

    def connection() -> _Connection:
        return _Connection(
            handler,
            connections,
            data_size_limit=MAX_MAIL_BYTES,
            enable_SMTPUTF8=True,
            hostname=ctx.inbound_mail.domain,
            ident="Firebell",
            tls_context=tls,
            timeout=IDLE_LIMIT_S,
            loop=loop,
        )

    try:
        server = await loop.create_server(connection, host, port)
    except OSError as exc:
        raise StartupError(
            f"Firebell cannot listen for email on {host}:{port}: {exc.strerror}.",
            hint="Ports below 1024 need a privilege: set FIREBELL_MAIL_LISTEN to another port behind your relay.",
        ) from exc
    log.info("accepting mails", extra={"host": host, "port": port, "domain": ctx.inbound_mail.domain})
    try:
        yield
    finally:
        server.close()
        for each in list(connections):
            each.close()
        await server.wait_closed()
