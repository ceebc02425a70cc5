"""The SQL of what is kept in each chat."""

from collections.abc import Sequence
from datetime import datetime

from firebell.chat.model import ChatObject, DeadLetter, ObjectState
from firebell.kit.db.database import Reads, Row, Tx

_OBJECT = (
    "object_key as key, target, state, channel, ts, part_of, sent_hash, sent_urgent, sent_at, nonce, attempt_at,"
    " attempts, retry_at, error, dead_at, posts"
)


def _object(row: Row) -> ChatObject:
    values = dict(row)
    return ChatObject(**{**values, "state": ObjectState(values["state"])})


async def objects(tx: Reads, account_id: int, target: str, keys: Sequence[str] = ()) -> dict[str, ChatObject]:
    """Return the objects of a target by key, and those of `keys`."""
    rows = await tx.fetch(
        f"""
        select {_OBJECT}
        from chat_object
        where account_id = $1 and (target = $2 or object_key = any($3::text[]))
        """,
        account_id,
        target,
        list(keys),
    )
    return {row["key"]: _object(row) for row in rows}


async def object_by_message(tx: Reads, account_id: int, channel: str, ts: str) -> ChatObject | None:
    """Return the object of a message, None if it is not ours."""
    row = await tx.row(
        f"""
        select {_OBJECT}
        from chat_object
        where account_id = $1 and channel = $2 and ts = $3 and ts <> '' and part_of is null
        """,
        account_id,
        channel,
        ts,
    )
    return _object(row) if row else None


async def begin(
    tx: Tx,
    account_id: int,
    target: str,
    keys: Sequence[str],
    hashes: Sequence[str],
    channel: str,
    nonce: str,
    now: datetime,
) -> None:
    """Record that a call about these objects begins: from now on it may have had its effect."""
    await tx.execute(
        """
        insert into chat_object (account_id, object_key, target, state, channel, wanted_hash, nonce, attempt_at)
        select $1, item.key, $2, 'sending', $5, item.hash, $6, $7
        from unnest($3::text[], $4::text[]) item (key, hash)
        on conflict (account_id, object_key) do update
        set state = 'sending',
            channel = case when excluded.channel = '' then chat_object.channel else excluded.channel end,
            wanted_hash = excluded.wanted_hash,
            nonce = excluded.nonce,
            attempt_at = excluded.attempt_at,
            retry_at = null
        """,
        account_id,
        target,
        list(keys),
        list(hashes),
        channel,
        nonce,
        now,
    )


async def sent(
    tx: Tx,
    account_id: int,
    keys: Sequence[str],
    hashes: Sequence[str],
    *,
    ts: str,
    channel: str,
    urgent: str,
    posted: bool,
    now: datetime,
) -> None:
    """Record that objects are in the chat, in one message; the first one names it."""
    await tx.execute(
        """
        update chat_object
        set state = 'sent',
            ts = case when $4 = '' then chat_object.ts else $4 end,
            channel = case when $5 = '' then chat_object.channel else $5 end,
            part_of = case when item.key = $6 then null else $6 end,
            sent_hash = item.hash,
            sent_urgent = $7,
            sent_at = $8,
            posts = chat_object.posts + $9::int,
            attempts = 0,
            retry_at = null,
            error = '',
            dead_at = null
        from unnest($2::text[], $3::text[]) item (key, hash)
        where chat_object.account_id = $1
            and chat_object.object_key = item.key
        """,
        account_id,
        list(keys),
        list(hashes),
        ts,
        channel,
        keys[0],
        urgent,
        now,
        int(posted),
    )


async def failed(
    tx: Tx,
    account_id: int,
    keys: Sequence[str],
    state: ObjectState,
    error: str,
    *,
    retry_at: datetime | None,
    now: datetime,
) -> None:
    """Record that a call failed; a dead object is sent again when it changes or a person retries it."""
    await tx.execute(
        """
        update chat_object
        set state = $3,
            error = $4,
            attempts = attempts + 1,
            retry_at = $5,
            sent_hash = case when $3 = 'dead' then wanted_hash else sent_hash end,
            dead_at = case when $3 = 'dead' then $6::timestamptz end
        where account_id = $1 and object_key = any($2::text[])
        """,
        account_id,
        list(keys),
        state,
        error[:500],
        retry_at,
        now,
    )


async def forget(tx: Tx, account_id: int, keys: Sequence[str]) -> None:
    """Delete objects that are not messages, so that the calls for them are made again if they are wanted later."""
    await tx.execute(
        "delete from chat_object where account_id = $1 and object_key = any($2::text[])",
        account_id,
        list(keys),
    )


async def forget_message(tx: Tx, account_id: int, keys: Sequence[str]) -> None:
    """Record that a message is no longer in the chat; it is posted again."""
    await tx.execute(
        """
        update chat_object
        set state = 'none', ts = '', part_of = null, sent_hash = ''
        where account_id = $1 and (object_key = any($2::text[]) or part_of = any($2::text[]))
        """,
        account_id,
        list(keys),
    )


async def forget_room(tx: Tx, account_id: int, incident_id: int) -> None:
    """Forget what was kept in a room that is replaced by another; announcements stay."""
    await tx.execute(
        """
        delete from chat_object
        where account_id = $1
            and target = 'inc-' || $2::bigint
            and object_key not like 'inc-' || $2::bigint || '/ann@%'
            and object_key not like 'person-%'
        """,
        account_id,
        incident_id,
    )


async def retry_skipped(tx: Tx, account_id: int) -> None:
    """Try again what was refused for lack of a scope, because the account has a new token."""
    await tx.execute(
        """
        update chat_object
        set retry_at = null, attempts = 0
        where account_id = $1 and retry_at is not null
        """,
        account_id,
    )


async def move_objects(tx: Tx, account_id: int, target: str, channel: str, room_id: int) -> None:
    """Give the objects of a channel to a target of its own, so that they can be removed."""
    await tx.execute(
        """
        update chat_object
        set target = 'room-' || $4::bigint,
            object_key = 'room-' || $4::bigint || '/' || object_key,
            part_of = case when part_of is null then null else 'room-' || $4::bigint || '/' || part_of end
        where account_id = $1
            and target = $2
            and channel = $3
            and object_key not like 'person-%'
        """,
        account_id,
        target,
        channel,
        room_id,
    )


async def posted_since(tx: Reads, account_id: int, channel: str, since: datetime) -> int:
    """Return how many pages were announced in a channel since then."""
    count: int = await tx.value(
        """
        select count(*)
        from chat_object
        where account_id = $1
            and channel = $2
            and target like 'pg-%'
            and attempt_at >= $3
            and part_of is null
        """,
        account_id,
        channel,
        since,
    )
    return count


async def note_error(tx: Tx, account_id: int, key: str, error: str) -> None:
    """Record what a call that succeeded could not do."""
    await tx.execute(
        "update chat_object set error = $3 where account_id = $1 and object_key = $2",
        account_id,
        key,
        error[:500],
    )


async def cover(
    tx: Tx, account_id: int, target: str, key: str, channel: str, part_of: str, shown_hash: str, now: datetime
) -> None:
    """Record that a page is shown in the message of a storm."""
    await tx.execute(
        """
        insert into chat_object (
            account_id, object_key, target, state, channel, part_of, sent_hash, sent_at, attempt_at
        )
        values ($1, $2, $3, 'sent', $4, $5, $6, $7, $7)
        on conflict (account_id, object_key) do update
        set sent_hash = excluded.sent_hash, sent_at = excluded.sent_at
        """,
        account_id,
        key,
        target,
        channel,
        part_of,
        shown_hash,
        now,
    )


async def covered_pages(tx: Reads, account_id: int, storm_key: str) -> list[int]:
    """Return the pages that the message of a storm shows."""
    rows = await tx.fetch(
        """
        select substring(target from 4)::bigint as page_id
        from chat_object
        where account_id = $1 and part_of = $2 and target like 'pg-%'
        order by page_id
        """,
        account_id,
        storm_key,
    )
    return [row["page_id"] for row in rows]


async def dead_letters(tx: Reads, account_id: int | None = None, limit: int = 200) -> list[DeadLetter]:
    """Return what could not be sent, newest first."""
    rows = await tx.fetch(
        """
        select chat_object.account_id,
            chat_account.name as account,
            chat_object.object_key as key,
            chat_object.error,
            chat_object.dead_at
        from chat_object
        join chat_account on chat_account.id = chat_object.account_id
        where chat_object.state = 'dead'
            and chat_object.error <> ''
            and ($1::bigint is null or chat_object.account_id = $1)
        order by chat_object.dead_at desc, chat_object.object_key
        limit $2
        """,
        account_id,
        limit,
    )
    return [DeadLetter(**dict(row)) for row in rows]


async def retry_dead(tx: Tx, account_id: int, key: str, now: datetime) -> str | None:
    """Send a dead object again and return its target; None if it is not dead."""
    target: str | None = await tx.value(
        """
        update chat_object
        set state = case when ts <> '' then 'sent' else 'none' end,
            sent_hash = '', attempts = 0, posts = 0, retry_at = null, error = '', dead_at = null
        where account_id = $1 and object_key = $2 and state = 'dead'
        returning target
        """,
        account_id,
        key,
    )
    return target


async def drop_dead(tx: Tx, account_id: int, key: str) -> bool:
    """Stop showing a dead object, which is not sent; return False if it is not dead."""
    return bool(
        await tx.changed(
            """
            update chat_object
            set error = ''
            where account_id = $1
                and object_key = $2
                and state = 'dead'
                and error <> ''
            """,
            account_id,
            key,
        )
    )
