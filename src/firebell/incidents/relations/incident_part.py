"""What the incident page shows of linked, child and merged incidents."""

from datetime import datetime

from firebell.incidents import actions
from firebell.incidents.model import Incident, Relation
from firebell.kit.db.database import Tx
from firebell.kit.slice import IncidentPart


async def load(tx: Tx, incident: Incident, now: datetime) -> list[tuple[Relation, Incident]]:
    """Return the relations of an incident with the other incident."""
    return await actions.related(tx, incident)


PART = IncidentPart(load, "incidents/relation_part.html")
