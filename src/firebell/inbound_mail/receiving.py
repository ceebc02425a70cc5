"""What the SMTP listener and the mailbox share: from the bytes of a mail to what it does, committed."""

from dataclasses import dataclass
from functools import partial

from firebell.alerts.model import Integration
from firebell.inbound_mail import actions, message_reading
from firebell.inbound_mail.model import MailMessage, MailOutcome, ReceivedMail
from firebell.kit.context import Context
from firebell.kit.db.database import Db
from firebell.kit.threads import Pool

MAX_MAIL_BYTES = 10 * 2**20
MAX_WAITING_MAILS = 100
_reader = Pool("mails", 1, MAX_WAITING_MAILS)


@dataclass(frozen=True, slots=True)
class IncomingMail:
    """A mail as it arrived; `envelope_sender` is empty for the null sender, None if it is unknown."""

    content: bytes
    envelope_sender: str | None = None
    is_cut: bool = False


async def read(content: bytes) -> MailMessage:
    """Return what a mail says; large ones are read in a thread, one at a time. Raise Unavailable if too many wait."""
    return await _reader.run(partial(message_reading.read, content))


async def receive(
    ctx: Context, db: Db, integration: Integration, mail: IncomingMail, message: MailMessage
) -> MailOutcome | None:
    """Return once what a mail does is committed, None for one that was stored before; raise Unavailable otherwise."""
    received = ReceivedMail(
        integration_id=integration.id,
        service_id=integration.service_id,
        integration_name=integration.name,
        content=mail.content,
        message=message,
        envelope_sender=mail.envelope_sender,
        is_cut=mail.is_cut,
    )
    async with db.tx() as tx:
        outcome = await actions.receive(tx, received, ctx.inbound_mail.auth_server, ctx.clock.now())
    ctx.counters.inbound_messages[actions.SOURCE] += 1
    return outcome
