"""The server of Slack's Socket Mode: it hands out addresses, says hello, sends envelopes and waits for each answer.

What `SlackUsers` posts over HTTP goes through the newest connection here. An envelope that is never acknowledged is a
failure of the test, unless the test expects it; that answers come within three seconds is shown over HTTP.
"""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl

import httpx
from aiohttp import WSMsgType, web

from tests.standins.slack.inbound import SlackUsers
from tests.world import World

APP_TOKEN = "xapp-1-test"
MOST_CONNECTIONS = 10
HANGS_S = 60.0
"""A guard against hanging on a loaded machine."""


@dataclass(slots=True)
class SocketSlack(SlackUsers):
    """A workspace that reaches Firebell only through sockets that Firebell opened."""

    sockets: list[web.WebSocketResponse] = field(default_factory=list)
    opened: int = 0
    says_hello: bool = True
    answers_probes: bool = True
    open_error: str = ""
    acks: dict[str, asyncio.Future[dict[str, Any]]] = field(default_factory=dict)
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Answer a call, or take a connection."""
        if request.path == "/api/apps.connections.open":
            if request.headers.get("Authorization") != f"Bearer {APP_TOKEN}" or self.open_error:
                return web.json_response({"ok": False, "error": self.open_error or "invalid_auth"})
            return web.json_response({"ok": True, "url": f"ws://127.0.0.1:{self.port}/link"})
        if request.path == "/link":
            return await self._connection(request)
        headers = {name.lower(): value for name, value in request.headers.items()}
        return web.json_response(self._answer(request.path, headers, await request.read()))

    async def _connection(self, request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse(autoping=self.answers_probes)
        await socket.prepare(request)
        self.opened += 1
        assert len(self.sockets) < MOST_CONNECTIONS, "Slack refuses an eleventh connection"
        self.sockets.append(socket)
        if self.says_hello:
            await socket.send_json({"type": "hello", "num_connections": len(self.sockets)})
        self.changed.set()
        async for message in socket:
            if message.type is WSMsgType.TEXT:
                answer = json.loads(message.data)
                waiting = self.acks.get(answer["envelope_id"])
                assert waiting is not None, "an unknown envelope was acknowledged"
                if not waiting.done():
                    waiting.set_result(answer)
        self.sockets.remove(socket)
        self.changed.set()
        return socket

    async def until(self, connections: int, opened: int = 0) -> None:
        """Return once there are so many connections, of so many that were opened at least."""
        async with asyncio.timeout(HANGS_S):
            while len(self.sockets) != connections or self.opened < opened:
                self.changed.clear()
                await self.changed.wait()

    async def post(
        self,
        body: bytes,
        kind: str = "application/x-www-form-urlencoded",
        *,
        secret: str = "",
        **head: str,
    ) -> httpx.Response:
        """Send a body as an envelope, and return what its acknowledgment answers."""
        fields = dict(parse_qsl(body.decode(), keep_blank_values=True))
        payload: dict[str, Any] = fields
        name = "slash_commands"
        if kind == "application/json":
            name, payload = "events_api", json.loads(body)
        elif "payload" in fields:
            name, payload = "interactive", json.loads(fields["payload"])
        answer = await self.send(name, payload)
        content = json.dumps(answer["payload"]).encode() if "payload" in answer else b""
        return httpx.Response(200, content=content)

    async def send(
        self, kind: str, payload: Any, envelope: str = "", within_s: float = HANGS_S
    ) -> dict[str, Any]:
        """Send an envelope through the newest connection and return its acknowledgment."""
        self._numbers += 1
        envelope = envelope or f"envelope-{self._numbers}"
        self.acks[envelope] = asyncio.get_running_loop().create_future()
        frame = {
            "type": kind,
            "envelope_id": envelope,
            "payload": payload,
            "accepts_response_payload": kind != "events_api",
        }
        await self.sockets[-1].send_json(frame)
        async with asyncio.timeout(within_s):
            return await self.acks[envelope]

    async def disconnect(self, reason: str) -> None:
        """Say that the oldest connection ends; after a link was disabled, close it."""
        socket = self.sockets[0]
        await socket.send_json({"type": "disconnect", "reason": reason, "debug_info": {}})

    async def close_oldest(self) -> None:
        """Close the oldest connection."""
        await self.sockets[0].close()


@asynccontextmanager
async def socket_slack(world: World, http: httpx.AsyncClient) -> AsyncIterator[SocketSlack]:
    """Run a workspace with sockets until the block ends; nothing that it was sent may be what Slack refuses."""
    workspace = SocketSlack(world, http)
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", workspace.handle)
    runner = web.AppRunner(app, handle_signals=False, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    assert site._server is not None
    workspace.port = site._server.sockets[0].getsockname()[1]  # type: ignore[attr-defined] # no public way
    settings = {**world.ctx.channel_settings, "FIREBELL_SLACK_API_URL": workspace.url}
    object.__setattr__(world.ctx, "channel_settings", settings)
    try:
        yield workspace
    finally:
        for socket in list(workspace.sockets):
            await socket.close()
        await runner.cleanup()
    assert workspace.problems == []
