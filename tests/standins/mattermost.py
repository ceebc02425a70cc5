"""A stand-in for a Mattermost server: what of its REST API (api/v4/source of mattermost/mattermost) is used here.

It refuses unknown addresses, missing fields, tokens that are not its own, and what is longer than allowed.
"""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any

from aiohttp import web

from tests.standins import mattermost_rules

TOKEN, BOT, TEAM = "a-bot-token-of-26-characters", "b" * 26, "t" * 26
POST_MAX, HEADER_MAX, PURPOSE_MAX, NAME_MAX = 16_383, 1024, 250, 64


def _error(status: int, code: str) -> web.Response:
    return web.json_response({"id": code, "message": code, "status_code": status}, status=status)


class Mattermost:
    """Channels, posts and users of one team."""

    def __init__(self, now: Callable[[], datetime]) -> None:
        self._now = now
        self.url = ""
        self.channels: dict[str, dict[str, Any]] = {}
        self.posts: dict[str, dict[str, Any]] = {}
        self.members: dict[str, set[str]] = {}
        self.users: dict[str, dict[str, Any]] = {}
        self.commands: dict[str, dict[str, Any]] = {}
        self.dialogs: list[dict[str, Any]] = []
        self.direct: list[tuple[str, str]] = []
        """The users to whom the bot wrote directly, and what."""
        self.refused: list[str] = []
        """What a real server would not have taken."""
        self.lose_answers = 0
        self.is_away = False
        self.unreadable: set[str] = set()
        """The channels whose posts the bot may not read."""
        self.may_create_commands = True
        self._serial = 0

    def _id(self) -> str:
        self._serial += 1
        return f"{self._serial:026d}"

    def _millis(self) -> int:
        return int(self._now().timestamp() * 1000) + self._serial

    def add_user(self, email: str) -> str:
        """Add a user with a verified email; only a bot of a system admin is told that it is verified."""
        name = email.partition("@")[0]
        self.users[email] = {"id": self._id(), "username": name, "email": email, "delete_at": 0}
        return str(self.users[email]["id"])

    def say(self, channel: str, user: str, text: str, kind: str = "", **props: Any) -> str:
        """Have a user write a post, or do what a post of the system says; return its id."""
        now = self._millis()
        post: dict[str, Any] = {
            "id": self._id(),
            "channel_id": channel,
            "user_id": user,
            "message": text,
            "type": kind,
            "props": props,
            "create_at": now,
            "update_at": now,
            "edit_at": 0,
            "delete_at": 0,
            "metadata": {},
        }
        post_id = str(post["id"])
        self.posts[post_id] = post
        return post_id

    def change(self, post: str, **changes: Any) -> None:
        """Have a user edit, pin or delete a post."""
        now = self._millis()
        times = {name: now for name in ("edit_at", "delete_at") if changes.pop(name, False)}
        self.posts[post].update(changes | times | {"update_at": now})

    def react(self, post: str, user: str, emoji: str, *, added: bool = True) -> None:
        """Have a user add an emoji to a post, or take it back."""
        now, metadata = self._millis(), self.posts[post].setdefault("metadata", {})
        kept = [
            each
            for each in metadata.get("reactions", [])
            if (each["user_id"], each["emoji_name"]) != (user, emoji)
        ]
        new = [{"user_id": user, "post_id": post, "emoji_name": emoji, "create_at": now}] if added else []
        metadata["reactions"] = kept + new
        self.posts[post]["update_at"] = now

    def texts(self, channel: str) -> list[str]:
        """Return the messages of a channel, oldest first."""
        posts = [p for p in self.posts.values() if p["channel_id"] == channel and not p["delete_at"]]
        return [p["message"] for p in sorted(posts, key=lambda p: p["create_at"])]

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Answer one request."""
        if self.is_away:
            return _error(503, "api.context.unavailable.app_error")
        if request.headers.get("Authorization") != f"Bearer {TOKEN}":
            return _error(401, "api.context.session_expired.app_error")
        body = await request.json() if request.can_read_body else {}
        answer = self._route(request.method, request.match_info["path"].split("/"), body, request)
        if self.lose_answers and request.method == "POST":
            self.lose_answers -= 1
            assert request.transport
            request.transport.abort()
        return answer

    def _route(self, method: str, path: list[str], body: Any, request: web.Request) -> web.Response:
        match (method, path):
            case ("GET", ["users", "me"]):
                return web.json_response({"id": BOT, "username": "firebell"})
            case ("GET", ["users", "me", "channels"]):
                return web.json_response(self._channels_of_bot())
            case ("GET", ["users", "email", email]):
                user = self.users.get(email)
                return web.json_response(user) if user else _error(404, "app.user.missing_account.const")
            case ("GET", ["users", "username", name]):
                user = next((each for each in self.users.values() if each["username"] == name), None)
                return web.json_response(user) if user else _error(404, "app.user.missing_account.const")
            case ("GET", ["users", user_id]):
                user = next((each for each in self.users.values() if each["id"] == user_id), None)
                return web.json_response(user) if user else _error(404, "app.user.missing_account.const")
            case (_, ["commands", *rest]):
                return self._commands(method, rest, body)
            case ("POST", ["actions", "dialogs", "open"]):
                return self._open_dialog(body)
            case ("POST", ["channels", "direct"]):
                return web.json_response({"id": f"direct-{body[1]}"}, status=201)
            case ("GET", ["teams", "name", name]):
                return web.json_response({"id": TEAM, "name": name, "display_name": "Kestrel"})
            case ("GET", ["teams", _, "channels", "name", name]):
                named = next((c for c in self.channels.values() if c["name"] == name), None)
                return web.json_response(named) if named else _error(404, "app.channel.get_by_name.missing")
            case ("POST", ["channels"]):
                return self._create_channel(body)
            case ("PUT", ["channels", channel, "patch"]):
                return self._patch_channel(channel, body)
            case ("DELETE", ["channels", channel]):
                self.channels[channel]["delete_at"] = self._millis()
                return web.json_response({"status": "OK"})
            case ("POST", ["channels", channel, "members"]):
                self.members.setdefault(channel, set()).add(body["user_id"])
                return web.json_response({"user_id": body["user_id"]}, status=201)
            case ("DELETE", ["channels", channel, "members", user_id]):
                if user_id not in self.members.get(channel, set()):
                    return _error(404, "store.sql_channel.get_member.missing.app_error")
                self.members[channel].remove(user_id)
                return web.json_response({"status": "OK"})
            case ("GET", ["channels", channel, "posts"]) if channel in self.unreadable:
                return _error(403, "api.context.permissions.app_error")
            case ("GET", ["channels", channel, "posts"]):
                since = int(request.query["since"])
                posts = {
                    i: p
                    for i, p in self.posts.items()
                    if p["channel_id"] == channel and p["update_at"] > since
                }
                return web.json_response({"order": list(posts), "posts": posts})
            case ("POST", ["posts"]):
                return self._post(body)
            case ("PUT", ["posts", post, "patch"]):
                return self._patch_post(post, body)
            case ("POST", ["posts", post, "pin"]):
                self.posts[post]["is_pinned"] = True
                return web.json_response({"status": "OK"})
            case ("DELETE", ["posts", post]):
                self.posts[post]["delete_at"] = self._millis()
                return web.json_response({"status": "OK"})
            case _:
                return _error(404, "api.context.404.app_error")

    def _channels_of_bot(self) -> list[dict[str, Any]]:
        """Return all channels, and those of direct messages that have posts."""
        posted: dict[str, int] = {}
        for post in self.posts.values():
            posted[post["channel_id"]] = max(posted.get(post["channel_id"], 0), post["create_at"])
        direct = [{"id": each, "type": "D"} for each in posted if each.startswith("direct-")]
        return [
            {**channel, "last_post_at": posted.get(channel["id"], 0)}
            for channel in (*self.channels.values(), *direct)
        ]

    def _create_channel(self, body: dict[str, Any]) -> web.Response:
        if not {"team_id", "name", "display_name", "type"} <= set(body) or len(body["name"]) > NAME_MAX:
            return _error(400, "model.channel.is_valid.name.app_error")
        if any(c["name"] == body["name"] for c in self.channels.values()):
            return _error(400, "store.sql_channel.save_channel.exists.app_error")
        channel = {**body, "id": self._id(), "creator_id": BOT, "create_at": self._millis(), "delete_at": 0}
        self.channels[channel["id"]] = {"header": "", "purpose": "", **channel}
        return web.json_response(self.channels[channel["id"]], status=201)

    def _patch_channel(self, channel: str, body: dict[str, Any]) -> web.Response:
        if len(body.get("header", "")) > HEADER_MAX or len(body.get("purpose", "")) > PURPOSE_MAX:
            return _error(400, "model.channel.is_valid.header.app_error")
        self.channels[channel].update(body)
        return web.json_response(self.channels[channel])

    def _post(self, body: dict[str, Any]) -> web.Response:
        if not {"channel_id", "message"} <= set(body) or len(body["message"]) > POST_MAX:
            return _error(400, "model.post.is_valid.message.app_error")
        if body["channel_id"].startswith("direct-"):
            self.direct.append((body["channel_id"].removeprefix("direct-"), body["message"]))
            return web.json_response({"id": self._id()}, status=201)
        if wrong := mattermost_rules.of_post(body):
            return self._refuse(wrong)
        channel = self.channels.get(body["channel_id"])
        if channel and channel["delete_at"]:
            return _error(400, "api.post.create_post.can_not_post_to_deleted.error")
        if body.get("root_id") and body["root_id"] not in self.posts:
            return _error(400, "api.post.create_post.root_id.app_error")
        now = self._millis()
        post = {**body, "id": self._id(), "user_id": BOT, "create_at": now, "update_at": now, "delete_at": 0}
        self.posts[post["id"]] = post
        return web.json_response(post, status=201)

    def _refuse(self, reason: str) -> web.Response:
        self.refused.append(reason)
        return _error(400, reason)

    def _commands(self, method: str, path: list[str], body: dict[str, Any]) -> web.Response:
        if not self.may_create_commands:
            return _error(403, "api.context.permissions.app_error")
        if method == "GET":
            return web.json_response(list(self.commands.values()))
        if wrong := mattermost_rules.of_command(body):
            return self._refuse(wrong)
        if method == "PUT":
            self.commands[path[0]].update(body)
            return web.json_response(self.commands[path[0]])
        if any(each["trigger"] == body["trigger"] for each in self.commands.values()):
            return _error(400, "api.command.duplicate_trigger.app_error")
        command = {**body, "id": self._id(), "token": self._id(), "creator_id": BOT}
        self.commands[command["id"]] = command
        return web.json_response(command, status=201)

    def _open_dialog(self, body: dict[str, Any]) -> web.Response:
        if wrong := mattermost_rules.of_dialog(body):
            return self._refuse(wrong)
        self.dialogs.append(body)
        return web.json_response({"status": "OK"})

    def _patch_post(self, post: str, body: dict[str, Any]) -> web.Response:
        if wrong := mattermost_rules.of_post(body):
            return self._refuse(wrong)
        if post not in self.posts or self.posts[post]["delete_at"]:
            return _error(404, "app.post.get.app_error")
        self.posts[post].update({**body, "update_at": self._millis()})
        return web.json_response(self.posts[post])


@asynccontextmanager
async def serving(server: Mattermost) -> AsyncIterator[Mattermost]:
    """Serve on the loopback address until the block ends."""
    app = web.Application()
    app.router.add_route("*", "/api/v4/{path:.*}", server.handle)
    runner = web.AppRunner(app, handle_signals=False, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    assert site._server is not None
    server.url = f"http://127.0.0.1:{site._server.sockets[0].getsockname()[1]}"  # type: ignore[attr-defined]
    try:
        yield server
    finally:
        await runner.cleanup()
