"""A workspace of Slack: channels, messages, pins, bookmarks, users and groups, behind its Web API.

Each call is checked against Slack's published facts in `outbound_methods.json` and the limits of `block_rules`.
What a test wants to go wrong is in `faults`.
"""

import asyncio
import base64
import json
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from aiohttp import web

from tests.standins.slack.block_rules import Refused, check

FACTS: dict[str, Any] = json.loads(Path(__file__).with_name("outbound_methods.json").read_text())["methods"]
TIERS = {"Tier1": 1, "Tier2": 20, "Tier3": 50, "Tier4": 100}
BURST = 10
BOT_USER, BOT_ID, TEAM = "U0FIREBELL", "B0FIREBELL", "T0KESTREL"
TOKEN = "xoxb-0000000000-stand-in-k4Qz"
APP_TOKEN = "xapp-1-stand-in"
CLIENT = ("1111111111.2222222222", "00112233445566778899aabbccddeeff")
ALL_SCOPES = frozenset(
    scope for fact in FACTS.values() for scopes in fact["scopes"] for scope in scopes.split("|")
) | {"commands", "chat:write.public"}

Fault = Callable[[str, dict[str, Any]], str]
"""Returns what goes wrong with a call: empty for nothing, 429, 500, hang, lost, drop, or the code of an error.

`lost` takes effect, but its answer is lost; `drop` closes the connection before any effect.
"""


@dataclass
class Channel:
    """A channel with its messages, oldest first."""

    id: str
    name: str
    is_private: bool
    creator: str
    created: int
    topic: str = ""
    purpose: str = ""
    archived: bool = False
    members: set[str] = field(default_factory=set)
    pins: list[str] = field(default_factory=list)
    bookmarks: list[dict[str, Any]] = field(default_factory=list)
    messages: list[dict[str, Any]] = field(default_factory=list)

    def texts(self) -> list[str]:
        """Return the texts of its messages, oldest first."""
        return [message["text"] for message in self.messages]

    def keys(self) -> Counter[str]:
        """Return how often each object was posted and is still there."""
        return Counter(m["metadata"]["event_payload"]["key"] for m in self.messages if m.get("metadata"))


class Workspace:
    """The state of a workspace and the handler of its Web API."""

    def __init__(self, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._now = now
        self.url = ""
        self.channels: dict[str, Channel] = {}
        self.users: dict[str, dict[str, Any]] = {}
        self.groups: dict[str, list[str]] = {}
        self.scopes = set(ALL_SCOPES)
        self.tokens = {TOKEN}
        self.codes: set[str] = set()
        """The codes with which Slack sends an admin back; each is good once."""
        self.faults: list[Fault] = []
        self.calls: list[tuple[str, dict[str, Any]]] = []
        self.refused: list[str] = []
        self.limited = 0
        self.down = False
        self.hang_s = 30.0
        self._times: dict[tuple[str, ...], list[datetime]] = defaultdict(list)
        self._serial = 0

    def add_channel(self, name: str, creator: str = "U0SOMEONE") -> Channel:
        """Add a channel that people made."""
        self._serial += 1
        channel = Channel(f"C{self._serial:08d}", name, False, creator, int(self._now().timestamp()))
        self.channels[channel.id] = channel
        return channel

    def add_user(self, email: str, **flags: Any) -> str:
        """Add a user whose email is confirmed."""
        self._serial += 1
        user = {"id": f"U{self._serial:08d}", "is_email_confirmed": True, "team_id": TEAM, **flags}
        self.users[email] = user
        return str(user["id"])

    def channel(self, name: str) -> Channel:
        """Return the channel of a name."""
        return next(c for c in self.channels.values() if c.name == name)

    def room(self, incident_id: int) -> Channel:
        """Return the newest channel that is not archived and mentions an incident in its topic."""
        rooms = [c for c in self.channels.values() if f"INC-{incident_id}" in c.purpose + c.topic]
        return rooms[-1]

    def count(self, method: str) -> int:
        """Return how often a method was called."""
        return sum(name == method for name, _ in self.calls)

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Answer one call."""
        method = request.match_info["method"]
        arguments = await self._arguments(request)
        self.calls.append((method, arguments))
        fault = (
            "500" if self.down else next((f for each in self.faults if (f := each(method, arguments))), "")
        )
        if fault == "429":
            return web.json_response(
                {"ok": False, "error": "ratelimited"}, status=429, headers={"Retry-After": "30"}
            )
        if fault == "500":
            return web.Response(status=500, text="oops", content_type="text/html")
        if fault == "hang":
            await asyncio.sleep(self.hang_s)
        if fault == "drop":
            assert request.transport
            request.transport.abort()
            return web.Response()
        if fault and fault not in ("lost", "hang"):
            return web.json_response({"ok": False, "error": fault})
        if after := self._limit(method, arguments):
            self.limited += 1
            return web.json_response(
                {"ok": False, "error": "ratelimited"}, status=429, headers={"Retry-After": str(after)}
            )
        try:
            self._check(method, arguments, request.headers.get("Authorization", ""))
            answer = getattr(self, "_" + method.replace(".", "_"))(arguments)
        except Refused as refused:
            self.refused.append(str(refused))
            return web.json_response({"ok": False, "error": refused.code})
        if fault == "lost":
            assert request.transport
            request.transport.abort()
            return web.Response()
        headers = {"X-OAuth-Scopes": ",".join(sorted(self.scopes))} if method == "auth.test" else {}
        return web.json_response({"ok": True, **answer}, headers=headers)

    async def _arguments(self, request: web.Request) -> dict[str, Any]:
        if request.content_type == "application/json":
            return dict(await request.json())
        return {**request.query, **dict(await request.post())}

    def _check(self, method: str, arguments: dict[str, Any], authorization: str) -> None:
        """Refuse what Slack refuses before it looks at its state."""
        if method not in FACTS:
            raise Refused("unknown_method", method)
        if method == "apps.connections.open":
            if authorization != f"Bearer {APP_TOKEN}":
                raise Refused("not_allowed_token_type", "the token")
            return
        if method == "oauth.v2.access":
            expected = base64.b64encode(":".join(CLIENT).encode()).decode()
            if authorization != f"Basic {expected}":
                raise Refused("invalid_client_id", "the client")
            return
        if authorization.removeprefix("Bearer ") not in self.tokens:
            raise Refused("invalid_auth", "the token")
        fact = FACTS[method]
        for scopes in fact["scopes"]:
            if not set(scopes.split("|")) & self.scopes:
                raise Refused("missing_scope", scopes)
        if unknown := set(arguments) - set(fact["arguments"]):
            raise Refused("invalid_arguments", f"{method} has no {sorted(unknown)}")
        can_be_empty = ("topic", "purpose")
        if absent := [
            name
            for name in fact["required"]
            if arguments.get(name) is None or (arguments[name] == "" and name not in can_be_empty)
        ]:
            raise Refused("invalid_arguments", f"{method} needs {absent}")

    def _limit(self, method: str, arguments: dict[str, Any]) -> int:
        """Return the seconds to wait if a call is too fast, else 0."""
        key: tuple[str, ...] = (method,)
        allowed = TIERS.get(FACTS.get(method, {}).get("tier", ""), 300) + BURST
        if method == "chat.postMessage":
            key, allowed = (method, str(arguments.get("channel"))), 60 + 3
        now = self._now()
        recent = [at for at in self._times[key] if (now - at).total_seconds() < 60]
        if len(recent) >= allowed:
            return 60 - int((now - recent[0]).total_seconds())
        self._times[key] = [*recent, now]
        return 0

    def _of(self, arguments: dict[str, Any], name: str = "channel") -> Channel:
        channel = self.channels.get(str(arguments[name]))
        if channel is None:
            raise Refused("channel_not_found", str(arguments[name]))
        if channel.archived:
            raise Refused("is_archived", channel.name)
        return channel

    def _ts(self) -> str:
        self._serial += 1
        return f"{int(self._now().timestamp())}.{self._serial:06d}"

    def _auth_test(self, arguments: dict[str, Any]) -> dict[str, Any]:
        return {"team": "Kestrel", "team_id": TEAM, "user": "firebell", "user_id": BOT_USER, "bot_id": BOT_ID}

    def _oauth_v2_access(self, arguments: dict[str, Any]) -> dict[str, Any]:
        if arguments["code"] not in self.codes:
            raise Refused("invalid_code", arguments["code"])
        self.codes.remove(arguments["code"])
        return {
            "access_token": TOKEN,
            "token_type": "bot",
            "scope": ",".join(sorted(self.scopes)),
            "bot_user_id": BOT_USER,
            "app_id": "A0FIREBELL",
            "team": {"id": TEAM, "name": "Kestrel"},
            "enterprise": None,
            "is_enterprise_install": False,
        }

    def _apps_connections_open(self, arguments: dict[str, Any]) -> dict[str, Any]:
        return {"url": "wss://wss-primary.slack.com/link/?ticket=1"}

    def _pins_list(self, arguments: dict[str, Any]) -> dict[str, Any]:
        channel = self._of(arguments)
        pinned = [self._message(channel, ts) for ts in channel.pins]
        return {"items": [{"type": "message", "created_by": BOT_USER, "message": m} for m in pinned]}

    def _chat_postMessage(self, arguments: dict[str, Any]) -> dict[str, Any]:  # noqa: N802 - Slack's name
        channel = self._of(arguments)
        check(arguments)
        thread = arguments.get("thread_ts")
        if thread and thread not in {m["ts"] for m in channel.messages}:
            raise Refused("thread_not_found", thread)
        message = {
            "type": "message",
            "ts": self._ts(),
            "user": BOT_USER,
            "bot_id": BOT_ID,
            "text": arguments.get("text", ""),
            "blocks": arguments.get("blocks", []),
            "metadata": arguments.get("metadata"),
            **({"thread_ts": thread} if thread else {}),
        }
        channel.messages.append(message)
        return {"ts": message["ts"], "channel": channel.id}

    def _message(self, channel: Channel, ts: str) -> dict[str, Any]:
        message = next((m for m in channel.messages if m["ts"] == ts), None)
        if message is None:
            raise Refused("message_not_found", ts)
        return message

    def _chat_update(self, arguments: dict[str, Any]) -> dict[str, Any]:
        channel = self._of(arguments)
        message = self._message(channel, arguments["ts"])
        check(arguments)
        message.update({k: arguments[k] for k in ("text", "blocks", "metadata") if k in arguments})
        return {"ts": message["ts"], "channel": channel.id}

    def _chat_delete(self, arguments: dict[str, Any]) -> dict[str, Any]:
        channel = self._of(arguments)
        channel.messages.remove(self._message(channel, arguments["ts"]))
        return {}

    def _conversations_create(self, arguments: dict[str, Any]) -> dict[str, Any]:
        name = str(arguments["name"])
        if not name or len(name) > 80:
            raise Refused("invalid_name_maxlength", name)
        if set(name) - set("abcdefghijklmnopqrstuvwxyz0123456789-_"):
            raise Refused("invalid_name_specials", name)
        if any(c.name == name for c in self.channels.values()):
            raise Refused("name_taken", name)
        channel = self.add_channel(name, BOT_USER)
        channel.is_private = arguments.get("is_private") in (True, "true", "1")
        channel.members.add(BOT_USER)
        return {"channel": {"id": channel.id, "name": name}}

    def _conversations_list(self, arguments: dict[str, Any]) -> dict[str, Any]:
        private = "private" in str(arguments.get("types"))
        channels = [c for c in self.channels.values() if c.is_private == private and not c.archived]
        listed = [{"id": c.id, "name": c.name, "creator": c.creator, "created": c.created} for c in channels]
        return {"channels": listed}

    def _shown(self, message: dict[str, Any], arguments: dict[str, Any]) -> dict[str, Any]:
        with_metadata = str(arguments.get("include_all_metadata")) in ("1", "true", "True")
        return message if with_metadata else {k: v for k, v in message.items() if k != "metadata"}

    def _conversations_history(self, arguments: dict[str, Any]) -> dict[str, Any]:
        channel = self._of(arguments)
        oldest, limit = float(arguments.get("oldest") or 0), int(arguments.get("limit") or 100)
        messages = [m for m in channel.messages if "thread_ts" not in m and float(m["ts"]) > oldest]
        start = int(arguments.get("cursor") or 0)
        newest_first = list(reversed(messages))
        more = start + limit < len(newest_first)
        shown = [self._shown(m, arguments) for m in newest_first[start : start + limit]]
        return {
            "messages": shown,
            "has_more": more,
            "response_metadata": {"next_cursor": str(start + limit) if more else ""},
        }

    def _conversations_replies(self, arguments: dict[str, Any]) -> dict[str, Any]:
        channel, ts = self._of(arguments), arguments["ts"]
        messages = [m for m in channel.messages if ts in (m["ts"], m.get("thread_ts"))]
        return {"messages": [self._shown(m, arguments) for m in messages]}

    def _conversations_join(self, arguments: dict[str, Any]) -> dict[str, Any]:
        self._of(arguments).members.add(BOT_USER)
        return {}

    def _conversations_invite(self, arguments: dict[str, Any]) -> dict[str, Any]:
        channel = self._of(arguments)
        users = str(arguments["users"]).split(",")
        if len(users) > 100:
            raise Refused("invalid_arguments", "more than 100 users")
        known = {user["id"] for user in self.users.values()}
        if set(users) - known:
            raise Refused("user_not_found", str(set(users) - known))
        if set(users) <= channel.members:
            raise Refused("already_in_channel", channel.name)
        channel.members |= set(users)
        return {}

    def _conversations_kick(self, arguments: dict[str, Any]) -> dict[str, Any]:
        channel, user = self._of(arguments), str(arguments["user"])
        if user == BOT_USER:
            raise Refused("cant_kick_self", channel.name)
        if user not in channel.members:
            raise Refused("not_in_channel", user)
        channel.members.remove(user)
        return {}

    def _conversations_setTopic(self, arguments: dict[str, Any]) -> dict[str, Any]:  # noqa: N802 - Slack's name
        if len(arguments["topic"]) > 250:
            raise Refused("too_long", "the topic")
        self._of(arguments).topic = arguments["topic"]
        return {}

    def _conversations_setPurpose(self, arguments: dict[str, Any]) -> dict[str, Any]:  # noqa: N802 - Slack's name
        if len(arguments["purpose"]) > 250:
            raise Refused("too_long", "the purpose")
        self._of(arguments).purpose = arguments["purpose"]
        return {}

    def _conversations_rename(self, arguments: dict[str, Any]) -> dict[str, Any]:
        channel, name = self._of(arguments), arguments["name"]
        if any(c.name == name and c is not channel for c in self.channels.values()):
            raise Refused("name_taken", name)
        channel.name = name
        return {"channel": {"id": channel.id, "name": name}}

    def _conversations_archive(self, arguments: dict[str, Any]) -> dict[str, Any]:
        channel = self.channels[arguments["channel"]]
        if channel.archived:
            raise Refused("already_archived", channel.name)
        channel.archived = True
        return {}

    def _pins_add(self, arguments: dict[str, Any]) -> dict[str, Any]:
        channel = self._of(arguments)
        self._message(channel, arguments["timestamp"])
        if arguments["timestamp"] in channel.pins:
            raise Refused("already_pinned", arguments["timestamp"])
        channel.pins.append(arguments["timestamp"])
        return {}

    def _bookmarks_list(self, arguments: dict[str, Any]) -> dict[str, Any]:
        return {"bookmarks": self._of(arguments, "channel_id").bookmarks}

    def _bookmarks_add(self, arguments: dict[str, Any]) -> dict[str, Any]:
        channel = self._of(arguments, "channel_id")
        self._serial += 1
        channel.bookmarks.append(
            {"id": f"Bk{self._serial}", "title": arguments["title"], "link": arguments["link"]}
        )
        return {"bookmark": channel.bookmarks[-1]}

    def _bookmarks_edit(self, arguments: dict[str, Any]) -> dict[str, Any]:
        channel = self._of(arguments, "channel_id")
        bookmark = next(b for b in channel.bookmarks if b["id"] == arguments["bookmark_id"])
        bookmark["link"] = arguments["link"]
        return {"bookmark": bookmark}

    def _users_lookupByEmail(self, arguments: dict[str, Any]) -> dict[str, Any]:  # noqa: N802 - Slack's name
        user = self.users.get(arguments["email"])
        if user is None:
            raise Refused("users_not_found", arguments["email"])
        return {"user": user}

    def _usergroups_users_list(self, arguments: dict[str, Any]) -> dict[str, Any]:
        return {"users": self.groups.get(arguments["usergroup"], [])}

    def _usergroups_users_update(self, arguments: dict[str, Any]) -> dict[str, Any]:
        self.groups[arguments["usergroup"]] = str(arguments["users"]).split(",")
        return {}


@asynccontextmanager
async def serving(space: Workspace) -> AsyncIterator[Workspace]:
    """Serve a workspace on the loopback address until the block ends."""
    app = web.Application()
    app.router.add_route("*", "/api/{method}", space.handle)
    runner = web.AppRunner(app, handle_signals=False, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    assert site._server is not None
    port = site._server.sockets[0].getsockname()[1]  # type: ignore[attr-defined] # no public way
    space.url = f"http://127.0.0.1:{port}/api/"
    try:
        yield space
    finally:
        await runner.cleanup()
