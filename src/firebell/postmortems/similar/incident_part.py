"""What the incident page shows of similar incidents."""

from datetime import datetime

from firebell.incidents.model import Incident
from firebell.kit.db.database import Tx
from firebell.kit.slice import IncidentPart
from firebell.postmortems.similar import queries
from firebell.postmortems.similar.queries import Resemblance


async def load(tx: Tx, incident: Incident, now: datetime) -> Resemblance:
    """Return the incidents that are like this one."""
    return await queries.similar(tx, incident)


PART = IncidentPart(load, "postmortems/room_similar.html", "rest")
