"""The only list of targets, in the order in which a post is sent to them."""

from collections.abc import Mapping
from datetime import datetime

from firebell.comms.target import Destination, PostTarget
from firebell.comms.targets import audience, incident_update, status_page
from firebell.incidents.model import Incident
from firebell.kit.db.database import Tx

TARGETS: tuple[PostTarget, ...] = (status_page.TARGET, incident_update.TARGET, audience.TARGET)


async def destinations(
    tx: Tx, incident: Incident, now: datetime
) -> Mapping[str, tuple[PostTarget, Destination]]:
    """Return every place that a post about an incident can go to, by key, in the order of sending."""
    return {
        destination.key: (target, destination)
        for target in TARGETS
        for destination in await target.destinations(tx, incident, now)
    }


def target_of(key: str) -> PostTarget | None:
    """Return the target of a destination; None if this version has no such target."""
    kind = key.partition(":")[0]
    return next((target for target in TARGETS if target.kind == kind), None)
