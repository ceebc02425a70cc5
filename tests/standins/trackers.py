"""Stand-ins for GitHub, GitLab, Jira and Linear: what of their APIs the sync uses, and what they refuse.

Each call and each answer is checked against the pinned part of the official description, `pinned_github.py` and so on;
what is wrong is in `refused`. What the descriptions do not say is here: GitHub's `state_reason` counts only together
with a change of `state`, and it answers 301, 404 and 410; GitLab drops assignees silently and says `moved_to_id`; Jira
answers id, key and self alone, has transitions with required fields, and its search lags behind; Linear lets clients
choose ids.
"""

import asyncio
import hashlib
import json
import re
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from tests.servers import listening
from tests.standins.pinned_api import Description
from tests.standins.pinned_github import GITHUB
from tests.standins.pinned_gitlab import GITLAB

TOKEN = "a-token-of-the-stand-in"


class Fault(StrEnum):
    """What goes wrong with one call; after the lower ones, it was done nevertheless."""

    NOT_ARRIVED = "not_arrived"
    TOO_MANY = "429"
    SECONDARY_LIMIT = "403"
    BAD_GATEWAY = "502"
    LOST = "lost"
    DONE_BUT_500 = "done_but_500"
    HTML = "html"


@dataclass
class Response:
    """What a stand-in answers."""

    status: int
    document: Any = None
    headers: dict[str, str] = field(default_factory=dict)


@dataclass
class TrackerStandin:
    """What the stand-ins share: issues, users, faults and calls; `now` is their clock."""

    now: Callable[[], datetime]
    token: str = TOKEN
    faults: deque[Fault | None] = field(default_factory=deque)
    write_faults: deque[Fault | None] = field(default_factory=deque)
    calls: list[str] = field(default_factory=list)
    writes: list[tuple[str, Any]] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    issues: dict[int, dict[str, Any]] = field(default_factory=dict)
    is_readable: bool = True
    has_etags: bool = False
    unchanged: list[str] = field(default_factory=list)
    port: int = 0

    @property
    def url(self) -> str:
        """The address to which calls go."""
        return f"http://127.0.0.1:{self.port}"

    def is_write(self, method: str, path: str, document: Any) -> bool:
        """Return True if a call changes something."""
        return method != "GET"

    def is_authorized(self, headers: dict[str, str]) -> bool:
        """Return True if a call carries the token."""
        raise NotImplementedError

    def answer(self, method: str, path: str, query: dict[str, str], document: Any) -> Response:
        """Do what a call wants."""
        raise NotImplementedError

    def refuse(self, status: int, document: Any) -> Response:
        """Refuse a call, and remember it."""
        self.refused.append(json.dumps(document))
        return Response(status, document)

    def description(self) -> Description | None:
        """Return the official description that calls and answers are checked against, None if it is not REST."""
        return None

    def wrong_call(self, method: str, path: str, query: dict[str, str], document: Any) -> list[str]:
        """Return what is wrong with a call."""
        described = self.description()
        return described.wrong_call(method, path, query, document) if described else []

    def wrong_answer(self, method: str, path: str, response: Response) -> list[str]:
        """Return what is wrong with an answer."""
        described = self.description()
        return described.wrong_answer(method, path, response.status, response.document) if described else []

    def handle(self, method: str, target: str, headers: dict[str, str], body: bytes) -> Response | None:
        """Return the answer to a call, None if it does not arrive."""
        parts = urlsplit(target)
        document = body_of(headers, body)
        self.calls.append(f"{method} {target}")
        writes = self.is_write(method, parts.path, document)
        faults = self.write_faults if writes and self.write_faults else self.faults
        fault = faults.popleft() if faults else None
        match fault:
            case Fault.NOT_ARRIVED:
                return None
            case Fault.TOO_MANY:
                return Response(429, {"message": "Too many requests"}, {"Retry-After": "7"})
            case Fault.SECONDARY_LIMIT:
                text = "You have exceeded a secondary rate limit. Please wait a few minutes."
                return Response(403, {"message": text})
            case Fault.BAD_GATEWAY:
                return Response(502, {"message": "Bad gateway"})
            case Fault.HTML:
                return Response(200, "<!doctype html>")
        if not self.is_authorized(headers):
            return Response(401, {"message": "Bad credentials"})
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        self.refused += self.wrong_call(method, parts.path, query, document)
        response = self.answer(method, parts.path, query, document)
        self.refused += self.wrong_answer(method, parts.path, response)
        if self.has_etags and method == "GET" and response.status == 200:
            response = self.tagged(response, headers.get("if-none-match"), target)
        if writes and response.status < 300:
            self.writes.append((f"{method} {parts.path}", document))
        if fault is Fault.LOST:
            return None
        if fault is Fault.DONE_BUT_500:
            return Response(500, {"message": "Internal"})
        return response

    def tagged(self, response: Response, known: str | None, target: str) -> Response:
        """Return an answer with its ETag, or that it is as the caller knows it."""
        digest = hashlib.sha256(json.dumps(response.document, sort_keys=True).encode()).hexdigest()
        etag = f'W/"{digest}"'
        if known == etag:
            self.unchanged.append(target)
            return Response(304, None, {"ETag": etag})
        return Response(response.status, response.document, {**response.headers, "ETag": etag})

    @property
    def stamp(self) -> str:
        """The time as most write it."""
        return self.now().isoformat(timespec="seconds").replace("+00:00", "Z")

    def touch(self, issue: dict[str, Any], name: str = "updated_at") -> None:
        """Record that an issue changed."""
        issue[name] = self.stamp


def body_of(headers: dict[str, str], body: bytes) -> Any:
    """Return the JSON or the form in a body, None if it is empty."""
    if headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
        return {name: values[0] for name, values in parse_qs(body.decode()).items()}
    return json.loads(body) if body else None


def unknown(document: dict[str, Any], known: str) -> set[str]:
    """Return the fields of a body that its description does not have."""
    return set(document) - set(known.split())


@dataclass
class GitHubStandin(TrackerStandin):
    """The repository acme/shop, whose users are `mara-dev` and `jun-dev`; it has a date field with the id 77."""

    moved: dict[int, str] = field(default_factory=dict)
    gone: set[int] = field(default_factory=set)
    events: dict[int, list[dict[str, Any]]] = field(default_factory=dict)
    drops_assignees: bool = False
    is_public: bool = False
    has_etags: bool = True

    REPOSITORY = "acme/shop"
    assignable = ("mara-dev", "jun-dev")

    def description(self) -> Description:
        return GITHUB

    def is_authorized(self, headers: dict[str, str]) -> bool:
        if headers.get("x-github-api-version") != "2026-03-10":
            self.refused.append("no API version")
        return headers.get("authorization") == f"Bearer {self.token}"

    def users_of(self, logins: list[str]) -> list[dict[str, Any]]:
        """Return users as an issue has them."""
        return [{"login": login, "id": number} for number, login in enumerate(logins, 1)]

    def add(self, title: str, **more: Any) -> dict[str, Any]:
        """Add an issue that someone created there."""
        number = max(self.issues, default=0) + 1
        self.issues[number] = {
            "id": 9000 + number,
            "number": number,
            "title": title,
            "body": None,
            "state": "open",
            "state_reason": None,
            "assignees": [],
            "labels": [],
            "html_url": f"https://github.example/{self.REPOSITORY}/issues/{number}",
            "repository_url": f"{self.url}/repos/{self.REPOSITORY}",
            "updated_at": self.stamp,
            "fields": {},
            **more,
        }
        return self.issues[number]

    def change(self, number: int, **changes: Any) -> None:
        """Change an issue as someone does there."""
        self.issues[number] |= changes
        self.touch(self.issues[number])

    def answer(self, method: str, path: str, query: dict[str, str], document: Any) -> Response:
        if not self.is_readable:
            return Response(404, {"message": "Not Found"})
        if path.startswith("/users/"):
            login = path.removeprefix("/users/")
            known = [each for each in self.assignable if each == login.lower()]
            return (
                Response(200, {"login": login, "id": 1}) if known else Response(404, {"message": "Not Found"})
            )
        if path == "/orgs/acme/issue-fields":
            return Response(200, [{"id": 77, "name": "Due", "data_type": "date"}])
        rest = path.removeprefix(f"/repos/{self.REPOSITORY}").removeprefix("/repos/acme/other")
        if rest == path and path.startswith("/repositories/5/issues/"):
            number = int(path.rpartition("/")[2])
            return Response(200, self.shown(self.issues[number]))
        match method, [part for part in rest.split("/") if part]:
            case "GET", []:
                permissions = {"push": True}
                facts = {"full_name": self.REPOSITORY, "has_issues": True, "private": not self.is_public}
                return Response(200, {**facts, "permissions": permissions})
            case "POST", ["issues"]:
                return self.create(document)
            case "GET", ["issues"]:
                return self.page(query)
            case verb, ["issues", digits, *more]:
                return self.one(verb, int(digits), more, document)
        return Response(404, {"message": "Not Found"})

    def create(self, document: dict[str, Any]) -> Response:
        """Create an issue."""
        if extra := unknown(document, "title body assignees labels milestone type issue_field_values"):
            return self.refuse(422, {"message": "Validation Failed", "errors": [{"field": f} for f in extra]})
        if not document.get("title") or len(document["title"]) > 256:
            return self.refuse(422, {"message": "Validation Failed", "errors": [{"field": "title"}]})
        assignees = document.get("assignees", [])
        if set(assignees) - set(self.assignable):
            errors = [{"resource": "Issue", "field": "assignees", "code": "invalid"}]
            return Response(422, {"message": "Validation Failed", "errors": errors})
        issue = self.add(document["title"], body=document.get("body"), labels=document.get("labels", []))
        issue["assignees"] = [] if self.drops_assignees else self.users_of(assignees)
        return Response(201, self.shown(issue))

    def page(self, query: dict[str, str]) -> Response:
        """Return a page of issues."""
        if set(query) - {"state", "since", "sort", "direction", "per_page", "page", "labels"}:
            return self.refuse(422, {"message": f"unknown parameter in {sorted(query)}"})
        since = datetime.fromisoformat(query["since"])
        order = {"created": "number", "updated": "updated_at"}[query["sort"]]
        chosen = [
            issue
            for issue in sorted(self.issues.values(), key=lambda issue: issue[order])
            if issue["number"] not in self.gone and datetime.fromisoformat(issue["updated_at"]) >= since
        ]
        size, page = int(query["per_page"]), int(query["page"])
        return Response(200, [self.shown(issue) for issue in chosen[(page - 1) * size : page * size]])

    def one(self, method: str, number: int, more: list[str], document: Any) -> Response:
        """Answer a call about one issue."""
        if number in self.gone:
            return Response(410, {"message": "This issue was deleted"})
        if number in self.moved:
            headers = {"Location": f"{self.url}{self.moved[number]}"}
            return Response(301, {"message": "Moved Permanently", "url": headers["Location"]}, headers)
        if number not in self.issues:
            return Response(404, {"message": "Not Found"})
        issue = self.issues[number]
        if more == ["events"]:
            return Response(200, self.events.get(number, []))
        if more == ["issue-field-values"]:
            if method == "POST":
                for value in document["issue_field_values"]:
                    issue["fields"][value["field_id"]] = value["value"]
                self.touch(issue)
            rows = [
                {"issue_field_id": key, "node_id": "x", "data_type": "date", "value": value}
                for key, value in issue["fields"].items()
            ]
            return Response(200, rows)
        if method == "PATCH":
            return self.update(issue, document)
        return Response(200, self.shown(issue))

    def update(self, issue: dict[str, Any], document: dict[str, Any]) -> Response:
        """Change an issue."""
        if extra := unknown(document, "title body state state_reason milestone labels assignees type"):
            return self.refuse(422, {"message": f"unknown: {sorted(extra)}"})
        if document.get("state", "open") not in ("open", "closed"):
            return self.refuse(422, {"message": "state"})
        if document.get("state_reason") not in ("completed", "not_planned", "duplicate", "reopened", None):
            return self.refuse(422, {"message": "state_reason"})
        if "state_reason" in document and "state" not in document:
            return self.refuse(422, {"message": "state_reason without state"})
        logins = document.get("assignees", [])
        if set(logins) - set(self.assignable):
            errors = [{"resource": "Issue", "field": "assignees", "code": "invalid"}]
            return Response(422, {"message": "Validation Failed", "errors": errors})
        issue |= {name: value for name, value in document.items() if name in ("title", "body", "state")}
        if "state" in document:
            reason = document.get("state_reason")
            issue["state_reason"] = None if issue["state"] == "open" else reason or "completed"
        if "assignees" in document and not self.drops_assignees:
            issue["assignees"] = self.users_of(logins)
        self.touch(issue)
        return Response(200, self.shown(issue))

    @staticmethod
    def shown(issue: dict[str, Any]) -> dict[str, Any]:
        """Return an issue as the API shows it."""
        return {name: value for name, value in issue.items() if name != "fields"}


@dataclass
class GitLabStandin(TrackerStandin):
    """The project acme/web/shop with the id 5, whose users are mara (11) and jun (12)."""

    users: dict[int, str] = field(default_factory=lambda: {11: "mara", 12: "jun"})
    merged: dict[int, str] = field(default_factory=dict)
    deleted: set[int] = field(default_factory=set)
    has_etags: bool = True

    PROJECT = "acme/web/shop"

    def description(self) -> Description:
        return GITLAB

    def is_authorized(self, headers: dict[str, str]) -> bool:
        return headers.get("private-token") == self.token

    def is_write(self, method: str, path: str, document: Any) -> bool:
        return method != "GET" and not path.endswith("/graphql")

    def add(self, title: str, project: int = 5, **more: Any) -> dict[str, Any]:
        """Add an issue that someone created there."""
        number = max(self.issues, default=0) + 1
        self.issues[number] = {
            "id": 8000 + number,
            "iid": number,
            "project_id": project,
            "title": title,
            "description": "",
            "state": "opened",
            "labels": [],
            "assignees": [],
            "due_date": None,
            "moved_to_id": None,
            "web_url": f"https://gitlab.example/{self.PROJECT}/-/issues/{number}",
            "references": {"short": f"#{number}"},
            "created_at": self.stamp,
            "updated_at": self.stamp,
            **more,
        }
        return self.issues[number]

    def answer(self, method: str, path: str, query: dict[str, str], document: Any) -> Response:
        if path == "/api/graphql":
            number = int(document["variables"]["id"].rpartition("/")[2]) - 8000
            issue = self.issues.get(number)
            shown = {"iid": str(number), "projectId": issue["project_id"]} if issue else None
            return Response(200, {"data": {"issue": shown}})
        if path == "/api/v4/users":
            named = [
                {"id": key, "username": name}
                for key, name in self.users.items()
                if query.get("username", query.get("search", "").partition("@")[0]) == name
            ]
            return Response(200, named)
        project, _, rest = path.removeprefix("/api/v4/projects/").partition("/")
        if not self.is_readable or unquote(project) not in (self.PROJECT, "5", "6"):
            return Response(404, {"message": "404 Project Not Found"})
        match method, [part for part in rest.split("/") if part]:
            case "GET", []:
                facts = {"path_with_namespace": self.PROJECT, "visibility": "private"}
                return Response(200, {**facts, "issues_access_level": "enabled", "archived": False})
            case "POST", ["issues"]:
                return self.create(document)
            case "GET", ["issues"]:
                return self.page(query)
            case "GET", ["issues", digits, "closed_by"]:
                url = self.merged.get(int(digits))
                return Response(200, [{"state": "merged", "web_url": url}] if url else [])
            case verb, ["issues", digits]:
                issue = self.issues.get(int(digits))
                if issue is None or int(digits) in self.deleted:
                    return Response(404, {"message": "404 Not found"})
                return self.update(issue, document) if verb == "PUT" else Response(200, issue)
        return Response(404, {"message": "404 Not Found"})

    def assignees(self, ids: list[int]) -> list[dict[str, Any]]:
        """Return the users among these ids; others are dropped silently."""
        return [{"id": key, "username": self.users[key]} for key in ids if key in self.users]

    def create(self, document: dict[str, Any]) -> Response:
        """Create an issue; a line that begins with a slash is a quick action."""
        if extra := unknown(document, "title description labels due_date assignee_ids"):
            return self.refuse(400, {"error": f"unknown: {sorted(extra)}"})
        if len(document["title"]) > 255:
            return self.refuse(400, {"message": {"title": ["is too long (maximum is 255 characters)"]}})
        issue = self.add(document["title"], description=document["description"])
        issue["labels"] = document.get("labels", "").split(",")
        issue["due_date"] = document.get("due_date")
        issue["assignees"] = self.assignees(document.get("assignee_ids", []))
        if re.search(r"^/close", document["description"], re.MULTILINE):
            issue["state"] = "closed"
        return Response(201, issue)

    def page(self, query: dict[str, str]) -> Response:
        """Return a page of issues."""
        if set(query) - {"scope", "updated_after", "order_by", "sort", "per_page", "page"}:
            return self.refuse(400, {"error": f"unknown parameter in {sorted(query)}"})
        since = datetime.fromisoformat(query["updated_after"])
        chosen = [
            issue
            for issue in sorted(self.issues.values(), key=lambda issue: issue[query["order_by"]])
            if issue["iid"] not in self.deleted and datetime.fromisoformat(issue["updated_at"]) >= since
        ]
        size, page = int(query["per_page"]), int(query["page"])
        return Response(200, chosen[(page - 1) * size : page * size])

    def update(self, issue: dict[str, Any], document: dict[str, Any]) -> Response:
        """Change an issue."""
        known = "title description due_date assignee_ids state_event add_labels remove_labels"
        if extra := unknown(document, known):
            return self.refuse(400, {"error": f"unknown: {sorted(extra)}"})
        issue |= {name: document[name] for name in ("title", "due_date") if name in document}
        if "assignee_ids" in document:
            issue["assignees"] = self.assignees(document["assignee_ids"])
        match document.get("state_event"):
            case "close":
                issue["state"] = "closed"
            case "reopen":
                issue["state"] = "opened"
        labels = [each for each in issue["labels"] if each != document.get("remove_labels")]
        issue["labels"] = labels + ([document["add_labels"]] if "add_labels" in document else [])
        self.touch(issue)
        return Response(200, issue)


async def _serve(standin: TrackerStandin, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while head := await reader.readuntil(b"\r\n\r\n"):
        first, *lines = head.decode().split("\r\n")[:-2]
        headers = {name.lower(): value for name, value in (line.split(": ", 1) for line in lines)}
        body = await reader.readexactly(int(headers.get("content-length", 0)))
        method, target, _ = first.split(" ")
        response = standin.handle(method, target, headers, body)
        if response is None:
            writer.close()
            return
        is_text = isinstance(response.document, str)
        text = response.document if is_text else json.dumps(response.document)
        payload = b"" if response.document is None else text.encode()
        more = "".join(f"{name}: {value}\r\n" for name, value in response.headers.items())
        writer.write(f"HTTP/1.1 {response.status} X\r\n{more}Content-Length: {len(payload)}\r\n\r\n".encode())
        writer.write(payload)
        await writer.drain()


@asynccontextmanager
async def serving(standin: TrackerStandin) -> AsyncIterator[TrackerStandin]:
    """Serve a stand-in on the loopback address until the block ends."""
    async with listening(lambda reader, writer: _serve(standin, reader, writer)) as standin.port:
        yield standin
