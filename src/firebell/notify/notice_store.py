"""The SQL of notices and of the subjects of email threads."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from firebell.kit.db.arrays import transpose
from firebell.kit.db.database import Tx
from firebell.notify.model import Notice


async def insert_notices(tx: Tx, notices: Sequence[Notice], now: datetime) -> list[tuple[int, Notice]]:
    """Insert the notices whose key is new and return them with their ids."""
    rows = await tx.fetch(
        """
        insert into notice (key, person_id, kind, urgency, title, note, link, created_at)
        select key, person_id, kind, urgency, title, note, link, $1
        from unnest($2::text[], $3::bigint[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[])
            new_notice (key, person_id, kind, urgency, title, note, link)
        on conflict (key) do nothing
        returning id, key
        """,
        now,
        *transpose(((n.key, n.person_id, n.kind, n.urgency, n.title, n.note, n.link) for n in notices), 7),
    )
    by_key = {notice.key: notice for notice in notices}
    return [(row["id"], by_key[row["key"]]) for row in rows]


async def notices_by_id(tx: Tx, notice_ids: Sequence[int]) -> dict[int, Notice]:
    """Return the notices by id."""
    rows = await tx.fetch(
        """
        select id, key, person_id, kind, title, note, link, urgency
        from notice
        where id = any($1::bigint[])
        """,
        list(notice_ids),
    )
    columns = ("key", "person_id", "kind", "title", "note", "link", "urgency")
    return {row["id"]: Notice(**{name: row[name] for name in columns}) for row in rows}


async def mail_subjects(tx: Tx, subjects: Mapping[str, str]) -> dict[str, str]:
    """Store the subject of each new mail thread, and return the stored subject of every thread."""
    # in order, so that two senders that store the same threads do not deadlock
    threads = sorted(subjects)
    await tx.execute(
        """
        insert into mail_thread (thread, subject)
        select thread, subject
        from unnest($1::text[], $2::text[]) new_thread (thread, subject)
        on conflict (thread) do nothing
        """,
        threads,
        [subjects[thread] for thread in threads],
    )
    rows = await tx.fetch(
        """
        select thread, subject
        from mail_thread
        where thread = any($1::text[])
        """,
        threads,
    )
    return {row["thread"]: row["subject"] for row in rows}


async def forget_mail_threads(tx: Tx, threads: Sequence[str]) -> None:
    """Delete these mail threads; a later message starts a new one."""
    await tx.execute("delete from mail_thread where thread = any($1::text[])", list(threads))
