"""Slack's Web API as far as an incident channel needs it.

Names of arguments and error codes are those of slackapi/slack-api-specs, web-api/
slack_web_openapi_v2_without_examples.json at 0e43fd0f01732b8cab0716d66279d8a7da6415da (conversations.create,
chat.postMessage, chat.update, pins.add, users.info), arguments also of @slack/web-api 8.2.0. The rule for names
(lower case, digits, `-` and `_`, at most 80), the 250 characters of a topic, the 50 blocks, the 3000 and 150
characters of texts, and that methods that read take no JSON are from https://docs.slack.dev (conversations.create,
conversations.setTopic, block-kit/blocks, web-api). An answer is 200 with `ok`, except 429 with Retry-After.
"""

import json
import re
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl

from tests.handbook.stand_ins.server import Answer, Request

TOKEN = "xoxb-stand-in"
READS = ("users.info",)


class Refused(Exception):  # noqa: N818 - Slack calls it so
    """An error code of Slack."""


@dataclass
class Message:
    """A message in a channel."""

    ts: str
    text: str
    blocks: list[dict[str, Any]]

    @property
    def visible_text(self) -> str:
        """Everything that a reader sees, in order."""
        texts = []
        for block in self.blocks:
            texts += [block["text"]["text"]] if "text" in block else []
            texts += [one["text"] for one in block.get("fields", [])]
        return "\n".join(texts) or self.text

    @property
    def pings(self) -> list[str]:
        """Mentions and links that Slack would make of this message."""
        read = [self.text]
        for block in self.blocks:
            for one in [block.get("text"), *block.get("fields", [])]:
                read += [one["text"]] if one and one["type"] == "mrkdwn" else []
        return [ping for text in read for ping in re.findall(r"<[!@#][^>]*>", text)]


@dataclass
class Channel:
    """A channel."""

    id: str
    name: str
    topic: str = ""
    members: list[str] = field(default_factory=list)
    pins: list[str] = field(default_factory=list)
    messages: dict[str, Message] = field(default_factory=dict)


@dataclass
class Slack:
    """A workspace with two people."""

    users: dict[str, str] = field(
        default_factory=lambda: {"U0MARA": "mara@example.org", "U0JUN": "jun@example.org"}
    )
    channels: dict[str, Channel] = field(default_factory=dict)

    def named(self, name: str) -> Channel:
        """Return the channel of that name."""
        return next(c for c in self.channels.values() if c.name == name)

    def answer(self, request: Request) -> Answer:
        """Respond as Slack does: 200, with `ok` for success."""
        method = request.path.rpartition("/")[2]
        try:
            if request.headers.get("authorization") != f"Bearer {TOKEN}":
                raise Refused("invalid_auth" if "authorization" in request.headers else "not_authed")
            call = getattr(self, method.replace(".", "_"), None)
            if call is None:
                raise Refused("unknown_method")
            return Answer(body={"ok": True, **call(self._arguments(method, request))})
        except Refused as refused:
            return Answer(body={"ok": False, "error": str(refused)})

    def _arguments(self, method: str, request: Request) -> dict[str, Any]:
        kind = request.headers.get("content-type", "").partition(";")[0]
        if kind == "application/json" and method not in READS:
            arguments = request.json
            if not isinstance(arguments, dict):
                raise Refused("json_not_object" if arguments is not None else "invalid_json")
            return arguments
        if kind == "application/x-www-form-urlencoded":
            return dict(parse_qsl(request.body.decode()))
        return {}

    def _channel(self, arguments: dict[str, Any]) -> Channel:
        channel = self.channels.get(arguments.get("channel", ""))
        if not channel:
            raise Refused("channel_not_found")
        return channel

    def conversations_create(self, arguments: dict[str, Any]) -> dict[str, Any]:
        """Make a channel."""
        name = arguments.get("name", "")
        if not name:
            raise Refused("invalid_name_required")
        if len(name) > 80:
            raise Refused("invalid_name_maxlength")
        if not re.fullmatch(r"[a-z0-9_-]+", name):
            raise Refused("invalid_name_specials")
        if any(c.name == name for c in self.channels.values()):
            raise Refused("name_taken")
        made = Channel(f"C0{len(self.channels):08}", name)
        self.channels[made.id] = made
        return {"channel": {"id": made.id, "name": name}}

    def conversations_setTopic(self, arguments: dict[str, Any]) -> dict[str, Any]:  # noqa: N802 - Slack's name
        """Set the topic."""
        if len(arguments["topic"]) > 250:
            raise Refused("too_long")
        self._channel(arguments).topic = arguments["topic"]
        return {}

    def conversations_invite(self, arguments: dict[str, Any]) -> dict[str, Any]:
        """Invite people."""
        channel = self._channel(arguments)
        for user in arguments["users"].split(","):
            if user not in self.users:
                raise Refused("user_not_found")
            if user in channel.members:
                raise Refused("already_in_channel")
            channel.members.append(user)
        return {"channel": {"id": channel.id}}

    def _message(self, arguments: dict[str, Any], ts: str) -> Message:
        if not arguments.get("text") and not arguments.get("blocks"):
            raise Refused("no_text")
        if len(arguments.get("text", "")) > 40_000:
            raise Refused("msg_too_long")
        blocks = arguments.get("blocks", [])
        if len(blocks) > 50:
            raise Refused("invalid_blocks")
        for block in blocks:
            self._block(block)
        return Message(ts, arguments.get("text", ""), json.loads(json.dumps(blocks)))

    def _block(self, block: dict[str, Any]) -> None:
        limits = {"header": 150, "section": 3000}
        if block.get("type") not in limits or not (block.get("text") or block.get("fields")):
            raise Refused("invalid_blocks")
        if block["type"] == "header" and block["text"]["type"] != "plain_text":
            raise Refused("invalid_blocks")
        if len(block.get("fields", [])) > 10:
            raise Refused("invalid_blocks")
        texts = [(block["text"], limits[block["type"]])] if block.get("text") else []
        for text, limit in [*texts, *((one, 2000) for one in block.get("fields", []))]:
            if (
                text.get("type") not in ("plain_text", "mrkdwn")
                or not 1 <= len(text.get("text", "")) <= limit
            ):
                raise Refused("invalid_blocks")
            if "emoji" in text and text["type"] == "mrkdwn":
                raise Refused("invalid_blocks")

    def chat_postMessage(self, arguments: dict[str, Any]) -> dict[str, Any]:  # noqa: N802 - Slack's name
        """Write a message."""
        channel = self._channel(arguments)
        ts = f"1764000000.{len(channel.messages):06}"
        channel.messages[ts] = self._message(arguments, ts)
        return {"channel": channel.id, "ts": ts}

    def chat_update(self, arguments: dict[str, Any]) -> dict[str, Any]:
        """Update a message."""
        channel = self._channel(arguments)
        if arguments.get("ts") not in channel.messages:
            raise Refused("message_not_found")
        channel.messages[arguments["ts"]] = self._message(arguments, arguments["ts"])
        return {"channel": channel.id, "ts": arguments["ts"]}

    def pins_add(self, arguments: dict[str, Any]) -> dict[str, Any]:
        """Pin a message."""
        channel = self._channel(arguments)
        if not arguments.get("timestamp"):
            raise Refused("no_item_specified")
        if arguments["timestamp"] not in channel.messages:
            raise Refused("message_not_found")
        if arguments["timestamp"] in channel.pins:
            raise Refused("already_pinned")
        channel.pins.append(arguments["timestamp"])
        return {}

    def users_info(self, arguments: dict[str, Any]) -> dict[str, Any]:
        """Return a user."""
        if arguments.get("user") not in self.users:
            raise Refused("user_not_found")
        return {"user": {"id": arguments["user"], "profile": {"email": self.users[arguments["user"]]}}}
