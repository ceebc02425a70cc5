"""GitLab: REST API v4, issues of one project (spec 11.10)."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import quote, urlsplit

from firebell.action_items.model import ItemState
from firebell.action_items.trackers import vendor as base
from firebell.action_items.trackers.hook_signatures import (
    HookRequest,
    body_id,
    has_standard_signature,
    has_token,
)
from firebell.action_items.trackers.issue_text import LABEL, marker_line
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
    MOVES_FOLLOWED,
    PAGE_SIZE,
    Answer,
    Call,
    CallFailed,
    Calls,
    OptionField,
    Outcome,
    TrackerVendor,
    day_of,
    option,
)
from firebell.kit.json_documents import part, rows, text_of
from firebell.kit.token_bucket import per_minute

DROPPED_LABEL = "wontfix"
_FIELDS = {
    "title": SyncField.TITLE,
    "due_date": SyncField.DUE,
    "assignee_ids": SyncField.ASSIGNEE,
    "assignees": SyncField.ASSIGNEE,
}
_MOVED_TO = "query($id: IssueID!) { issue(id: $id) { iid projectId } }"


def _path(issue_id: str) -> str:
    project, _, number = issue_id.partition("#")
    return f"/v4/projects/{project}/issues/{number}"


def issue_from(document: Any, dropped_label: str) -> RemoteIssue:
    """Return an issue; closed with the label for it is dropped."""
    labels = part(document, "labels") or []
    closed = ItemState.DROPPED if dropped_label in labels else ItemState.DONE
    return RemoteIssue(
        id=f"{part(document, 'project_id')}#{part(document, 'iid')}",
        key=text_of(document, "references", "short") or f"#{part(document, 'iid')}",
        url=text_of(document, "web_url"),
        title=text_of(document, "title"),
        state=closed if text_of(document, "state") == "closed" else ItemState.OPEN,
        assignees=tuple(
            RemoteUser(str(user.get("id")), text_of(user, "username"))
            for user in rows(part(document, "assignees"))
        ),
        due=day_of(document, "due_date"),
        text=text_of(document, "description"),
        document=document,
    )


class GitLabApi:
    """The API of GitLab.com and of self-managed installations."""

    def address(self, tracker: Tracker) -> str:
        return f"{tracker.url}/api"

    def headers(self, tracker: Tracker, token: str) -> Mapping[str, str]:
        return {"PRIVATE-TOKEN": token, "User-Agent": "firebell"}

    def answer(
        self, status: int, headers: Mapping[str, str], text: str, now: datetime, *, is_write: bool
    ) -> Answer:
        answer = base.read_answer(status, headers, text, now, is_write=is_write)
        if answer.outcome is Outcome.REFUSED:
            message = part(base.decoded(text), "message")
            named = message if isinstance(message, dict) else {}
            return replace(answer, fields=frozenset(_FIELDS[name] for name in named if name in _FIELDS))
        return answer

    def express(self, state: ItemState) -> ItemState:
        match state:
            case ItemState.IN_PROGRESS:
                return ItemState.OPEN
            case ItemState.DUPLICATE:
                return ItemState.DROPPED
            case _:
                return state

    def limits(self, tracker: Tracker) -> Mapping[SyncField, Direction]:
        fields = (SyncField.TITLE, SyncField.STATE, SyncField.ASSIGNEE, SyncField.DUE)
        return dict.fromkeys(fields, Direction.BOTH)

    def issue_id(self, tracker: Tracker, text: str) -> str | None:
        named = text.strip()
        if named.startswith("http"):
            project, separator, number = urlsplit(named).path.strip("/").partition("/-/issues/")
            if not separator or project.lower() != tracker.target.lower():
                return None
            named = number
        number = named.lstrip("#")
        is_number = number.isascii() and number.isdecimal() and len(number) < 13
        return f"{quote(tracker.target, safe='')}#{number}" if is_number else None

    def _project(self, tracker: Tracker) -> str:
        return f"/v4/projects/{quote(tracker.target, safe='')}"

    def _issue(self, tracker: Tracker, document: Any) -> RemoteIssue:
        return issue_from(document, option(tracker, "dropped_label", DROPPED_LABEL))

    async def check(self, calls: Calls, tracker: Tracker) -> Sequence[ConnectionCheck]:
        project = await calls(Call("GET", self._project(tracker)))
        checks = [ConnectionCheck("ok", f"The token reads {text_of(project, 'path_with_namespace')}.")]
        if text_of(project, "issues_access_level") == "disabled":
            checks.append(ConnectionCheck("late", "Issues are switched off in this project."))
        if part(project, "archived") is True:
            checks.append(ConnectionCheck("late", "This project is archived, so nothing can be changed."))
        if not tracker.is_private and text_of(project, "visibility") == "public":
            checks.append(ConnectionCheck("warn", "This project is public: everyone can read its issues."))
        return checks

    async def create(self, calls: Calls, tracker: Tracker, draft: Draft) -> str:
        body: dict[str, Any] = {"title": draft.title, "description": draft.text, "labels": LABEL}
        if due := draft.values.get(SyncField.DUE):
            body["due_date"] = due
        if assignee := draft.values.get(SyncField.ASSIGNEE):
            body["assignee_ids"] = [int(assignee)]
        document = await calls(Call("POST", f"{self._project(tracker)}/issues", body))
        return self._issue(tracker, document).id

    async def find(self, calls: Calls, tracker: Tracker, draft: Draft, since: datetime) -> str | None:
        wanted = marker_line(draft.marker)
        page: str | None = None
        while True:
            documents, page, _ = await self._page(calls, tracker, since, page, "created_at")
            for document in documents:
                if wanted in text_of(document, "description"):
                    return self._issue(tracker, document).id
            if page is None:
                return None

    async def _page(
        self,
        calls: Calls,
        tracker: Tracker,
        since: datetime,
        following: str | None,
        order: str,
        etag: str = "",
    ) -> tuple[list[dict[str, Any]], str | None, str]:
        number = int(following or "1")
        query = {
            "scope": "all",
            "updated_after": since.isoformat(timespec="seconds"),
            "order_by": order,
            "sort": "asc",
            "per_page": str(PAGE_SIZE),
            "page": str(number),
        }
        tagged = await calls(Call("GET", f"{self._project(tracker)}/issues", query=query, etag=etag))
        documents = rows(tagged.document)
        return documents, str(number + 1) if len(documents) == PAGE_SIZE else None, tagged.etag

    async def read(self, calls: Calls, tracker: Tracker, issue_id: str, etag: str = "") -> RemoteIssue:
        was_moved = False
        for _ in range(MOVES_FOLLOWED + 1):
            try:
                tagged = await calls(Call("GET", _path(issue_id), etag=etag))
            except CallFailed as failure:
                if failure.answer.outcome is not Outcome.NOT_FOUND:
                    raise
                # without access to its project, an issue answers the same as a deleted one
                await calls(Call("GET", f"/v4/projects/{issue_id.partition('#')[0]}"))
                return RemoteIssue(issue_id, "", "", "", ItemState.OPEN, is_deleted=True)
            moved_to = part(tagged.document, "moved_to_id")
            if moved_to is None:
                issue = self._issue(tracker, tagged.document)
                return replace(issue, was_moved=was_moved, etag=tagged.etag)
            variables = {"id": f"gid://gitlab/Issue/{moved_to}"}
            query = {"query": _MOVED_TO, "variables": variables}
            answer = await calls(Call("POST", "/graphql", query, writes=False))
            there = part(answer, "data", "issue")
            if there is None:
                reason = "The issue was moved to a project that the token can’t read."
                raise CallFailed(Answer(Outcome.NOT_FOUND, reason=reason))
            issue_id, was_moved = f"{part(there, 'projectId')}#{part(there, 'iid')}", True
        raise CallFailed(Answer(Outcome.NOT_FOUND, reason="The issue was moved too often to follow."))

    async def push(self, calls: Calls, tracker: Tracker, issue: RemoteIssue, changes: Values) -> None:
        body: dict[str, Any] = {}
        if SyncField.TITLE in changes:
            body["title"] = changes[SyncField.TITLE]
        if SyncField.DUE in changes:
            body["due_date"] = changes[SyncField.DUE]
        if SyncField.ASSIGNEE in changes:
            wanted = changes[SyncField.ASSIGNEE]
            body["assignee_ids"] = [int(wanted)] if wanted != NO_ONE else [0]
        if SyncField.STATE in changes:
            body |= self._state_body(tracker, issue, ItemState(changes[SyncField.STATE]))
        await calls(Call("PUT", _path(issue.id), body))

    def _state_body(self, tracker: Tracker, issue: RemoteIssue, state: ItemState) -> dict[str, str]:
        label = option(tracker, "dropped_label", DROPPED_LABEL)
        is_closed = issue.state is not ItemState.OPEN
        match state:
            case ItemState.DROPPED:
                return {"add_labels": label, **({} if is_closed else {"state_event": "close"})}
            case ItemState.DONE:
                return {"remove_labels": label, **({} if is_closed else {"state_event": "close"})}
            case _:
                return {"remove_labels": label, "state_event": "reopen"}

    async def changed(
        self,
        calls: Calls,
        tracker: Tracker,
        since: datetime,
        now: datetime,
        following: str | None,
        etag: str = "",
    ) -> ReadAhead:
        documents, page, tag = await self._page(calls, tracker, since, following, "updated_at", etag)
        return ReadAhead(tuple(self._issue(tracker, document).id for document in documents), page, tag)

    async def find_user(self, calls: Calls, tracker: Tracker, text: str) -> RemoteUser | None:
        query = {"search": text} if "@" in text else {"username": text}
        users = rows(await calls(Call("GET", "/v4/users", query=query)))
        if len(users) != 1:
            return None
        return RemoteUser(str(users[0].get("id")), text_of(users[0], "username"))

    async def proofs(self, calls: Calls, tracker: Tracker, issue: RemoteIssue) -> Sequence[Proof]:
        merge_requests = rows(await calls(Call("GET", f"{_path(issue.id)}/closed_by")))
        merged = [text_of(one, "web_url") for one in merge_requests if one.get("state") == "merged"]
        return tuple(Proof("change", url) for url in merged[-1:] if url)

    def hook_delivery(self, request: HookRequest, secret: str, path_token: str) -> str | None:
        checks = []
        if "webhook-signature" in request.headers:
            checks.append(has_standard_signature(request, secret))
        if "x-gitlab-token" in request.headers:
            checks.append(has_token(request, "x-gitlab-token", secret))
        if not checks or not all(checks):
            return None
        return request.one("idempotency-key") or request.one("x-gitlab-event-uuid") or body_id(request.body)

    def hook_issues(self, tracker: Tracker, document: Any) -> Sequence[str]:
        project, number = part(document, "project", "id"), part(document, "object_attributes", "iid")
        is_issue = isinstance(project, int) and isinstance(number, int)
        is_issue &= text_of(document, "object_kind") in ("issue", "work_item")
        return [f"{project}#{number}"] if is_issue else []


VENDOR = TrackerVendor(
    name="gitlab",
    title="GitLab",
    api=GitLabApi(),
    default_url="https://gitlab.com",
    target_label="Project",
    target_hint="The path with its groups, such as acme/web/shop.",
    target_pattern=r"[A-Za-z0-9_.-]{1,255}(/[A-Za-z0-9_.-]{1,255}){1,20}",
    setup=(
        "Create a project access token with the role Reporter or higher and the scope api.",
        "A member with the role Guest can’t set labels and due days.",
    ),
    hook_setup=(
        "In the project, open Settings, Webhooks, and add a webhook with this address and the trigger Issues events.",
        "Paste the secret as the signing token; an older GitLab has only the field Secret token.",
    ),
    read_rate=per_minute(300, 60),
    write_rate=per_minute(60, 20),
    sweep_every=timedelta(minutes=15),
    options=(
        OptionField(
            "dropped_label",
            "Label of dropped issues",
            "A closed issue with this label is dropped, not done.",
            DROPPED_LABEL,
        ),
    ),
)
