"""The SQL of channels that fetch: how far each has read, and which process does it."""

from datetime import datetime
from typing import NamedTuple

from firebell.kit.db.database import Reads, Tx


class PollClaim(NamedTuple):
    """The right to fetch for a channel until the lease ends, and the cursor from which to continue."""

    number: int
    cursor: str


async def claim(tx: Tx, channel: str, now: datetime, until: datetime) -> PollClaim | None:
    """Return the claim of a channel; None while another process has it."""
    row = await tx.row(
        """
        insert into channel_poll (channel, claims, lease_until)
        values ($1, 1, $3)
        on conflict (channel) do update
        set claims = channel_poll.claims + 1, lease_until = excluded.lease_until
        where channel_poll.lease_until <= $2
        returning claims, cursor
        """,
        channel,
        now,
        until,
    )
    return PollClaim(row["claims"], row["cursor"]) if row else None


async def end_leases_by(tx: Tx, until: datetime) -> None:
    """Let no lease end later than `until`."""
    await tx.execute(
        """
        update channel_poll
        set lease_until = $1
        where lease_until > $1
        """,
        until,
    )


async def advance(tx: Tx, channel: str, number: int, cursor: str, until: datetime) -> bool:
    """Store the cursor, and renew the lease; return False if another process has the claim now."""
    changed = await tx.changed(
        """
        update channel_poll
        set cursor = $3, lease_until = $4
        where channel = $1
            and claims = $2
        """,
        channel,
        number,
        cursor,
        until,
    )
    return changed == 1


async def release(tx: Tx, channel: str, number: int) -> None:
    """End the lease so that it does not count as abandoned."""
    await tx.execute(
        """
        update channel_poll
        set lease_until = '-infinity'
        where channel = $1
            and claims = $2
        """,
        channel,
        number,
    )


async def leases_ended(tx: Reads, after: datetime, before: datetime) -> dict[str, datetime]:
    """Return the channels whose lease ended in a range of time without being released or taken, and when."""
    rows = await tx.fetch(
        """
        select channel, lease_until
        from channel_poll
        where lease_until between $1 and $2
        order by channel
        """,
        after,
        before,
    )
    return {row["channel"]: row["lease_until"] for row in rows}
