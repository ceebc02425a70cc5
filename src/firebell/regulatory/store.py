"""The SQL of facts, settings of regimes, contracts, and sent reminders."""

from collections.abc import Sequence
from datetime import datetime

from firebell.kit.db.arrays import transpose
from firebell.kit.db.database import Row, Tx
from firebell.regulatory.model import Answer, Contract, FactRecord, RegimeSettings, Unit

_FACT_COLUMNS = "id, fact, answer, effective_at, reason, recorded_at, recorded_by, actor"
_CONTRACT_COLUMNS = "id, customer, clause, amount, unit, starts_on, max_severity, tz, created_at, ended_at"


def _fact(row: Row) -> FactRecord:
    values = {name: value for name, value in row.items() if name != "incident_id"}
    return FactRecord(**{**values, "answer": Answer(row["answer"])})


def _contract(row: Row) -> Contract:
    return Contract(**{**dict(row), "unit": Unit(row["unit"])})


async def add_fact(
    tx: Tx,
    incident_id: int,
    fact: str,
    answer: Answer,
    effective_at: datetime | None,
    reason: str,
    recorded_by: int | None,
    actor: str,
    now: datetime,
) -> FactRecord:
    """Add a record of a fact and return it."""
    row = await tx.row(
        f"""
        insert into regulatory_fact (
            incident_id, fact, answer, effective_at, reason, recorded_at, recorded_by, actor
        )
        values ($1, $2, $3, $4, $5, $6, $7, $8)
        returning {_FACT_COLUMNS}
        """,
        incident_id,
        fact,
        answer,
        effective_at,
        reason,
        now,
        recorded_by,
        actor,
    )
    assert row
    return _fact(row)


async def facts(tx: Tx, incident_ids: Sequence[int]) -> dict[int, list[FactRecord]]:
    """Return the records of each incident, oldest first."""
    rows = await tx.fetch(
        f"""
        select incident_id, {_FACT_COLUMNS}
        from regulatory_fact
        where incident_id = any($1::bigint[])
        order by id
        """,
        list(incident_ids),
    )
    records: dict[int, list[FactRecord]] = {i: [] for i in incident_ids}
    for row in rows:
        records[row["incident_id"]].append(_fact(row))
    return records


async def incidents_with_facts(tx: Tx, limit: int) -> list[int]:
    """Return the ids of the latest incidents with recorded facts, newest first."""
    rows = await tx.fetch(
        """
        select distinct incident_id
        from regulatory_fact
        order by incident_id desc
        limit $1
        """,
        limit,
    )
    return [row["incident_id"] for row in rows]


async def settings(tx: Tx) -> dict[str, RegimeSettings]:
    """Return the settings of each regime that has its own."""
    rows = await tx.fetch(
        """
        select regime, is_on, authority, tz, responsible_id
        from regulatory_regime
        """
    )
    return {
        row["regime"]: RegimeSettings(row["is_on"], row["authority"], row["tz"], row["responsible_id"])
        for row in rows
    }


async def set_settings(tx: Tx, regime: str, settings: RegimeSettings, now: datetime) -> None:
    """Store the settings of a regime."""
    await tx.execute(
        """
        insert into regulatory_regime (regime, is_on, authority, tz, responsible_id, updated_at)
        values ($1, $2, $3, $4, $5, $6)
        on conflict (regime) do update
        set is_on = excluded.is_on,
            authority = excluded.authority,
            tz = excluded.tz,
            responsible_id = excluded.responsible_id,
            updated_at = excluded.updated_at
        """,
        regime,
        settings.is_on,
        settings.authority,
        settings.tz,
        settings.responsible_id,
        now,
    )


async def add_contract(
    tx: Tx,
    customer: str,
    clause: str,
    amount: int,
    unit: Unit,
    starts_on: str,
    max_severity: int,
    tz: str,
    now: datetime,
) -> Contract:
    """Add a customer contract and return it."""
    row = await tx.row(
        f"""
        insert into regulatory_contract (
            customer, clause, amount, unit, starts_on, max_severity, tz, created_at
        )
        values ($1, $2, $3, $4, $5, $6, $7, $8)
        returning {_CONTRACT_COLUMNS}
        """,
        customer,
        clause,
        amount,
        unit,
        starts_on,
        max_severity,
        tz,
        now,
    )
    assert row
    return _contract(row)


async def contracts(tx: Tx) -> list[Contract]:
    """Return every contract, also those that ended, by customer."""
    rows = await tx.fetch(
        f"""
        select {_CONTRACT_COLUMNS}
        from regulatory_contract
        order by customer, id
        """
    )
    return [_contract(row) for row in rows]


async def end_contract(tx: Tx, contract_id: int, now: datetime) -> Contract | None:
    """End a contract and return it; return None if it does not exist or has ended."""
    row = await tx.row(
        f"""
        update regulatory_contract
        set ended_at = $2
        where id = $1
            and ended_at is null
        returning {_CONTRACT_COLUMNS}
        """,
        contract_id,
        now,
    )
    return _contract(row) if row else None


async def add_reminders(
    tx: Tx, incident_id: int, reminders: Sequence[tuple[str, datetime, str]], now: datetime
) -> list[tuple[str, datetime, str]]:
    """Record reminders, each (obligation, due time, mark), and return those that were not recorded yet."""
    rows = await tx.fetch(
        """
        insert into regulatory_reminder (incident_id, obligation, due_at, mark, sent_at)
        select $1, obligation, due_at, mark, $5
        from unnest($2::text[], $3::timestamptz[], $4::text[]) reminder (obligation, due_at, mark)
        on conflict do nothing
        returning obligation, due_at, mark
        """,
        incident_id,
        *transpose(reminders, 3),
        now,
    )
    added = {(row["obligation"], row["due_at"], row["mark"]) for row in rows}
    return [reminder for reminder in dict.fromkeys(reminders) if reminder in added]
