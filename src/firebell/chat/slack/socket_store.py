"""The SQL of Socket Mode: which process holds the connections of an account."""

from collections.abc import Sequence
from datetime import datetime

from firebell.chat.model import ChatKind
from firebell.kit.db.database import Reads, Tx
from firebell.kit.db.database_clock import TOLERANCE


async def lease(tx: Tx, holder: str, until: datetime, now: datetime) -> list[int]:
    """Return the accounts whose sockets this process holds, after it took the free ones and renewed its own."""
    await tx.execute(
        """
        update chat_account
        set socket_by = $1,
            socket_until = $2
        where id in (
            select id
            from chat_account
            where kind = $4
                and mode = 'socket'
                and state <> 'broken'
                and paused_at is null
                and (
                    socket_by = $1
                    or socket_until is null
                    or socket_until <= $3
                    or socket_until > $2::timestamptz + $5::interval
                )
            order by id
            for update skip locked
        )
        """,
        holder,
        until,
        now,
        ChatKind.SLACK,
        TOLERANCE,
    )
    # a row that another transaction locked was not renewed, and is still held
    rows = await tx.fetch(
        """
        select id
        from chat_account
        where socket_by = $1
            and socket_until > $2
            and mode = 'socket'
            and state <> 'broken'
            and paused_at is null
        order by id
        """,
        holder,
        now,
    )
    return [row["id"] for row in rows]


async def release(tx: Tx, holder: str) -> None:
    """Give up the sockets of a process that ends, so that another one connects at once."""
    await tx.execute("update chat_account set socket_until = null where socket_by = $1", holder)


async def note_error(tx: Tx, account_id: int, error: str) -> None:
    """Record why a socket is not connected; empty once it is."""
    await tx.execute(
        """
        update chat_account
        set socket_error = $2
        where id = $1
            and socket_error <> $2
        """,
        account_id,
        error[:200],
    )


async def errors(tx: Reads, account_ids: Sequence[int]) -> dict[int, str]:
    """Return why sockets are not connected, by account; accounts without an error are absent."""
    rows = await tx.fetch(
        """
        select id, socket_error
        from chat_account
        where id = any($1::bigint[])
            and socket_error <> ''
        """,
        list(account_ids),
    )
    return {row["id"]: row["socket_error"] for row in rows}
