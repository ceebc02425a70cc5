"""Receives commands, buttons and dialogs of Mattermost: each authorized, and done once."""

import hmac
import logging
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Any

from fastapi import Request, Response
from fastapi.responses import JSONResponse
from starlette.background import BackgroundTask

from firebell.chat import store
from firebell.chat.accounts.connected_account import Connected, chat_context_of
from firebell.chat.adapter_base.adapter import CallFailed
from firebell.chat.adapter_base.http_calls import call
from firebell.chat.handlers import page_queries
from firebell.chat.handlers.once_per_key import act_once
from firebell.chat.intents import button_values, commands
from firebell.chat.intents.command_limit import CommandLimit
from firebell.chat.intents.model import Intent, OpenModal, PageSomeone, SubmitDeclaration
from firebell.chat.intents.reply_model import Reply, ReplyButton
from firebell.chat.linked_users.chat_context import ChatContext
from firebell.chat.mattermost import action_tokens, attachments, dialogs, direct_messages, requests
from firebell.chat.mattermost.action_tokens import DialogToken
from firebell.chat.mattermost.known_users import api, known_user
from firebell.chat.mattermost.requests import MattermostRequest
from firebell.chat.mattermost.text import tokens
from firebell.chat.model import Account, ChatKind
from firebell.kit.context import Context
from firebell.kit.db.database import Tx
from firebell.kit.errors import Unavailable
from firebell.kit.signing import random_token
from firebell.kit.web.request_body import read_body

log = logging.getLogger(__name__)

MAX_BODY_BYTES = 256 * 1024
OPEN_LIMIT_S = 1.5
"""How long the server may take to open a dialog; it forgets a trigger after three seconds."""
FRAME_NOTED_EVERY = timedelta(seconds=10)
OFFERED_SERVICES = 100
_AWAY = Reply(
    "Firebell can't reach its database, so nothing was done. If this is urgent, phone the people on call.",
    done=False,
)
_NOT_OPENED = Reply("Mattermost did not open the form in time. Try again.", done=False)


@dataclass(frozen=True, slots=True)
class _Asked:
    """What a request asks for, and from which account."""

    connected: Connected
    request: MattermostRequest
    command: str
    intent: Intent
    key: str
    named_at: datetime | None = None
    """The timestamp that the pressed button or submitted dialog carries."""
    refused: str = ""
    """The command that a link page repeats for a user without a link."""


class MattermostReceiver:
    """Receives for one process."""

    def __init__(self, ctx: Context) -> None:
        self._ctx = ctx
        self._commands = CommandLimit()

    async def command(self, request: Request) -> Response:
        """Answer a slash command; 401 without the token of one of our commands."""
        body = await read_body(request, MAX_BODY_BYTES)
        if body is None:
            return Response(status_code=HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
        read = requests.read_command(body, request.headers.get("authorization", ""))
        if read is None:
            return Response(status_code=HTTPStatus.UNAUTHORIZED)
        try:
            connected = await self._commanded(read)
            if connected is None:
                return Response(status_code=HTTPStatus.UNAUTHORIZED)
            if busy := self._commands.count(connected.account.id, read.user, self._ctx.clock.now()):
                return self._answered(connected, busy)
            names = connected.account.settings
            command = commands.PAGE if read.command.casefold() == names.page_command else commands.INCIDENT
            refused = f"{read.command} {read.text}".rstrip()
            text = tokens(read.text, read.users)
            reply, context = await self._run(connected, read, command, text, read.key, refused)
        except Unavailable:
            return JSONResponse(attachments.plain_answer(_AWAY))
        if reply.modal is not None:
            instead = await self._opened(connected, read, reply.modal, context)
            return JSONResponse({}) if instead is None else self._answered(connected, instead)
        return self._answered(connected, reply)

    async def action(self, request: Request) -> Response:
        """Answer a pressed button; 401 without the token that the button was sent with."""
        body = await read_body(request, MAX_BODY_BYTES)
        if body is None:
            return Response(status_code=HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
        read, now = requests.read_action(body), self._ctx.clock.now()
        button = action_tokens.read_button(self._ctx.signer, read.token, now) if read else None
        if read is None or button is None:
            return Response(status_code=HTTPStatus.UNAUTHORIZED)
        pressed = button_values.decode(button.action, button.value)
        if pressed is None:
            return JSONResponse({})
        try:
            connected = await self._connected(button.account_id)
            if connected is None:
                return Response(status_code=HTTPStatus.UNAUTHORIZED)
            if button.confirm:
                dialog = dialogs.confirm_dialog(button.confirm)
                state = DialogToken(
                    button.account_id, read.user, button.action, button.value, random_token(9)
                )
                is_open = await self._open(connected, read, dialog, state)
                return self._button_answer(None if is_open else _NOT_OPENED)
            asked = _Asked(connected, read, pressed.command, pressed.intent, read.key, pressed.named_at)
            reply, context = await self._act(asked)
        except Unavailable:
            return self._button_answer(_AWAY)
        if reply.modal is not None:
            return self._button_answer(await self._opened(connected, read, reply.modal, context))
        return self._button_answer(reply)

    async def dialog(self, request: Request) -> Response:
        """Answer a submitted dialog; 401 unless it was opened for the user who submits it."""
        body = await read_body(request, MAX_BODY_BYTES)
        if body is None:
            return Response(status_code=HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
        read, now = requests.read_submission(body), self._ctx.clock.now()
        opened = action_tokens.read_dialog(self._ctx.signer, read.token, read.user, now) if read else None
        if read is None or opened is None:
            return Response(status_code=HTTPStatus.UNAUTHORIZED)
        if read.cancelled:
            return JSONResponse({})
        try:
            connected = await self._connected(opened.account_id)
            if connected is None:
                return Response(status_code=HTTPStatus.UNAUTHORIZED)
            return await self._submit(connected, read, opened)
        except Unavailable:
            return JSONResponse({"error": _AWAY.text})

    async def _submit(self, connected: Connected, read: MattermostRequest, opened: DialogToken) -> Response:
        pressed = button_values.decode(opened.dialog, opened.value)
        if pressed is None:
            return JSONResponse({})
        entered: Intent | dialogs.DialogErrors | None = pressed.intent
        if isinstance(pressed.intent, OpenModal):
            entered = dialogs.submitted(pressed.intent.name, pressed.intent, read.submission)
        if entered is None:
            return JSONResponse({})
        if isinstance(entered, dialogs.DialogErrors):
            return JSONResponse({"errors": dict(entered.by_field)})
        key = f"dialog:{opened.nonce}"
        asked = _Asked(connected, read, pressed.command, entered, key, pressed.named_at)
        reply, _ = await self._act(asked)
        if reply.modal is not None:
            return JSONResponse({"errors": {"reason": "Enter a reason to lower the severity."}})
        if not reply.done:
            shown = {name: text for name, text in reply.fields.items() if name in read.submission}
            return JSONResponse({"errors": shown} if shown else {"error": reply.text})
        if isinstance(entered, SubmitDeclaration | PageSomeone):
            # these are not visible where the dialog was opened
            return JSONResponse({}, background=self._sent_directly(connected, read.user, reply))
        return JSONResponse({})

    def _sent_directly(self, connected: Connected, user: str, reply: Reply) -> BackgroundTask:
        text = attachments.text_of(reply)
        return BackgroundTask(direct_messages.send, self._ctx, connected, user, text)

    async def _commanded(self, read: MattermostRequest) -> Connected | None:
        """Return the account whose command was used, compared in constant time."""
        async with self._ctx.db.tx() as tx:
            for account in await store.accounts(tx):
                team = account.external_id.rpartition("/")[2]
                if account.kind is not ChatKind.MATTERMOST or team != read.team:
                    continue
                secrets = await store.account_secrets(tx, account.id)
                if any(_is_same(read.token, token) for token in secrets.signing_secrets):
                    await self._note_frame(tx, account)
                    return Connected(account, secrets)
        return None

    async def _connected(self, account_id: int) -> Connected | None:
        async with self._ctx.db.tx() as tx:
            account = await store.account(tx, account_id)
            if account is None or account.kind is not ChatKind.MATTERMOST:
                return None
            await self._note_frame(tx, account)
            return Connected(account, await store.account_secrets(tx, account.id))

    async def _note_frame(self, tx: Tx, account: Account) -> None:
        """Record that the server reaches us, at most once in ten seconds."""
        now = self._ctx.clock.now()
        if account.last_frame_at is None or now - account.last_frame_at >= FRAME_NOTED_EVERY:
            await store.note_frame(tx, account.id, now)

    async def _run(
        self,
        connected: Connected,
        read: MattermostRequest,
        command: str,
        text: str,
        key: str,
        refused: str,
    ) -> tuple[Reply, ChatContext]:
        """Do a command; its room decides how its text is read."""
        async with self._ctx.db.tx() as tx:
            room = await store.room_by_channel(tx, connected.account.id, read.channel)
        intent = commands.parse(command, text, room.incident_id if room else None)
        return await self._act(_Asked(connected, read, command, intent, key, refused=refused))

    async def _act(self, asked: _Asked) -> tuple[Reply, ChatContext]:
        """Do what is asked for, once per key; of what was refused, nothing is stored."""
        now, read, connected = self._ctx.clock.now(), asked.request, asked.connected
        user = await known_user(self._ctx, self._ctx.db, connected, read.user, now)
        async with self._ctx.db.tx() as tx:
            context = await chat_context_of(
                tx,
                self._ctx,
                connected,
                user,
                read.user,
                read.user_name,
                read.channel,
                asked.refused,
                now,
            )
            context = replace(context, named_at=asked.named_at)
            return await act_once(tx, context, asked.key, asked.intent, now, asked.command), context

    async def _opened(
        self, connected: Connected, read: MattermostRequest, intent: OpenModal, context: ChatContext
    ) -> Reply | None:
        """Open the dialog of an intent; return what to say if there is none or it did not open."""
        async with self._ctx.db.tx() as tx:
            offered = await page_queries.offered_services(tx, "", OFFERED_SERVICES)
        dialog = dialogs.dialog_for(intent, [(service.id, service.name) for service in offered])
        if dialog is None:
            where = f"/incidents/INC-{intent.incident}" if intent.incident else "/"
            return Reply("Do this in Firebell.", (ReplyButton("Open", url=context.url(where)),), done=False)
        named_at = context.named_at or self._ctx.clock.now()
        state = DialogToken(
            connected.account.id,
            read.user,
            button_values.RUN,
            button_values.encode(intent, named_at),
            random_token(9),
        )
        if await self._open(connected, read, dialog, state):
            return None
        again = ReplyButton("Open again", intent)
        return replace(_NOT_OPENED, buttons=(again,), composed_at=named_at)

    async def _open(
        self,
        connected: Connected,
        read: MattermostRequest,
        dialog: dialogs.Dialog,
        state: DialogToken,
    ) -> bool:
        """Open a dialog for the user who asked; return False if the server does not open it."""
        now = self._ctx.clock.now()
        signed = {**dialog, "state": action_tokens.sign_dialog(self._ctx.signer, state, now)}
        body = {
            "trigger_id": read.trigger,
            "url": f"{self._ctx.public_url}/chat/mattermost/dialog",
            "dialog": signed,
        }
        try:
            await call(
                self._ctx.http,
                "POST",
                api(connected, "/actions/dialogs/open"),
                body,
                token=connected.secrets.bot_token,
                limit_s=OPEN_LIMIT_S,
            )
        except CallFailed as failure:
            log.warning("a dialog was not opened", extra={"reason": failure.code})
            return False
        return True

    def _answered(self, connected: Connected, reply: Reply) -> Response:
        sign = action_tokens.button_signer(self._ctx.signer, connected.account.id, self._ctx.clock.now)
        url = f"{self._ctx.public_url}/chat/mattermost/action"
        return JSONResponse(attachments.command_answer(reply, url, sign))

    def _button_answer(self, reply: Reply | None) -> Response:
        """Return the answer to a button: a text that only the person who pressed it sees."""
        if reply is None:
            return JSONResponse({})
        text = attachments.text_of(reply)
        return JSONResponse({"ephemeral_text": text, "skip_slack_parsing": True})


def _is_same(token: str, secret: str) -> bool:
    return bool(secret) and hmac.compare_digest(token.encode(), secret.encode())


def receiver_of(state: Any, ctx: Context) -> MattermostReceiver:
    """Return the one receiver of an application."""
    if not hasattr(state, "mattermost_receiver"):
        state.mattermost_receiver = MattermostReceiver(ctx)
    receiver: MattermostReceiver = state.mattermost_receiver
    return receiver
