"""A mailbox over IMAP: blocking calls, which run in a thread of their own (spec 9.6)."""

import contextlib
import imaplib
import re
import socket
import ssl
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from firebell.inbound_mail.receiving import MAX_MAIL_BYTES
from firebell.kit.mail.inbound_settings import ImapServer

TIMEOUT_S = 30.0
MAILS_AT_ONCE = 20
_IDLE_TAG = b"firebell-idle"
_SIZE = re.compile(rb"RFC822\.SIZE (\d+)")


class MailboxError(Exception):
    """The mailbox cannot be read now; the message says why, without the password."""


@dataclass(frozen=True, slots=True)
class UnseenMail:
    """A mail that no one has taken yet."""

    uid: str
    content: bytes = field(repr=False)
    is_cut: bool


class _Connection(imaplib.IMAP4):
    """An IMAP connection to an address that is already resolved."""

    def __init__(self, server: ImapServer, address: str) -> None:
        self._server, self._address = server, address
        super().__init__(server.host, server.port, TIMEOUT_S)

    def _create_socket(self, timeout: float | None) -> socket.socket:
        connection = socket.create_connection((self._address, self._server.port), timeout)
        if not self._server.implicit_tls:
            return connection
        return ssl.create_default_context().wrap_socket(connection, server_hostname=self._server.host)


class Mailbox:
    """Reads one folder, on a connection for each round unless it idles in between. Not for several threads at once."""

    def __init__(self, server: ImapServer) -> None:
        self._server = server
        self._connection: imaplib.IMAP4 | None = None
        self._is_idle = False
        self._was_lost = False
        """True after a connection that idled was lost, until a round without one."""

    def unseen(self, addresses: Sequence[str], failures: Mapping[str, int]) -> list[str]:
        """Return the UIDs of the oldest mails without \\Seen; raise `MailboxError`.

        Those that failed least often come first, by their UIDs, so that none keeps newer ones from being read.
        """
        with self._reported():
            connection = self._resumed() or self._connected(addresses)
            (listed, *_) = _ok(connection.uid("SEARCH", "UNSEEN"))
            uids = (listed or b"").decode().split()
            return sorted(uids, key=lambda uid: failures.get(uid, 0))[:MAILS_AT_ONCE]

    def fetch(self, uid: str) -> UnseenMail | None:
        """Return a mail, cut to the greatest size, and leave it unseen; None for one that is gone.

        Raise `MailboxError`.
        """
        with self._reported():
            answer = _ok(self._open().uid("FETCH", uid, f"(RFC822.SIZE BODY.PEEK[]<0.{MAX_MAIL_BYTES}>)"))
            parts = [part for part in answer if isinstance(part, tuple)]
            if not parts:
                return None
            head, content = parts[0]
            size = _SIZE.search(head)
            is_cut = size is not None and int(size[1]) > len(content)
            return UnseenMail(uid, content, is_cut)

    def mark_seen(self, uid: str, *, is_flagged: bool) -> None:
        """Mark a mail as \\Seen, and one that no integration has as \\Flagged too; raise `MailboxError`."""
        with self._reported():
            flags = r"(\Seen \Flagged)" if is_flagged else r"(\Seen)"
            _ok(self._open().uid("STORE", uid, "+FLAGS.SILENT", flags))

    def idle(self) -> socket.socket | None:
        """Let the server report new mail (RFC 2177), and return the socket on which it does; raise `MailboxError`.

        Return None if the server cannot do it, or has just closed such a connection. What arrives together with its
        first answer is not reported: the caller also looks from time to time.
        """
        with self._reported():
            connection, was_lost, self._was_lost = self._connection, self._was_lost, False
            if connection is None or was_lost:
                return None
            if b"IDLE" not in b" ".join(_ok(connection.capability())).split():
                return None
            connection.send(_IDLE_TAG + b" IDLE\r\n")
            line = connection.readline()
            while line.startswith(b"*"):
                line = connection.readline()
            if not line.startswith(b"+"):
                return None
            self._is_idle = True
            return connection.sock

    def _resumed(self) -> imaplib.IMAP4 | None:
        """Return the connection that idles, ready for commands; None if there is none, or if it was lost."""
        connection, is_idle = self._connection, self._is_idle
        if connection is None or not is_idle:
            return None
        try:
            connection.send(b"DONE\r\n")
            while not (line := connection.readline()).startswith(_IDLE_TAG):
                if not line:
                    raise OSError("the server closed the connection")
        except (OSError, imaplib.IMAP4.error):
            self.close()
            self._was_lost = True
            return None
        self._is_idle = False
        return connection

    def close(self) -> None:
        """Close the connection, if any, so that none grows stale between two rounds."""
        if self._is_idle and self._connection is not None:
            # it expects no command
            with contextlib.suppress(OSError):
                self._connection.shutdown()
            self._connection = None
        self._is_idle = False
        if self._connection is not None:
            with contextlib.suppress(OSError, imaplib.IMAP4.error):
                self._connection.logout()
            self._connection = None

    @contextlib.contextmanager
    def _reported(self) -> Iterator[None]:
        try:
            yield
        except (OSError, imaplib.IMAP4.error, ValueError, IndexError, TypeError) as exc:
            self.close()
            reason = str(exc).replace(self._server.password, "***")[:200]
            raise MailboxError(f"The mailbox on {self._server.host} can’t be read: {reason}") from exc

    def _connected(self, addresses: Sequence[str]) -> imaplib.IMAP4:
        failure: OSError = OSError(f"{self._server.host} has no address")
        for address in addresses:
            try:
                connection = _Connection(self._server, address)
                break
            except OSError as exc:
                failure = exc
        else:
            raise failure
        self._connection = connection
        if not self._server.implicit_tls and "STARTTLS" in connection.capabilities:
            connection.starttls(ssl.create_default_context())
        elif self._server.require_tls and not self._server.implicit_tls:
            raise OSError(
                "the server offers no STARTTLS; use imaps://, or ?insecure in a network that you trust"
            )
        connection.login(self._server.username, self._server.password)
        _ok(connection.select(_quoted(self._server.folder)))
        return connection

    def _open(self) -> imaplib.IMAP4:
        if self._connection is None:
            raise MailboxError("The connection to the mailbox was lost.")
        return self._connection


def _ok(answer: tuple[str, list[Any]]) -> list[Any]:
    """Return what the server answered; raise imaplib's error for an answer that is not OK."""
    status, values = answer
    if status != "OK":
        raise imaplib.IMAP4.error((values[0] or b"").decode("utf-8", "replace"))
    return values


def _quoted(folder: str) -> str:
    return '"' + folder.replace("\\", "\\\\").replace('"', '\\"') + '"'
