"""The SQL of pay rates."""

from collections.abc import Mapping
from datetime import date, datetime

from firebell.kit.db.database import Tx
from firebell.workload.model import DatedRates
from firebell.workload.pay import from_json


async def rates(tx: Tx) -> list[DatedRates]:
    """Return all rates that were ever set, in the order they were set."""
    rows = await tx.fetch(
        """
        select id, month, rates, set_at, set_by
        from pay_rates
        order by id
        """
    )
    return [DatedRates(**{**dict(row.items()), "rates": from_json(row["rates"])}) for row in rows]


async def insert(tx: Tx, month: date, rates: Mapping[str, str], now: datetime, by: str) -> None:
    await tx.execute(
        """
        insert into pay_rates (month, rates, set_at, set_by)
        values ($1, $2, $3, $4)
        """,
        month,
        dict(rates),
        now,
        by,
    )
