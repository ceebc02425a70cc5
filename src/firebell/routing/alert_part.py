"""Why an alert paged someone, or no one, on the page of the alert."""

from datetime import datetime

from firebell.alerts.model import Alert
from firebell.kit.db.database import Tx
from firebell.kit.slice import AlertPart
from firebell.routing import queries
from firebell.routing.model import Explanation


async def load(tx: Tx, alert: Alert, now: datetime) -> Explanation:
    """Return why an alert paged someone, or no one."""
    return await queries.explain(tx, alert.id)


PART = AlertPart(load, "routing/explanation.html")
