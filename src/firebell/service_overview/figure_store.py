"""The SQL of the figures of one service."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from firebell.kit.db.database import Reads

MAX_PAGES = 5_000
"""The most pages of a period that its figures are computed from, the newest."""


@dataclass(frozen=True, slots=True)
class PageFigures:
    """The pages of a service that were resolved in a period: how many, how many of them someone acknowledged, and
    the median seconds until then; None without one. Pages of drills are not among them.
    """

    pages: int
    acknowledged: int
    median_ack_s: float | None

    @property
    def median_ack(self) -> timedelta | None:
        """The median time until someone acknowledged a page."""
        return None if self.median_ack_s is None else timedelta(seconds=self.median_ack_s)


async def page_figures(tx: Reads, service_id: int, start: datetime, end: datetime) -> PageFigures:
    """Return the figures of the pages that were resolved in `[start, end)`."""
    row = await tx.row(
        """
        select
            count(*) as pages,
            count(first_ack_at) as acknowledged,
            percentile_cont(0.5) within group (order by extract(epoch from first_ack_at - triggered_at)) as median_ack_s
        from (
            select first_ack_at, triggered_at
            from page
            where service_id = $1
                and state = 'resolved'
                and resolved_at >= $2
                and resolved_at < $3
                and not coalesce((plan ->> 'is_drill')::boolean, false)
            order by resolved_at desc
            limit $4
        ) newest
        """,
        service_id,
        start,
        end,
        MAX_PAGES,
    )
    assert row
    return PageFigures(**dict(row))
