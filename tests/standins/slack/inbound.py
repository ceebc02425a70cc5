"""The half of Slack that people use: it signs commands, presses and events, and serves the calls that answer them.

It refuses what Slack refuses: an unknown or missing argument, a payload over a limit, a trigger that is old or
used, a sixth answer to one `response_url`. A late answer to a request fails the test.
"""

import asyncio
import hashlib
import hmac
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlencode

import httpx
from slack_sdk.models.blocks import Block

from firebell.chat.slack.limits import message_problems, view_problems
from tests.servers import listening
from tests.world import World

TEAM, BOT, SECRET, TOKEN = "T1", "UBOT", "firebell-test-secret", "xoxb-test"
METHODS = json.loads(Path(__file__).with_name("inbound_methods.json").read_text())["methods"]
ANSWER_WITHIN_S, TRIGGER_LIVES_S, RESPONSES = 3.0, 3.0, 5
_BOOLEANS = {"true": True, "false": False}


def signature(secret: str, timestamp: str, body: bytes) -> str:
    """Return the signature of a body."""
    base = b"v0:" + timestamp.encode() + b":" + body
    return "v0=" + hmac.new(secret.encode(), base, hashlib.sha256).hexdigest()


def user(user_id: str, name: str, email: str = "", **more: Any) -> dict[str, Any]:
    """Return a member of the workspace with a confirmed address."""
    base = {
        "id": user_id,
        "team_id": TEAM,
        "name": name.lower(),
        "real_name": name,
        "deleted": False,
        "is_bot": False,
        "is_restricted": False,
        "is_ultra_restricted": False,
        "is_email_confirmed": bool(email),
        "profile": {"display_name": name, "email": email},
    }
    return {**base, **more}


@dataclass(slots=True)
class SlackUsers:
    """A workspace: its users and messages, and what was called and answered."""

    world: World
    http: httpx.AsyncClient
    port: int = 0
    users: dict[str, dict[str, Any]] = field(default_factory=dict)
    messages: dict[tuple[str, str], dict[str, Any]] = field(default_factory=dict)
    replies: dict[tuple[str, str], dict[str, Any]] = field(default_factory=dict)
    calls: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    pins: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    responses: list[dict[str, Any]] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    refusals: dict[str, str] = field(default_factory=dict)
    down: bool = False
    _triggers: dict[str, float] = field(default_factory=dict)
    _answers: dict[str, int] = field(default_factory=dict)
    _numbers: int = 0

    @property
    def url(self) -> str:
        """The address of its API."""
        return f"http://127.0.0.1:{self.port}/api/"

    def called(self, method: str) -> list[dict[str, Any]]:
        """Return the arguments of each call of a method."""
        return [arguments for name, arguments in self.calls if name == method]

    def trigger(self) -> str:
        """Return a new trigger, which can open one form within three seconds."""
        self._numbers += 1
        trigger = f"{self._numbers}.{'0' * 8}"
        self._triggers[trigger] = time.monotonic()
        return trigger

    async def post(
        self,
        body: bytes,
        kind: str = "application/x-www-form-urlencoded",
        *,
        secret: str = SECRET,
        **head: str,
    ) -> httpx.Response:
        """Post a signed body and return the answer, which must come within three seconds."""
        timestamp = str(int(self.world.now.timestamp()))
        headers = {
            "Content-Type": kind,
            "X-Slack-Request-Timestamp": timestamp,
            "X-Slack-Signature": signature(secret, timestamp, body),
            **head,
        }
        began = time.monotonic()
        answer = await self.http.post("/chat/slack", content=body, headers=headers)
        assert time.monotonic() - began < ANSWER_WITHIN_S, "Slack gave up after three seconds"
        return answer

    def form(self, command: str, text: str, who: str, channel: str = "C0") -> bytes:
        """Return the body of a slash command."""
        fields = {
            "token": "t",
            "team_id": TEAM,
            "user_id": who,
            "user_name": who.lower(),
            "channel_id": channel,
            "command": command,
            "text": text,
            "trigger_id": self.trigger(),
            "response_url": self._response_url(),
        }
        return urlencode(fields).encode()

    def _response_url(self) -> str:
        self._numbers += 1
        return f"http://127.0.0.1:{self.port}/commands/{self._numbers}"

    async def command(self, text: str, who: str, channel: str = "C0") -> dict[str, Any]:
        """Type a command and return the answer that only the person sees, empty if a form opens."""
        command, _, rest = text.partition(" ")
        answer = await self.post(self.form(command, rest, who, channel))
        assert answer.status_code == 200
        return self._message(answer)

    def _message(self, answer: httpx.Response) -> dict[str, Any]:
        if not answer.content:
            return {}
        message: dict[str, Any] = answer.json()
        self._check_message(message)
        return message

    def interaction(self, kind: str, who: str, **more: Any) -> bytes:
        """Return the body of a press, a submitted form or a shortcut."""
        payload = {
            "type": kind,
            "token": "t",
            "team": {"id": TEAM, "domain": "kestrel"},
            "user": {"id": who, "name": who.lower(), "team_id": TEAM},
            "trigger_id": self.trigger(),
            **more,
        }
        return urlencode({"payload": json.dumps(payload)}).encode()

    async def press(self, action_id: str, value: str, who: str, channel: str = "C0") -> dict[str, Any]:
        """Press a button of a message and return what the person then reads, empty if nothing."""
        before = len(self.responses)
        action = {"type": "button", "action_id": action_id, "block_id": "b", "value": value}
        body = self.interaction(
            "block_actions", who, channel={"id": channel}, actions=[action], response_url=self._response_url()
        )
        answer = await self.post(body)
        assert (answer.status_code, answer.content) == (200, b"")
        return self.responses[-1] if len(self.responses) > before else {}

    async def press_button(self, message: dict[str, Any], label: str, who: str) -> dict[str, Any]:
        """Press the button with this label of a message."""
        (button,) = [b for b in buttons(message) if b["text"]["text"] == label]
        return await self.press(button["action_id"], button["value"], who)

    async def submit(self, view: dict[str, Any], values: dict[str, Any], who: str) -> dict[str, Any]:
        """Submit a form with these values by block and return the answer."""
        state = {"values": {name: {name: value} for name, value in values.items()}}
        body = self.interaction("view_submission", who, view={**view, "id": "V1", "state": state})
        answer = await self.post(body)
        assert answer.status_code == 200
        outcome: dict[str, Any] = answer.json() if answer.content else {}
        if "view" in outcome:
            self._check_view(outcome["view"])
        return outcome

    async def answer_question(self, view: dict[str, Any], values: dict[str, Any], who: str) -> dict[str, Any]:
        """Answer a question of an open form and return the form as it is repainted."""
        state = {"values": {name: {name: value} for name, value in values.items()}}
        shown = {**view, "id": "V1", "hash": "h1", "state": state}
        answer = await self.post(self.interaction("block_actions", who, view=shown, actions=[{}]))
        assert (answer.status_code, answer.content) == (200, b"")
        repainted: dict[str, Any] = self.called("views.update")[-1]["view"]
        return repainted

    async def event(self, event: dict[str, Any], event_id: str = "", status: int = 200) -> None:
        """Send an event; the same id again is a repetition."""
        self._numbers += 1
        body = {
            "type": "event_callback",
            "team_id": TEAM,
            "event_id": event_id or f"Ev{self._numbers}",
            "event": {"event_ts": f"{int(self.world.now.timestamp())}.{self._numbers:06}", **event},
        }
        answer = await self.post(json.dumps(body).encode(), "application/json")
        assert answer.status_code == status

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection."""
        while head := await reader.readuntil(b"\r\n\r\n"):
            lines = head.decode().split("\r\n")
            headers = {k.lower(): v for k, v in (line.split(": ", 1) for line in lines[1:-2])}
            body = await reader.readexactly(int(headers.get("content-length", 0)))
            path = lines[0].split(" ")[1]
            answer = json.dumps(self._answer(path, headers, body)).encode()
            status = "503 X" if self.down else "200 OK"
            kind = "Content-Type: application/json"
            writer.write(
                f"HTTP/1.1 {status}\r\n{kind}\r\nContent-Length: {len(answer)}\r\n\r\n".encode() + answer
            )
            await writer.drain()

    def _answer(self, path: str, headers: dict[str, str], body: bytes) -> dict[str, Any]:
        if self.down:
            return {}
        if path.startswith("/commands/"):
            self._answers[path] = self._answers.get(path, 0) + 1
            assert self._answers[path] <= RESPONSES, "a response_url takes five answers"
            message = json.loads(body)
            self._check_message(message)
            self.responses.append(message)
            return {"ok": True}
        method, _, query = path.removeprefix("/api/").partition("?")
        return self._call(method, headers, body or query.encode())

    def _call(self, method: str, headers: dict[str, str], body: bytes) -> dict[str, Any]:
        facts = METHODS.get(method)
        arguments: dict[str, Any] = dict(parse_qsl(body.decode(), keep_blank_values=True))
        if facts is None:
            return self._refused(f"{method} is not a method that is expected", "unknown_method")
        if headers.get("authorization") != f"Bearer {TOKEN}":
            return self._refused(f"{method} without the token", "invalid_auth")
        known = {*facts["required"], *facts["optional"]}
        if wrong := set(arguments) - known:
            return self._refused(f"{method} has no {sorted(wrong)}", "invalid_arg_name")
        if missing := set(facts["required"]) - set(arguments):
            return self._refused(f"{method} needs {sorted(missing)}", "invalid_arguments")
        for name in ("view", "blocks"):
            if name in arguments:
                arguments[name] = json.loads(arguments[name])
        self.calls.append((method, arguments))
        if code := self.refusals.get(method):
            return {"ok": False, "error": code}
        return self._result(method, arguments)

    def _refused(self, problem: str, code: str) -> dict[str, Any]:
        self.problems.append(problem)
        return {"ok": False, "error": code}

    def _result(self, method: str, arguments: dict[str, Any]) -> dict[str, Any]:
        match method:
            case "users.info":
                known = self.users.get(arguments["user"])
                return {"ok": True, "user": known} if known else {"ok": False, "error": "user_not_found"}
            case "views.open" | "views.update" | "views.publish":
                self._check_view(arguments["view"])
                return self._opened(arguments) if method == "views.open" else {"ok": True}
            case "conversations.history":
                messages = self._history(arguments)
                start, limit = int(arguments.get("cursor") or 0), int(arguments.get("limit") or 100)
                more = str(start + limit) if start + limit < len(messages) else ""
                page = messages[start : start + limit]
                return {"ok": True, "messages": page, "response_metadata": {"next_cursor": more}}
            case "conversations.replies":
                reply = self.replies.get((arguments["channel"], arguments["ts"]))
                thread = [
                    message
                    for (channel, _), message in self.replies.items()
                    if channel == arguments["channel"] and message.get("thread_ts") == arguments["ts"]
                ]
                if not reply and not thread and (arguments["channel"], arguments["ts"]) not in self.messages:
                    return {"ok": False, "error": "thread_not_found"}
                return {"ok": True, "messages": [reply] if reply else thread}
            case "pins.list":
                pinned = [pin for channel, pin in self.pins if channel == arguments["channel"]]
                return {"ok": True, "items": pinned}
            case _:
                self._check_message(arguments)
                return {"ok": True}

    def _history(self, arguments: dict[str, Any]) -> list[dict[str, Any]]:
        """Return the messages of a channel in a span of time, newest first."""
        oldest, latest = arguments.get("oldest", "0"), arguments.get("latest", "9" * 12)
        return [
            message
            for (channel, ts), message in sorted(self.messages.items(), reverse=True)
            if channel == arguments["channel"] and float(oldest) <= float(ts) <= float(latest)
        ]

    def _opened(self, arguments: dict[str, Any]) -> dict[str, Any]:
        began = self._triggers.pop(arguments["trigger_id"], None)
        if began is None:
            return {"ok": False, "error": "exchanged_trigger_id"}
        if time.monotonic() - began > TRIGGER_LIVES_S:
            return {"ok": False, "error": "expired_trigger_id"}
        return {"ok": True, "view": {"id": "V1"}}

    def _check_message(self, message: dict[str, Any]) -> None:
        self.problems += message_problems(message)
        self._check_blocks(message.get("blocks", []))

    def _check_view(self, view: dict[str, Any]) -> None:
        self.problems += view_problems(view)
        self._check_blocks(view["blocks"])

    def _check_blocks(self, blocks: list[dict[str, Any]]) -> None:
        for block in Block.parse_all(blocks):
            block.validate_json()


def buttons(message: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the buttons of a message."""
    return [e for block in message.get("blocks", []) for e in block.get("elements", [])]


@asynccontextmanager
async def slack(world: World, http: httpx.AsyncClient) -> AsyncIterator[SlackUsers]:
    """Run a workspace until the block ends; nothing that it was sent may be what Slack refuses."""
    workspace = SlackUsers(world, http)
    async with listening(workspace.serve) as workspace.port:
        settings = {**world.ctx.channel_settings, "FIREBELL_SLACK_API_URL": workspace.url}
        object.__setattr__(world.ctx, "channel_settings", settings)
        yield workspace
    assert workspace.problems == []
