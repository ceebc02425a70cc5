"""The SQL of mentions that are read, because their chat does not send its events."""

from datetime import datetime, timedelta

from firebell.chat.model import Account, ChatKind
from firebell.chat.store import account
from firebell.kit.db.database import Reads, Tx
from firebell.kit.db.database_clock import TOLERANCE

INTERVAL = timedelta(seconds=5)
"""How often an account is asked for mentions."""
_READ_ACCOUNTS = """
    from chat_account account
    where account.kind = $1
        and account.state <> 'broken'
        and account.paused_at is null
"""


async def claim_account(tx: Tx, now: datetime) -> tuple[Account, datetime | None] | None:
    """Return the account whose mentions are to be read, and until when they were; None if none is due.

    Another process takes another one.
    """
    row = await tx.row(
        f"""
        update chat_account
        set mentions_read_at = $3
        where id = (
            select account.id
            {_READ_ACCOUNTS}
                and (
                    coalesce(account.mentions_read_at + $2::interval, account.created_at) <= $3::timestamptz
                    or account.mentions_read_at > $3::timestamptz + $4::interval
                )
            order by account.mentions_read_at nulls first, account.id
            limit 1
            for update of account skip locked
        )
        returning id, mentions_read_until
        """,
        ChatKind.MATTERMOST,
        INTERVAL,
        now,
        TOLERANCE,
    )
    if row is None:
        return None
    claimed = await account(tx, row["id"])
    assert claimed
    return claimed, row["mentions_read_until"]


async def next_account_at(tx: Reads) -> datetime | None:
    """Return when mentions are to be read next, None if no account is read."""
    due_at = await tx.value(
        f"""
        select min(coalesce(account.mentions_read_at + $2::interval, account.created_at))
        {_READ_ACCOUNTS}
        """,
        ChatKind.MATTERMOST,
        INTERVAL,
    )
    assert due_at is None or isinstance(due_at, datetime)
    return due_at


async def save_read_until(tx: Tx, account_id: int, until: datetime) -> None:
    """Record until when the mentions of an account were read."""
    await tx.execute("update chat_account set mentions_read_until = $2 where id = $1", account_id, until)


async def room_channels(tx: Reads, account_id: int) -> set[str]:
    """Return the channels of incidents that are open, which are read for themselves."""
    rows = await tx.fetch(
        """
        select external_id
        from chat_room
        where account_id = $1
            and state = 'open'
            and external_id <> ''
        """,
        account_id,
    )
    return {row["external_id"] for row in rows}


async def is_claimed(tx: Reads, account_id: int, key: str) -> bool:
    """Return True if a key was claimed."""
    claimed = await tx.value(
        """
        select exists (
            select
            from chat_seen
            where account_id = $1
                and key = $2
        )
        """,
        account_id,
        key,
    )
    return bool(claimed)
