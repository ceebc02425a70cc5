"""GitHub: REST API of 2026-03-10, issues of one repository (spec 11.10)."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

from firebell.action_items.model import ItemState
from firebell.action_items.trackers import vendor as base
from firebell.action_items.trackers.hook_signatures import HookRequest, has_hex_hmac
from firebell.action_items.trackers.issue_text import LABEL, due_in, marker_line, with_due
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
    MOVES_FOLLOWED,
    PAGE_SIZE,
    Answer,
    Call,
    CallFailed,
    Calls,
    OptionField,
    Outcome,
    Tagged,
    TrackerVendor,
    option,
)
from firebell.kit.json_documents import part, rows, text_of
from firebell.kit.token_bucket import CallRate

VERSION = "2026-03-10"
_ID = re.compile(r"([A-Za-z0-9_.-]+/[A-Za-z0-9_.-]+)#(\d{1,12})")
_MARKER = re.compile(r"<!-- firebell ([0-9a-f-]{36}) -->")
_SECONDARY_LIMIT_S = 60.0
_DROPPED_REASONS = frozenset({"not_planned", "duplicate"})
_FIELDS = {"assignees": SyncField.ASSIGNEE, "title": SyncField.TITLE, "issue_field_values": SyncField.DUE}


def split_id(issue_id: str) -> tuple[str, str]:
    """Return the repository and the number of an issue's id."""
    repository, _, number = issue_id.rpartition("#")
    return repository, number


def state_from(document: Any) -> ItemState:
    """Return the state of an issue: closed as not planned or as a duplicate is dropped."""
    if text_of(document, "state") != "closed":
        return ItemState.OPEN
    dropped = text_of(document, "state_reason") in _DROPPED_REASONS
    return ItemState.DROPPED if dropped else ItemState.DONE


def marker_in(text: str) -> str | None:
    """Return the marker in the text of an issue, None if there is none."""
    marker = _MARKER.search(text)
    return marker[1] if marker else None


def issue_from(document: Any) -> RemoteIssue:
    """Return an issue; its due day is that of its text."""
    repository = text_of(document, "repository_url").partition("/repos/")[2].lower()
    number = part(document, "number")
    body = text_of(document, "body")
    marker = marker_in(body)
    return RemoteIssue(
        id=f"{repository}#{number}",
        key=f"#{number}",
        url=text_of(document, "html_url"),
        title=text_of(document, "title"),
        state=state_from(document),
        assignees=tuple(
            RemoteUser(text_of(user, "login").lower(), text_of(user, "login"))
            for user in rows(part(document, "assignees"))
        ),
        due=due_in(body, marker) if marker else None,
        lacks=frozenset() if marker else frozenset({SyncField.DUE}),
        text=body,
        is_pull_request=part(document, "pull_request") is not None,
        document=document,
    )


def due_among(field_values: Any, field_id: str) -> date | None:
    """Return the day of the date field among the values of an issue's fields."""
    for row in rows(field_values):
        if str(row.get("issue_field_id")) == field_id:
            return base.day_of(row, "value")
    return None


class GitHubApi:
    """The API of GitHub and GitHub Enterprise Server."""

    def address(self, tracker: Tracker) -> str:
        return tracker.url

    def headers(self, tracker: Tracker, token: str) -> Mapping[str, str]:
        return {
            "Accept": "application/vnd.github+json",
            "Authorization": f"Bearer {token}",
            "User-Agent": "firebell",
            "X-GitHub-Api-Version": VERSION,
        }

    def answer(
        self, status: int, headers: Mapping[str, str], text: str, now: datetime, *, is_write: bool
    ) -> Answer:
        if status in (403, 429):
            is_spent = headers.get("x-ratelimit-remaining", "") == "0"
            is_limited = is_spent or "retry-after" in headers or "rate limit" in text.lower()
            if is_limited or status == 429:
                resets = ("x-ratelimit-reset",) if is_spent else ()
                wait = base.seconds_from(headers, now, *resets)
                after_s = _SECONDARY_LIMIT_S if wait is None else wait
                return Answer(Outcome.TOO_FAST, reason=base.short_reason(status, text), after_s=after_s)
        answer = base.read_answer(status, headers, text, now, is_write=is_write)
        if answer.outcome is Outcome.REFUSED:
            errors = rows(part(base.decoded(text), "errors"))
            fields = frozenset(_FIELDS[name] for e in errors if (name := text_of(e, "field")) in _FIELDS)
            return Answer(answer.outcome, reason=answer.reason, fields=fields)
        if answer.outcome is Outcome.MOVED and not answer.location:
            # the answer names its new address in its body too
            return Answer(answer.outcome, reason=answer.reason, location=text_of(base.decoded(text), "url"))
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
        due = Direction.BOTH if option(tracker, "due_field") else Direction.OUT
        both = dict.fromkeys((SyncField.TITLE, SyncField.STATE, SyncField.ASSIGNEE), Direction.BOTH)
        return {**both, SyncField.DUE: due}

    def issue_id(self, tracker: Tracker, text: str) -> str | None:
        named = text.strip()
        path = urlsplit(named).path.strip("/").split("/")
        if named.startswith("http"):
            is_issue = len(path) >= 4 and path[-2] == "issues"
            named = f"{path[-4]}/{path[-3]}#{path[-1]}" if is_issue else ""
        elif named.lstrip("#").isdecimal():
            named = f"{tracker.target}#{named.lstrip('#')}"
        known = _ID.fullmatch(named)
        return named.lower() if known and known[1].lower() == tracker.target.lower() else None

    async def check(self, calls: Calls, tracker: Tracker) -> Sequence[ConnectionCheck]:
        repository = await calls(Call("GET", f"/repos/{tracker.target}"))
        checks = [ConnectionCheck("ok", f"The token reads {text_of(repository, 'full_name')}.")]
        if part(repository, "has_issues") is False:
            checks.append(ConnectionCheck("late", "Issues are switched off in this repository."))
        if part(repository, "archived") is True:
            checks.append(ConnectionCheck("late", "This repository is archived, so nothing can be changed."))
        # an app has rights of its own, and no role in the repository
        is_app = tracker.auth is AuthMethod.APP
        permissions = {} if is_app else part(repository, "permissions") or {}
        if permissions and not any(permissions.get(name) for name in ("push", "triage", "maintain", "admin")):
            text = "The token can’t set labels and assignees: GitHub drops them silently."
            checks.append(ConnectionCheck("warn", text))
        if not tracker.is_private and part(repository, "private") is False:
            checks.append(ConnectionCheck("warn", "This repository is public: everyone can read its issues."))
        if field_id := option(tracker, "due_field"):
            owner = tracker.target.partition("/")[0]
            fields = rows(await calls(Call("GET", f"/orgs/{owner}/issue-fields")))
            due_field = next((f for f in fields if str(f.get("id")) == field_id), None)
            is_date = text_of(due_field, "data_type") == "date"
            text = (
                f"Due days are in the field {text_of(due_field, 'name')}."
                if is_date
                else f"There is no date field {field_id}. Available: {_date_fields(fields)}."
            )
            checks.append(ConnectionCheck("ok" if is_date else "late", text))
        return checks

    async def create(self, calls: Calls, tracker: Tracker, draft: Draft) -> str:
        body: dict[str, Any] = {"title": draft.title, "body": draft.text, "labels": [LABEL]}
        if assignee := draft.values.get(SyncField.ASSIGNEE):
            body["assignees"] = [assignee]
        issue = issue_from(await calls(Call("POST", f"/repos/{tracker.target}/issues", body)))
        return issue.id

    async def find(self, calls: Calls, tracker: Tracker, draft: Draft, since: datetime) -> str | None:
        wanted = marker_line(draft.marker)
        page: str | None = None
        while True:
            documents, page, _ = await self._page(calls, tracker, since, page, "created")
            for document in documents:
                if wanted in text_of(document, "body"):
                    return issue_from(document).id
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
        # without the label: GitHub drops labels silently if the token may not set them
        number = int(following or "1")
        query = {
            "state": "all",
            "since": since.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "sort": order,
            "direction": "asc",
            "per_page": str(PAGE_SIZE),
            "page": str(number),
        }
        tagged = await calls(Call("GET", f"/repos/{tracker.target}/issues", query=query, etag=etag))
        documents = rows(tagged.document)
        return documents, str(number + 1) if len(documents) == PAGE_SIZE else None, tagged.etag

    async def read(self, calls: Calls, tracker: Tracker, issue_id: str, etag: str = "") -> RemoteIssue:
        repository, number = split_id(issue_id)
        path = f"/repos/{repository}/issues/{number}"
        was_moved = False
        for _ in range(MOVES_FOLLOWED + 1):
            try:
                tagged = await calls(Call("GET", path, etag=etag))
            except CallFailed as failure:
                if failure.answer.outcome is Outcome.GONE:
                    return RemoteIssue(issue_id, f"#{number}", "", "", ItemState.OPEN, is_deleted=True)
                location = failure.answer.location
                if failure.answer.outcome is not Outcome.MOVED or not location.startswith(f"{tracker.url}/"):
                    raise
                path, was_moved = location.removeprefix(tracker.url), True
                continue
            return await self._read_whole(calls, tracker, tagged, was_moved=was_moved)
        raise CallFailed(Answer(Outcome.NOT_FOUND, reason="The issue was moved too often to follow."))

    async def _read_whole(
        self, calls: Calls, tracker: Tracker, tagged: Tagged, *, was_moved: bool
    ) -> RemoteIssue:
        issue = replace(issue_from(tagged.document), etag=tagged.etag)
        due, lacks, etag = issue.due, issue.lacks, issue.etag
        if field_id := option(tracker, "due_field"):
            repository, number = split_id(issue.id)
            values = await calls(Call("GET", f"/repos/{repository}/issues/{number}/issue-field-values"))
            # the field is no part of the issue, so the issue's ETag does not tell that its day changed
            due, lacks, etag = due_among(values, field_id), frozenset(), ""
        elsewhere = split_id(issue.id)[0] != tracker.target.lower()
        return replace(issue, due=due, lacks=lacks, was_moved=was_moved or elsewhere, etag=etag)

    async def push(self, calls: Calls, tracker: Tracker, issue: RemoteIssue, changes: Values) -> None:
        repository, number = split_id(issue.id)
        path = f"/repos/{repository}/issues/{number}"
        body: dict[str, Any] = {}
        if SyncField.TITLE in changes:
            body["title"] = changes[SyncField.TITLE]
        if SyncField.STATE in changes:
            body |= _state_body(ItemState(changes[SyncField.STATE]))
        if SyncField.ASSIGNEE in changes:
            wanted = changes[SyncField.ASSIGNEE]
            others = [user.id for user in issue.assignees[1:] if user.id != wanted]
            body["assignees"] = [*([wanted] if wanted != NO_ONE else []), *others]
        field_id = option(tracker, "due_field")
        marker = marker_in(issue.text)
        if SyncField.DUE in changes and not field_id and marker:
            body["body"] = with_due(issue.text, marker, changes[SyncField.DUE])
        if body:
            await calls(Call("PATCH", path, body))
        if SyncField.DUE in changes and field_id:
            values = [{"field_id": int(field_id), "value": changes[SyncField.DUE]}]
            await calls(Call("POST", f"{path}/issue-field-values", {"issue_field_values": values}))

    async def changed(
        self,
        calls: Calls,
        tracker: Tracker,
        since: datetime,
        now: datetime,
        following: str | None,
        etag: str = "",
    ) -> ReadAhead:
        documents, page, tag = await self._page(calls, tracker, since, following, "updated", etag)
        return ReadAhead(tuple(issue_from(document).id for document in documents), page, tag)

    async def find_user(self, calls: Calls, tracker: Tracker, text: str) -> RemoteUser | None:
        if not re.fullmatch(r"[A-Za-z0-9-]{1,100}(_[A-Za-z0-9]+)?", text):
            return None
        login = text_of(await calls(Call("GET", f"/users/{text}")), "login")
        return RemoteUser(login.lower(), login) if login else None

    async def proofs(self, calls: Calls, tracker: Tracker, issue: RemoteIssue) -> Sequence[Proof]:
        repository, number = split_id(issue.id)
        query = {"per_page": str(PAGE_SIZE)}
        events = rows(await calls(Call("GET", f"/repos/{repository}/issues/{number}/events", query=query)))
        closed = [e for e in events if e.get("event") == "closed"]
        commit = text_of(closed[-1], "commit_id") if closed else ""
        if not re.fullmatch(r"[0-9a-f]{7,64}", commit):
            return ()
        where = text_of(closed[-1], "commit_url").partition("/repos/")[2].partition("/commits/")[0]
        site = urlsplit(issue.url)
        url = f"{site.scheme}://{site.netloc}/{where or repository}/commit/{commit}"
        return (Proof("commit", url),)

    def hook_delivery(self, request: HookRequest, secret: str, path_token: str) -> str | None:
        genuine = has_hex_hmac(request, "x-hub-signature-256", secret, "sha256=")
        return (request.one("x-github-delivery") or None) if genuine else None

    def hook_issues(self, tracker: Tracker, document: Any) -> Sequence[str]:
        repository = text_of(document, "repository", "full_name").lower()
        number = part(document, "issue", "number")
        return [f"{repository}#{number}"] if repository and isinstance(number, int) else []


def _date_fields(fields: Sequence[Mapping[str, Any]]) -> str:
    dates = [f"{f.get('name')} ({f.get('id')})" for f in fields if f.get("data_type") == "date"]
    return ", ".join(dates) or "none"


def _state_body(state: ItemState) -> dict[str, str]:
    match state:
        case ItemState.DONE:
            return {"state": "closed", "state_reason": "completed"}
        case ItemState.DROPPED:
            return {"state": "closed", "state_reason": "not_planned"}
        case _:
            return {"state": "open", "state_reason": "reopened"}


VENDOR = TrackerVendor(
    name="github",
    title="GitHub",
    api=GitHubApi(),
    default_url="https://api.github.com",
    target_label="Repository",
    target_hint="Owner and name, such as acme/shop.",
    target_pattern=r"[A-Za-z0-9_.-]{1,100}/[A-Za-z0-9_.-]{1,100}",
    setup=(
        "Create a fine-grained personal access token that may read and write the issues of one repository.",
        "For GitHub Enterprise Server, the address is https://HOST/api/v3.",
    ),
    hook_setup=(
        "In the repository, open Settings, Webhooks, and add a webhook with this address.",
        "Choose the content type application/json, paste the secret, and select only the event Issues.",
    ),
    app_setup=(
        "Create a GitHub App that may read and write issues, and has no webhook: Firebell’s is in the repository.",
        "Generate a private key, and install the app in the repository.",
        "Copy the client ID of the app, and paste the private key with all of its lines.",
    ),
    unchanged_is_free=True,
    read_rate=CallRate(1.0, 60),
    # 500 an hour, and fewer than 80 in any minute
    write_rate=CallRate(500 / 3600, 20),
    write_pause_s=1.0,
    sweep_every=timedelta(minutes=15),
    options=(
        OptionField(
            "due_field",
            "Date field",
            "The id of a date field of the organization. Without one, the due day is a line in the text.",
        ),
    ),
)
