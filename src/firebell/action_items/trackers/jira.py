"""What Jira Cloud and Jira Data Center share: issues, transitions and searches (spec 11.10)."""

from base64 import b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import quote, urlsplit

from firebell.action_items.model import ItemState
from firebell.action_items.trackers import vendor as base
from firebell.action_items.trackers.hook_signatures import (
    HookRequest,
    body_id,
    has_hex_hmac,
    has_path_token,
)
from firebell.action_items.trackers.issue_text import LABEL
from firebell.action_items.trackers.model import (
    NO_ONE,
    AuthMethod,
    ConnectionCheck,
    Direction,
    Draft,
    Proof,
    ReadAhead,
    RemoteIssue,
    RemoteUser,
    SyncField,
    Tracker,
    Values,
)
from firebell.action_items.trackers.vendor import (
    Answer,
    Call,
    CallFailed,
    Calls,
    OptionField,
    Outcome,
    day_of,
    listed,
    option,
)
from firebell.kit.json_documents import part, rows, text_of

DROPPED_RESOLUTIONS = "Won't Do, Won't Fix, Duplicate, Cannot Reproduce, Declined"
PRIORITIES = "High, Medium, Low"
ISSUE_TYPE = "Task"
PROJECT_PATTERN = r"[A-Z][A-Z0-9_]{1,30}"
READ_FIELDS = "summary,description,status,resolution,assignee,duedate,priority,project"
OPTIONS = (
    OptionField("issue_type", "Issue type", "The type of the issues that Firebell creates.", ISSUE_TYPE),
    OptionField(
        "priorities", "Priorities", "The names of priority 1, 2 and 3, separated by commas.", PRIORITIES
    ),
    OptionField(
        "dropped_resolutions",
        "Resolutions of dropped issues",
        "Separated by commas. The first one is set when an item is dropped here.",
        DROPPED_RESOLUTIONS,
    ),
)
_FIELDS = {
    "summary": SyncField.TITLE,
    "assignee": SyncField.ASSIGNEE,
    "duedate": SyncField.DUE,
    "priority": SyncField.PRIORITY,
}
_CATEGORIES = {
    "new": ItemState.OPEN,
    "undefined": ItemState.OPEN,
    "indeterminate": ItemState.IN_PROGRESS,
    "done": ItemState.DONE,
}
_CATEGORY_OF = {
    ItemState.OPEN: ("new", "undefined"),
    ItemState.IN_PROGRESS: ("indeterminate",),
    ItemState.DONE: ("done",),
    ItemState.DROPPED: ("done",),
}


def plain_text(document: Any) -> str:
    """Return the text of a description: of the Atlassian Document Format, or as it is."""
    if isinstance(document, str):
        return document
    if isinstance(document, list):
        return "".join(plain_text(each) for each in document)
    if not isinstance(document, dict):
        return ""
    if document.get("type") == "hardBreak":
        return "\n"
    text = text_of(document, "text") + plain_text(document.get("content"))
    return f"{text}\n" if document.get("type") == "paragraph" else text


def document_of(paragraphs: Sequence[str]) -> dict[str, Any]:
    """Return paragraphs in the Atlassian Document Format."""
    content = []
    for paragraph in paragraphs:
        nodes: list[dict[str, Any]] = []
        for line in paragraph.split("\n"):
            nodes += [{"type": "hardBreak"}] if nodes else []
            nodes += [{"type": "text", "text": line}] if line else []
        content.append({"type": "paragraph", "content": nodes})
    return {"type": "doc", "version": 1, "content": content}


def wiki_text(paragraphs: Sequence[str]) -> str:
    """Return paragraphs as wiki text in which nothing is markup."""
    return "{noformat}\n" + "\n\n".join(paragraphs).replace("{", "(") + "\n{noformat}"


def label_of(draft: Draft) -> str:
    """Return the label by which an issue is found again."""
    return f"{LABEL}-{draft.ref.lower()}"


def priority_names(tracker: Tracker) -> list[str]:
    """Return the names of priority 1, 2 and 3."""
    names = listed(option(tracker, "priorities", PRIORITIES))
    return names if len(names) == len(listed(PRIORITIES)) else listed(PRIORITIES)


def priority_from(tracker: Tracker, name: str) -> str:
    """Return the priority that a name stands for, empty for one that stands for none."""
    names = [known.casefold() for known in priority_names(tracker)]
    return str(names.index(name.casefold()) + 1) if name.casefold() in names else ""


def state_from(tracker: Tracker, fields: Any) -> ItemState:
    """Return the state of an issue by the category of its status and by its resolution."""
    state = _CATEGORIES.get(text_of(fields, "status", "statusCategory", "key"), ItemState.OPEN)
    resolution = text_of(fields, "resolution", "name").casefold()
    dropped = [
        name.casefold() for name in listed(option(tracker, "dropped_resolutions", DROPPED_RESOLUTIONS))
    ]
    return ItemState.DROPPED if state is ItemState.DONE and resolution in dropped else state


def transition_body(tracker: Tracker, transitions: Any, wanted: ItemState) -> dict[str, Any] | None:
    """Return the transition that leads to a state, None if there is none without a required field.

    Dropping needs a resolution that says so; without one, nothing is guessed.
    """
    dropped = listed(option(tracker, "dropped_resolutions", DROPPED_RESOLUTIONS))
    for transition in rows(part(transitions, "transitions")):
        if text_of(transition, "to", "statusCategory", "key") not in _CATEGORY_OF[wanted]:
            continue
        fields = part(transition, "fields") or {}
        required = {
            name
            for name, each in fields.items()
            if part(each, "required") is True and not part(each, "hasDefaultValue")
        }
        body: dict[str, Any] = {"transition": {"id": text_of(transition, "id")}}
        if "resolution" in fields:
            allowed = [text_of(each, "name") for each in rows(part(fields, "resolution", "allowedValues"))]
            names = {name.casefold() for name in dropped}
            fitting = [
                name for name in allowed if (name.casefold() in names) is (wanted is ItemState.DROPPED)
            ]
            if wanted is ItemState.DROPPED:
                first = [name for name in dropped if name in allowed]
                fitting = first or fitting
            if fitting:
                body["fields"] = {"resolution": {"name": fitting[0]}}
                required.discard("resolution")
            elif wanted is ItemState.DROPPED:
                continue
        elif wanted is ItemState.DROPPED:
            continue
        if not required:
            return body
    return None


@dataclass(frozen=True, slots=True)
class JiraApi:
    """The API of Jira: version 3 of Cloud has documents and account ids, version 2 of Data Center texts and names."""

    is_cloud: bool

    @property
    def _version(self) -> str:
        return "3" if self.is_cloud else "2"

    @property
    def _user_key(self) -> str:
        return "accountId" if self.is_cloud else "name"

    def address(self, tracker: Tracker) -> str:
        return f"{tracker.api_url or tracker.url}/rest/api/{self._version}"

    def headers(self, tracker: Tracker, token: str) -> Mapping[str, str]:
        return {"Accept": "application/json", "Authorization": self._authorization(tracker, token)}

    def _authorization(self, tracker: Tracker, token: str) -> str:
        if not self.is_cloud or tracker.auth is AuthMethod.OAUTH:
            return f"Bearer {token}"
        pair = b64encode(f"{tracker.login}:{token}".encode()).decode()
        return f"Basic {pair}"

    def answer(
        self, status: int, headers: Mapping[str, str], text: str, now: datetime, *, is_write: bool
    ) -> Answer:
        answer = base.read_answer(status, headers, text, now, is_write=is_write)
        if answer.outcome is not Outcome.REFUSED:
            return answer
        errors = part(base.decoded(text), "errors")
        named = errors if isinstance(errors, dict) else {}
        fields = frozenset(_FIELDS[name] for name in named if name in _FIELDS)
        # what remains without these fields might be refused too
        return replace(answer, fields=fields if set(named) <= set(_FIELDS) else frozenset())

    def express(self, state: ItemState) -> ItemState:
        return ItemState.DROPPED if state is ItemState.DUPLICATE else state

    def limits(self, tracker: Tracker) -> Mapping[SyncField, Direction]:
        return dict.fromkeys(SyncField, Direction.BOTH)

    def issue_id(self, tracker: Tracker, text: str) -> str | None:
        named = text.strip()
        if named.startswith("http"):
            named = urlsplit(named).path.rpartition("/browse/")[2]
        if named.isascii() and named.isdecimal():
            named = f"{tracker.target}-{named}"
        project, separator, number = named.upper().partition("-")
        is_key = separator and project == tracker.target and number.isdecimal()
        return named.upper() if is_key and number.isascii() and len(number) < 13 else None

    def issue_from(self, tracker: Tracker, document: Any) -> RemoteIssue:
        """Return an issue; its id stays the same when it is moved, its key does not."""
        fields = part(document, "fields")
        assignee = part(fields, "assignee")
        key = text_of(document, "key")
        user = RemoteUser(
            text_of(assignee, self._user_key),
            text_of(assignee, "displayName"),
            text_of(assignee, "emailAddress").lower(),
        )
        return RemoteIssue(
            id=text_of(document, "id"),
            key=key,
            url=f"{tracker.url}/browse/{key}",
            title=text_of(fields, "summary"),
            state=state_from(tracker, fields),
            assignees=(user,) if user.id else (),
            due=day_of(fields, "duedate"),
            priority=priority_from(tracker, text_of(fields, "priority", "name")),
            text=plain_text(part(fields, "description")),
            was_moved=text_of(fields, "project", "key") not in ("", tracker.target),
            document=document,
        )

    async def check(self, calls: Calls, tracker: Tracker) -> Sequence[ConnectionCheck]:
        project = await calls(Call("GET", f"/project/{quote(tracker.target, safe='')}"))
        checks = [ConnectionCheck("ok", f"The token reads {text_of(project, 'name')}.")]
        wanted = option(tracker, "issue_type", ISSUE_TYPE)
        types = [text_of(each, "name") for each in rows(part(project, "issueTypes"))]
        if types and wanted not in types:
            text = f"The project has no issue type {wanted}. It has: {', '.join(types[:10])}."
            checks.append(ConnectionCheck("late", text))
        query = {"projectKey": tracker.target, "permissions": "CREATE_ISSUES,EDIT_ISSUES,TRANSITION_ISSUES"}
        permissions = part(await calls(Call("GET", "/mypermissions", query=query)), "permissions") or {}
        missing = [name for name, each in permissions.items() if part(each, "havePermission") is False]
        if missing:
            checks.append(ConnectionCheck("late", f"The token lacks the permission {', '.join(missing)}."))
        known = {name.casefold() for name in await self._priorities(calls, project)}
        if unknown := [name for name in priority_names(tracker) if name.casefold() not in known]:
            checks.append(ConnectionCheck("warn", f"Jira has no priority {', '.join(unknown)}."))
        return checks

    async def _priorities(self, calls: Calls, project: object) -> list[str]:
        """Return the names of priorities: in Jira Cloud those of the project, otherwise all."""
        if not self.is_cloud:
            return [text_of(each, "name") for each in rows(await calls(Call("GET", "/priority")))]
        query = {"projectId": text_of(project, "id"), "maxResults": "100"}
        answer = await calls(Call("GET", "/priority/search", query=query))
        return [text_of(each, "name") for each in rows(part(answer, "values"))]

    async def create(self, calls: Calls, tracker: Tracker, draft: Draft) -> str:
        paragraphs = draft.text.split("\n\n")
        fields: dict[str, Any] = {
            "project": {"key": tracker.target},
            "issuetype": {"name": option(tracker, "issue_type", ISSUE_TYPE)},
            "summary": draft.title,
            "description": document_of(paragraphs) if self.is_cloud else wiki_text(paragraphs),
            "labels": [LABEL, label_of(draft)],
            **self._fields(tracker, draft.values),
        }
        return text_of(await calls(Call("POST", "/issue", {"fields": fields})), "id")

    def _fields(self, tracker: Tracker, values: Values) -> dict[str, Any]:
        fields: dict[str, Any] = {}
        if SyncField.TITLE in values:
            fields["summary"] = values[SyncField.TITLE]
        if SyncField.DUE in values:
            fields["duedate"] = values[SyncField.DUE]
        if SyncField.PRIORITY in values:
            fields["priority"] = {"name": priority_names(tracker)[int(values[SyncField.PRIORITY]) - 1]}
        if SyncField.ASSIGNEE in values:
            wanted = values[SyncField.ASSIGNEE]
            fields["assignee"] = {self._user_key: wanted} if wanted != NO_ONE else None
        return fields

    async def _search(
        self, calls: Calls, jql: str, following: str | None
    ) -> tuple[list[dict[str, Any]], str | None]:
        if self.is_cloud:
            body = {"jql": jql, "fields": READ_FIELDS.split(","), "maxResults": base.PAGE_SIZE}
            more = {"nextPageToken": following} if following else {}
            answer = await calls(Call("POST", "/search/jql", {**body, **more}, writes=False))
            return rows(part(answer, "issues")), text_of(answer, "nextPageToken") or None
        start = int(following or "0")
        body = {
            "jql": jql,
            "fields": READ_FIELDS.split(","),
            "startAt": start,
            "maxResults": base.PAGE_SIZE,
        }
        answer = await calls(Call("POST", "/search", body, writes=False))
        issues, total = rows(part(answer, "issues")), part(answer, "total") or 0
        reached = start + len(issues)
        return issues, str(reached) if issues and reached < total else None

    async def find(self, calls: Calls, tracker: Tracker, draft: Draft, since: datetime) -> str | None:
        jql = f'labels = "{label_of(draft)}" ORDER BY created ASC'
        following: str | None = None
        while True:
            documents, following = await self._search(calls, jql, following)
            for document in documents:
                if draft.marker in plain_text(part(document, "fields", "description")):
                    return text_of(document, "id")
            if following is None:
                return None

    async def read(self, calls: Calls, tracker: Tracker, issue_id: str, etag: str = "") -> RemoteIssue:
        path = f"/issue/{quote(issue_id, safe='')}"
        try:
            document = await calls(Call("GET", path, query={"fields": READ_FIELDS}))
        except CallFailed as failure:
            if failure.answer.outcome is not Outcome.NOT_FOUND:
                raise
            # without access to its project, an issue answers the same as a deleted one
            await calls(Call("GET", f"/project/{quote(tracker.target, safe='')}"))
            return RemoteIssue(issue_id, "", "", "", ItemState.OPEN, is_deleted=True)
        return self.issue_from(tracker, document)

    async def push(self, calls: Calls, tracker: Tracker, issue: RemoteIssue, changes: Values) -> None:
        path = f"/issue/{quote(issue.id, safe='')}"
        if fields := self._fields(tracker, changes):
            await calls(Call("PUT", path, {"fields": fields}))
        if SyncField.STATE in changes:
            wanted = ItemState(changes[SyncField.STATE])
            query = {"expand": "transitions.fields"}
            transitions = await calls(Call("GET", f"{path}/transitions", query=query))
            body = transition_body(tracker, transitions, wanted)
            if body is None:
                reason = (
                    f"The workflow has no transition to {wanted.replace('_', ' ')} without a required field."
                )
                raise CallFailed(Answer(Outcome.REFUSED, reason=reason, fields=frozenset({SyncField.STATE})))
            await calls(Call("POST", f"{path}/transitions", body))

    async def changed(
        self,
        calls: Calls,
        tracker: Tracker,
        since: datetime,
        now: datetime,
        following: str | None,
        etag: str = "",
    ) -> ReadAhead:
        # relative, because instants in JQL are in the time zone of the token's owner
        minutes = (now - since) // timedelta(minutes=1) + 1
        jql = f'project = "{tracker.target}" AND updated >= "-{minutes}m" ORDER BY updated ASC'
        documents, following = await self._search(calls, jql, following)
        return ReadAhead(tuple(text_of(document, "id") for document in documents), following)

    async def find_user(self, calls: Calls, tracker: Tracker, text: str) -> RemoteUser | None:
        name = "query" if self.is_cloud else "username"
        users = rows(await calls(Call("GET", "/user/search", query={name: text})))
        known = [
            RemoteUser(
                text_of(u, self._user_key), text_of(u, "displayName"), text_of(u, "emailAddress").lower()
            )
            for u in users
            if part(u, "active") is not False and text_of(u, "accountType") in ("", "atlassian")
        ]
        exact = [u for u in known if text.lower() in (u.id.lower(), u.email, u.handle.lower())]
        chosen = exact or known
        return chosen[0] if len(chosen) == 1 and chosen[0].id else None

    async def proofs(self, calls: Calls, tracker: Tracker, issue: RemoteIssue) -> Sequence[Proof]:
        return ()

    def hook_delivery(self, request: HookRequest, secret: str, path_token: str) -> str | None:
        if "x-hub-signature" in request.headers:
            genuine = has_hex_hmac(request, "x-hub-signature", secret, "sha256=")
        else:
            # hooks of apps are not signed, so their address has a token
            genuine = has_path_token(request, path_token)
        identifier = request.one("x-atlassian-webhook-identifier")
        return (identifier or body_id(request.body)) if genuine else None

    def hook_issues(self, tracker: Tracker, document: Any) -> Sequence[str]:
        issue_id = part(document, "issue", "id")
        return [str(issue_id)] if isinstance(issue_id, str | int) else []
