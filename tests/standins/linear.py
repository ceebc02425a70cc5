"""A stand-in for Linear: the queries of the sync, with the input types of its schema."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, ClassVar

from firebell.action_items.trackers.vendors import linear
from tests.standins import pinned_linear
from tests.standins.trackers import Response, TrackerStandin, unknown

TEAM = "0b9d6d1e-54a1-4d4e-8f43-3a7b7a1f0a01"
STATES = {"s-1": "unstarted", "s-2": "started", "s-3": "completed", "s-4": "canceled", "s-0": "backlog"}
CREATE_INPUT = "id teamId title description assigneeId dueDate priority stateId"
UPDATE_INPUT = "title description assigneeId dueDate priority stateId trashed"


def _error(message: str, code: str, status: int = 200) -> Response:
    return Response(status, {"errors": [{"message": message, "extensions": {"code": code}}]})


@dataclass
class LinearStandin(TrackerStandin):
    """The team PAY, whose users are mara (`u-1`) and jun (`u-2`); clients choose the ids of issues."""

    by_id: dict[str, dict[str, Any]] = field(default_factory=dict)
    attachments: dict[str, list[str]] = field(default_factory=dict)

    users: ClassVar = {"u-1": ("mara", "mara@example.org"), "u-2": ("jun", "jun@example.org")}

    def wrong_call(self, method: str, path: str, query: dict[str, str], document: Any) -> list[str]:
        return pinned_linear.wrong_call(document)

    def is_authorized(self, headers: dict[str, str]) -> bool:
        return headers.get("authorization") == f"Bearer {self.token}"

    def is_write(self, method: str, path: str, document: Any) -> bool:
        return "mutation" in document["query"]

    def answer(self, method: str, path: str, query: dict[str, str], document: Any) -> Response:
        text, variables = document["query"], document["variables"]
        answers = {
            linear.READ: self.read,
            linear.TEAM: self.team,
            linear.CREATE: self.create,
            linear.UPDATE: self.update,
            linear.CHANGED: self.changed,
            linear.USERS: self.find_users,
            linear.PROOFS: self.proofs,
        }
        return answers[text](variables)

    def team(self, variables: dict[str, Any]) -> Response:
        """Return the team with its states."""
        if variables["filter"] not in ({"key": {"eq": "PAY"}}, {"id": {"eq": TEAM}}):
            return Response(200, {"data": {"teams": {"nodes": []}}})
        states = [{"id": i, "name": t, "type": t, "position": n} for n, (i, t) in enumerate(STATES.items())]
        node = {"id": TEAM, "key": "PAY", "name": "Payments", "states": {"nodes": states}}
        return Response(200, {"data": {"teams": {"nodes": [node]}}})

    def read(self, variables: dict[str, Any]) -> Response:
        """Return an issue by its id or its identifier."""
        name = variables["id"]
        issue = self.by_id.get(name) or next(
            (i for i in self.by_id.values() if i["identifier"] == name.upper()), None
        )
        if issue is None:
            return _error("Entity not found: Issue", "INPUT_ERROR")
        user = self.users.get(issue["assigneeId"] or "")
        assignee = {"id": issue["assigneeId"], "displayName": user[0], "email": user[1]} if user else None
        kind = STATES[issue["stateId"]]
        shown = {**issue, "assignee": assignee, "state": {"id": issue["stateId"], "name": kind, "type": kind}}
        return Response(200, {"data": {"issue": {**shown, "team": {"id": TEAM, "key": "PAY"}}}})

    def checked(self, values: dict[str, Any], known: str) -> Response | None:
        """Return what is wrong with an input."""
        if extra := unknown(values, known):
            self.refused.append(str(extra))
            return _error(f"unknown: {sorted(extra)}", "GRAPHQL_VALIDATION_FAILED", 400)
        if values.get("stateId") not in (None, *STATES):
            return _error("stateId", "INPUT_ERROR")
        if values.get("assigneeId") not in (None, *self.users):
            return _error("assigneeId is not a member of the team", "INPUT_ERROR")
        if values.get("priority", 0) not in range(5):
            return _error("priority", "INPUT_ERROR")
        return None

    def create(self, variables: dict[str, Any]) -> Response:
        """Create an issue, unless there is one with its id."""
        values = variables["input"]
        if (error := self.checked(values, CREATE_INPUT)) is not None:
            return error
        if values["id"] in self.by_id:
            return _error("Entity with this id exists", "INPUT_ERROR")
        number = len(self.by_id) + 1
        self.by_id[values["id"]] = {
            "identifier": f"PAY-{number}",
            "url": f"https://linear.example/acme/issue/PAY-{number}",
            "priority": 0,
            "dueDate": None,
            "assigneeId": None,
            "stateId": "s-0",
            "trashed": None,
            "updatedAt": self.stamp,
            **values,
        }
        return Response(200, {"data": {"issueCreate": {"success": True, "issue": {"id": values["id"]}}}})

    def update(self, variables: dict[str, Any]) -> Response:
        """Change an issue."""
        if (error := self.checked(variables["input"], UPDATE_INPUT)) is not None:
            return error
        self.by_id[variables["id"]] |= {**variables["input"], "updatedAt": self.stamp}
        return Response(200, {"data": {"issueUpdate": {"success": True}}})

    def changed(self, variables: dict[str, Any]) -> Response:
        """Return the issues that changed since an instant."""
        since = datetime.fromisoformat(variables["filter"]["updatedAt"]["gte"])
        nodes = [
            {"id": i["id"]} for i in self.by_id.values() if datetime.fromisoformat(i["updatedAt"]) >= since
        ]
        page = {"hasNextPage": False, "endCursor": None}
        return Response(200, {"data": {"issues": {"nodes": nodes, "pageInfo": page}}})

    def find_users(self, variables: dict[str, Any]) -> Response:
        """Return the users with an address or a name."""
        (comparison,) = variables["filter"].values()
        nodes = [
            {"id": key, "displayName": name, "email": email}
            for key, (name, email) in self.users.items()
            if comparison["eqIgnoreCase"] in (name, email)
        ]
        return Response(200, {"data": {"users": {"nodes": nodes}}})

    def proofs(self, variables: dict[str, Any]) -> Response:
        """Return the attachments of an issue."""
        nodes = [{"url": url, "sourceType": "github"} for url in self.attachments.get(variables["id"], [])]
        return Response(200, {"data": {"issue": {"attachments": {"nodes": nodes}}}})
