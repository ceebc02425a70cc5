"""The adapter of Slack: one account, through `slack_sdk`, which is imported when the first account exists."""

import asyncio
import contextlib
import time
import uuid
from collections.abc import Collection, Iterator, Mapping
from datetime import timedelta
from typing import Any

from firebell.chat.adapter_base.adapter import CALL_LIMIT_S, Call, CallFailed, Done, Trouble
from firebell.chat.adapter_base.operations import OpKind
from firebell.chat.adapter_base.rate_buckets import Key, Rates
from firebell.chat.slack import blocks
from firebell.incidents.channel_names import SLACK_MAX_CHARS
from firebell.kit.storable_json import storable
from firebell.kit.token_bucket import per_minute

API_URL = "https://slack.com/api/"
_EVENT = "firebell_object"
_FIND_BEFORE = timedelta(seconds=120)
"""How long before an attempt its message may carry a time: clocks differ."""
_HISTORY_PAGES, _LIST_PAGES = 3, 5
_INVITE_MAX = 100
_QUIET = timedelta(hours=24)
"""A channel with a message in this time is not archived."""
_TIERS = {1: per_minute(1, 10), 2: per_minute(20, 10), 3: per_minute(50, 10), 4: per_minute(100, 10)}
"""The rates of Slack's tiers; its numbers are minima, and bursts are allowed."""

_METHODS: Mapping[OpKind, tuple[str, int]] = {
    OpKind.CREATE_ROOM: ("conversations.create", 2),
    OpKind.FIND_ROOM: ("conversations.list", 2),
    OpKind.FIND_POST: ("conversations.history", 3),
    OpKind.EDIT: ("chat.update", 3),
    OpKind.DELETE: ("chat.delete", 3),
    OpKind.PIN: ("pins.add", 2),
    OpKind.TOPIC: ("conversations.setTopic", 2),
    OpKind.PURPOSE: ("conversations.setPurpose", 2),
    OpKind.RENAME: ("conversations.rename", 2),
    OpKind.BOOKMARK: ("bookmarks.add", 2),
    OpKind.FIND_MEMBER: ("users.lookupByEmail", 3),
    OpKind.INVITE: ("conversations.invite", 3),
    OpKind.REMOVE: ("conversations.kick", 3),
    OpKind.GROUP: ("usergroups.users.update", 2),
    OpKind.ARCHIVE: ("conversations.archive", 2),
}
RATES = Rates(
    methods={method: _TIERS[tier] for method, tier in _METHODS.values()},
    default=_TIERS[3],
    channel=per_minute(60, 3),
    account=per_minute(300, 5),
    item=per_minute(20, 1),
)

# fmt: off
_RETRY = frozenset(
    (
        "internal_error", "fatal_error", "service_unavailable", "request_timeout", "ratelimited",
        "too_many_requests", "update_failed", "rollup_error",
    )
)
_UNCERTAIN = frozenset(
    (
        "internal_error", "fatal_error", "service_unavailable", "request_timeout",
    )
)
_ACCOUNT = frozenset(
    (
        "invalid_auth", "account_inactive", "token_revoked", "token_expired", "not_authed",
        "org_login_required", "team_access_not_granted",
    )
)
_CONTENT = frozenset(
    (
        "invalid_blocks", "invalid_blocks_format", "msg_blocks_too_long", "msg_too_long", "no_text",
        "invalid_arguments", "invalid_metadata_format", "metadata_too_large",
    )
)
_ROOM_GONE = frozenset(
    (
        "channel_not_found", "is_archived", "channel_is_archived",
    )
)
_MESSAGE_GONE = frozenset(
    (
        "message_not_found", "cant_update_message", "edit_window_closed", "is_inactive",
    )
)
_NO_ROOMS = frozenset(
    (
        "restricted_action", "cannot_create_channel", "user_is_restricted",
    )
)
_SKIPPED = frozenset(
    (
        "missing_scope", "too_many_pins", "restricted_action", "too_many_bookmarks", "permission_denied",
        "plan_upgrade_required", "method_not_supported_for_channel_type", "not_allowed_token_type",
        "users_not_found", "user_not_found", "cant_invite", "not_pinnable",
    )
)
_NOT_INSIDE = frozenset(
    (
        "not_in_channel", "user_not_found", "cant_kick_self",
    )
)
_FINE = frozenset(
    (
        "already_pinned", "already_in_channel", "cant_invite_self", "already_archived",
        "cant_archive_required",
    )
)
# fmt: on
"""Errors that say that it is as it should be."""


def _failure(kind: OpKind, code: str, headers: Mapping[str, str]) -> CallFailed:
    """Return what an error code of Slack means for a kind of call (spec 8.11)."""
    if code in ("ratelimited", "too_many_requests"):
        after = headers.get("retry-after", "")
        return CallFailed(Trouble.LIMITED, code, float(after) if after.isdecimal() else 30.0)
    if code in _UNCERTAIN:
        return CallFailed(Trouble.UNKNOWN, code)
    if code in _RETRY:
        return CallFailed(Trouble.RETRY, code)
    if code in _ACCOUNT:
        return CallFailed(Trouble.ACCOUNT, code)
    if code == "name_taken":
        return CallFailed(Trouble.TAKEN, code)
    if kind is OpKind.REMOVE and code == "restricted_action":
        # shown among what was not sent: someone must change the setting of the workspace
        return CallFailed(Trouble.REFUSED, code)
    if kind is OpKind.CREATE_ROOM and (code in _NO_ROOMS or code == "missing_scope"):
        return CallFailed(Trouble.NO_ROOMS, code)
    if code in _CONTENT:
        return CallFailed(Trouble.CONTENT, code)
    if code in _MESSAGE_GONE:
        return CallFailed(Trouble.MESSAGE_GONE, code)
    if code in _ROOM_GONE:
        return CallFailed(Trouble.ROOM_GONE, code)
    if code in _SKIPPED:
        return CallFailed(Trouble.SKIPPED, code)
    return CallFailed(Trouble.REFUSED, code)


def _storable(data: Any) -> dict[str, Any]:
    """Return the JSON object that Slack answered, with texts that can be stored; empty for anything else."""
    stored = storable(data)
    return stored if isinstance(stored, dict) else {}


class SlackClient:
    """Calls of one workspace. Nothing is retried here: the mirror decides."""

    rates = RATES
    name_max_chars = SLACK_MAX_CHARS

    def __init__(self, token: str, *, bot_user: str = "", base_url: str = API_URL) -> None:
        from slack_sdk.web.async_client import AsyncWebClient

        self._bot_user = bot_user
        self._web = AsyncWebClient(
            token=token, base_url=base_url or API_URL, timeout=int(CALL_LIMIT_S), retry_handlers=[]
        )

    def buckets(self, kind: OpKind, channel: str, key: str) -> list[Key]:
        """Return the buckets of a call: posts share those of their channel and of the workspace."""
        if kind is OpKind.POST:
            return [("posts",), ("channel", channel)]
        keys: list[Key] = [("method", _METHODS[kind][0])]
        return [*keys, ("object", key)] if kind is OpKind.EDIT else keys

    async def call(self, kind: OpKind, method: str, **arguments: Any) -> dict[str, Any]:
        """Call a method that changes something and return the answer; raise `CallFailed`."""
        return await self._request(kind, method, json=arguments)

    async def read(self, kind: OpKind, method: str, **arguments: Any) -> dict[str, Any]:
        """Call a method that changes nothing and return the answer; raise `CallFailed`."""
        return await self._request(kind, method, http_verb="GET", params=arguments)

    async def _request(self, kind: OpKind, method: str, **how: Any) -> dict[str, Any]:
        from aiohttp import ClientConnectorError, ClientError
        from slack_sdk.errors import SlackApiError, SlackClientError

        try:
            async with asyncio.timeout(CALL_LIMIT_S):
                answer = await self._web.api_call(method, **how)
        except SlackApiError as error:
            response = error.response
            headers = {str(k).lower(): str(v) for k, v in dict(getattr(response, "headers", {})).items()}
            code = str(_storable(getattr(response, "data", None)).get("error", ""))
            status = int(getattr(response, "status_code", 0) or getattr(response, "status", 0) or 0)
            if status == 429:
                code = "ratelimited"
            if not code:
                code = f"http_{status}"
                trouble = Trouble.RETRY if status == 408 else Trouble.UNKNOWN
                raise CallFailed(trouble, code) from error
            if code in _FINE:
                return {"ok": True, "already": code}
            raise _failure(kind, code, headers) from error
        except ClientConnectorError as error:
            raise CallFailed(Trouble.RETRY, "connection_failed") from error
        except (TimeoutError, ClientError, SlackClientError, OSError) as error:
            raise CallFailed(Trouble.UNKNOWN, type(error).__name__) from error
        return _storable(answer.data)

    async def run(self, call: Call) -> Done:
        """Make one call; raise `CallFailed`."""
        match call.kind:
            case OpKind.POST | OpKind.EDIT:
                return await self._message(call)
            case OpKind.CREATE_ROOM:
                answer = await self.call(
                    call.kind, "conversations.create", name=call.name, is_private=call.private
                )
                channel = answer["channel"]
                return Done(channel=channel["id"], name=channel["name"])
            case OpKind.RENAME:
                answer = await self.call(
                    call.kind, "conversations.rename", channel=call.channel, name=call.name
                )
                return Done(name=answer.get("channel", {}).get("name", call.name))
            case OpKind.DELETE:
                with _fine_if(Trouble.MESSAGE_GONE):
                    await self.call(call.kind, "chat.delete", channel=call.channel, ts=call.ts)
            case OpKind.PIN:
                await self.call(call.kind, "pins.add", channel=call.channel, timestamp=call.ts)
            case OpKind.TOPIC:
                topic = call.value[0]
                await self.call(call.kind, "conversations.setTopic", channel=call.channel, topic=topic)
            case OpKind.PURPOSE:
                purpose = call.value[0]
                await self.call(call.kind, "conversations.setPurpose", channel=call.channel, purpose=purpose)
            case OpKind.BOOKMARK:
                await self._bookmark(call)
            case OpKind.FIND_MEMBER:
                return await self._member(call)
            case OpKind.INVITE:
                return await self._invite(call)
            case OpKind.REMOVE:
                with _fine_if_code(_NOT_INSIDE):
                    await self.call(call.kind, "conversations.kick", channel=call.channel, user=call.value[0])
            case OpKind.GROUP:
                await self._group(call)
            case OpKind.ARCHIVE:
                await self._archive(call)
            case _:
                raise AssertionError(call.kind)
        return Done()

    async def _message(self, call: Call) -> Done:
        assert call.content
        metadata = {
            "event_type": _EVENT,
            "event_payload": {"key": call.key, "nonce": call.nonce, "hash": call.hash},
        }
        payload = {**blocks.render(call.content, plain=call.plain).payload, "metadata": metadata}
        if call.kind is OpKind.EDIT:
            del payload["unfurl_links"], payload["unfurl_media"]
            if call.plain:
                payload["blocks"] = []
            answer = await self.call(call.kind, "chat.update", channel=call.channel, ts=call.ts, **payload)
            return Done(ts=answer["ts"], channel=answer["channel"])
        if call.thread_ts:
            payload["thread_ts"] = call.thread_ts
        client_id = str(uuid.uuid5(uuid.NAMESPACE_URL, call.nonce))
        arguments = {"channel": call.channel, "client_msg_id": client_id, **payload}
        try:
            answer = await self.call(call.kind, "chat.postMessage", **arguments)
        except CallFailed as failure:
            if failure.code != "not_in_channel":
                raise
            await self.call(call.kind, "conversations.join", channel=call.channel)
            answer = await self.call(call.kind, "chat.postMessage", **arguments)
        return Done(ts=answer["ts"], channel=answer["channel"])

    async def _bookmark(self, call: Call) -> None:
        title, link = call.value
        listed = await self.call(call.kind, "bookmarks.list", channel_id=call.channel)
        bookmarks = listed.get("bookmarks") or []
        if any(b.get("title") == title and b.get("link") == link for b in bookmarks):
            return
        same = next((b for b in bookmarks if b.get("title") == title), None)
        if same:
            await self.call(
                call.kind, "bookmarks.edit", channel_id=call.channel, bookmark_id=same["id"], link=link
            )
        else:
            await self.call(
                call.kind, "bookmarks.add", channel_id=call.channel, title=title, type="link", link=link
            )

    async def _member(self, call: Call) -> Done:
        answer = await self.read(call.kind, "users.lookupByEmail", email=call.value[0])
        user = answer["user"]
        barred = ("deleted", "is_bot", "is_restricted", "is_ultra_restricted", "is_stranger")
        if any(user.get(flag) for flag in barred) or not user.get("is_email_confirmed"):
            raise CallFailed(Trouble.SKIPPED, "user_not_verified")
        return Done(ts=user["id"])

    async def _invite(self, call: Call) -> Done:
        missing: list[str] = []
        for start in range(0, len(call.value), _INVITE_MAX):
            users = call.value[start : start + _INVITE_MAX]
            try:
                await self.call(
                    call.kind, "conversations.invite", channel=call.channel, users=",".join(users), force=True
                )
            except CallFailed as failure:
                if failure.trouble is not Trouble.SKIPPED or len(users) == 1:
                    raise
                missing += users
        return Done(missing=tuple(missing))

    async def _group(self, call: Call) -> None:
        group, *users = call.value
        listed = await self.read(call.kind, "usergroups.users.list", usergroup=group)
        if sorted(listed.get("users") or []) != sorted(users):
            await self.call(call.kind, "usergroups.users.update", usergroup=group, users=",".join(users))

    async def _archive(self, call: Call) -> None:
        if call.since:
            answer = await self.read(call.kind, "conversations.history", channel=call.channel, limit=20)
            spoken = [float(m["ts"]) for m in answer.get("messages") or [] if not m.get("bot_id")]
            quiet_from = (call.since - _QUIET).timestamp()
            if any(ts > quiet_from for ts in spoken):
                raise CallFailed(Trouble.RETRY, "channel_in_use", _QUIET.total_seconds())
        await self.call(call.kind, "conversations.archive", channel=call.channel)

    async def find(self, call: Call) -> Done | None:
        """Return what a call of unknown outcome made, None if it made nothing."""
        if call.kind is OpKind.FIND_ROOM:
            return await self._find_room(call)
        hits = await self._hits(call)
        same_nonce = [hit for hit in hits if hit[1] == call.nonce]
        hits = same_nonce or [hit for hit in hits if hit[2] == call.key]
        if not hits:
            return None
        hits.sort(key=lambda hit: float(hit[0]))
        for ts, _, _ in hits[1:]:
            with _fine_if(Trouble.MESSAGE_GONE):
                await self.call(OpKind.DELETE, "chat.delete", channel=call.channel, ts=ts)
        return Done(ts=hits[0][0], channel=call.channel)

    async def _hits(self, call: Call) -> list[tuple[str, str, str]]:
        """Return (ts, nonce, key) of our messages since the attempt."""
        since = call.since - _FIND_BEFORE if call.since else None
        arguments: dict[str, Any] = {"channel": call.channel, "include_all_metadata": True, "limit": 200}
        if since:
            arguments["oldest"] = f"{since.timestamp():.6f}"
        method = "conversations.history"
        if call.thread_ts:
            method, arguments["ts"] = "conversations.replies", call.thread_ts
        hits: list[tuple[str, str, str]] = []
        for _ in range(_HISTORY_PAGES):
            answer = await self.read(call.kind, method, **arguments)
            for message in answer.get("messages") or []:
                metadata = message.get("metadata") or {}
                payload = metadata.get("event_payload") or {}
                ours = not self._bot_user or message.get("user", self._bot_user) == self._bot_user
                if metadata.get("event_type") == _EVENT and ours and message["ts"] != call.thread_ts:
                    hits.append((message["ts"], payload.get("nonce", ""), payload.get("key", "")))
            cursor = (answer.get("response_metadata") or {}).get("next_cursor")
            if not cursor:
                break
            arguments["cursor"] = cursor
        return hits

    async def _find_room(self, call: Call) -> Done | None:
        since = call.since - _FIND_BEFORE if call.since else None
        arguments: dict[str, Any] = {
            "types": "private_channel" if call.private else "public_channel",
            "exclude_archived": True,
            "limit": 200,
        }
        for _ in range(_LIST_PAGES):
            answer = await self.read(call.kind, "conversations.list", **arguments)
            for channel in answer.get("channels") or []:
                is_ours = not self._bot_user or channel.get("creator") == self._bot_user
                is_new = since is None or channel.get("created", 0) >= int(since.timestamp())
                if channel.get("name") == call.name and is_ours and is_new:
                    return Done(channel=channel["id"], name=channel["name"])
            cursor = (answer.get("response_metadata") or {}).get("next_cursor")
            if not cursor:
                break
            arguments["cursor"] = cursor
        return None


@contextlib.contextmanager
def _fine_if(trouble: Trouble) -> Iterator[None]:
    try:
        yield
    except CallFailed as failure:
        if failure.trouble is not trouble:
            raise


@contextlib.contextmanager
def _fine_if_code(codes: Collection[str]) -> Iterator[None]:
    try:
        yield
    except CallFailed as failure:
        if failure.code not in codes:
            raise


async def probe(token: str, base_url: str) -> tuple[dict[str, Any], tuple[str, ...], float]:
    """Return the answer of `auth.test`, the scopes of the token, and how long it took; raise `CallFailed`."""
    from aiohttp import ClientError
    from slack_sdk.errors import SlackApiError, SlackClientError
    from slack_sdk.web.async_client import AsyncWebClient

    web = AsyncWebClient(
        token=token, base_url=base_url or API_URL, timeout=int(CALL_LIMIT_S), retry_handlers=[]
    )
    began_s = time.monotonic()
    try:
        async with asyncio.timeout(CALL_LIMIT_S):
            answer = await web.auth_test()
    except SlackApiError as error:
        code = str(_storable(getattr(error.response, "data", None)).get("error", ""))
        raise CallFailed(Trouble.ACCOUNT, code or "no_answer") from error
    except (TimeoutError, ClientError, SlackClientError, OSError) as error:
        raise CallFailed(Trouble.UNKNOWN, type(error).__name__) from error
    headers = {str(k).lower(): str(v) for k, v in dict(answer.headers).items()}
    scopes = tuple(sorted(s.strip() for s in headers.get("x-oauth-scopes", "").split(",") if s.strip()))
    return _storable(answer.data), scopes, time.monotonic() - began_s
