"""The SQL that sums what messages cost."""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import NamedTuple

from firebell.kit.db.database import Reads


class Usage(NamedTuple):
    """The messages of a channel by one provider to one country; `price` is of those whose price is known."""

    channel: str
    provider: str
    country: str
    messages: int
    parts: int
    failed: int
    price: Decimal | None
    currency: str


async def usage_since(tx: Reads, channels: Sequence[str], since: datetime) -> list[Usage]:
    """Return the usage of these channels since an instant, the largest first within a channel."""
    rows = await tx.fetch(
        """
        select
            channel,
            provider,
            country,
            count(*) as messages,
            sum(parts) as parts,
            count(*) filter (where state = 'failed') as failed,
            sum(price) as price,
            coalesce(max(nullif(currency, '')), '') as currency
        from delivery_receipt
        where channel = any($1::text[])
            and accepted_at >= $2
            and provider <> ''
            and parts > 0
        group by channel, provider, country
        order by channel, parts desc, provider, country
        """,
        list(channels),
        since,
    )
    return [Usage(**dict(row)) for row in rows]
