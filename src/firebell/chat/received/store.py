"""The SQL of what arrives from chats: users, keys that were seen, the inbox, and captured messages."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from firebell.chat.users import ChatUser, LinkedBy
from firebell.kit.db.database import Reads, Row, Tx
from firebell.kit.jobs.pruning import Retention, by_index
from firebell.kit.jobs.retention_store import count_rows

SEEN_DAYS = 1
"""A chat repeats a request for five minutes, and a replayed one is refused after that."""
INBOX_DAYS = 7
LEASE = timedelta(minutes=1)
"""How long a worker may take for one message before another one tries."""
GIVE_UP_AFTER = 8
_USER = "account_id, external_id, person_id, how, name, email, guest, checked_at"


def _user(row: Row) -> ChatUser:
    return ChatUser(**{**dict(row), "how": LinkedBy(row["how"])})


async def user(tx: Tx, account_id: int, external_id: str) -> ChatUser | None:
    """Return a user of a chat, None if they were never seen."""
    row = await tx.row(
        f"""
        select {_USER}
        from chat_user
        where account_id = $1
            and external_id = $2
        """,
        account_id,
        external_id,
    )
    return _user(row) if row else None


async def users(tx: Tx, account_id: int, limit: int = 1000) -> list[ChatUser]:
    """Return users of an account, by name."""
    rows = await tx.fetch(
        f"""
        select {_USER}
        from chat_user
        where account_id = $1
        order by name, external_id
        limit $2
        """,
        account_id,
        limit,
    )
    return [_user(row) for row in rows]


async def users_of_people(tx: Tx, account_id: int, person_ids: Sequence[int]) -> dict[int, str]:
    """Return the ids of the users who are linked to these people, by person."""
    rows = await tx.fetch(
        """
        select person_id, external_id
        from chat_user
        where account_id = $1
            and person_id = any($2::bigint[])
        """,
        account_id,
        list(person_ids),
    )
    return {row["person_id"]: row["external_id"] for row in rows}


async def unlinked_users(tx: Reads, account_id: int, since: datetime, limit: int) -> list[ChatUser]:
    """Return the users who acted since an instant and are no one; an admin may have decided that others are no one."""
    rows = await tx.fetch(
        f"""
        select {_USER}
        from chat_user
        where account_id = $1
            and how = 'none'
            and checked_at >= $2
        order by checked_at desc
        limit $3
        """,
        account_id,
        since,
        limit,
    )
    return [_user(row) for row in rows]


async def people_not_found(tx: Reads, account_id: int, limit: int) -> list[int]:
    """Return the people to invite who are not linked and whose email address has no user in the chat."""
    rows = await tx.fetch(
        """
        select substr(object_key, length('person-') + 1)::bigint as person_id
        from chat_object
        where account_id = $1
            and object_key like 'person-%'
            and ts = ''
            and error <> ''
            and not exists (
                select
                from chat_user
                where chat_user.account_id = $1
                    and chat_user.person_id = substr(chat_object.object_key, length('person-') + 1)::bigint
            )
        order by 1
        limit $2
        """,
        account_id,
        limit,
    )
    return [row["person_id"] for row in rows]


async def user_of_person(tx: Tx, account_id: int, person_id: int) -> ChatUser | None:
    """Return the user of an account who is linked to a person, or None."""
    row = await tx.row(
        f"""
        select {_USER}
        from chat_user
        where account_id = $1
            and person_id = $2
        """,
        account_id,
        person_id,
    )
    return _user(row) if row else None


async def save_user(tx: Tx, each: ChatUser) -> None:
    """Insert or replace a user."""
    await tx.execute(
        """
        insert into chat_user (account_id, external_id, person_id, how, name, email, guest, checked_at)
        values ($1, $2, $3, $4, $5, $6, $7, $8)
        on conflict (account_id, external_id) do update
        set person_id = excluded.person_id,
            how = excluded.how,
            name = excluded.name,
            email = excluded.email,
            guest = excluded.guest,
            checked_at = excluded.checked_at
        """,
        each.account_id,
        each.external_id,
        each.person_id,
        each.how,
        each.name,
        each.email,
        each.guest,
        each.checked_at,
    )


async def lock_links(tx: Tx, account_id: int) -> None:
    """Serialize changes of the links of an account until the transaction ends."""
    await tx.execute("select pg_advisory_xact_lock(hashtextextended('chat_user', $1))", account_id)


async def unlink_person(tx: Tx, person_id: int) -> int:
    """End every link of a person; return how many there were."""
    return await tx.changed(
        """
        update chat_user
        set person_id = null, how = 'none'
        where person_id = $1
        """,
        person_id,
    )


async def claim(tx: Tx, account_id: int, key: str, now: datetime) -> bool:
    """Claim a key for this transaction; return False if it was done before.

    Waits for another transaction that has claimed it and is not committed.
    """
    claimed = await tx.changed(
        """
        insert into chat_seen (account_id, key, at)
        values ($1, $2, $3)
        on conflict do nothing
        """,
        account_id,
        key,
        now,
    )
    return claimed == 1


async def claim_again(tx: Tx, account_id: int, key: str, now: datetime, after: timedelta) -> bool:
    """Claim a key for this transaction; return False if it was claimed less than `after` ago."""
    claimed = await tx.changed(
        """
        insert into chat_seen as seen (account_id, key, at)
        values ($1, $2, $3)
        on conflict (account_id, key) do update
        set at = excluded.at
        where seen.at <= $3::timestamptz - $4::interval
        """,
        account_id,
        key,
        now,
        after,
    )
    return claimed == 1


async def save_answer(tx: Tx, account_id: int, key: str, answer: dict[str, Any]) -> None:
    """Store the answer of a claimed key, for who asks again."""
    await tx.execute(
        """
        update chat_seen
        set answer = $3
        where account_id = $1
            and key = $2
        """,
        account_id,
        key,
        answer,
    )


async def answer(tx: Tx, account_id: int, key: str) -> dict[str, Any] | None:
    """Return the answer of a key that was done."""
    value = await tx.value("select answer from chat_seen where account_id = $1 and key = $2", account_id, key)
    assert value is None or isinstance(value, dict)
    return value


@dataclass(frozen=True, slots=True)
class InboxItem:
    """A message that waits for the worker; `attempts` counts this one."""

    id: int
    account_id: int
    key: str
    kind: str
    body: dict[str, Any]
    received_at: datetime
    attempts: int


async def receive(
    tx: Tx,
    account_id: int,
    key: str,
    kind: str,
    channel: str,
    ordered_by: str,
    body: dict[str, Any],
    now: datetime,
    error: str | None = None,
) -> None:
    """Store a message once per key; with an error it is only kept, not worked on."""
    await tx.execute(
        """
        insert into chat_inbox (
            account_id, key, kind, channel, ordered_by, body, received_at, due_at, error, done_at
        )
        values ($1, $2, $3, $4, $5, $6, $7, $7, $8, case when $8::text is not null then $7::timestamptz end)
        on conflict do nothing
        """,
        account_id,
        key,
        kind,
        channel,
        ordered_by,
        body,
        now,
        error,
    )
    await tx.wake("chat_inbox")


async def claim_item(tx: Tx, now: datetime) -> InboxItem | None:
    """Lease the next message that is due, in the order of its channel; None if there is none."""
    row = await tx.row(
        """
        update chat_inbox
        set due_at = $1::timestamptz + $2::interval, attempts = attempts + 1
        where id = (
            select item.id
            from chat_inbox item
            where item.done_at is null
                and item.due_at <= $1
                and not exists (
                    select
                    from chat_inbox earlier
                    where earlier.done_at is null
                        and earlier.account_id = item.account_id
                        and earlier.channel = item.channel
                        and (earlier.ordered_by, earlier.id) < (item.ordered_by, item.id)
                )
            order by item.id
            limit 1
            for update skip locked
        )
        returning id, account_id, key, kind, body, received_at, attempts
        """,
        now,
        LEASE,
    )
    return InboxItem(**dict(row)) if row else None


async def finish_item(tx: Tx, item_id: int, now: datetime, error: str | None = None) -> None:
    """Mark a message as done, with an error if it was given up."""
    await tx.execute(
        """
        update chat_inbox
        set done_at = $2, error = $3
        where id = $1
        """,
        item_id,
        now,
        error,
    )


async def save_progress(tx: Tx, item_id: int, progress: dict[str, Any]) -> None:
    """Store how far a message was worked on, in its body, for the next attempt."""
    await tx.execute(
        """
        update chat_inbox
        set body = body || jsonb_build_object('progress', $2::jsonb)
        where id = $1
        """,
        item_id,
        progress,
    )


async def postpone_item(tx: Tx, item_id: int, due_at: datetime, error: str) -> None:
    """Try a message again later."""
    await tx.execute(
        """
        update chat_inbox
        set due_at = $2, error = $3
        where id = $1
        """,
        item_id,
        due_at,
        error[:2000],
    )


async def next_item_at(tx: Tx) -> datetime | None:
    """Return when the next message is due, None if none waits."""
    due_at = await tx.value("select min(due_at) from chat_inbox where done_at is null")
    assert due_at is None or isinstance(due_at, datetime)
    return due_at


@dataclass(frozen=True, slots=True)
class Capture:
    """A message that became a timeline entry; `text` is what it said when it was last read."""

    account_id: int
    channel: str
    ts: str
    incident_id: int
    entry_id: int
    kind: str
    captured_by: str
    captured_at: datetime
    text: str
    edited_at: datetime | None = None
    deleted_at: datetime | None = None


_CAPTURE = "account_id, channel, ts, incident_id, entry_id, kind, captured_by, captured_at, text, edited_at, deleted_at"


async def lock_capture(tx: Tx, account_id: int, channel: str, ts: str) -> Capture | None:
    """Return the capture of a message, None if it was not captured; serialize captures of it until the end."""
    await tx.execute("select pg_advisory_xact_lock(hashtextextended($2, $1))", account_id, f"{channel}/{ts}")
    row = await tx.row(
        f"""
        select {_CAPTURE}
        from chat_capture
        where account_id = $1
            and channel = $2
            and ts = $3
        """,
        account_id,
        channel,
        ts,
    )
    return Capture(**dict(row)) if row else None


async def save_capture(tx: Tx, capture: Capture) -> None:
    """Insert a capture, or update its kind, text and times."""
    await tx.execute(
        """
        insert into chat_capture (
            account_id, channel, ts, incident_id, entry_id, kind, captured_by, captured_at, text, edited_at,
            deleted_at
        )
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
        on conflict (account_id, channel, ts) do update
        set entry_id = excluded.entry_id,
            kind = excluded.kind,
            text = excluded.text,
            edited_at = excluded.edited_at,
            deleted_at = excluded.deleted_at
        """,
        capture.account_id,
        capture.channel,
        capture.ts,
        capture.incident_id,
        capture.entry_id,
        capture.kind,
        capture.captured_by,
        capture.captured_at,
        capture.text,
        capture.edited_at,
        capture.deleted_at,
    )


async def delete_seen(tx: Tx, before: datetime, limit: int) -> int:
    """Delete the keys that were seen before an instant; return their number."""
    return await tx.changed(
        """
        delete from chat_seen
        where (account_id, key) in (
            select account_id, key
            from chat_seen
            where at < $1
            order by at
            limit $2
        )
        """,
        before,
        limit,
    )


async def delete_done(tx: Tx, before: datetime, limit: int) -> int:
    """Delete the messages that were done before an instant; return their number."""
    return await tx.changed(
        """
        delete from chat_inbox
        where id in (
            select id
            from chat_inbox
            where done_at < $1
            order by done_at
            limit $2
        )
        """,
        before,
        limit,
    )


count_seen = count_rows(
    """
    select
    from chat_seen
    where at < $1
    limit $2
    """
)


count_done = count_rows(
    """
    select
    from chat_inbox
    where done_at < $1
    limit $2
    """
)


RETENTIONS: Sequence[Retention] = (
    Retention(
        "chat_seen",
        SEEN_DAYS,
        by_index(delete_seen),
        label="Ids of requests of chats",
        count=count_seen,
    ),
    Retention(
        "chat_inbox",
        INBOX_DAYS,
        by_index(delete_done),
        label="Finished messages from chats",
        count=count_done,
    ),
)
