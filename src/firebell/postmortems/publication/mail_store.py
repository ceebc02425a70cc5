"""The SQL of the mail to addresses of people without an account."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from firebell.kit.db.database import Tx
from firebell.kit.jobs.pruning import Retention, by_index
from firebell.kit.jobs.retention_store import count_rows

MAIL_DAYS = 90


@dataclass(frozen=True, slots=True)
class ClaimedMail:
    """A mail to send now; `attempts` counts those before."""

    id: int
    postmortem_id: int
    version_n: int
    address: str
    attempts: int
    created_at: datetime


async def queue(tx: Tx, postmortem_id: int, version_n: int, addresses: Sequence[str], now: datetime) -> None:
    """Queue one mail to each address about a version. Idempotent."""
    await tx.execute(
        """
        insert into postmortem_mail (postmortem_id, version_n, address, state, send_at, created_at)
        select $1, $2, address, 'queued', $4, $4
        from unnest($3::text[]) address
        on conflict do nothing
        """,
        postmortem_id,
        version_n,
        list(addresses),
        now,
    )


async def claim(tx: Tx, now: datetime, until: datetime, limit: int) -> list[ClaimedMail]:
    """Lease up to `limit` due mails until `until`, and return them, oldest first."""
    rows = await tx.fetch(
        """
        with claimed as (
            update postmortem_mail
            set leased_until = $2
            where id in (
                select id
                from postmortem_mail
                where state = 'queued'
                    and send_at <= $1
                    and (leased_until is null or leased_until <= $1)
                order by send_at, id
                limit $3
                for update skip locked
            )
            returning id, postmortem_id, version_n, address, attempts, created_at
        )
        select id, postmortem_id, version_n, address, attempts, created_at
        from claimed
        order by id
        """,
        now,
        until,
        limit,
    )
    return [ClaimedMail(**dict(row)) for row in rows]


async def next_at(tx: Tx) -> datetime | None:
    """Return when the next mail may be sent, None if none is queued."""
    at: datetime | None = await tx.value(
        """
        select min(greatest(send_at, leased_until))
        from postmortem_mail
        where state = 'queued'
        """
    )
    return at


async def record(
    tx: Tx, mail_id: int, state: str, reason: str, send_at: datetime, now: datetime, *, counts: bool = True
) -> None:
    """Record the outcome of an attempt; one that failed within this process does not count."""
    await tx.execute(
        """
        update postmortem_mail
        set state = $2,
            reason = $3,
            send_at = $4,
            leased_until = null,
            attempts = attempts + $6::int,
            sent_at = case when $2 = 'sent' then $5::timestamptz end
        where id = $1
        """,
        mail_id,
        state,
        reason,
        send_at,
        now,
        int(counts),
    )


async def states(tx: Tx, postmortem_id: int, version_n: int) -> dict[str, int]:
    """Return the number of mails about a version by state."""
    rows = await tx.fetch(
        """
        select state, count(*) as number
        from postmortem_mail
        where postmortem_id = $1
            and version_n = $2
        group by state
        """,
        postmortem_id,
        version_n,
    )
    return {row["state"]: row["number"] for row in rows}


async def delete_old(tx: Tx, before: datetime, limit: int) -> int:
    """Delete finished mails of before an instant; return their number."""
    return await tx.changed(
        """
        delete from postmortem_mail
        where id in (
            select id
            from postmortem_mail
            where created_at < $1
                and state <> 'queued'
            order by created_at
            limit $2
        )
        """,
        before,
        limit,
    )


count_old = count_rows(
    """
    select
    from postmortem_mail
    where created_at < $1
        and state <> 'queued'
    limit $2
    """
)

RETENTION = Retention(
    "postmortem_mail",
    MAIL_DAYS,
    by_index(delete_old),
    label="Emails of published post-mortems",
    count=count_old,
)
