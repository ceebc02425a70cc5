"""Linear: GraphQL API, issues of one team (spec 11.10)."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

from firebell.action_items.model import ItemState
from firebell.action_items.trackers import vendor as base
from firebell.action_items.trackers.hook_signatures import HookRequest, has_hex_hmac
from firebell.action_items.trackers.model import (
    NO_ONE,
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
    OAuthServer,
    Outcome,
    TrackerVendor,
    day_of,
    decoded,
)
from firebell.kit.json_documents import part, rows, text_of
from firebell.kit.token_bucket import per_minute

HOOK_TOLERANCE_S = 60
_KEY = re.compile(r"[A-Z][A-Z0-9]{0,9}-\d{1,9}")
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_ISSUE = """
    id identifier title url description priority dueDate trashed
    assignee { id email displayName }
    state { id name type }
    team { id key }
"""
READ = "query($id: String!) { issue(id: $id) {" + _ISSUE + "} }"
TEAM = """
query($filter: TeamFilter) {
  teams(filter: $filter, first: 1) {
    nodes { id key name states(first: 100) { nodes { id name type position } } }
  }
}
"""
CREATE = "mutation($input: IssueCreateInput!) { issueCreate(input: $input) { success issue { id } } }"
UPDATE = """
mutation($id: String!, $input: IssueUpdateInput!) {
  issueUpdate(id: $id, input: $input) { success }
}
"""
CHANGED = """
query($filter: IssueFilter, $after: String) {
  issues(filter: $filter, first: 100, after: $after, includeArchived: true, orderBy: updatedAt) {
    nodes { id }
    pageInfo { hasNextPage endCursor }
  }
}
"""
USERS = "query($filter: UserFilter) { users(filter: $filter, first: 2) { nodes { id email displayName } } }"
PROOFS = "query($id: String!) { issue(id: $id) { attachments(first: 50) { nodes { url sourceType } } } }"
_STATES = {
    "triage": ItemState.OPEN,
    "backlog": ItemState.OPEN,
    "unstarted": ItemState.OPEN,
    "started": ItemState.IN_PROGRESS,
    "completed": ItemState.DONE,
    "canceled": ItemState.DROPPED,
    "duplicate": ItemState.DROPPED,
}
_TYPES = {
    ItemState.OPEN: ("unstarted", "backlog", "triage"),
    ItemState.IN_PROGRESS: ("started",),
    ItemState.DONE: ("completed",),
    ItemState.DROPPED: ("canceled",),
}
_PRIORITIES = {1: "1", 2: "2", 3: "3", 4: "3"}
"""Urgent, high, medium and low; 0 is no priority."""
_INPUT_NAMES = {
    "assigneeId": SyncField.ASSIGNEE,
    "dueDate": SyncField.DUE,
    "stateId": SyncField.STATE,
    "title": SyncField.TITLE,
    "priority": SyncField.PRIORITY,
}


def issue_from(document: Any) -> RemoteIssue:
    """Return an issue; one in the trash is deleted, one in the archive is not."""
    assignee = part(document, "assignee")
    user = RemoteUser(
        text_of(assignee, "id"), text_of(assignee, "displayName"), text_of(assignee, "email").lower()
    )
    priority = part(document, "priority")
    return RemoteIssue(
        id=text_of(document, "id"),
        key=text_of(document, "identifier"),
        url=text_of(document, "url"),
        title=text_of(document, "title"),
        state=_STATES.get(text_of(document, "state", "type"), ItemState.OPEN),
        assignees=(user,) if user.id else (),
        due=day_of(document, "dueDate"),
        priority=_PRIORITIES.get(int(priority), "") if isinstance(priority, int | float) else "",
        text=text_of(document, "description"),
        is_deleted=part(document, "trashed") is True,
        document=document,
    )


def state_id(team: Any, wanted: ItemState) -> str:
    """Return the first workflow state of a team that stands for a state of items, empty without one."""
    states = rows(part(team, "states", "nodes"))
    for kind in _TYPES[wanted]:
        fitting = sorted((s for s in states if s.get("type") == kind), key=lambda s: s.get("position") or 0)
        if fitting:
            return text_of(fitting[0], "id")
    return ""


class LinearApi:
    """The API of Linear: each call is a POST of a query."""

    def address(self, tracker: Tracker) -> str:
        return tracker.url

    def headers(self, tracker: Tracker, token: str) -> Mapping[str, str]:
        # an API key stands alone, a token of OAuth does not
        return {"Authorization": token if token.startswith("lin_api_") else f"Bearer {token}"}

    def answer(
        self, status: int, headers: Mapping[str, str], text: str, now: datetime, *, is_write: bool
    ) -> Answer:
        document = decoded(text)
        errors = rows(part(document, "errors"))
        if not errors:
            answer = base.read_answer(status, headers, text, now, is_write=is_write)
            spent_s = base.spent_for_s(
                headers, now, "x-ratelimit-requests-remaining", "x-ratelimit-requests-reset", unit_s=0.001
            )
            return replace(answer, document=part(document, "data"), after_s=spent_s or answer.after_s)
        code = text_of(errors[0], "extensions", "code")
        message = text_of(errors[0], "extensions", "userPresentableMessage") or text_of(errors[0], "message")
        reason = f"{status} {message}"[: base.REASON_MAX_CHARS]
        if code == "RATELIMITED" or status == 429:
            wait = base.seconds_from(headers, now, "x-ratelimit-requests-reset", unit_s=0.001)
            return Answer(Outcome.TOO_FAST, reason=reason, after_s=wait)
        if code == "AUTHENTICATION_ERROR" or status == 401:
            return Answer(Outcome.TOKEN_REFUSED, reason=reason)
        if "not found" in text_of(errors[0], "message").lower():
            return Answer(Outcome.NOT_FOUND, reason=reason)
        if code == "FORBIDDEN" or status == 403:
            return Answer(Outcome.FORBIDDEN, reason=reason)
        if status >= 500 or code == "INTERNAL_SERVER_ERROR":
            return base.lost(reason, is_write=is_write)
        fields = frozenset(known for name, known in _INPUT_NAMES.items() if name in text)
        return Answer(Outcome.REFUSED, reason=reason, fields=fields)

    def express(self, state: ItemState) -> ItemState:
        return ItemState.DROPPED if state is ItemState.DUPLICATE else state

    def limits(self, tracker: Tracker) -> Mapping[SyncField, Direction]:
        return dict.fromkeys(SyncField, Direction.BOTH)

    def issue_id(self, tracker: Tracker, text: str) -> str | None:
        named = text.strip()
        if named.startswith("http"):
            path = urlsplit(named).path.split("/")
            named = path[path.index("issue") + 1] if "issue" in path[:-1] else ""
        if named.isascii() and named.isdecimal() and not _UUID.fullmatch(tracker.target):
            named = f"{tracker.target}-{named}"
        is_known = _KEY.fullmatch(named.upper()) or _UUID.fullmatch(named.lower())
        return named if is_known else None

    async def _ask(self, calls: Calls, query: str, *, writes: bool = False, **variables: Any) -> Any:
        return await calls(Call("POST", "/graphql", {"query": query, "variables": variables}, writes=writes))

    async def _team(self, calls: Calls, target: str) -> Any:
        name = "id" if _UUID.fullmatch(target) else "key"
        answer = await self._ask(calls, TEAM, filter={name: {"eq": target}})
        teams = rows(part(answer, "teams", "nodes"))
        if not teams:
            raise CallFailed(Answer(Outcome.NOT_FOUND, reason=f"There is no team {target}."))
        return teams[0]

    async def check(self, calls: Calls, tracker: Tracker) -> Sequence[ConnectionCheck]:
        team = await self._team(calls, tracker.target)
        checks = [ConnectionCheck("ok", f"The key reads the team {text_of(team, 'name')}.")]
        missing = [state.replace("_", " ") for state in _TYPES if not state_id(team, state)]
        if missing:
            text = f"The team has no workflow state for: {', '.join(missing)}."
            checks.append(ConnectionCheck("warn", text))
        return checks

    async def create(self, calls: Calls, tracker: Tracker, draft: Draft) -> str:
        team = await self._team(calls, tracker.target)
        values = {
            "id": draft.marker,
            "teamId": text_of(team, "id"),
            "description": draft.text,
            **self._input(team, {SyncField.TITLE: draft.title, **draft.values}),
        }
        answer = await self._ask(calls, CREATE, writes=True, input=values)
        return text_of(answer, "issueCreate", "issue", "id")

    def _input(self, team: Any, values: Values) -> dict[str, Any]:
        fields: dict[str, Any] = {}
        if SyncField.TITLE in values:
            fields["title"] = values[SyncField.TITLE]
        if SyncField.DUE in values:
            fields["dueDate"] = values[SyncField.DUE]
        if SyncField.PRIORITY in values:
            fields["priority"] = int(values[SyncField.PRIORITY])
        if SyncField.ASSIGNEE in values:
            fields["assigneeId"] = (
                values[SyncField.ASSIGNEE] if values[SyncField.ASSIGNEE] != NO_ONE else None
            )
        if SyncField.STATE in values:
            chosen = state_id(team, ItemState(values[SyncField.STATE]))
            if not chosen:
                reason = f"The team has no workflow state for {values[SyncField.STATE].replace('_', ' ')}."
                raise CallFailed(Answer(Outcome.REFUSED, reason=reason, fields=frozenset({SyncField.STATE})))
            fields["stateId"] = chosen
        return fields

    async def find(self, calls: Calls, tracker: Tracker, draft: Draft, since: datetime) -> str | None:
        try:
            answer = await self._ask(calls, READ, id=draft.marker)
        except CallFailed as failure:
            if failure.answer.outcome is not Outcome.NOT_FOUND:
                raise
            return None
        return text_of(answer, "issue", "id") or None

    async def read(self, calls: Calls, tracker: Tracker, issue_id: str, etag: str = "") -> RemoteIssue:
        try:
            answer = await self._ask(calls, READ, id=issue_id)
        except CallFailed as failure:
            if failure.answer.outcome is not Outcome.NOT_FOUND:
                raise
            # without access to its team, an issue answers the same as a deleted one
            await self._team(calls, tracker.target)
            return RemoteIssue(issue_id, "", "", "", ItemState.OPEN, is_deleted=True)
        issue = issue_from(part(answer, "issue"))
        team = part(answer, "issue", "team")
        return replace(issue, was_moved=tracker.target not in (text_of(team, "id"), text_of(team, "key")))

    async def push(self, calls: Calls, tracker: Tracker, issue: RemoteIssue, changes: Values) -> None:
        team: Any = None
        if SyncField.STATE in changes:
            team = await self._team(calls, text_of(issue.document, "team", "id") or tracker.target)
        await self._ask(calls, UPDATE, writes=True, id=issue.id, input=self._input(team, changes))

    async def changed(
        self,
        calls: Calls,
        tracker: Tracker,
        since: datetime,
        now: datetime,
        following: str | None,
        etag: str = "",
    ) -> ReadAhead:
        name = "id" if _UUID.fullmatch(tracker.target) else "key"
        wanted = {
            "team": {name: {"eq": tracker.target}},
            "updatedAt": {"gte": since.astimezone(UTC).isoformat(timespec="milliseconds")},
        }
        answer = part(await self._ask(calls, CHANGED, filter=wanted, after=following), "issues")
        has_more = part(answer, "pageInfo", "hasNextPage") is True
        ids = tuple(text_of(node, "id") for node in rows(part(answer, "nodes")))
        return ReadAhead(ids, text_of(answer, "pageInfo", "endCursor") if has_more else None)

    async def find_user(self, calls: Calls, tracker: Tracker, text: str) -> RemoteUser | None:
        name = "email" if "@" in text else "displayName"
        answer = await self._ask(calls, USERS, filter={name: {"eqIgnoreCase": text}})
        users = rows(part(answer, "users", "nodes"))
        if len(users) != 1:
            return None
        return RemoteUser(text_of(users[0], "id"), text_of(users[0], "displayName"))

    async def proofs(self, calls: Calls, tracker: Tracker, issue: RemoteIssue) -> Sequence[Proof]:
        answer = await self._ask(calls, PROOFS, id=issue.id)
        urls = [text_of(node, "url") for node in rows(part(answer, "issue", "attachments", "nodes"))]
        changes = [url for url in urls if re.search(r"/(pull|merge_requests)/\d+", url)]
        return tuple(Proof("change", url) for url in changes[-1:])

    def hook_delivery(self, request: HookRequest, secret: str, path_token: str) -> str | None:
        if not has_hex_hmac(request, "linear-signature", secret):
            return None
        at_ms = part(decoded(request.body.decode("utf-8", "replace")), "webhookTimestamp")
        if not isinstance(at_ms, int | float):
            return None
        if abs(request.now.timestamp() - at_ms / 1000) > HOOK_TOLERANCE_S:
            return None
        return request.one("linear-delivery") or None

    def hook_issues(self, tracker: Tracker, document: Any) -> Sequence[str]:
        issue_id = text_of(document, "data", "id")
        return [issue_id] if text_of(document, "type") == "Issue" and issue_id else []


VENDOR = TrackerVendor(
    name="linear",
    title="Linear",
    api=LinearApi(),
    default_url="https://api.linear.app",
    target_label="Team",
    target_hint="The key of the team, such as PAY.",
    target_pattern=rf"[A-Z][A-Z0-9]{{0,9}}|{_UUID.pattern}",
    setup=("In Settings, Security & access, create an API key that may read and write issues of the team.",),
    hook_setup=(
        "In Settings, API, create a webhook with this address for the data change Issues.",
        "Linear generates the signing secret: copy it, and save it here.",
    ),
    oauth=OAuthServer(
        authorize_url="https://linear.app/oauth/authorize",
        token_url="https://api.linear.app/oauth/token",  # noqa: S106 - an address
        scope="read,write",
        # issues are the app's, not those of the person who authorized it
        authorize_query={"actor": "app", "prompt": "consent"},
        setup=(
            "In Settings, API, create an OAuth application with the callback URL below.",
            "Copy its client ID and its client secret. An admin of the workspace then authorizes Firebell.",
        ),
    ),
    # published numbers disagree, so stay far below the lowest of 1,500 an hour
    read_rate=per_minute(15, 30),
    write_rate=per_minute(10, 15),
    sweep_every=timedelta(minutes=60),
    generates_secret=True,
)
