"""What is wrong with the services behind a page, an alert or an incident, on its page."""

from firebell.kit.slice import AlertPart, IncidentPart, PagePart
from firebell.service_overview.dependencies import queries as dependency_queries

_TEMPLATE = "service_overview/dependency_problems.html"

ALERT_PART = AlertPart(dependency_queries.problems_of_alert, _TEMPLATE)
INCIDENT_PART = IncidentPart(dependency_queries.problems_of_incident, _TEMPLATE)
PAGE_PART = PagePart(dependency_queries.problems_of_page, _TEMPLATE)
