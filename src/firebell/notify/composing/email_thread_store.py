"""The SQL of email threads: every message of a thread carries the subject of its first."""

from collections.abc import Mapping, Sequence

from firebell.kit.db.database import Tx


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
