"""The SQL of how fast messages about urgent pages were delivered."""

from firebell.kit.db.database import Tx
from firebell.metrics.figures import scope_store
from firebell.metrics.figures.delivery_times import DeliveryTime
from firebell.metrics.figures.scope_store import Conditions
from firebell.metrics.model import Scope


async def delivery_times(tx: Tx, scope: Scope, *, before: bool = False) -> list[DeliveryTime]:
    """Return the messages about urgent pages of the period that were accepted or failed, by channel and seconds.

    A message takes the time from when it was first due until its provider accepted it, rounded up to seconds.
    """
    conditions = Conditions()
    scope_store.triggered(scope, conditions, before=before)
    rows = await tx.fetch(
        f"""
        select
            delivery.channel,
            case when delivery.state = 'accepted' then greatest(
                0,
                ceil(
                    extract(epoch from delivery.sent_at - coalesce(delivery.first_send_at, delivery.send_at))
                )
            )::int end as seconds,
            count(*) as messages
        from page_fact
        join delivery on delivery.subject_kind = 'page'
            and delivery.subject_id = page_fact.id
        where {conditions.sql}
            and page_fact.excluded is null
            and delivery.state in ('accepted', 'failed')
            and not delivery.held
        group by 1, 2
        order by 1, 2
        """,
        *conditions.values,
    )
    return [DeliveryTime(**dict(row)) for row in rows]
