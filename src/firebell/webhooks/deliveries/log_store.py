"""The SQL of the delivery log: what was sent, what was answered, and its deletion."""

from datetime import datetime

from firebell.kit.db.database import Reads, Row, Tx
from firebell.kit.jobs.pruning import Retention, by_index
from firebell.kit.jobs.retention_store import count_rows
from firebell.webhooks.model import RETENTION_DAYS, Attempt, Delivery, DeliveryState

ATTEMPTS_SHOWN = 50
_COLUMNS = """
    delivery.id, delivery.endpoint_id, event.message_id, event.type, event.subject, event.at as occurred_at,
    delivery.state, delivery.attempts, delivery.created_at, delivery.next_at, delivery.ended_at, delivery.status,
    delivery.error
"""


def _delivery(row: Row) -> Delivery:
    return Delivery(**{**dict(row), "state": DeliveryState(row["state"])})


async def deliveries(
    tx: Reads, endpoint_id: int, state: DeliveryState | None, before: int | None, limit: int
) -> list[Delivery]:
    """Return the newest deliveries of an endpoint, of one state or of all, with an id below `before`."""
    # as a literal, which the partial index of failed ones needs
    only = f"and delivery.state = '{state}'" if state else ""
    rows = await tx.fetch(
        f"""
        select {_COLUMNS}
        from webhook_delivery delivery
        join webhook_event event on event.id = delivery.event_id
        where delivery.endpoint_id = $1
            and delivery.id < $2
            {only}
        order by delivery.id desc
        limit $3
        """,
        endpoint_id,
        before if before is not None else 2**62,
        limit,
    )
    return [_delivery(row) for row in rows]


async def delivery(tx: Reads, endpoint_id: int, delivery_id: int) -> Delivery | None:
    row = await tx.row(
        f"""
        select {_COLUMNS}
        from webhook_delivery delivery
        join webhook_event event on event.id = delivery.event_id
        where delivery.id = $1
            and delivery.endpoint_id = $2
        """,
        delivery_id,
        endpoint_id,
    )
    return _delivery(row) if row else None


async def body(tx: Reads, delivery_id: int) -> str:
    """Return the body of the requests of a delivery."""
    text: str = await tx.value(
        """
        select event.body
        from webhook_delivery delivery
        join webhook_event event on event.id = delivery.event_id
        where delivery.id = $1
        """,
        delivery_id,
    )
    return text


async def attempts(tx: Reads, delivery_id: int) -> list[Attempt]:
    """Return the newest attempts of a delivery, at most `ATTEMPTS_SHOWN`."""
    rows = await tx.fetch(
        """
        select at, duration_ms, status, error, response
        from webhook_attempt
        where delivery_id = $1
        order by id desc
        limit $2
        """,
        delivery_id,
        ATTEMPTS_SHOWN,
    )
    return [Attempt(**dict(row)) for row in rows]


async def _delete_events(tx: Tx, before: datetime, limit: int) -> int:
    """Delete old events with their deliveries and attempts, also what still waits for a paused endpoint."""
    return await tx.changed(
        """
        delete from webhook_event
        where id in (
            select id
            from webhook_event
            where at < $1
            order by at
            limit $2
        )
        """,
        before,
        limit,
    )


RETENTIONS = [
    Retention(
        "webhook_event",
        RETENTION_DAYS,
        by_index(_delete_events),
        setting="webhooks",
        least_days=4,
        with_tables=("webhook_delivery", "webhook_attempt"),
        label="Events of webhooks and their deliveries",
        count=count_rows("select from webhook_event where at < $1 order by at limit $2"),
    )
]
