"""The SQL that keeps the words of documents searchable."""

from dataclasses import dataclass

from firebell.kit.db.database import Tx
from firebell.postmortems.postmortem_list.document_text import IndexedText


@dataclass(frozen=True, slots=True)
class UnindexedDocument:
    """A document whose words are not searchable as they stand; `factors` are those of a near miss."""

    id: int
    version: int
    title: str
    body: str
    factors: list[str] | None


_DOCUMENT = """
    select
        postmortem.id,
        postmortem.version,
        coalesce(near_miss.title, incident.title, '') as title,
        postmortem.body,
        near_miss.factors
    from postmortem
    left join incident on incident.id = postmortem.incident_id
    left join near_miss on near_miss.postmortem_id = postmortem.id
"""


async def document(tx: Tx, postmortem_id: int) -> UnindexedDocument | None:
    """Return a document with its title, None if there is none."""
    row = await tx.row(f"{_DOCUMENT} where postmortem.id = $1", postmortem_id)
    return UnindexedDocument(**dict(row)) if row else None


async def outdated(tx: Tx, limit: int) -> list[UnindexedDocument]:
    """Return documents whose text or title is newer than what is searchable, oldest first."""
    rows = await tx.fetch(
        f"""
        {_DOCUMENT}
        left join postmortem_search search on search.postmortem_id = postmortem.id
        where search.postmortem_id is null
            or search.version <> postmortem.version
            or search.title <> coalesce(near_miss.title, incident.title, '')
        order by postmortem.id
        limit $1
        """,
        limit,
    )
    return [UnindexedDocument(**dict(row)) for row in rows]


async def save(tx: Tx, document: UnindexedDocument, text: IndexedText) -> None:
    """Store the words of a document, with and without accents."""
    words = " || ".join(
        f"setweight(to_tsvector($4::text::regconfig, ${6 + i}), '{weight}')"
        f" || setweight(to_tsvector('simple', ${10 + i}), '{weight}')"
        for i, weight in enumerate("ABCD")
    )
    await tx.execute(
        f"""
        insert into postmortem_search (postmortem_id, version, title, language, factors, words)
        values ($1, $2, $3, $4::text, $5, {words})
        on conflict (postmortem_id) do update
        set version = excluded.version,
            title = excluded.title,
            language = excluded.language,
            factors = excluded.factors,
            words = excluded.words
        """,
        document.id,
        document.version,
        document.title,
        text.language,
        list(text.factors),
        *text.parts,
        *text.folded,
    )
