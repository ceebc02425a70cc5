"""The SQL of the texts of updates in other languages of their page."""

from collections.abc import Sequence
from datetime import datetime

from firebell.kit.db.database import Reads, Tx
from firebell.status_pages.published_log.chain import ChainedEntry, LoggedUpdate


async def of_incidents(tx: Reads, public_incident_ids: Sequence[int]) -> dict[int, dict[str, str]]:
    """Return the latest translation in each language of the updates of these incidents, by update and locale.

    One of an earlier text is left out: that text may have been replaced because it must not be read anymore.
    """
    rows = await tx.fetch(
        """
        select distinct on (t.update_id, t.locale) t.update_id, t.locale, t.body
        from public_update u
        join public_update_translation t on t.update_id = u.id
        where u.public_incident_id = any($1::bigint[])
            and t.chain_seq > (select max(v.chain_seq) from public_update_version v where v.update_id = u.id)
        order by t.update_id, t.locale, t.version desc
        """,
        list(public_incident_ids),
    )
    translations: dict[int, dict[str, str]] = {}
    for row in rows:
        translations.setdefault(row["update_id"], {})[row["locale"]] = row["body"]
    return translations


async def next_version(tx: Reads, update_id: int, locale: str) -> int:
    """Return the number of the next version of a translation."""
    number = await tx.value(
        """
        select coalesce(max(version), 0) + 1
        from public_update_translation
        where update_id = $1
            and locale = $2
        """,
        update_id,
        locale,
    )
    assert isinstance(number, int)
    return number


async def insert(
    tx: Tx, page_id: int, update: LoggedUpdate, chained: ChainedEntry, actor: str, now: datetime
) -> None:
    """Append a translation to the log of a status page."""
    await tx.execute(
        """
        insert into public_update_translation (
            status_page_id, chain_seq, update_id, locale, version, body, body_sha256, at, actor, prev_hash, hash,
            signature
        )
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
        """,
        page_id,
        chained.entry.seq,
        update.id,
        chained.entry.locale,
        update.version,
        update.body,
        chained.entry.body_sha256,
        now,
        actor,
        chained.prev,
        chained.hash,
        chained.signature,
    )
