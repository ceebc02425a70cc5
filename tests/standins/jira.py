"""A stand-in for Jira Cloud (v3) and Data Center (v2): one project, a workflow, and a search that lags behind."""

import re
from base64 import b64encode
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from tests.standins.pinned_api import Description
from tests.standins.pinned_jira import JIRA_CLOUD, JIRA_DATA_CENTER
from tests.standins.trackers import Response, TrackerStandin, unknown

CATEGORIES = {"To Do": "new", "In Progress": "indeterminate", "Done": "done"}
SEARCH_LAG = timedelta(seconds=90)
LOGIN = "bot@acme.example"
_PRIORITIES = [{"name": name} for name in ("High", "Medium", "Low")]


@dataclass
class JiraStandin(TrackerStandin):
    """The project PAY, whose users are mara (`acc-1`) and jun (`acc-2`); `lacks` are fields not on its screens."""

    is_cloud: bool = True
    lacks: set[str] = field(default_factory=set)
    deleted: set[str] = field(default_factory=set)
    has_done: bool = True
    created: dict[str, Any] = field(default_factory=dict)

    users = (("acc-1", "mara", "mara@example.org"), ("acc-2", "jun", "jun@example.org"))

    @property
    def _version(self) -> str:
        return "3" if self.is_cloud else "2"

    @property
    def _key(self) -> str:
        return "accountId" if self.is_cloud else "name"

    def description(self) -> Description:
        return JIRA_CLOUD if self.is_cloud else JIRA_DATA_CENTER

    def is_authorized(self, headers: dict[str, str]) -> bool:
        pair = b64encode(f"{LOGIN}:{self.token}".encode()).decode()
        wanted = f"Basic {pair}" if self.is_cloud else f"Bearer {self.token}"
        return headers.get("authorization") == wanted

    def is_write(self, method: str, path: str, document: Any) -> bool:
        return method != "GET" and "/search" not in path

    def user(self, value: Any) -> dict[str, Any] | None:
        """Return the user that a field names."""
        if value is None:
            return None
        if set(value) != {self._key}:
            self.refused.append(f"assignee by {sorted(value)}")
        for account, name, email in self.users:
            if value[self._key] == (account if self.is_cloud else name):
                shown = {"displayName": name, "emailAddress": email, "active": True}
                return {**shown, self._key: value[self._key]}
        raise KeyError(value[self._key])

    def shown(self, issue: dict[str, Any]) -> dict[str, Any]:
        """Return an issue as the API shows it."""
        status = {"name": issue["status"], "statusCategory": {"key": CATEGORIES[issue["status"]]}}
        fields = {**issue["fields"], "status": status, "project": {"key": "PAY"}}
        resolution = {"name": issue["resolution"]} if issue["resolution"] else None
        return {"id": issue["id"], "key": issue["key"], "fields": {**fields, "resolution": resolution}}

    def answer(self, method: str, path: str, query: dict[str, str], document: Any) -> Response:
        root = f"/rest/api/{self._version}"
        if not path.startswith(root):
            return self.refuse(404, {"errorMessages": ["no such version"]})
        rest = path.removeprefix(root)
        if rest == "/project/PAY":
            types = [{"name": "Task"}, {"name": "Bug"}]
            response = Response(200, {"id": "10000", "key": "PAY", "name": "Payments", "issueTypes": types})
            return response if self.is_readable else Response(404, {"errorMessages": ["No project"]})
        match method, [part for part in rest.split("/") if part]:
            case "POST", ["issue"]:
                return self.create(document)
            case "POST", ["search", "jql"] if self.is_cloud:
                return self.search(document, "jql fields maxResults nextPageToken")
            case "POST", ["search"]:
                if self.is_cloud:
                    return self.refuse(410, {"errorMessages": ["The requested API has been removed."]})
                return self.search(document, "jql fields maxResults startAt")
            case "GET", ["user", "search"]:
                return self.find_users(query)
            case "GET", ["priority", "search"] if self.is_cloud and query["projectId"] == "10000":
                return Response(200, {"isLast": True, "values": _PRIORITIES})
            case "GET", ["priority"] if not self.is_cloud:
                return Response(200, _PRIORITIES)
            case "GET", ["mypermissions"]:
                names = query["permissions"].split(",")
                return Response(200, {"permissions": {name: {"havePermission": True} for name in names}})
            case verb, ["issue", name, *more]:
                return self.one(verb, name, more, document)
        return self.refuse(404, {"errorMessages": [rest]})

    def find_users(self, query: dict[str, str]) -> Response:
        """Return the users with a name or an address."""
        text = query["query" if self.is_cloud else "username"]
        issues = [
            self.user({self._key: account if self.is_cloud else name})
            for account, name, email in self.users
            if text in (account, name, email)
        ]
        return Response(200, issues)

    def fields_of(self, fields: dict[str, Any]) -> tuple[dict[str, Any], dict[str, str]]:
        """Return the fields as they are stored, and what is wrong with them."""
        errors = dict.fromkeys(self.lacks & set(fields), "Field cannot be set. It is not on the screen.")
        known = "project issuetype summary description labels duedate priority assignee"
        errors |= dict.fromkeys(unknown(fields, known), "unknown")
        values = dict(fields)
        if len(values.get("summary", "")) > 255:
            errors["summary"] = "Summary must be less than 255 characters."
        if values.get("priority") and values["priority"].get("name") not in ("High", "Medium", "Low"):
            errors["priority"] = "The priority selected is invalid."
        if "assignee" in values:
            try:
                values["assignee"] = self.user(values["assignee"])
            except KeyError as error:
                errors["assignee"] = f"User {error} cannot be assigned issues."
        if self.is_cloud and "description" in values and values["description"].get("type") != "doc":
            errors["description"] = "Operation value must be an Atlassian Document."
        if not self.is_cloud and not isinstance(values.get("description", ""), str):
            errors["description"] = "Operation value must be a string."
        if any(" " in label for label in values.get("labels", [])):
            errors["labels"] = "The label can't contain spaces."
        return values, errors

    def create(self, document: dict[str, Any]) -> Response:
        """Create an issue; the answer has its id, key and address alone."""
        values, errors = self.fields_of(document["fields"])
        if errors:
            return Response(400, {"errorMessages": [], "errors": errors})
        number = max(self.issues, default=0) + 1
        issue: dict[str, Any] = {
            "id": str(10_000 + number),
            "key": f"PAY-{number}",
            "status": "To Do",
            "resolution": None,
        }
        issue["fields"] = {"duedate": None, "assignee": None, "priority": None, **values}
        self.issues[number] = issue
        self.created[issue["id"]] = self.now()
        self.touch_fields(issue)
        return Response(201, {"id": issue["id"], "key": issue["key"], "self": f"{self.url}/{issue['id']}"})

    def touch_fields(self, issue: dict[str, Any]) -> None:
        """Record that an issue changed."""
        issue["changed"] = self.now()
        issue["fields"]["updated"] = self.now().strftime("%Y-%m-%dT%H:%M:%S.000+0000")

    def search(self, document: dict[str, Any], known: str) -> Response:
        """Search: only what the search has indexed meanwhile."""
        if extra := unknown(document, known):
            return self.refuse(400, {"errorMessages": [f"unknown: {sorted(extra)}"]})
        jql, now = document["jql"], self.now()
        label = re.search(r'labels = "([^"]+)"', jql)
        minutes = re.search(r'updated >= "-(\d+)m"', jql)
        if not label and not (minutes and 'project = "PAY"' in jql):
            return self.refuse(400, {"errorMessages": ["Unbounded JQL"]})
        hits = [
            self.shown(issue)
            for issue in self.issues.values()
            if issue["id"] not in self.deleted
            and self.created[issue["id"]] + SEARCH_LAG <= now
            and (not label or label[1] in issue["fields"]["labels"])
            and (not minutes or issue["changed"] >= now - timedelta(minutes=int(minutes[1])))
        ]
        more = {"isLast": True} if self.is_cloud else {"total": len(hits)}
        return Response(200, {"issues": hits, **more})

    def one(self, method: str, name: str, more: list[str], document: Any) -> Response:
        """Answer a call about one issue, by id or key."""
        issue = next((i for i in self.issues.values() if name in (i["id"], i["key"])), None)
        if issue is None or issue["id"] in self.deleted or not self.is_readable:
            text = "Issue does not exist or you do not have permission to see it."
            return Response(404, {"errorMessages": [text]})
        if more == ["transitions"]:
            return self.transitions(method, issue, document)
        if method == "PUT":
            values, errors = self.fields_of(document["fields"])
            if errors:
                return Response(400, {"errorMessages": [], "errors": errors})
            issue["fields"] |= values
            self.touch_fields(issue)
            return Response(204)
        return Response(200, self.shown(issue))

    def transitions(self, method: str, issue: dict[str, Any], document: Any) -> Response:
        """List or make a transition; the one to Done asks for a resolution."""
        allowed = [{"name": name} for name in ("Fixed", "Won't Do")]
        resolution = {"resolution": {"required": True, "hasDefaultValue": False, "allowedValues": allowed}}
        targets = [name for name in CATEGORIES if name != "Done" or self.has_done]
        if method == "GET":
            listed = [
                {
                    "id": name,
                    "to": {"name": name, "statusCategory": {"key": CATEGORIES[name]}},
                    "fields": resolution if name == "Done" else {},
                }
                for name in targets
                if name != issue["status"]
            ]
            return Response(200, {"transitions": listed})
        name = document["transition"]["id"]
        chosen = document.get("fields", {}).get("resolution", {}).get("name")
        if name not in targets or (name == "Done" and chosen not in ("Fixed", "Won't Do")):
            return self.refuse(400, {"errorMessages": ["transition"]})
        issue |= {"status": name, "resolution": chosen}
        self.touch_fields(issue)
        return Response(204)
