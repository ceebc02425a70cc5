"""The SQL of receipts: how far each message is, and what it costs."""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import NamedTuple

from firebell.channels.base import Accepted
from firebell.channels.callbacks import Receipt, ReceiptState
from firebell.kit.db.arrays import transpose
from firebell.kit.db.database import Reads, Tx
from firebell.kit.text import to_storable
from firebell.notify.deliveries.store import DELIVERY_COLUMNS, PROVIDER_TEXT_CHARS, delivery_with_provider_id
from firebell.notify.model import Delivery, DeliveryReceipt


class LockedDelivery(NamedTuple):
    """A delivery, and the id that its provider gave the message, None if it did not yet."""

    delivery: Delivery
    provider_id: str | None


async def record_accepted(tx: Tx, arrived: Sequence[tuple[Delivery, Accepted]], now: datetime) -> None:
    """Record what providers accepted; what they reported before that stays."""
    await tx.execute(
        """
        insert into delivery_receipt (
            delivery_id, provider_id, channel, provider, parts, country, state, accepted_at, changed_at
        )
        select delivery_id, provider_id, channel, provider, parts, country, 'accepted', $1, $1
        from unnest($2::bigint[], $3::text[], $4::text[], $5::text[], $6::int[], $7::text[])
            accepted (delivery_id, provider_id, channel, provider, parts, country)
        on conflict (delivery_id, provider_id) do update
        set provider = excluded.provider,
            parts = greatest(delivery_receipt.parts, excluded.parts),
            country = excluded.country
        """,
        now,
        *transpose(
            (
                (
                    d.id,
                    to_storable(a.provider_id, PROVIDER_TEXT_CHARS),
                    d.channel,
                    a.provider,
                    a.parts,
                    a.country,
                )
                for d, a in arrived
            ),
            6,
        ),
    )


async def lock_delivery(tx: Tx, delivery_id: int) -> LockedDelivery | None:
    """Lock and return the delivery of a receipt; None if there is none, such as one that was deleted."""
    row = await tx.row(
        f"""
        select {DELIVERY_COLUMNS}, provider_id
        from delivery
        where id = $1
        for update
        """,
        delivery_id,
    )
    return LockedDelivery(*delivery_with_provider_id(row)) if row else None


async def state_of(tx: Tx, delivery_id: int, provider_id: str) -> ReceiptState | None:
    """Return the state of a message; None before its first receipt."""
    state = await tx.value(
        """
        select state
        from delivery_receipt
        where delivery_id = $1
            and provider_id = $2
        """,
        delivery_id,
        provider_id,
    )
    return ReceiptState(state) if state else None


async def save(
    tx: Tx, channel: str, provider: str, receipt: Receipt, state: ReceiptState, now: datetime
) -> None:
    """Store the state of a message, and what its provider says about the price."""
    await tx.execute(
        """
        insert into delivery_receipt (
            delivery_id, provider_id, channel, provider, state, code, parts, price, currency, accepted_at, changed_at
        )
        values ($1, $2, $3, $4, $5, $6, coalesce($7::int, 1), $8, $9, $10, $10)
        on conflict (delivery_id, provider_id) do update
        set state = excluded.state,
            code = case when excluded.code <> '' then excluded.code else delivery_receipt.code end,
            parts = coalesce($7, delivery_receipt.parts),
            price = coalesce(excluded.price, delivery_receipt.price),
            currency = case when excluded.price is null then delivery_receipt.currency else excluded.currency end,
            changed_at = excluded.changed_at
        """,
        receipt.delivery_id,
        receipt.provider_id,
        channel,
        provider,
        state,
        receipt.code,
        receipt.parts,
        Decimal(receipt.price) if receipt.price else None,
        receipt.currency,
        now,
    )


async def failed_early(tx: Tx, delivery_ids: Sequence[int]) -> dict[int, str]:
    """Return the code of each message that failed before it was recorded as accepted, by delivery."""
    rows = await tx.fetch(
        """
        select delivery.id, receipt.code
        from delivery
        join delivery_receipt receipt on receipt.delivery_id = delivery.id
            and receipt.provider_id = delivery.provider_id
        where delivery.id = any($1::bigint[])
            and receipt.state = 'failed'
        """,
        list(delivery_ids),
    )
    return {row["id"]: row["code"] for row in rows}


async def fail_accepted(tx: Tx, delivery_id: int, error: str) -> bool:
    """Mark an accepted message as failed after all; return False if it was not accepted."""
    changed = await tx.changed(
        """
        update delivery
        set state = 'failed', error = $2
        where id = $1
            and state = 'accepted'
        """,
        delivery_id,
        to_storable(error, PROVIDER_TEXT_CHARS),
    )
    return changed == 1


async def of_deliveries(tx: Reads, delivery_ids: Sequence[int]) -> dict[int, DeliveryReceipt]:
    """Return the latest receipt of each delivery that has one."""
    rows = await tx.fetch(
        """
        select distinct on (delivery_id)
            delivery_id, provider, state, code, parts, price, currency, country, changed_at
        from delivery_receipt
        where delivery_id = any($1::bigint[])
        order by delivery_id, changed_at desc
        """,
        list(delivery_ids),
    )
    return {row["delivery_id"]: _receipt(row) for row in map(dict, rows)}


def _receipt(fields: dict[str, object]) -> DeliveryReceipt:
    shown = {name: value for name, value in fields.items() if name != "delivery_id"}
    return DeliveryReceipt(**{**shown, "state": ReceiptState(str(shown["state"]))})  # type: ignore[arg-type]


async def parts_since(tx: Reads, channels: Sequence[str], since: datetime) -> int:
    """Return how many parts these channels were charged for since an instant."""
    parts: int = await tx.value(
        """
        select coalesce(sum(parts), 0)
        from delivery_receipt
        where channel = any($1::text[])
            and accepted_at >= $2
        """,
        list(channels),
        since,
    )
    return parts
