"""The SQL of channels that fetch: how far each has read, and which process does it."""

from datetime import datetime
from typing import NamedTuple

from firebell.kit.db.database import Tx


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
