"""PagerDuty's REST API v2 and webhooks v3.

Rules are those of PagerDuty/api-schema, reference/REST/openapiv3.json at 00df8f41ff1cff2bd352aa6760e1927039abc596
(`PUT /incidents`, `/incidents/{id}/notes`, `/incidents/{id}/log_entries`, header_Accept, header_Content-Type,
from_header, offset pagination) and of PagerDuty/developer-docs, docs/webhooks/01-Overview.md at
067290f6851a3044d040c2cb57f1b8841fd8ff03 and 04-Signatures.md at 01f977eb0a6ba8c078f17bb1116fbc3d7c09e8a8. The
numbers of error codes and the refusal of unknown fields are this stand-in's own.
"""

import hashlib
import hmac
import re
from dataclasses import dataclass, field
from typing import Any

from tests.handbook.stand_ins.server import Answer, Request

KEY = "u+stand-in"
SECRET = "whsec-stand-in"
ACCEPT = "application/vnd.pagerduty+json;version=2"
UPDATE = {
    "id",
    "type",
    "status",
    "resolution",
    "title",
    "priority",
    "escalation_level",
    "assignments",
    "escalation_policy",
    "conference_bridge",
}


def error(status: int, code: int, *why: str) -> Answer:
    """Return an error in PagerDuty's shape."""
    messages = {400: "Invalid Input Provided", 401: "Unauthorized", 404: "Not Found"}
    return Answer(status, {"error": {"code": code, "message": messages[status], "errors": list(why)}})


def signature(body: bytes, *secrets: str) -> str:
    """Return the header that PagerDuty sends with a webhook."""
    return ",".join("v1=" + hmac.new(s.encode(), body, hashlib.sha256).hexdigest() for s in secrets)


def webhook(
    kind: str, at: str = "2026-11-24T03:14:00Z", event: str = "", more: dict[str, Any] | None = None
) -> dict[str, Any]:
    """Return a webhook payload about an incident as the overview shows it; `more` changes its data."""
    status = {"acknowledged": "acknowledged", "resolved": "resolved"}.get(kind, "triggered")
    user = {"id": "PTUXL6G", "type": "user_reference", "summary": "Mara Lindqvist"}
    data = {
        "id": "PGR0VU2",
        "type": "incident",
        "self": "https://api.pagerduty.com/incidents/PGR0VU2",
        "html_url": "https://acme.pagerduty.com/incidents/PGR0VU2",
        "number": 2,
        "status": status,
        "incident_key": "d3640fbd41094207a1c11e58e46b1662",
        "created_at": "2026-11-24T03:12:00Z",
        "title": "Card payments fail",
        "service": {"id": "PF9KMXH", "type": "service_reference", "summary": "Checkout"},
        "assignees": [user],
        "escalation_policy": {
            "id": "PUS0KTE",
            "type": "escalation_policy_reference",
            "summary": "Payments",
        },
        "teams": [],
        "priority": {"id": "PSO75BM", "type": "priority_reference", "summary": "P1"},
        "urgency": "high",
        "conference_bridge": {"conference_number": "", "conference_url": "https://meet.example.org/room"},
        "resolve_reason": None,
    }
    reference = {"id": "PGR0VU2", "type": "incident_reference", "summary": "Card payments fail"}
    if kind == "annotated":
        data = {"incident": reference, "id": "P2LA89X", "content": "", "trimmed": False}
        data["type"] = "incident_note"
    data |= more or {}
    return {
        "event": {
            "id": event or f"{kind}-{at}",
            "event_type": f"incident.{kind}",
            "resource_type": "incident",
            "occurred_at": at,
            "agent": user,
            "client": {"name": "PagerDuty"},
            "data": data,
        }
    }


@dataclass
class PagerDuty:
    """An account with one incident; Mara and the bridge's own user are known."""

    users: tuple[str, ...] = ("mara@example.org", "bridge@example.org")
    incident: dict[str, Any] = field(
        default_factory=lambda: {
            "id": "PGR0VU2",
            "type": "incident",
            "incident_number": 2,
            "title": "Card payments fail",
            "created_at": "2026-11-24T03:12:00Z",
            "status": "triggered",
            "urgency": "high",
            "service": {"id": "PF9KMXH", "type": "service_reference", "summary": "Checkout"},
            "priority": {"id": "P53ZZH5", "type": "priority_reference", "summary": "P1"},
            "html_url": "https://acme.pagerduty.com/incidents/PGR0VU2",
            "escalation_level": 1,
        }
    )
    notes: list[dict[str, Any]] = field(default_factory=list)
    entries: list[dict[str, Any]] = field(default_factory=list)

    def answer(self, request: Request) -> Answer:
        """Answer as PagerDuty does."""
        headers = request.headers
        if headers.get("authorization") != f"Token token={KEY}":
            return error(401, 2006, "Invalid token")
        if headers.get("accept") != ACCEPT:
            return error(400, 2001, "Accept must name version 2")
        if request.verb != "GET":
            if headers.get("content-type", "").partition(";")[0] != "application/json":
                return error(400, 2001, "Content-Type must be application/json")
            if headers.get("from") not in self.users:
                return error(400, 2100, "Requester User Not Found")
            if not isinstance(request.json, dict):
                return error(400, 2001, "Malformed JSON")
        if request.verb == "PUT" and request.path == "/incidents":
            return self._update(request.json)
        match = re.fullmatch(r"/incidents/(\w+)(/notes|/log_entries)?", request.path)
        if not match or match[1] != self.incident["id"]:
            return error(404, 2100)
        match request.verb, match[2]:
            case "GET", None:
                return Answer(body={"incident": self.incident})
            case "GET", "/log_entries":
                return self._log(request)
            case "GET", "/notes":
                return Answer(body={"notes": self.notes})
            case "POST", "/notes":
                return self._note(request.json)
        return error(404, 2100)

    def _update(self, body: dict[str, Any]) -> Answer:
        updates = body.get("incidents")
        if not isinstance(updates, list):
            return error(400, 2001, "incidents is required")
        for one in updates:
            if not {"id", "type"} <= set(one) <= UPDATE:
                return error(400, 2001, "id and type are required, and nothing unknown")
            if one["type"] not in ("incident", "incident_reference"):
                return error(400, 2001, "type")
            if one.get("status", "resolved") not in ("resolved", "acknowledged"):
                return error(400, 2001, "status")
            if not isinstance(one.get("escalation_level", 1), int):
                return error(400, 2001, "escalation_level")
            if one["id"] != self.incident["id"]:
                return error(404, 2100)
            self.incident |= {k: v for k, v in one.items() if k in ("status", "escalation_level")}
        return Answer(body={"incidents": [self.incident], "limit": 25, "offset": 0, "more": False})

    def _note(self, body: dict[str, Any]) -> Answer:
        content = body.get("note", {}).get("content") if isinstance(body.get("note"), dict) else None
        if not isinstance(content, str) or not content:
            return error(400, 2001, "note.content is required")
        self.notes.append({"id": f"P{len(self.notes)}", "content": content})
        return Answer(body={"note": self.notes[-1]})

    def _log(self, request: Request) -> Answer:
        limit = int(request.query.get("limit", ["25"])[0])
        offset = int(request.query.get("offset", ["0"])[0])
        if not 1 <= limit <= 100:
            return error(400, 2001, "limit is 1 to 100")
        # PagerDuty lists the newest first
        shown = self.entries[::-1][offset : offset + limit]
        more = offset + limit < len(self.entries)
        return Answer(body={"log_entries": shown, "limit": limit, "offset": offset, "more": more})
