"""The SQL that finds candidates for similar incidents by the index of words."""

from collections.abc import Sequence
from datetime import datetime

from firebell.incidents.model import OPEN, Incident
from firebell.incidents.store import INCIDENT_COLUMNS, incident_from_row
from firebell.incidents.visibility_store import Values, readable
from firebell.kit.db.database import Tx
from firebell.kit.search_terms import tsquery

CANDIDATES = 200
"""Number of newest open incidents, and of recently ended ones, that are compared."""


async def candidates(tx: Tx, prefixes: Sequence[str], ended_since: datetime) -> list[Incident]:
    """Return open incidents and those that ended since an instant, without drills, that have any of the words."""
    any_word = " | ".join(tsquery([prefix]) for prefix in prefixes)
    values = Values(any_word, [str(phase) for phase in OPEN], ended_since)
    rows = await tx.fetch(
        f"""
        with recent as materialized (
            (
                select *
                from incident
                where phase = any($2::text[])
                    and not drill
                order by id desc
                limit {CANDIDATES}
            )
            union
            (
                select *
                from incident
                where closed_at > $3
                    and not drill
                order by closed_at desc
                limit {CANDIDATES}
            )
        )
        select {INCIDENT_COLUMNS}
        from recent incident
        where search_vector(title || ' ' || summary) @@ to_tsquery('simple', $1)
            and {readable(values.add)}
        """,
        *values.values,
    )
    return [incident_from_row(row) for row in rows]
