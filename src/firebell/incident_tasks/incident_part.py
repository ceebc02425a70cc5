"""What the incident page shows of tasks."""

from firebell.incident_tasks import queries
from firebell.kit.slice import IncidentPart

PART = IncidentPart(queries.of_incident, "incident_tasks/incident_part.html", "rest")
