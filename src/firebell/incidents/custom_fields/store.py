"""The SQL of custom fields and their values."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from firebell.incidents.custom_fields.field_kinds import CustomField, FieldKind
from firebell.kit.db.arrays import transpose
from firebell.kit.db.database import Row, Tx

_COLUMNS = "id, slug, name, kind, options, required_for"


def _field(row: Row) -> CustomField:
    return CustomField(
        row["id"],
        row["slug"],
        row["name"],
        FieldKind(row["kind"]),
        tuple(row["options"]),
        tuple(row["required_for"]),
    )


async def fields(tx: Tx) -> list[CustomField]:
    """Return the fields that were not removed, oldest first."""
    rows = await tx.fetch(
        f"""
        select {_COLUMNS}
        from incident_field
        where removed_at is null
        order by id
        """
    )
    return [_field(row) for row in rows]


async def insert(tx: Tx, field: CustomField, now: datetime) -> CustomField | None:
    """Insert a field and return it with its id; return None if its slug is taken."""
    row = await tx.row(
        f"""
        insert into incident_field (slug, name, kind, options, required_for, created_at)
        values ($1, $2, $3, $4, $5, $6)
        on conflict do nothing
        returning {_COLUMNS}
        """,
        field.slug,
        field.name,
        field.kind,
        list(field.options),
        list(field.required_for),
        now,
    )
    return _field(row) if row else None


async def remove(tx: Tx, field_id: int, now: datetime) -> None:
    """Remove a field; the values stay."""
    await tx.execute(
        """
        update incident_field
        set removed_at = $2
        where id = $1
        """,
        field_id,
        now,
    )


async def set_values(tx: Tx, incident_id: int, values: Mapping[int, str]) -> None:
    """Store the values of an incident by field; an empty one is deleted."""
    await tx.execute(
        """
        delete from incident_field_value
        where incident_id = $1
            and field_id = any($2::bigint[])
        """,
        incident_id,
        list(values),
    )
    await tx.execute(
        """
        insert into incident_field_value (incident_id, field_id, value)
        select $1, field_id, value
        from unnest($2::bigint[], $3::text[]) given (field_id, value)
        """,
        incident_id,
        *transpose([(field_id, value) for field_id, value in values.items() if value], 2),
    )


async def values(tx: Tx, incident_ids: Sequence[int]) -> dict[int, dict[int, str]]:
    """Return the values of each incident by field."""
    rows = await tx.fetch(
        """
        select incident_id, field_id, value
        from incident_field_value
        where incident_id = any($1::bigint[])
        """,
        list(incident_ids),
    )
    by_incident: dict[int, dict[int, str]] = {i: {} for i in incident_ids}
    for row in rows:
        by_incident[row["incident_id"]][row["field_id"]] = row["value"]
    return by_incident
