"""Take mails as alerts, and change how an integration reads them (spec 9.6)."""

import re
from collections.abc import Sequence
from datetime import datetime, timedelta

from firebell.alerts import actions as alerts
from firebell.alerts import cleaning
from firebell.alerts.model import InboundRequest
from firebell.inbound_mail import mail_rules, store
from firebell.inbound_mail.model import (
    MailOutcome,
    MailReceipt,
    MailSettings,
    NewReceipt,
    ReceivedMail,
    Verdict,
)
from firebell.kit import matchers
from firebell.kit.db.database import Reads, Tx
from firebell.kit.db.events import Actor
from firebell.kit.errors import Invalid
from firebell.kit.mail.addresses import check_address
from firebell.kit.text import MAX_ID
from firebell.kit.web.field_errors import FieldErrors
from firebell.people.action_permissions import permits
from firebell.people.permissions import Verb

SOURCE = "email"
"""The source of mails, stored with them."""
LIVE_TOPIC = "mails"
MAX_SENDERS = 50
MATCHERS_MAX_CHARS = 1_024
MESSAGE_ID_CHARS = 500
_MINUTE = timedelta(minutes=1)
_DOMAIN = re.compile(r"@[a-z0-9-]+(\.[a-z0-9-]+)*", re.ASCII)

settings_of = store.settings_of


async def receive(tx: Tx, mail: ReceivedMail, auth_server: str, now: datetime) -> MailOutcome | None:
    """Store a mail and what it does; return None for one that was stored before.

    The mail itself is kept with the messages of the integration, byte for byte.
    """
    message, digest = mail.message, mail_rules.digest_at(mail, now)
    if await store.is_recorded(tx, mail.integration_id, digest):
        return None
    verdict = mail_rules.judge(
        mail,
        await store.settings_of(tx, mail.integration_id),
        auth_server,
        await store.count_of_sender(
            tx, mail.integration_id, message.sender, now - _MINUTE, mail_rules.STORM_MAILS
        ),
        await store.key_of_thread(tx, mail.integration_id, [message.message_id, *message.references]),
    )
    receipt = NewReceipt(
        integration_id=mail.integration_id,
        digest=digest,
        message_id=message.message_id[:MESSAGE_ID_CHARS],
        sender=message.sender,
        subject=cleaning.line(message.subject),
        verdict=verdict,
    )
    if not await store.insert_receipt(tx, receipt, now):
        return None
    await alerts.receive_own(tx, [_request(mail, verdict, now)], now)
    await tx.live(LIVE_TOPIC)
    return verdict.outcome


def _request(mail: ReceivedMail, verdict: Verdict, now: datetime) -> InboundRequest:
    """Return the message as alerts are stored; the owner is notified of one whose sender is refused."""
    is_event = verdict.outcome in (MailOutcome.FIRED, MailOutcome.RESOLVED, MailOutcome.STORM)
    error = mail.message.problem
    if verdict.outcome is MailOutcome.REFUSED:
        error = f"An email was refused. {verdict.reason}"
    return InboundRequest(
        integration_id=mail.integration_id,
        service_id=mail.service_id,
        source=SOURCE,
        body=mail.content,
        incoming=(mail_rules.event_of(mail, verdict, now),) if is_event else (),
        error=error or None,
    )


async def receipts(
    tx: Reads, integration_id: int, before: int | None = None, limit: int = 50
) -> list[MailReceipt]:
    """Return the emails that an integration received, with their outcomes, newest first."""
    return await store.receipts(tx, integration_id, MAX_ID if before is None else before, limit)


@permits(Verb.INTEGRATION_CREATE)
async def change_settings(
    tx: Tx,
    actor: Actor,
    *,
    service_id: int,
    integration_id: int,
    senders: Sequence[str],
    resolve_matchers: str,
    ignore_matchers: str,
    auth_server: str,
    now: datetime,
) -> MailSettings:
    """Change how the emails of an integration are read; raise Invalid with the message of every wrong field."""
    integration = await alerts.integration_of_service(tx, service_id, integration_id)
    settings = checked(senders, resolve_matchers, ignore_matchers, auth_server)
    if settings == await store.settings_of(tx, integration_id):
        return settings
    await store.save_settings(tx, integration_id, settings)
    await tx.audit(
        actor,
        "integration.mail_changed",
        f"service:{service_id}",
        now,
        name=integration.name,
        senders=", ".join(settings.senders),
        resolve_matchers=settings.resolve_matchers,
        ignore_matchers=settings.ignore_matchers,
    )
    await tx.live(LIVE_TOPIC)
    return settings


def checked(
    senders: Sequence[str], resolve_matchers: str, ignore_matchers: str, auth_server: str
) -> MailSettings:
    """Return the settings; raise Invalid with the message of every wrong field.

    A list of senders needs a relay that proves them, because anyone can write any sender into a mail.
    """
    errors = FieldErrors()
    clean = tuple(dict.fromkeys(each.strip().lower() for each in senders if each.strip()))
    if len(clean) > MAX_SENDERS:
        errors.add("senders", f"Enter at most {MAX_SENDERS} senders.")
    for each in clean:
        if not _is_sender(each):
            errors.add("senders", f"{each[:60]} is neither an address nor a domain such as @example.org.")
    if clean and not auth_server:
        errors.add(
            "senders",
            "Set FIREBELL_MAIL_AUTH_SERVER first: without a relay that checks senders, anyone can forge one.",
        )
    resolving = errors.value(lambda: _checked_matchers(resolve_matchers, "resolve_matchers"), "")
    ignoring = errors.value(lambda: _checked_matchers(ignore_matchers, "ignore_matchers"), "")
    errors.check()
    return MailSettings(clean, resolving, ignoring)


def _is_sender(text: str) -> bool:
    if text.startswith("@"):
        return _DOMAIN.fullmatch(text) is not None
    try:
        check_address(text)
    except ValueError:
        return False
    return True


def _checked_matchers(text: str, field: str) -> str:
    """Return matchers as they are stored, an empty text for none; raise `Invalid` at the field."""
    if len(text) > MATCHERS_MAX_CHARS:
        raise Invalid(
            "The matchers are too long.", fields={field: f"Enter at most {MATCHERS_MAX_CHARS:,} characters."}
        )
    hint = 'Enter matchers of subject, from, to and body, such as {subject=~".*cleared.*"}.'
    stored = matchers.checked(text, field, hint)
    if stored and matchers.matches_all(matchers.parse(stored), {}):
        raise Invalid(
            "These matchers match every email.",
            fields={field: "Enter at least one matcher with a value that the email must have."},
        )
    return stored
