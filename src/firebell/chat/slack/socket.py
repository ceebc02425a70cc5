"""Receives what Slack sends over Socket Mode, for servers that Slack cannot reach (spec 8.2).

A frame is acknowledged after what it asks for is stored, never before: Slack sends the others again.
"""

import asyncio
import contextlib
import json
import logging
import uuid
from collections.abc import Mapping
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from fastapi import Response

from firebell.chat import store
from firebell.chat.accounts.connected_account import Connected
from firebell.chat.received import sweep_store
from firebell.chat.slack import interactive_calls, payloads, socket_store
from firebell.chat.slack.inbound import SlackReceiver
from firebell.chat.slack.inbound_worker import GAP
from firebell.chat.slack.interactive_calls import SLACK_API_URL
from firebell.chat.slack.payloads import text_at
from firebell.kit.context import Context
from firebell.kit.db.migrate import fence
from firebell.kit.errors import Unavailable

if TYPE_CHECKING:
    from aiohttp import ClientWebSocketResponse

log = logging.getLogger(__name__)

LEASE = timedelta(seconds=30)
RENEW_EVERY = timedelta(seconds=10)
LOOK_EVERY = timedelta(seconds=5)
"""How often a process that holds no socket looks for one to hold."""
OPEN_LIMIT_S = 10.0
HELLO_LIMIT_S = 10.0
"""How long a connection may take to say hello; a silent one is replaced."""
HEARTBEAT_S = 20.0
"""How often a connection is probed; one that does not answer in half of it is replaced."""
MAX_FRAME_BYTES = 1024 * 1024
AT_ONCE = 32
"""Number of frames that are worked on at once; the others wait in the connection."""
LONGEST_PAUSE_S = 60.0
CLOSE_LIMIT_S = 2.0
_REFRESH = ("warning", "refresh_requested")
"""Why Slack closes a connection that is to be replaced by another one first."""


class SocketClosed(Exception):  # noqa: N818 - reads as a statement where it is raised
    """A connection ended or was not opened, with the reason."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def is_slack(url: str, api_url: str) -> bool:
    """Return True for an address to which a socket may connect: Slack's, or that of the server set in its place."""
    parts, api = urlsplit(url), urlsplit(api_url)
    if api.netloc and api.netloc != "slack.com":
        return parts.scheme in ("ws", "wss") and parts.netloc == api.netloc
    host = parts.hostname or ""
    return parts.scheme == "wss" and (host == "slack.com" or host.endswith(".slack.com"))


class Sockets:
    """Holds the sockets of the accounts that use Socket Mode; of all processes, one connects an account."""

    def __init__(self, ctx: Context) -> None:
        self._ctx = ctx
        self._holder = uuid.uuid4().hex
        self._receiver = SlackReceiver(ctx)
        self._open: dict[int, _AccountSocket] = {}
        self.upcoming: datetime | None = None
        """When the leases are to be renewed."""
        self.is_unused = False
        """True if the last look found no account."""

    async def run_once(self, now: datetime) -> int:
        """Renew the leases if it is time; return 0."""
        if self.upcoming is None or now >= self.upcoming:
            await self.renew(now)
        return 0

    async def renew(self, now: datetime) -> None:
        """Take and renew leases, connect the accounts that are leased, and leave the others."""
        async with self._ctx.work_db.tx() as tx:
            await fence(tx)
            self.is_unused = not await store.has_accounts(tx)
            leased = await socket_store.lease(tx, self._holder, now + LEASE, now)
            accounts = [await store.account(tx, account_id) for account_id in leased]
            connected = [
                Connected(each, await store.account_secrets(tx, each.id)) for each in accounts if each
            ]
            for each in connected:
                socket = self._open.get(each.account.id)
                if socket is not None and socket.is_alive:
                    await store.note_frame(tx, each.account.id, now)
        await self._keep({each.account.id: each for each in connected})
        self.upcoming = None if self.is_unused else now + (RENEW_EVERY if connected else LOOK_EVERY)

    async def _keep(self, wanted: Mapping[int, Connected]) -> None:
        for account_id, socket in list(self._open.items()):
            each = wanted.get(account_id)
            if each is None or each.secrets != socket.connected.secrets:
                del self._open[account_id]
                await socket.close()
            else:
                socket.connected = each
        for account_id, each in wanted.items():
            if account_id not in self._open:
                self._open[account_id] = _AccountSocket(self._ctx, self._receiver, each)

    async def close(self) -> None:
        """Disconnect, and let another process connect at once."""
        had = bool(self._open)
        await self._keep({})
        if had:
            async with self._ctx.work_db.tx() as tx:
                await socket_store.release(tx, self._holder)


class _AccountSocket:
    """The connections of one account: one, and two while one replaces the other."""

    def __init__(self, ctx: Context, receiver: SlackReceiver, connected: Connected) -> None:
        self.connected = connected
        self._ctx = ctx
        self._receiver = receiver
        self._slots = asyncio.Semaphore(AT_ONCE)
        self._greeted: set[_Connection] = set()
        self._connections: set[asyncio.Task[None]] = set()
        self._work: set[asyncio.Task[None]] = set()
        self._keeper = asyncio.create_task(self._keep())

    @property
    def is_alive(self) -> bool:
        """True if a connection said hello and answers."""
        return bool(self._greeted)

    async def _keep(self) -> None:
        """Connect, again and again: at once when a connection is to be replaced, else with growing pauses."""
        failures = 0
        while True:
            connection = _Connection()
            task = asyncio.create_task(self._run(connection))
            self._connections.add(task)
            task.add_done_callback(self._connections.discard)
            await connection.over.wait()
            failures = 0 if connection.greeted else failures + 1
            if connection.is_replaced:
                continue
            pause_s = min(LONGEST_PAUSE_S, 2.0 ** min(failures, 6)) if failures else 0.5
            await self._ctx.pace.sleep(pause_s * self._ctx.pace.uniform(0.8, 1.2))

    async def _run(self, connection: "_Connection") -> None:
        """Run one connection until it ends; its reason is shown in the settings."""
        from aiohttp import ClientError

        reason = ""
        try:
            await self._receive(connection)
        except SocketClosed as closed:
            reason = closed.reason
        except interactive_calls.SlackError as error:
            reason = error.code
        except (ClientError, TimeoutError, OSError, ValueError) as error:
            reason = type(error).__name__
        except Exception:
            log.exception("a socket failed")
            reason = "internal_error"
        finally:
            self._greeted.discard(connection)
            connection.over.set()
        if not self._greeted and not connection.is_replaced:
            log.warning("a socket of slack closed", extra={"reason": reason})
            await self._note(reason or "closed")

    async def _note(self, error: str) -> None:
        with contextlib.suppress(Unavailable):
            async with self._ctx.work_db.tx() as tx:
                await socket_store.note_error(tx, self.connected.account.id, error)

    async def _receive(self, connection: "_Connection") -> None:
        from aiohttp import ClientSession, ClientTimeout, ClientWSTimeout, WSMsgType
        from slack_sdk.proxy_env_variable_loader import load_http_proxy_from_env

        token = self.connected.secrets.app_token
        answer = await interactive_calls.call(self._ctx, token, "apps.connections.open", limit_s=OPEN_LIMIT_S)
        url = str(answer.get("url", ""))
        if not is_slack(url, self._ctx.channel_settings.get(SLACK_API_URL, "")):
            raise SocketClosed("unknown_address")
        timeout = ClientTimeout(total=None, sock_connect=OPEN_LIMIT_S)
        async with (
            ClientSession(timeout=timeout) as session,
            session.ws_connect(
                url,
                heartbeat=HEARTBEAT_S,
                max_msg_size=MAX_FRAME_BYTES,
                timeout=ClientWSTimeout(ws_close=CLOSE_LIMIT_S),
                proxy=load_http_proxy_from_env(),
            ) as socket,
        ):
            while True:
                limit_s = None if connection.greeted else HELLO_LIMIT_S
                message = await socket.receive(timeout=limit_s)
                if message.type is not WSMsgType.TEXT:
                    if message.type is WSMsgType.BINARY:
                        continue
                    raise SocketClosed("closed")
                await self._frame(connection, socket, message.data)

    async def _frame(self, connection: "_Connection", socket: "ClientWebSocketResponse", text: str) -> None:
        frame = json.loads(text)
        kind = text_at(frame, "type")
        if kind == "hello":
            await self._hello(connection)
        elif kind == "disconnect":
            reason = text_at(frame, "reason")
            connection.is_replaced = reason in _REFRESH
            if not connection.is_replaced:
                raise SocketClosed(reason or "disconnect")
            # the other one is opened now; Slack closes this one when it is done with it
            connection.over.set()
        elif text_at(frame, "envelope_id"):
            await self._slots.acquire()
            work = asyncio.create_task(self._work_on(socket, frame))
            self._work.add(work)
            work.add_done_callback(self._work.discard)

    async def _hello(self, connection: "_Connection") -> None:
        connection.greeted = True
        self._greeted.add(connection)
        account_id, now = self.connected.account.id, self._ctx.clock.now()
        async with self._ctx.work_db.tx() as tx:
            if await sweep_store.note_gap(tx, account_id, now, GAP):
                await tx.wake("chat_inbox")
            await store.note_frame(tx, account_id, now)
            await socket_store.note_error(tx, account_id, "")

    async def _work_on(self, socket: "ClientWebSocketResponse", frame: Mapping[str, Any]) -> None:
        """Do what a frame asks for, acknowledge it with the answer, then do what follows the answer."""
        try:
            response = await self._answer(frame)
            if response is None:
                return
            # on a closed connection this fails: Slack sends the frame again, and its key is known
            with contextlib.suppress(ConnectionError):
                await socket.send_str(json.dumps(_acknowledgment(frame, response)))
            if response.background is not None:
                await response.background()
        except Exception:
            log.exception("a frame failed")
        finally:
            self._slots.release()

    async def _answer(self, frame: Mapping[str, Any]) -> Response | None:
        """Return the answer to a frame, None if it must be sent again."""
        payload = payloads.of_envelope(frame)
        if payload.team not in ("", self.connected.account.external_id):
            return Response()
        response = await self._receiver.handle(self.connected, payload, self._ctx.pace.monotonic())
        return None if response.status_code == HTTPStatus.SERVICE_UNAVAILABLE else response

    async def close(self) -> None:
        """Finish the frames that are worked on, then disconnect."""
        self._keeper.cancel()
        if self._work:
            await asyncio.wait(self._work, timeout=CLOSE_LIMIT_S)
        tasks = [self._keeper, *self._connections, *self._work]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


class _Connection:
    """One connection: whether it said hello, and whether another one replaces it."""

    def __init__(self) -> None:
        self.greeted = False
        self.is_replaced = False
        self.over = asyncio.Event()


def _acknowledgment(frame: Mapping[str, Any], response: Response) -> dict[str, Any]:
    answer: dict[str, Any] = {"envelope_id": frame["envelope_id"]}
    if frame.get("accepts_response_payload") is True and response.body:
        answer["payload"] = json.loads(bytes(response.body))
    return answer
