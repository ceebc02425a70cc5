"""Customer minutes by month."""

from firebell.kit.db.database import Tx
from firebell.kit.localtime import to_local
from firebell.metrics import windows
from firebell.metrics.definitions import CUSTOMER_MINUTES
from firebell.metrics.dimensions import Dimension
from firebell.metrics.figures import dimension_store
from firebell.metrics.model import Scope
from firebell.metrics.presentation.tables import Cell, Column, Table, Unit


async def by_month(tx: Tx, of: Scope) -> Table:
    """Return the customer minutes of each month of a period, up to the current one."""
    window = of.window
    last = min(window.last_day, max(to_local(of.now, window.zone).date(), window.first_day))
    months = windows.months(window.first_day, last, window.zone)
    groups = await dimension_store.groups(tx, CUSTOMER_MINUTES, of, Dimension.MONTH, len(months))
    counted = {each.key: (each.n, each.hits) for each in groups}
    rows: list[tuple[Cell, ...]] = []
    for month, _ in months:
        name = f"{month:%Y-%m}"
        rows.append((name, *counted.get(name, (0, 0))))
    columns = (
        Column("month", "Month", Unit.TEXT),
        Column("incidents", "Incidents"),
        Column("customer_minutes", "Customer minutes"),
    )
    return Table("Customer minutes by month", columns, rows)
