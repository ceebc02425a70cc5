"""The SQL of how mails are read, and of the outcome of each."""

from collections.abc import Sequence
from datetime import datetime

from firebell.inbound_mail.model import MailOutcome, MailReceipt, MailSettings, NewReceipt
from firebell.kit.db.database import Reads, Tx


async def settings_of(tx: Reads, integration_id: int) -> MailSettings:
    """Return how the mails of an integration are read."""
    row = await tx.row(
        """
        select senders, resolve_matchers, ignore_matchers
        from mail_setting
        where integration_id = $1
        """,
        integration_id,
    )
    if row is None:
        return MailSettings()
    return MailSettings(tuple(row["senders"]), row["resolve_matchers"], row["ignore_matchers"])


async def save_settings(tx: Tx, integration_id: int, settings: MailSettings) -> None:
    """Store how the mails of an integration are read."""
    await tx.execute(
        """
        insert into mail_setting (integration_id, senders, resolve_matchers, ignore_matchers)
        values ($1, $2, $3, $4)
        on conflict (integration_id) do update
        set senders = excluded.senders,
            resolve_matchers = excluded.resolve_matchers,
            ignore_matchers = excluded.ignore_matchers
        """,
        integration_id,
        list(settings.senders),
        settings.resolve_matchers,
        settings.ignore_matchers,
    )


async def insert_receipt(tx: Tx, receipt: NewReceipt, now: datetime) -> bool:
    """Record a mail; return False if it was recorded before."""
    verdict = receipt.verdict
    row = await tx.row(
        """
        insert into mail_receipt (
            integration_id, received_at, digest, message_id, dedup_key, sender, subject, outcome, reason
        )
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9)
        on conflict (integration_id, digest) do nothing
        returning id
        """,
        receipt.integration_id,
        now,
        receipt.digest,
        receipt.message_id,
        verdict.key,
        receipt.sender,
        receipt.subject,
        verdict.outcome,
        verdict.reason,
    )
    return row is not None


async def is_recorded(tx: Reads, integration_id: int, digest: bytes) -> bool:
    """Return True if a mail was recorded before."""
    return bool(
        await tx.value(
            """
            select exists (
                select
                from mail_receipt
                where integration_id = $1
                    and digest = $2
            )
            """,
            integration_id,
            digest,
        )
    )


async def key_of_thread(tx: Reads, integration_id: int, message_ids: Sequence[str]) -> str:
    """Return the key of the oldest of these mails that fired or resolved; an empty text for none."""
    key: str | None = await tx.value(
        """
        select dedup_key
        from mail_receipt
        where integration_id = $1
            and message_id = any($2::text[])
            and message_id <> ''
            and outcome in ('fired', 'resolved')
        order by id
        limit 1
        """,
        integration_id,
        list(message_ids),
    )
    return key or ""


async def count_of_sender(tx: Reads, integration_id: int, sender: str, since: datetime, limit: int) -> int:
    """Count the mails of a sender to an integration since an instant, up to `limit`."""
    count: int = await tx.value(
        """
        select count(*)
        from (
            select
            from mail_receipt
            where integration_id = $1
                and sender = $2
                and received_at > $3
            limit $4
        ) recent
        """,
        integration_id,
        sender,
        since,
        limit,
    )
    return count


async def receipts(tx: Reads, integration_id: int, before: int, limit: int) -> list[MailReceipt]:
    """Return the outcome of the mails of an integration below an id, newest first."""
    rows = await tx.fetch(
        """
        select id, received_at, sender, subject, outcome, reason, dedup_key
        from mail_receipt
        where integration_id = $1
            and id < $2
        order by id desc
        limit $3
        """,
        integration_id,
        before,
        limit,
    )
    return [MailReceipt(**{**dict(row), "outcome": MailOutcome(row["outcome"])}) for row in rows]
