"""The lane that reads a mailbox: a mail is marked as seen only after what it does is committed (spec 9.6)."""

import asyncio
import logging
import socket
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from functools import partial

from firebell.alerts import actions as alerts
from firebell.alerts.model import Integration
from firebell.inbound_mail import addresses, receiving
from firebell.inbound_mail.imap_client import Mailbox, MailboxError, UnseenMail
from firebell.inbound_mail.receiving import IncomingMail
from firebell.kit.context import Context
from firebell.kit.db.migrate import fence
from firebell.kit.errors import FirebellError, Unavailable
from firebell.kit.log import OncePerMinute
from firebell.kit.resolver import Resolver
from firebell.kit.text import plural
from firebell.kit.threads import Pool

log = logging.getLogger(__name__)
_unaddressed = OncePerMinute(log, "mails in the mailbox have no address of an integration")

POLL_INTERVAL = timedelta(seconds=30)
"""How often it looks for mail, also if the server reports it."""
REPORT_INTERVAL = timedelta(seconds=1)
"""How long it waits between two rounds although the server reports something."""
RETRY_INTERVAL = timedelta(minutes=1)
IDLE_PAUSE = timedelta(hours=1)
"""How long a server that failed to report new mail is only polled."""


class MailboxReader:
    """Takes the unseen mails of the mailbox that is set, if any; several processes may read it at once."""

    def __init__(self, ctx: Context) -> None:
        self._ctx = ctx
        server = ctx.inbound_mail.imap
        self._mailbox = Mailbox(server) if server else None
        self._host = server.host if server else ""
        self._pool = Pool("mailbox", 1, 4)
        self._resolver = Resolver(pool=Pool("mailbox lookups", 2, 8))
        self.upcoming: datetime | None = None
        self.is_unused = server is None
        self._failure = ""
        """Why the mailbox could not be read the last time; the lane is not healthy until it can."""
        self._failures: Counter[str] = Counter()
        """How often mails could not be stored, by UID."""
        self._polled_until: datetime | None = None
        """Until when the server is not asked to report new mail, because it failed at that."""
        self._on_mail: Callable[[], None] | None = None
        self._watched: socket.socket | None = None
        """The socket on which the server reports new mail."""

    def watch(self, on_mail: Callable[[], None]) -> None:
        """From now on, call `on_mail` when the server reports new mail; `close` must be called at the end."""
        self._on_mail = on_mail

    async def close(self) -> None:
        """Close the connection on which the server reports new mail."""
        self._on_mail = None
        is_idle = self._watched is not None
        self._unwatch()
        # one that is read just now ends with the process
        if is_idle and self._mailbox is not None:
            await self._pool.run(self._mailbox.close)

    def _unwatch(self) -> None:
        if self._watched is not None:
            asyncio.get_running_loop().remove_reader(self._watched)
            self._watched = None

    def _reported(self, since: datetime) -> None:
        self._unwatch()
        self.upcoming = since + REPORT_INTERVAL
        if self._on_mail is not None:
            self._on_mail()

    async def run_once(self, now: datetime) -> int:
        """Take the oldest unseen mails if it is time; return how many, 0 if there are none."""
        # a clock that was set back must not stop the lane
        is_early = self.upcoming is not None and now < self.upcoming <= now + RETRY_INTERVAL
        if self._mailbox is None or is_early:
            if self._failure:
                raise Unavailable(self._failure)
            return 0
        self.upcoming = now + RETRY_INTERVAL
        self._unwatch()
        try:
            hosts = await self._resolver.resolve(self._host)
            uids = await self._pool.run(partial(self._mailbox.unseen, hosts, self._failures))
            taken, is_idle = 0, False
            try:
                taken = await self._take(self._mailbox, uids)
                is_idle = not taken and await self._idles(self._mailbox, now)
            finally:
                if not is_idle:
                    await self._pool.run(self._mailbox.close)
        except (MailboxError, OSError, UnicodeError, TimeoutError) as exc:
            self._failure = str(exc) or f"The name of {self._host} can’t be resolved."
            raise Unavailable(self._failure) from exc
        self._failure = ""
        self.upcoming = now if taken else now + POLL_INTERVAL
        return taken

    async def _idles(self, mailbox: Mailbox, now: datetime) -> bool:
        """Return True if the server reports new mail from now on, False if it can't or nothing waits for it."""
        # a clock that was set back must not prolong the pause
        is_polled = self._polled_until is not None and now < self._polled_until <= now + IDLE_PAUSE
        if self._on_mail is None or is_polled:
            return False
        try:
            watched = await self._pool.run(mailbox.idle)
        except MailboxError as exc:
            # its mails were read: it is healthy
            log.warning("the mailbox is polled, it does not report new mail", extra={"reason": str(exc)})
            self._polled_until = now + IDLE_PAUSE
            return False
        if watched is not None and self._on_mail is not None:
            self._watched = watched
            asyncio.get_running_loop().add_reader(watched, self._reported, now)
        return self._watched is not None

    async def _take(self, mailbox: Mailbox, uids: Sequence[str]) -> int:
        """Fetch, store and mark mails one after another, so that what was read is kept; return how many there were.

        Raise `MailboxError` at the end if some could not be stored, at once if one could not be fetched.
        """
        taken = failed = 0
        for uid in uids:
            mail = await self._fetched(mailbox, uid)
            if mail is None:
                continue
            taken += 1
            try:
                is_addressed = await self._store(mail)
            except FirebellError:
                raise
            except Exception:
                # the mails after it must not wait for it
                log.exception("a mail of the mailbox could not be stored", extra={"uid": mail.uid})
                self._failures[mail.uid] += 1
                failed += 1
                continue
            await self._pool.run(partial(mailbox.mark_seen, mail.uid, is_flagged=not is_addressed))
            self._failures.pop(mail.uid, None)
        if failed:
            raise MailboxError(f"{plural(failed, 'mail')} of the mailbox could not be stored; see the log.")
        return taken

    async def _fetched(self, mailbox: Mailbox, uid: str) -> UnseenMail | None:
        try:
            return await self._pool.run(partial(mailbox.fetch, uid))
        except MailboxError:
            # the next round begins with the others
            self._failures[uid] += 1
            raise

    async def _store(self, mail: UnseenMail) -> bool:
        """Store what a mail does, once however often it is taken; return False if it is for no integration."""
        message = await receiving.read(mail.content)
        integrations = await self._integrations(message.recipients)
        if not integrations:
            _unaddressed.add(message.subject[:100])
        for integration in integrations:
            incoming = IncomingMail(mail.content, message.return_path, mail.is_cut)
            await receiving.receive(self._ctx, self._ctx.work_db, integration, incoming, message)
        return bool(integrations)

    async def _integrations(self, recipients: tuple[str, ...]) -> list[Integration]:
        keys = addresses.keys_in(recipients, self._ctx.inbound_mail.domain)
        async with self._ctx.work_db.tx() as tx:
            await fence(tx)
            integrations = [await alerts.integration_of_key(tx, key) for key in keys]
        return [each for each in integrations if each is not None]
