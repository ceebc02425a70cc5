"""Statuspage's REST API v1: incidents of one page.

Rules are those of the description that Atlassian publishes at https://developer.statuspage.io, version 1.0.0, as
kept with its texts in sbecker59/statuspage-api-client-go under api/v1/statuspage: README.md and
docs/PatchPagesPageIdIncidentsIncident.md at 0c87fd7aede05c453fd59bfe10f7cb21dd52f96d, and
docs/PostPagesPageIdIncidentsIncident.md at 15c6b4e2174d900ebf5d71a27b68fcf5647967c0. The body is `incident: {...}`,
a name is required and has at most 255 characters, a text at most 25000, statuses are an enumeration, every
top-level value of `metadata` is an object, and 420 or 429 answer more than 60 calls in 60 seconds. The values of
`impact_override` and of components are those of the same description's operation postPagesPageIdIncidents. That
an unknown field is refused is stricter than the description.
"""

import re
import time
from dataclasses import dataclass, field
from typing import Any

from tests.handbook.stand_ins.server import Answer, Request

KEY = "statuspage-stand-in"
PAGE = "kctbh9vrtdwd"
STATUSES = ("investigating", "identified", "monitoring", "resolved")
SCHEDULED = ("scheduled", "in_progress", "verifying", "completed")
IMPACTS = ("none", "maintenance", "minor", "major", "critical")
HEALTH = ("operational", "under_maintenance", "degraded_performance", "partial_outage", "major_outage")
FIELDS = {
    "name": str,
    "status": str,
    "impact_override": str,
    "metadata": dict,
    "deliver_notifications": bool,
    "body": str,
    "components": dict,
    "component_ids": list,
}


@dataclass
class Statuspage:
    """A page with its components and incidents."""

    components: dict[str, str] = field(
        default_factory=lambda: {"8kbf7d35c070": "operational", "vtnh60py4yd7": "operational"}
    )
    incidents: list[dict[str, Any]] = field(default_factory=list)
    calls: list[float] = field(default_factory=list)

    def answer(self, request: Request) -> Answer:
        """Answer as Statuspage does."""
        if request.headers.get("authorization") != f"OAuth {KEY}":
            return Answer(401, {"error": "Could not authenticate"})
        self.calls = [at for at in self.calls if at > time.monotonic() - 60] + [time.monotonic()]
        if len(self.calls) > 60:
            return Answer(420, {"error": "Rate limit exceeded"})
        match = re.fullmatch(r"/v1/pages/(\w+)/incidents(?:/(\w+))?", request.path)
        if not match or match[1] != PAGE:
            return Answer(404, {"error": "Record not found"})
        if request.verb == "GET":
            newest = self.incidents[::-1]
            if match[2] == "unresolved":
                newest = [i for i in newest if i["status"] not in ("resolved", "postmortem")]
            return Answer(body=newest[: int(request.query.get("limit", ["100"])[0])])
        if request.headers.get("content-type", "").partition(";")[0] != "application/json":
            return Answer(400, {"error": "The body does not match its Content-Type"})
        incident = (request.json or {}).get("incident")
        if not isinstance(incident, dict):
            return Answer(400, {"error": "param is missing or the value is empty: incident"})
        wrong = self._wrong(incident, new=request.verb == "POST")
        if wrong:
            return Answer(422, {"error": wrong})
        if request.verb == "POST":
            made: dict[str, Any] = {
                "id": f"inc{len(self.incidents)}",
                "incident_updates": [],
                "impact_override": None,
            }
            made |= {"created_at": f"2026-11-24T03:{len(self.incidents):02}:00.000Z", "metadata": {}}
            self.incidents.append(made | {"status": "investigating"})
            return Answer(201, self._change(self.incidents[-1], incident))
        for one in self.incidents:
            if one["id"] == match[2] and request.verb in ("PATCH", "PUT"):
                return Answer(200, self._change(one, incident))
        return Answer(404, {"error": "Record not found"})

    def _wrong(self, fields: dict[str, Any], new: bool) -> list[str]:
        wrong = [f"{k} is not known" for k in fields if k not in FIELDS]
        wrong += [f"{k} has a wrong type" for k, t in FIELDS.items() if not isinstance(fields.get(k, t()), t)]
        if wrong:
            return wrong
        if new and not fields.get("name"):
            wrong.append("Name can't be blank")
        if len(fields.get("name", "")) > 255:
            wrong.append("Name is too long (maximum is 255 characters)")
        if len(fields.get("body", "")) > 25_000:
            wrong.append("Body is too long (maximum is 25000 characters)")
        if fields.get("status", "resolved") not in (*STATUSES, *SCHEDULED):
            wrong.append("status does not have a valid value")
        if fields.get("impact_override", "none") not in IMPACTS:
            wrong.append("impact_override does not have a valid value")
        if any(not isinstance(v, dict) for v in fields.get("metadata", {}).values()):
            wrong.append("metadata: all top-level values must be objects")
        for component, status in fields.get("components", {}).items():
            if component not in self.components or status not in HEALTH:
                wrong.append(f"component {component} {status} is not valid")
        wrong += [
            f"component {c} not found" for c in fields.get("component_ids", []) if c not in self.components
        ]
        return wrong

    def _change(self, one: dict[str, Any], fields: dict[str, Any]) -> dict[str, Any]:
        one |= {k: v for k, v in fields.items() if k not in ("body", "components", "deliver_notifications")}
        self.components |= fields.get("components", {})
        if "body" in fields or "status" in fields:
            update = {"status": one["status"], "body": fields.get("body", "")}
            one["incident_updates"].insert(0, update)
        return one
