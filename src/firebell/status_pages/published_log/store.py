"""The SQL of the log of published texts of a status page, in which each entry is chained to the one before."""

from datetime import datetime

from firebell.kit.db.database import Reads, Tx
from firebell.status_pages import store
from firebell.status_pages.published_log.chain import FIRST, ChainedEntry, LogEntry, LoggedUpdate
from firebell.status_pages.stored_effects import read_effects


async def last_of_chain(tx: Tx, page_id: int) -> tuple[int, str]:
    """Return the number and hash of the last entry of a status page's log; the page must be locked."""
    row = await tx.row(
        """
        (
            select chain_seq, hash
            from public_update_version
            where status_page_id = $1
            order by chain_seq desc
            limit 1
        )
        union all
        (
            select chain_seq, hash
            from public_update_translation
            where status_page_id = $1
            order by chain_seq desc
            limit 1
        )
        union all
        (
            select chain_seq, hash
            from status_page_signing_key
            where status_page_id = $1
                and chain_seq is not null
            order by chain_seq desc
            limit 1
        )
        order by chain_seq desc
        limit 1
        """,
        page_id,
    )
    return (row["chain_seq"], row["hash"]) if row else (0, FIRST)


async def insert_version(
    tx: Tx,
    page_id: int,
    update: LoggedUpdate,
    chained: ChainedEntry,
    actor: str,
    reason: str,
    now: datetime,
) -> None:
    """Append the text of an update to the log of a status page."""
    await tx.execute(
        """
        insert into public_update_version (
            status_page_id, chain_seq, update_id, version, body, body_sha256, reason, at, actor, prev_hash, hash,
            signature
        )
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
        """,
        page_id,
        chained.entry.seq,
        update.id,
        update.version,
        update.body,
        chained.entry.body_sha256,
        reason,
        now,
        actor,
        chained.prev,
        chained.hash,
        chained.signature,
    )


async def erase_texts(tx: Tx, update_id: int) -> None:
    """Erase every text of an update and its translations; their hashes stay."""
    await tx.execute("update public_update_version set body = null where update_id = $1", update_id)
    await tx.execute("update public_update_translation set body = null where update_id = $1", update_id)


async def published_texts(tx: Reads, page_id: int) -> list[tuple[ChainedEntry, str | None, str]]:
    """Return the texts in the log of a status page, oldest first, each entry with the reason of an edit.

    The text of an entry that was retracted is None.
    """
    rows = await tx.fetch(
        """
        select
            p.slug, v.chain_seq, i.public_id as incident, u.public_id as update, v.version, u.kind, u.stage,
            u.effects, u.display_at, v.at, v.body, v.body_sha256, v.reason, v.prev_hash, v.hash,
            v.signature, v.locale
        from (
            select status_page_id, chain_seq, update_id, version, body, body_sha256, reason, at, prev_hash, hash,
                signature, '' as locale
            from public_update_version
            where status_page_id = $1
            union all
            select status_page_id, chain_seq, update_id, version, body, body_sha256, '', at, prev_hash, hash,
                signature, locale
            from public_update_translation
            where status_page_id = $1
        ) v
        join public_update u on u.id = v.update_id
        join public_incident i on i.id = u.public_incident_id
        join status_page p on p.id = v.status_page_id
        order by v.chain_seq
        """,
        page_id,
    )
    names = await store.component_public_ids(tx, page_id)
    return [
        (
            ChainedEntry(
                LogEntry(
                    row["slug"],
                    row["chain_seq"],
                    row["incident"],
                    row["update"],
                    row["version"],
                    row["kind"],
                    row["stage"],
                    {names[e.component_id]: e.status.code for e in read_effects(row["effects"])},
                    row["display_at"],
                    row["at"],
                    row["body_sha256"],
                    row["locale"],
                ),
                row["prev_hash"],
                row["hash"],
                row["signature"],
            ),
            row["body"],
            row["reason"],
        )
        for row in rows
    ]
