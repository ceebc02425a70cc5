"""Stand-ins for the APIs of Statuspage.io and Instatus: what of them copies use, and what they refuse.

Statuspage is as in its OpenAPI description (kept in sbecker59/statuspage-api-client-go, api/v1/statuspage/api):
bodies in `incident`, `incident_update` or `component`, names of 255 and texts of 25,000 characters at most,
enumerations, metadata of objects. Instatus is as in instatushq/openapi, instatus.json: required fields, enumerations,
and each component of `statuses` is in `components`. That an unknown field is refused is stricter than both.
"""

import asyncio
import json
import re
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from tests.servers import listening

STAGES = ("investigating", "identified", "monitoring", "resolved")
SCHEDULED_STAGES = ("scheduled", "in_progress", "verifying", "completed")
AUTOMATIC = (
    *("scheduled_auto_in_progress", "scheduled_auto_completed", "scheduled_remind_prior"),
    *("auto_transition_to_maintenance_state", "auto_transition_to_operational_state"),
)
HEALTH = ("operational", "under_maintenance", "degraded_performance", "partial_outage", "major_outage")
IMPACTS = ("none", "maintenance", "minor", "major", "critical")
INSTATUS_HEALTH = ("OPERATIONAL", "UNDERMAINTENANCE", "DEGRADEDPERFORMANCE", "PARTIALOUTAGE", "MAJOROUTAGE")
PAGE, KEY = "kctbh9vrtdwd", "a-key-of-the-stand-in"
RATE_WINDOW = timedelta(seconds=60)


class Fault(StrEnum):
    """What goes wrong with one call; after the lower ones, it was done nevertheless."""

    NO_CONNECTION = "no_connection"
    NOT_ARRIVED = "not_arrived"
    TOO_MANY = "429"
    TOO_MANY_420 = "420"
    BAD_GATEWAY = "502"
    LOST = "lost"
    DONE_BUT_500 = "done_but_500"
    HTML = "html"
    TRUNCATED = "truncated"


@dataclass
class Provider:
    """What both stand-ins share: one page, its key, its faults and its calls."""

    now: Callable[[], datetime]
    key: str = KEY
    faults: deque[Fault | None] = field(default_factory=deque)
    calls: list[tuple[datetime, str, Any]] = field(default_factory=list)
    incidents: list[dict[str, Any]] = field(default_factory=list)
    components: list[dict[str, Any]] = field(default_factory=list)
    notified: int = 0
    refused: list[str] = field(default_factory=list)
    serial: int = 0

    def handle(self, method: str, target: str, authorization: str, body: bytes) -> tuple[int, str, bool]:
        """Return the status and body of an answer, and whether it arrives at all."""
        fault = self.faults.popleft() if self.faults else None
        if fault in (Fault.NO_CONNECTION, Fault.NOT_ARRIVED):
            return 0, "", False
        if fault in (Fault.TOO_MANY, Fault.TOO_MANY_420):
            return int(fault), '{"error": "too many"}', True
        if fault is Fault.BAD_GATEWAY:
            return 502, "<html>Bad gateway</html>", True
        recent = [at for at, _, _ in self.calls if at > self.now() - RATE_WINDOW]
        if len(recent) >= 60:
            self.refused.append("more than 60 calls in 60 seconds")
            return 420, '{"error": "too many"}', True
        document = json.loads(body) if body else None
        self.calls.append((self.now(), f"{method} {target}", document))
        if authorization != self.authorization:
            return 401, '{"error": "Could not authenticate"}', True
        parts = urlsplit(target)
        query = {unquote(name): values[0] for name, values in parse_qs(parts.query).items()}
        status, answer = self.answer(method, parts.path, query, document)
        if status == 422:
            self.refused.append(f"{method} {target}: {answer}")
        text = json.dumps(answer)
        if fault is Fault.LOST:
            return 0, "", False
        if fault is Fault.DONE_BUT_500:
            return 500, '{"error": "Internal"}', True
        if fault is Fault.HTML:
            return 200, "<!doctype html><title>Status</title>", True
        if fault is Fault.TRUNCATED:
            return status, text[: len(text) // 2], True
        return status, text, True

    @property
    def authorization(self) -> str:
        """The header that it expects."""
        raise NotImplementedError

    def answer(self, method: str, path: str, query: dict[str, str], document: Any) -> tuple[int, Any]:
        """Do what a call wants."""
        raise NotImplementedError

    def next_id(self) -> str:
        """Return a new id."""
        self.serial += 1
        return f"id{self.serial:010}"

    @property
    def stamp(self) -> str:
        """The time as both write it."""
        return self.now().isoformat(timespec="milliseconds").replace("+00:00", "Z")

    @property
    def writes(self) -> list[str]:
        """The calls that change something."""
        return [call.partition("?")[0] for _, call, _ in self.calls if not call.startswith("GET")]

    def status(self, component_id: str) -> str:
        """Return the status of a component."""
        return str(next(c["status"] for c in self.components if c["id"] == component_id))


class StatuspageStandin(Provider):
    """A page at Statuspage.io; `unresolved` and lists have the newest first, as do updates."""

    groups: tuple[dict[str, Any], ...] = ()

    @property
    def authorization(self) -> str:
        return f"OAuth {self.key}"

    def add_component(self, id_: str, name: str, **more: Any) -> None:
        """Add a component."""
        defaults = {"status": "operational", "group_id": None, "group": False, "position": 1}
        self.components.append({"id": id_, "name": name, "description": None, **defaults, **more})

    def answer(self, method: str, path: str, query: dict[str, str], document: Any) -> tuple[int, Any]:
        rest = path.removeprefix(f"/v1/pages/{PAGE}")
        if rest == path:
            return 404, {"error": "Not found"}
        newest = self.incidents[::-1]
        match method, rest.strip("/").split("/"):
            case "GET", ["components"]:
                return 200, self.components
            case "GET", ["component-groups"]:
                return 200, list(self.groups)
            case "GET", ["incidents", "unresolved"]:
                return 200, [i for i in newest if i["status"] in STAGES[:3]]
            case "GET", ["incidents"]:
                size, number = int(query["limit"]), int(query.get("page", "1"))
                assert size <= 100
                return 200, newest[(number - 1) * size : number * size]
            case "GET", ["incidents", id_]:
                return self._one(id_, lambda incident: incident)
            case "POST", ["incidents"]:
                return self._create(document)
            case "PATCH", ["incidents", id_]:
                return self._one(id_, lambda incident: self._change(incident, document["incident"]), document)
            case "PATCH", ["incidents", id_, "incident_updates", update_id]:
                return self._one(id_, lambda i: self._edit(i, update_id, document["incident_update"]))
            case "GET", ["incidents", id_, "postmortem"]:
                return self._one(id_, lambda incident: incident["postmortem"])
            case "PUT", ["incidents", id_, "postmortem", *more] if more in ([], ["publish"]):
                return self._one(
                    id_, lambda incident: self._postmortem(incident, document["postmortem"], more)
                )
            case "PATCH", ["components", id_]:
                component = next((c for c in self.components if c["id"] == id_), None)
                if component is None or document["component"]["status"] not in HEALTH:
                    return 404, {"error": "Not found"}
                component["status"] = document["component"]["status"]
                return 200, component
        return 404, {"error": "Not found"}

    def _one(self, id_: str, do: Callable[[Any], Any], document: Any = None) -> tuple[int, Any]:
        incident = next((i for i in self.incidents if i["id"] == id_), None)
        if incident is None:
            return 404, {"error": "Not found"}
        wrong = self._wrong(document["incident"]) if document else []
        return (422, {"error": wrong}) if wrong else (200, do(incident))

    def _create(self, document: Any) -> tuple[int, Any]:
        fields = document["incident"]
        if wrong := [*self._wrong(fields), *([] if fields.get("name") else ["Name can't be blank"])]:
            return 422, {"error": wrong}
        new = {"id": self.next_id(), "created_at": self.stamp, "incident_updates": [], "metadata": {}}
        new["postmortem"] = {"body": None, "body_draft": None, "published_at": None}
        self.incidents.append({**new, "impact": "none", "status": "investigating"})
        return 201, self._change(self.incidents[-1], fields)

    def _wrong(self, fields: dict[str, Any]) -> list[str]:
        known = {"name", "status", "body", "components", "component_ids", "impact_override", "metadata"}
        known |= {"scheduled_for", "scheduled_until", *AUTOMATIC, "deliver_notifications"}
        wrong = [f"{name} is unknown" for name in set(fields) - known]
        ids = {c["id"] for c in self.components}
        times = [
            datetime.fromisoformat(fields[n]) for n in ("scheduled_for", "scheduled_until") if n in fields
        ]
        wrong += ["scheduled_until"] * (len(times) == 1 or times != sorted(times))
        wrong += ["scheduled_for"] * (fields.get("status") == "scheduled" and not times)
        wrong += ["name is too long"] * (len(fields.get("name", "")) > 255)
        wrong += ["body is too long"] * (len(fields.get("body", "")) > 25_000)
        wrong += ["status"] * (fields.get("status", STAGES[0]) not in (*STAGES, *SCHEDULED_STAGES))
        wrong += ["impact_override"] * (fields.get("impact_override", "none") not in IMPACTS)
        wrong += ["metadata"] * any(not isinstance(v, dict) for v in fields.get("metadata", {}).values())
        wrong += [c for c in fields.get("component_ids", ()) if c not in ids]
        wrong += [c for c, s in fields.get("components", {}).items() if c not in ids or s not in HEALTH]
        return wrong

    def _change(self, incident: dict[str, Any], fields: dict[str, Any]) -> dict[str, Any]:
        self.notified += fields.get("deliver_notifications", True)
        for name in ("name", "status", "metadata", "impact_override", "scheduled_for", "scheduled_until"):
            if name in fields:
                incident[name] = fields[name]
        for component in self.components:
            component["status"] = fields.get("components", {}).get(component["id"], component["status"])
        if "body" in fields:
            self.add_update(incident, incident["status"], fields["body"])
        return incident

    def add_update(self, incident: dict[str, Any], status: str, body: str) -> None:
        """Append an update, as a person there does too."""
        incident["status"] = status
        update = {"id": self.next_id(), "status": status, "body": body, "affected_components": None}
        times = {"created_at": self.stamp, "display_at": self.stamp}
        incident["incident_updates"].insert(0, {**update, **times})

    def _edit(self, incident: dict[str, Any], update_id: str, fields: dict[str, Any]) -> dict[str, Any]:
        update = next(u for u in incident["incident_updates"] if u["id"] == update_id)
        assert set(fields) == {"body", "deliver_notifications"}
        update["body"] = fields["body"]
        return dict(update)

    def _postmortem(
        self, incident: dict[str, Any], fields: dict[str, Any], more: list[str]
    ) -> dict[str, Any]:
        """Store a draft or publish it; what is published is an update too, as in its public API."""
        postmortem: dict[str, Any] = incident["postmortem"]
        if not more:
            assert set(fields) == {"body_draft"}
            postmortem["body_draft"] = fields["body_draft"]
            return postmortem
        assert set(fields) == {"notify_subscribers", "notify_twitter"}
        self.notified += fields["notify_subscribers"] + fields["notify_twitter"]
        if postmortem["published_at"] is None:
            self.add_update(incident, "postmortem", "")
        postmortem |= {"body": postmortem["body_draft"], "published_at": self.stamp}
        incident["incident_updates"][0]["body"] = postmortem["body"]
        return postmortem

    def texts(self) -> list[list[tuple[str, str]]]:
        """Return the (stage, text) of the updates of each incident, oldest first."""
        return [[(u["status"], u["body"]) for u in reversed(i["incident_updates"])] for i in self.incidents]


class InstatusStandin(Provider):
    """A page at Instatus; an incident's first update starts when the incident does.

    Maintenance is in `maintenances`: its first update comes with it, and starts when it was sent.
    """

    maintenances: tuple[dict[str, Any], ...] = ()

    @property
    def authorization(self) -> str:
        return f"Bearer {self.key}"

    def add_component(self, id_: str, name: str, **more: Any) -> None:
        """Add a component."""
        defaults = {"status": "OPERATIONAL", "order": 1, "groupId": None, "group": None, "archivedAt": None}
        self.components.append({"id": id_, "name": name, "description": "", **defaults, **more})

    def answer(self, method: str, path: str, query: dict[str, str], document: Any) -> tuple[int, Any]:
        rest = path.removeprefix(f"/v1/{PAGE}/")
        newest = self.incidents[::-1]
        match method, rest.split("/"):
            case "GET", ["components"]:
                return 200, self.components
            case "GET", ["incidents"]:
                if "!status" in query:
                    newest = [i for i in newest if i["status"] not in query["!status"].split(",")]
                size, number = int(query["per_page"]), int(query["page"])
                assert size <= 100
                return 200, newest[(number - 1) * size : number * size]
            case "POST", ["incidents"]:
                return self._create(document)
            case "GET", ["maintenances"]:
                size, number = int(query["per_page"]), int(query["page"])
                return 200, self.maintenances[::-1][(number - 1) * size : number * size]
            case "POST", ["maintenances"]:
                return self._schedule(document)
            case _, ["maintenances", id_, *below]:
                window = next((m for m in self.maintenances if m["id"] == id_), None)
                if window is None:
                    return 404, {"error": {"code": "not_found", "message": "Not found"}}
                return self._on_window(method, window, below, document)
            case "PUT", ["components", id_] if document["status"] in INSTATUS_HEALTH:
                component = next(c for c in self.components if c["id"] == id_)
                component["status"] = document["status"]
                return 200, component
            case _, ["incidents", id_, *below]:
                incident = next((i for i in self.incidents if i["id"] == id_), None)
                if incident is None:
                    return 404, {"error": {"code": "not_found", "message": "Not found"}}
                return self._on_one(method, incident, below, document)
        return 404, {"error": {"code": "not_found", "message": "Not found"}}

    def _on_one(
        self, method: str, incident: dict[str, Any], below: list[str], document: Any
    ) -> tuple[int, Any]:
        match method, below:
            case "GET", []:
                return 200, incident
            case "PUT", []:
                incident["name"] = document["name"]
                return 200, incident
            case "POST", ["incident-updates"]:
                if wrong := self._wrong(document, ("status", "components", "statuses")):
                    return 422, {"error": {"code": "invalid", "message": wrong}}
                self._effects(document)
                incident["status"] = document["status"]
                return 200, self._append(incident, document)
            case "PUT", ["incident-updates", update_id]:
                update = next(u for u in incident["updates"] if u["id"] == update_id)
                update["message"] = document["message"]
                return 200, update
        return 404, {"error": {"code": "not_found", "message": "Not found"}}

    def _create(self, document: Any) -> tuple[int, Any]:
        if wrong := self._wrong(document, ("name", "status")):
            return 422, {"error": {"code": "invalid", "message": wrong}}
        incident = {"id": self.next_id(), "name": document["name"], "status": document["status"]}
        self.incidents.append({**incident, "started": document["started"], "updates": []})
        self._effects(document)
        self._append(self.incidents[-1], document)
        return 200, self.incidents[-1]

    def _wrong(self, fields: dict[str, Any], required: tuple[str, ...]) -> list[str]:
        known = {"name", "message", "components", "started", "status", "notify", "shouldPublish", "statuses"}
        wrong = [f"{name} is unknown" for name in set(fields) - known]
        wrong += [f"{name} is missing" for name in required if name not in fields]
        ids = {c["id"] for c in self.components}
        wrong += ["status"] * (fields["status"] not in [stage.upper() for stage in STAGES])
        wrong += [c for c in fields["components"] if c not in ids]
        for each in fields["statuses"]:
            is_good = each["id"] in fields["components"] and each["status"] in INSTATUS_HEALTH
            wrong += [] if is_good else [f"{each}"]
        is_instant = re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", fields["started"])
        return wrong if is_instant else [*wrong, "started"]

    def _schedule(self, document: Any) -> tuple[int, Any]:
        if wrong := self._wrong_window(document, ("name", "notifyStart", "notifyEnd", "notifyEarly")):
            return 422, {"error": {"code": "invalid", "message": wrong}}
        window = {name: document[name] for name in ("name", "start", "end", "status", "autoStart", "autoEnd")}
        window |= {"id": self.next_id(), "updates": []}
        self.maintenances = (*self.maintenances, window)
        self._effects(document)
        self._append(window, {**document, "started": self.stamp})
        return 200, window

    def _on_window(
        self, method: str, window: dict[str, Any], below: list[str], document: Any
    ) -> tuple[int, Any]:
        match method, below:
            case "GET", []:
                return 200, window
            case "PUT", []:
                if wrong := self._wrong_window(document, ("message",)):
                    return 422, {"error": {"code": "invalid", "message": wrong}}
                window |= {name: document[name] for name in ("start", "end", "status")}
                window["updates"][0]["message"] = document["message"]
                return 200, window
            case "POST", ["maintenance-updates"]:
                if wrong := self._wrong_statuses(document):
                    return 422, {"error": {"code": "invalid", "message": wrong}}
                self._effects(document)
                window |= {"status": document["status"], "end": document["end"]}
                return 200, self._append(window, document)
            case "PUT", ["maintenance-updates", update_id]:
                update = next(u for u in window["updates"] if u["id"] == update_id)
                update["message"] = document["message"]
                return 200, update
        return 404, {"error": {"code": "not_found", "message": "Not found"}}

    def _wrong_window(self, fields: dict[str, Any], required: tuple[str, ...]) -> list[str]:
        needed = ("components", "status", "autoStart", "autoEnd", "notify", "start", "end", "duration")
        known = {*needed, *required, "message", "statuses", "notifyMinutes"}
        wrong = [f"{name} is unknown" for name in set(fields) - known]
        wrong += [f"{name} is missing" for name in (*needed, *required) if name not in fields]
        wrong += ["end"] * (fields["start"] >= fields["end"])
        return wrong or self._wrong_statuses(fields)

    def _wrong_statuses(self, fields: dict[str, Any]) -> list[str]:
        ids = {c["id"] for c in self.components}
        wrong = ["status"] * (fields["status"] not in ("NOTSTARTEDYET", "INPROGRESS", "COMPLETED"))
        wrong += [c for c in fields["components"] if c not in ids]
        return wrong + [f"{s}" for s in fields["statuses"] if s["status"] not in INSTATUS_HEALTH]

    def _effects(self, fields: dict[str, Any]) -> None:
        self.notified += fields.get("notify", True)
        statuses = {each["id"]: each["status"] for each in fields["statuses"]}
        for component in self.components:
            component["status"] = statuses.get(component["id"], component["status"])

    def _append(self, incident: dict[str, Any], fields: dict[str, Any]) -> dict[str, Any]:
        update = {"id": self.next_id(), "message": fields["message"], "status": fields["status"]}
        incident["updates"].append({**update, "started": fields["started"], "notify": fields["notify"]})
        return dict(incident["updates"][-1])

    def texts(self) -> list[list[tuple[str, str]]]:
        """Return the (stage, text) of the updates of each incident, in the order in which they arrived."""
        listed = [*self.incidents, *self.maintenances]
        return [[(u["status"].lower(), u["message"]) for u in each["updates"]] for each in listed]


@asynccontextmanager
async def serving(provider: Provider) -> AsyncIterator[str]:
    """Serve a stand-in over a socket until the block ends; yield its address. A lost answer closes the connection."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        request, *lines = head.decode().split("\r\n")[:-2]
        headers = {name.lower(): value for name, value in (line.split(": ", 1) for line in lines)}
        method, target, _ = request.split()
        body = await reader.readexactly(int(headers.get("content-length", 0)))
        status, text, arrives = provider.handle(method, target, headers["authorization"], body)
        if arrives:
            data = text.encode()
            writer.write(f"HTTP/1.1 {status} X\r\nContent-Length: {len(data)}\r\n\r\n".encode() + data)
            await writer.drain()

    async with listening(answer) as port:
        yield f"http://127.0.0.1:{port}"
