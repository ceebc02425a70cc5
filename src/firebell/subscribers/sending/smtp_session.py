"""A connection to the relay for bulk mail, over which many mails go one after the other."""

import contextlib
import ssl
from collections.abc import Callable

import aiosmtplib

from firebell.kit.errors import Unavailable
from firebell.kit.mail.connection import MailConnections
from firebell.kit.mail.server_url import SmtpServer
from firebell.subscribers.deliveries.smtp_replies import SmtpReply

MAILS_PER_CONNECTION = 100
LIMIT_S = 15.0
"""How long the relay may take for one answer."""
_BROKEN = (TimeoutError, aiosmtplib.SMTPException, OSError, ssl.SSLError, UnicodeError, Unavailable)


class RelayAway(Exception):  # noqa: N818 - a state, not a fault of this program
    """The relay does not answer, and the mail was not sent."""


class NotBegun(Exception):  # noqa: N818 - a state, not a fault of the mail
    """This process could not record that it is sending the mail, so it was not sent."""


class SmtpSession:
    """Sends mails over one connection, which is renewed after 100 mails and when it broke."""

    def __init__(self, server: SmtpServer, connections: MailConnections, sender: str) -> None:
        self._server = server
        self._connections = connections
        self._sender = sender
        self._client: aiosmtplib.SMTP | None = None
        self._mails = 0

    async def send(
        self, recipient: str, mail: bytes, begin: Callable[[], None], sender: str = ""
    ) -> SmtpReply | None:
        """Send one mail and return the answer, None if the connection broke before one came.

        `sender` is the address to which servers return it, by default that of the session.
        `begin` is called when the relay has accepted the recipient, before the text leaves. Raise `RelayAway` if
        nothing was sent, and `NotBegun` if `begin` failed.
        """
        client = await self._connected()
        try:
            await client.mail(sender or self._sender, timeout=LIMIT_S)
        except aiosmtplib.SMTPResponseException as exc:
            return await self._refused(SmtpReply(exc.code, exc.message, is_about_relay=True))
        except _BROKEN as exc:
            self.drop()
            raise RelayAway(repr(exc)) from exc
        try:
            await client.rcpt(recipient, timeout=LIMIT_S)
        except aiosmtplib.SMTPResponseException as exc:
            return await self._refused(SmtpReply(exc.code, exc.message))
        except _BROKEN as exc:
            self.drop()
            raise RelayAway(repr(exc)) from exc
        try:
            begin()
        except OSError as exc:
            self.drop()  # the next mail must not continue this one
            raise NotBegun(repr(exc)) from exc
        self._mails += 1
        try:
            answer = await client.data(mail, timeout=LIMIT_S)
        except aiosmtplib.SMTPResponseException as exc:
            return await self._refused(SmtpReply(exc.code, exc.message))
        except _BROKEN:
            self.drop()
            return None
        return SmtpReply(answer.code, answer.message)

    async def _connected(self) -> aiosmtplib.SMTP:
        if self._client is not None and self._mails >= MAILS_PER_CONNECTION:
            await self.close()
        if self._client is not None and self._client.is_connected:
            return self._client
        try:
            client = aiosmtplib.SMTP(
                timeout=LIMIT_S,
                local_hostname=await self._connections.own_name(),
                sock=await self._connections.dial(),
                **self._server.options(),
            )
            await client.connect()
        except _BROKEN as exc:
            raise RelayAway(repr(exc)) from exc
        self._client, self._mails = client, 0
        return client

    async def _refused(self, reply: SmtpReply) -> SmtpReply:
        """Make the connection ready for the next mail; a relay that slows down closes it."""
        if self._client is not None:
            try:
                await self._client.rset(timeout=LIMIT_S)
            except _BROKEN:
                self.drop()
        return reply

    def drop(self) -> None:
        """Close the connection without a word."""
        if self._client is not None:
            self._client.close()
            self._client = None

    async def close(self) -> None:
        """Take leave of the relay."""
        if self._client is not None:
            with contextlib.suppress(*_BROKEN):
                await self._client.quit(timeout=2)
            self.drop()
