"""What happened near an alert: changes of its service, and earlier alerts of its key."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from statistics import median_low

from firebell.alerts import queries, read_store
from firebell.alerts.change_events import store as change_event_store
from firebell.alerts.model import Alert, ChangeEvent
from firebell.alerts.queries import AlertDetails
from firebell.kit.db.database import Tx

AROUND = timedelta(hours=1)
"""Changes this long before and after an alert began are shown with it."""
CHANGES_LISTED = 10
SEEN_BEFORE = timedelta(days=90)
EARLIER_COMPARED = 100
EARLIER_LISTED = 5


@dataclass(frozen=True, slots=True)
class AlertContext:
    """Changes around the beginning of an alert, newest first, and the newest earlier alerts of its key.

    `earlier_count` counts the alerts of 90 days, at most 100; `paged` of them have a page, `typical` is the median
    time after which they ended, None if none did.
    """

    changes: Sequence[ChangeEvent]
    earlier: Sequence[AlertDetails]
    earlier_count: int
    paged: int
    typical: timedelta | None

    @property
    def may_be_more(self) -> bool:
        """True if the limit was reached, so that there may be more."""
        return self.earlier_count == EARLIER_COMPARED


async def load(tx: Tx, details: AlertDetails) -> AlertContext:
    """Return the changes near an alert, and earlier alerts of its key."""
    alert = details.alert
    since = alert.starts_at - SEEN_BEFORE
    stored = await read_store.earlier_alerts(tx, alert, since, EARLIER_COMPARED)
    earlier = await queries.alert_details(tx, stored)
    return AlertContext(
        changes=await change_event_store.changes(
            tx,
            [details.service.id],
            alert.starts_at - AROUND,
            alert.starts_at + AROUND,
            None,
            CHANGES_LISTED,
        ),
        earlier=earlier[:EARLIER_LISTED],
        earlier_count=len(earlier),
        paged=sum(each.page is not None for each in earlier),
        typical=_typical(stored),
    )


def _typical(alerts: Sequence[Alert]) -> timedelta | None:
    lengths = [alert.ends_at - alert.starts_at for alert in alerts if alert.ends_at is not None]
    return median_low(lengths) if lengths else None
