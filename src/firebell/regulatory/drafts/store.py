"""The SQL of drafts of notifications and of what people wrote into their fields."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any

from firebell.kit.db.arrays import transpose
from firebell.kit.db.database import Row, Tx
from firebell.regulatory.drafts.model import Draft, DraftState, FieldAnswer

_COLUMNS = (
    "id, incident_id, obligation, part, template, template_version, state, version, text, created_at, "
    "created_by, creator, changed_at, changed_by, reviewed_at, reviewer, signed_at, signer, sent_at, sender, "
    "channel, receipt"
)
_CHANGEABLE = {
    *("state", "text", "template_version", "changed_at", "changed_by", "reviewed_at", "reviewer"),
    *("signed_at", "signer", "sent_at", "sender", "channel", "receipt"),
}


def _draft(row: Row) -> Draft:
    return Draft(**{**dict(row), "state": DraftState(row["state"])})


async def insert(
    tx: Tx,
    incident_id: int,
    obligation: str,
    part: int,
    template: str,
    template_version: date,
    text: str,
    creator: str,
    creator_id: int | None,
    now: datetime,
) -> Draft:
    """Insert a draft and return it."""
    row = await tx.row(
        f"""
        insert into regulatory_draft (
            incident_id, obligation, part, template, template_version, state, version, text, created_at,
            created_by, creator, changed_at, changed_by
        )
        values ($1, $2, $3, $4, $5, 'draft', 1, $6, $7, $8, $9, $7, $8)
        returning {_COLUMNS}
        """,
        *(incident_id, obligation, part, template, template_version, text, now, creator_id, creator),
    )
    assert row
    return _draft(row)


async def change(tx: Tx, draft_id: int, **changes: Any) -> Draft:
    """Update the named columns of a draft, raise its version, and return it."""
    assert set(changes) <= _CHANGEABLE
    assignments = "".join(f", {name} = ${i}" for i, name in enumerate(changes, 2))
    row = await tx.row(
        f"""
        update regulatory_draft
        set version = version + 1{assignments}
        where id = $1
        returning {_COLUMNS}
        """,
        draft_id,
        *changes.values(),
    )
    assert row
    return _draft(row)


async def lock(tx: Tx, incident_id: int, draft_id: int) -> Draft | None:
    """Lock a draft of an incident and return it, None if there is none."""
    row = await tx.row(
        f"""
        select {_COLUMNS}
        from regulatory_draft
        where id = $2
            and incident_id = $1
        for update
        """,
        incident_id,
        draft_id,
    )
    return _draft(row) if row else None


async def draft(tx: Tx, incident_id: int, draft_id: int) -> Draft | None:
    """Return a draft of an incident, None if there is none."""
    row = await tx.row(
        f"""
        select {_COLUMNS}
        from regulatory_draft
        where id = $2
            and incident_id = $1
        """,
        incident_id,
        draft_id,
    )
    return _draft(row) if row else None


async def drafts(tx: Tx, incident_ids: Sequence[int]) -> dict[int, list[Draft]]:
    """Return the drafts of those incidents that have any, by obligation and part."""
    rows = await tx.fetch(
        f"""
        select {_COLUMNS}
        from regulatory_draft
        where incident_id = any($1::bigint[])
        order by incident_id, obligation, part
        """,
        list(incident_ids),
    )
    by_incident: dict[int, list[Draft]] = {}
    for row in rows:
        by_incident.setdefault(row["incident_id"], []).append(_draft(row))
    return by_incident


async def add_answers(
    tx: Tx, draft_id: int, answers: Mapping[str, str], actor: str, actor_id: int | None, now: datetime
) -> None:
    """Add what a person wrote into the fields of a draft."""
    await tx.execute(
        """
        insert into regulatory_draft_answer (draft_id, field, text, at, actor, actor_id)
        select $1, answer.field, answer.text, $4, $5, $6
        from unnest($2::text[], $3::text[]) answer (field, text)
        """,
        draft_id,
        *transpose(list(answers.items()), 2),
        now,
        actor,
        actor_id,
    )


async def copy_answers(tx: Tx, from_id: int, to_id: int, fields: Sequence[str]) -> None:
    """Copy the latest answers to these fields from one draft to another, with who wrote them and when."""
    await tx.execute(
        """
        insert into regulatory_draft_answer (draft_id, field, text, at, actor, actor_id)
        select distinct on (field) $2, field, text, at, actor, actor_id
        from regulatory_draft_answer
        where draft_id = $1
            and field = any($3::text[])
        order by field, id desc
        """,
        from_id,
        to_id,
        list(fields),
    )


async def answers(tx: Tx, draft_ids: Sequence[int]) -> dict[int, dict[str, FieldAnswer]]:
    """Return the latest answer to each field of each draft."""
    rows = await tx.fetch(
        """
        select distinct on (draft_id, field) draft_id, field, text, at, actor
        from regulatory_draft_answer
        where draft_id = any($1::bigint[])
        order by draft_id, field, id desc
        """,
        list(draft_ids),
    )
    by_draft: dict[int, dict[str, FieldAnswer]] = {i: {} for i in draft_ids}
    for row in rows:
        by_draft[row["draft_id"]][row["field"]] = FieldAnswer(
            row["field"], row["text"], row["at"], row["actor"]
        )
    return by_draft
