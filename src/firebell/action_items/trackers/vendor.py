"""What each file of `vendors/` declares: one kind of tracker, its limits, its settings and its API."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Any, Protocol

import msgspec

from firebell.action_items.model import ItemState
from firebell.action_items.trackers.hook_signatures import HookRequest
from firebell.action_items.trackers.model import (
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
from firebell.kit.json_documents import text_of
from firebell.kit.token_bucket import CallRate

REASON_MAX_CHARS = 300
PAGE_SIZE = 100
MOVES_FOLLOWED = 3
"""How many moves of one issue are followed in one reading."""


class Outcome(StrEnum):
    """The outcome of a call. After `unknown`, a write may have been done; after the others but `ok`, it was not."""

    OK = "ok"
    RETRY = "retry"
    UNKNOWN = "unknown"
    TOO_FAST = "too_fast"
    REFUSED = "refused"
    FORBIDDEN = "forbidden"
    NOT_FOUND = "not_found"
    GONE = "gone"
    MOVED = "moved"
    UNCHANGED = "unchanged"
    """The answer to a conditional read of what is as it was."""
    TOKEN_REFUSED = "token_refused"  # noqa: S105 - no password


@dataclass(frozen=True, slots=True)
class Call:
    """One HTTP call; `query` and `body` are encoded by the client."""

    method: str
    path: str
    body: Any = None
    query: Mapping[str, str] = field(default_factory=dict)
    writes: bool | None = None
    """Whether it changes something; by default, anything but GET does."""
    etag: str | None = None
    """Makes a read conditional: the ETag that is known, empty if none is. Its document is a `Tagged`."""

    @property
    def is_write(self) -> bool:
        """True if it changes something, so that it must not be repeated blindly."""
        return self.method != "GET" if self.writes is None else self.writes


@dataclass(frozen=True, slots=True)
class Answer:
    """The outcome of a call with its document, or with the reason; `fields` are those that were refused.

    `after_s` is for how long the token rests: after `too_fast`, and after the last call that its rate allowed.
    """

    outcome: Outcome
    document: Any = None
    reason: str = ""
    after_s: float | None = None
    location: str = ""
    fields: frozenset[SyncField] = frozenset()


@dataclass(frozen=True, slots=True)
class Tagged:
    """The document of a conditional read, with the ETag of this version; empty if the tracker gave none."""

    document: Any
    etag: str


class CallFailed(Exception):  # noqa: N818 - it is an outcome, not an error of ours
    """A call whose outcome is not `ok`."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(answer.reason or str(answer.outcome))
        self.answer = answer


Calls = Callable[[Call], Awaitable[Any]]
"""Makes a call and returns its document; raises `CallFailed` for every outcome but `ok`, `unchanged` included."""


def short_reason(status: int, text: str) -> str:
    """Return the status and the beginning of a body, on one line."""
    return f"{status} {' '.join(text.split())}"[:REASON_MAX_CHARS].strip()


def decoded(text: str) -> Any:
    """Return a JSON document, None for an empty or unreadable one."""
    try:
        return msgspec.json.decode(text) if text else None
    except (msgspec.DecodeError, UnicodeEncodeError, RecursionError):
        return None


def seconds_from(
    headers: Mapping[str, str], now: datetime, *resets: str, unit_s: float = 1.0
) -> float | None:
    """Return after how many seconds a call may be repeated: by `retry-after`, else by a header with an epoch."""
    after = headers.get("retry-after", "").strip()
    if after.isascii() and after.isdecimal() and len(after) < 7:
        return float(after)
    waits = (_seconds_until(headers.get(name, ""), now, unit_s) for name in resets)
    return next((wait for wait in waits if wait is not None), None)


def _seconds_until(epoch: str, now: datetime, unit_s: float) -> float | None:
    """Return the seconds until an epoch, at least one; None if the text is not an epoch."""
    reset = epoch.strip()
    if not (reset.isascii() and reset.isdecimal() and len(reset) < 16):
        return None
    return max(1.0, int(reset) * unit_s - now.timestamp())


def spent_for_s(
    headers: Mapping[str, str], now: datetime, remaining: str, reset: str, unit_s: float = 1.0
) -> float | None:
    """Return for how many seconds a rate is used up, None if a header says that it is not, or nothing."""
    if headers.get(remaining, "").strip() != "0":
        return None
    return _seconds_until(headers.get(reset, ""), now, unit_s)


def read_answer(
    status: int, headers: Mapping[str, str], text: str, now: datetime, *, is_write: bool
) -> Answer:
    """Return what a response means where its tracker has no rule of its own."""
    reason = short_reason(status, text)
    if 200 <= status < 300:
        document = decoded(text)
        if document is None and text and not is_write:
            return Answer(Outcome.RETRY, reason=f"The response is not JSON. {reason}")
        if document is None and text:
            return Answer(Outcome.UNKNOWN, reason=f"The response is not JSON. {reason}")
        spent_s = spent_for_s(headers, now, "x-ratelimit-remaining", "x-ratelimit-reset")
        if spent_s is None:
            spent_s = spent_for_s(headers, now, "ratelimit-remaining", "ratelimit-reset")
        return Answer(Outcome.OK, document, after_s=spent_s)
    match status:
        case 304:
            return Answer(Outcome.UNCHANGED)
        case 301 | 302 | 307 | 308:
            return Answer(Outcome.MOVED, reason=reason, location=headers.get("location", ""))
        case 401:
            return Answer(Outcome.TOKEN_REFUSED, reason=reason)
        case 403:
            return Answer(Outcome.FORBIDDEN, reason=reason)
        case 404:
            return Answer(Outcome.NOT_FOUND, reason=reason)
        case 410:
            return Answer(Outcome.GONE, reason=reason)
        case 429:
            wait = seconds_from(headers, now, "ratelimit-reset", "x-ratelimit-reset")
            return Answer(Outcome.TOO_FAST, reason=reason, after_s=wait)
        case 408 | 425:
            return lost(reason, is_write=is_write)
        case _ if status >= 500:
            return lost(reason, is_write=is_write)
    return Answer(Outcome.REFUSED, reason=reason)


def lost(reason: str, *, is_write: bool) -> Answer:
    """Return the answer of a call whose response did not arrive: a write may have been done."""
    return Answer(Outcome.UNKNOWN if is_write else Outcome.RETRY, reason=reason[:REASON_MAX_CHARS])


class TrackerApi(Protocol):
    """The API of one kind of tracker; the functions that call it raise `CallFailed`."""

    def address(self, tracker: Tracker) -> str:
        """Return the address before the path of each call."""
        ...

    def headers(self, tracker: Tracker, token: str) -> Mapping[str, str]:
        """Return the headers of each call."""
        ...

    def answer(
        self, status: int, headers: Mapping[str, str], text: str, now: datetime, *, is_write: bool
    ) -> Answer:
        """Return what a response means; `headers` has lower-case names."""
        ...

    def express(self, state: ItemState) -> ItemState:
        """Return the state of an item as far as the tracker can tell it apart."""
        ...

    def limits(self, tracker: Tracker) -> Mapping[SyncField, Direction]:
        """Return the fields that the tracker has, each with the directions that are possible."""
        ...

    def issue_id(self, tracker: Tracker, text: str) -> str | None:
        """Return the id of an issue that a person names by number, key or address; None if the text is neither."""
        ...

    async def check(self, calls: Calls, tracker: Tracker) -> Sequence[ConnectionCheck]:
        """Look at what a sync needs: that the project is there, and what may be done in it."""
        ...

    async def create(self, calls: Calls, tracker: Tracker, draft: Draft) -> str:
        """Create an issue and return its id."""
        ...

    async def find(self, calls: Calls, tracker: Tracker, draft: Draft, since: datetime) -> str | None:
        """Return the id of the issue that was created from this draft after `since`, None if there is none."""
        ...

    async def read(self, calls: Calls, tracker: Tracker, issue_id: str, etag: str = "") -> RemoteIssue:
        """Read an issue, and follow it if it was moved; the outcome is `unchanged` if it still has this ETag."""
        ...

    async def push(self, calls: Calls, tracker: Tracker, issue: RemoteIssue, changes: Values) -> None:
        """Change fields of an issue that was just read."""
        ...

    async def changed(
        self,
        calls: Calls,
        tracker: Tracker,
        since: datetime,
        now: datetime,
        following: str | None,
        etag: str = "",
    ) -> ReadAhead:
        """Return a page of the issues that changed since an instant; `unchanged` if it still has this ETag."""
        ...

    async def find_user(self, calls: Calls, tracker: Tracker, text: str) -> RemoteUser | None:
        """Return the user with this handle or email address, None unless there is exactly one."""
        ...

    async def proofs(self, calls: Calls, tracker: Tracker, issue: RemoteIssue) -> Sequence[Proof]:
        """Return the commits or changes that closed an issue, as far as the tracker names them."""
        ...

    def hook_delivery(self, request: HookRequest, secret: str, path_token: str) -> str | None:
        """Return the id of a delivery that is genuine, None if it is not."""
        ...

    def hook_issues(self, tracker: Tracker, document: Any) -> Sequence[str]:
        """Return the ids of the issues that a notification is about."""
        ...


@dataclass(frozen=True, slots=True)
class OptionField:
    """A setting that only this kind of tracker has."""

    name: str
    label: str
    hint: str = ""
    default: str = ""


@dataclass(frozen=True, slots=True)
class OAuthServer:
    """Where a person authorizes Firebell in a tracker. Where one person has several sites, `sites_url` lists them, and
    calls go to `gateway_url` and the id of the site. After `lasts`, someone has to authorize it again.
    """

    authorize_url: str
    token_url: str
    scope: str
    setup: tuple[str, ...]
    authorize_query: Mapping[str, str] = field(default_factory=dict)
    takes_json: bool = False
    """Whether the token endpoint takes JSON; otherwise a form."""
    sites_url: str = ""
    gateway_url: str = ""
    lasts: timedelta | None = None


@dataclass(frozen=True, slots=True)
class TrackerVendor:
    """One kind of tracker. `setup` are the steps a person follows there, `hook_setup` those for its webhook."""

    name: str
    title: str
    api: TrackerApi
    default_url: str
    target_label: str
    target_hint: str
    target_pattern: str
    setup: tuple[str, ...]
    hook_setup: tuple[str, ...]
    read_rate: CallRate
    write_rate: CallRate
    write_pause_s: float = 0.0
    sweep_every: timedelta = timedelta(minutes=15)
    search_delay: timedelta = timedelta(0)
    """How long a new issue may be missing from the tracker's own search."""
    login_label: str = ""
    has_markdown: bool = True
    """Whether the text of an issue is Markdown; otherwise it is paragraphs without markup."""
    options: tuple[OptionField, ...] = ()
    generates_secret: bool = False
    """True if the tracker makes the secret of its webhook itself, so that a person pastes it here."""
    unchanged_is_free: bool = False
    """True if the answer `unchanged` does not count against the rate of a token."""
    app_setup: tuple[str, ...] = ()
    """The steps to create an app, empty if the tracker has none."""
    oauth: OAuthServer | None = None

    @property
    def auth_methods(self) -> tuple[AuthMethod, ...]:
        """How Firebell can sign in, the usual way first."""
        app = (AuthMethod.APP,) if self.app_setup else ()
        return (AuthMethod.TOKEN, *app, *((AuthMethod.OAUTH,) if self.oauth else ()))

    def setup_for(self, auth: AuthMethod) -> tuple[str, ...]:
        """Return the steps that a person follows in the tracker."""
        if auth is AuthMethod.OAUTH and self.oauth:
            return self.oauth.setup
        return self.app_setup if auth is AuthMethod.APP else self.setup


def option(tracker: Tracker, name: str, default: str = "") -> str:
    """Return an option of a tracker."""
    return tracker.options.get(name, "") or default


def listed(text: str) -> list[str]:
    """Return the entries of a comma-separated option."""
    return [part.strip() for part in text.split(",") if part.strip()]


def day_of(document: Any, *names: str) -> date | None:
    """Return a day at a path of objects, None if there is none."""
    try:
        return date.fromisoformat(text_of(document, *names)[:10])
    except ValueError:
        return None
