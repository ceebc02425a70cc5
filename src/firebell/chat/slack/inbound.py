"""Receives what Slack posts to `/chat/slack`: signed, once, and answered within three seconds (spec 8.4)."""

import asyncio
import logging
from collections.abc import Sequence
from datetime import timedelta
from http import HTTPStatus
from typing import Any

from fastapi import Request, Response
from fastapi.responses import JSONResponse
from starlette.background import BackgroundTask

from firebell.chat import store
from firebell.chat.accounts.connected_account import Connected, chat_context_of
from firebell.chat.handlers import incident_queries, page_queries
from firebell.chat.intents import button_values
from firebell.chat.intents.command_limit import CommandLimit
from firebell.chat.intents.reply_model import Reply
from firebell.chat.model import ChatKind
from firebell.chat.received import store as inbound_store
from firebell.chat.received import sweep_store
from firebell.chat.slack import interactions, interactive_calls, modals, payloads, reply_blocks
from firebell.chat.slack.interactions import Outcome
from firebell.chat.slack.known_users import known_user
from firebell.chat.slack.limits import OPTION_TEXT
from firebell.chat.slack.payloads import Payload, PayloadKind, text_at
from firebell.chat.slack.signatures import is_signed
from firebell.chat.slack.text import length
from firebell.incidents.model import Incident
from firebell.kit.context import Context
from firebell.kit.db.database import Tx
from firebell.kit.errors import Unavailable
from firebell.kit.web.request_body import read_body

log = logging.getLogger(__name__)

MAX_BODY_BYTES = 512 * 1024
BUDGET_S = 2.0
"""How long an interaction may take from its first byte; Slack gives up after three seconds."""
OPEN_LIMIT_S = 1.0
"""How long Slack may take to open a form."""
STORE_LIMIT_S = 0.7
"""How long storing a late interaction may take, so that its answer still comes in time."""
ACCOUNTS_FRESH_S = 10.0
"""How long accounts and secrets are remembered; a signature that fits none of them is checked again."""
ACCOUNTS_ONE_LOOK_S = 1.0
FRAME_NOTED_EVERY_S = 10.0
_AWAY = "Firebell can't reach its database, so nothing was done. If this is urgent, phone the people on call."
_LATE = "Working on it. The answer follows here."
_FAILED = "Something failed on our side, and nothing was done. Use the web page of Firebell instead."


class SlackReceiver:
    """Receives for one process; it remembers the accounts, so that it can say that the database is unavailable."""

    def __init__(self, ctx: Context) -> None:
        self._ctx = ctx
        self._accounts: tuple[Connected, ...] = ()
        self._read_at = float("-inf")
        self._late: set[asyncio.Task[Outcome]] = set()
        self._commands = CommandLimit()
        self._frame_noted_at: dict[int, float] = {}

    async def receive(self, request: Request) -> Response:
        """Answer a request: 401 without a valid signature, 413 if it is too large, else 200 or, to repeat it, 503."""
        began = self._ctx.pace.monotonic()
        body = await read_body(request, MAX_BODY_BYTES)
        if body is None:
            return Response(status_code=HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
        try:
            signers = await self._signers(request, body)
        except Unavailable:
            return _unavailable()
        payload = payloads.read(body, request.headers.get("content-type", "")) if signers else None
        connected = _sender(signers, payload) if payload else None
        if payload is None or connected is None:
            return Response(status_code=HTTPStatus.UNAUTHORIZED)
        return await self.handle(connected, payload, began)

    async def handle(self, connected: Connected, payload: Payload, began: float) -> Response:
        """Answer what an account sent, over HTTP or a socket; 503 means that Slack must send it again."""
        match payload.kind:
            case PayloadKind.CHALLENGE:
                return JSONResponse({"challenge": text_at(payload.data, "challenge")})
            case PayloadKind.IGNORED:
                return Response()
            case PayloadKind.EVENT | PayloadKind.MALFORMED | PayloadKind.RATE_LIMITED:
                return await self._store(connected, payload)
            case PayloadKind.OPTIONS:
                return await self._options(payload)
            case PayloadKind.VIEW_ACTION if not _is_press(payload):
                return self._repaint(connected, payload)
            case _:
                return await self._interact(connected, payload, began)

    async def _signers(self, request: Request, body: bytes) -> list[Connected]:
        """Return the accounts whose secrets signed a request; read them again before none is."""
        timestamp = request.headers.get("x-slack-request-timestamp", "")
        signature = request.headers.get("x-slack-signature", "")
        for fresh_s in (ACCOUNTS_FRESH_S, ACCOUNTS_ONE_LOOK_S):
            await self._refresh(fresh_s)
            now = self._ctx.clock.now()
            signers = [
                each
                for each in self._accounts
                if is_signed(body, timestamp, signature, each.secrets.signing_secrets, now)
            ]
            if signers:
                return signers
        return []

    async def _refresh(self, fresh_s: float) -> None:
        """Read the accounts unless they were read within `fresh_s`; keep those known without the database."""
        if self._ctx.pace.monotonic() - self._read_at < fresh_s:
            return
        try:
            async with self._ctx.db.tx() as tx:
                accounts = [a for a in await store.accounts(tx) if a.kind is ChatKind.SLACK]
                self._accounts = tuple(
                    [Connected(each, await store.account_secrets(tx, each.id)) for each in accounts]
                )
        except Unavailable:
            if not self._accounts:
                raise
        self._read_at = self._ctx.pace.monotonic()

    async def _store(self, connected: Connected, payload: Payload) -> Response:
        """Store an event for the worker; Slack repeats it if the database is unavailable."""
        error = None
        if payload.kind is not PayloadKind.EVENT:
            error = "rate limited" if payload.kind is PayloadKind.RATE_LIMITED else "malformed"
        try:
            async with self._ctx.db.tx() as tx:
                if payload.kind is PayloadKind.RATE_LIMITED:
                    await sweep_store.note_gap(tx, connected.account.id, self._ctx.clock.now(), timedelta())
                await self._note_frame(tx, connected.account.id)
                await inbound_store.receive(
                    tx,
                    connected.account.id,
                    payload.key,
                    "event" if error is None else "malformed",
                    payload.channel,
                    text_at(payload.data, "event", "event_ts"),
                    dict(payload.data),
                    self._ctx.clock.now(),
                    error,
                )
        except Unavailable:
            return _unavailable()
        return Response()

    async def _note_frame(self, tx: Tx, account_id: int) -> None:
        """Record that Slack reaches us, at most once in ten seconds."""
        elapsed_s = self._ctx.pace.monotonic() - self._frame_noted_at.get(account_id, float("-inf"))
        if elapsed_s >= FRAME_NOTED_EVERY_S:
            self._frame_noted_at[account_id] = self._ctx.pace.monotonic()
            await store.note_frame(tx, account_id, self._ctx.clock.now())

    async def _options(self, payload: Payload) -> Response:
        """Answer the services or targets whose names contain what was typed; none while the database is unavailable."""
        search = text_at(payload.data, "value")
        try:
            async with self._ctx.db.tx() as tx:
                options = await _offered(tx, text_at(payload.data, "action_id"), search)
        except Unavailable:
            options = []
        shown = [modals.option(value, label) for value, label in options if length(value) <= OPTION_TEXT]
        return JSONResponse({"options": shown})

    def _repaint(self, connected: Connected, payload: Payload) -> Response:
        """Show the severity that the answers of the form give, after the request is answered."""
        view = payload.data.get("view")
        if text_at(view, "callback_id") != modals.DECLARE:
            return Response()

        async def repaint() -> None:
            form = modals.read_declare(view)
            painted = modals.declare_view(form, await self._similar(connected, payload, form))
            if opened_at := modals.named_at(view):
                painted = modals.stamped(painted, opened_at)
            await self._show(connected, view, painted, payload.user)

        return Response(background=BackgroundTask(repaint))

    async def _similar(
        self, connected: Connected, payload: Payload, form: modals.DeclareForm
    ) -> Sequence[Incident]:
        """Return what a declaration may duplicate, nothing while the database is unavailable."""
        now = self._ctx.clock.now()
        services = [int(value) for value, _ in form.services if value.isascii() and value.isdecimal()]
        try:
            async with self._ctx.db.tx() as tx:
                user = await inbound_store.user(tx, connected.account.id, payload.user)
                context = await chat_context_of(tx, self._ctx, connected, user, payload.user, "", "", "", now)
                return await incident_queries.similar(
                    tx, context, form.title, now, answered=bool(form.answers), service_ids=services
                )
        except Unavailable:
            return ()

    async def _show(self, connected: Connected, view: Any, shown: dict[str, Any], user: str) -> None:
        """Replace an open form or a home page; a form that changed meanwhile is replaced by what changed it."""
        where = {"view_id": text_at(view, "id"), "hash": text_at(view, "hash")}
        method = "views.update"
        if shown["type"] == "home":
            where, method = {"user_id": user}, "views.publish"
        arguments: dict[str, Any] = {**where, "view": shown}
        try:
            await interactive_calls.call(self._ctx, connected.secrets.bot_token, method, **arguments)
        except interactive_calls.SlackError as error:
            log.info("a form was not repainted", extra={"reason": error.code})

    async def _interact(self, connected: Connected, payload: Payload, began: float) -> Response:
        if payload.kind is PayloadKind.COMMAND and (busy := self._too_many(connected, payload)):
            return busy
        work = asyncio.create_task(self._act(connected, payload))
        left_s = max(0.0, BUDGET_S - (self._ctx.pace.monotonic() - began))
        await asyncio.wait({work}, timeout=left_s)
        if not work.done():
            return await self._answer_later(connected, payload, work)
        try:
            return await self._response(connected, payload, work.result())
        except Unavailable:
            return self._say(payload, _AWAY)
        except Exception:
            log.exception("an interaction failed", extra={"kind": str(payload.kind)})
            return self._say(payload, _FAILED)

    def _too_many(self, connected: Connected, payload: Payload) -> Response | None:
        refused = self._commands.count(connected.account.id, payload.user, self._ctx.clock.now())
        return None if refused is None else JSONResponse(reply_blocks.ephemeral(refused))

    async def _act(self, connected: Connected, payload: Payload) -> Outcome:
        now = self._ctx.clock.now()
        user = await known_user(self._ctx, self._ctx.db, connected, payload.user, now)
        async with self._ctx.db.tx() as tx:
            await self._note_frame(tx, connected.account.id)
            return await interactions.act(tx, self._ctx, connected, payload, user, now)

    async def _answer_later(
        self, connected: Connected, payload: Payload, work: "asyncio.Task[Outcome]"
    ) -> Response:
        """Leave an interaction to the worker; it and the first try share a key, so that one of them acts."""
        self._late.add(work)
        work.add_done_callback(self._ended)
        body = {"kind": str(payload.kind), "data": _without_secrets(payload.data)}
        try:
            async with asyncio.timeout(STORE_LIMIT_S), self._ctx.db.tx() as tx:
                now = self._ctx.clock.now()
                channel = f"late:{payload.key}"
                await inbound_store.receive(
                    tx, connected.account.id, payload.key, "interaction", channel, "", body, now
                )
        except (Unavailable, TimeoutError):
            return self._say(payload, _AWAY)
        return self._say(payload, _LATE)

    def _ended(self, work: "asyncio.Task[Outcome]") -> None:
        self._late.discard(work)
        if not work.cancelled() and (error := work.exception()):
            log.warning("a late interaction failed", extra={"reason": type(error).__name__})

    async def _response(self, connected: Connected, payload: Payload, outcome: Outcome) -> Response:
        message = outcome.message
        if outcome.view is not None:
            if await self._opened(connected, payload, outcome.view):
                return Response()
            if payload.kind is PayloadKind.COMMAND:
                return JSONResponse(message)
        answer = Response() if outcome.body is None else JSONResponse(outcome.body)
        if outcome.shown is not None:
            view = payload.data.get("view")
            answer.background = BackgroundTask(self._show, connected, view, outcome.shown, payload.user)
            return answer
        if message is not None:
            answer.background = BackgroundTask(
                interactive_calls.respond, self._ctx, payload.response_url, message
            )
        return answer

    def _say(self, payload: Payload, text: str) -> Response:
        """Return an answer that only says something, wherever the person looks."""
        message = reply_blocks.ephemeral(Reply(text, done=False))
        match payload.kind:
            case PayloadKind.COMMAND:
                return JSONResponse(message)
            case PayloadKind.SUBMISSION:
                notice = modals.notice_view("Not done yet", text)
                return JSONResponse({"response_action": "update", "view": notice})
            case _:
                return Response(
                    background=BackgroundTask(
                        interactive_calls.respond, self._ctx, payload.response_url, message
                    )
                )

    async def _opened(self, connected: Connected, payload: Payload, view: dict[str, Any]) -> bool:
        """Open a form; return False if Slack does not open it."""
        try:
            await interactive_calls.call(
                self._ctx,
                connected.secrets.bot_token,
                "views.open",
                limit_s=OPEN_LIMIT_S,
                trigger_id=payload.trigger,
                view=view,
            )
        except interactive_calls.SlackError as error:
            log.warning("a form was not opened", extra={"reason": error.code})
            return False
        return True


def _is_press(payload: Payload) -> bool:
    """Return True for a button in a form, False for an answer of it."""
    return text_at(payload.data, "actions", 0, "action_id").startswith(button_values.RUN)


async def _offered(tx: Tx, action_id: str, search: str) -> list[tuple[str, str]]:
    if action_id == modals.TARGET_ACTION:
        return await page_queries.offered_targets(tx, search)
    return [(str(service.id), service.name) for service in await page_queries.offered_services(tx, search)]


def _sender(signers: list[Connected], payload: Payload) -> Connected | None:
    """Return the account of a payload among those that signed it; a challenge names none."""
    if not payload.team:
        return signers[0]
    return next((each for each in signers if each.account.external_id == payload.team), None)


def _unavailable() -> Response:
    return Response(status_code=HTTPStatus.SERVICE_UNAVAILABLE, headers={"Retry-After": "5"})


def _without_secrets(data: Any) -> dict[str, Any]:
    """Return a payload as it may be stored: without what lets others answer or open a form in its name."""
    secret = ("response_url", "response_urls", "trigger_id", "token")
    return {name: value for name, value in data.items() if name not in secret}
