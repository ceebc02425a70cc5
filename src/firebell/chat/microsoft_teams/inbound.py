"""Receives what people write to Firebell in Teams, and answers in the same thread within five seconds."""

import asyncio
import logging
from http import HTTPStatus
from typing import Any

from fastapi import Request, Response
from fastapi.responses import JSONResponse

from firebell.chat import store
from firebell.chat.adapter_base.message_model import Content, Link
from firebell.chat.handlers.once_per_key import act_once
from firebell.chat.intents import commands
from firebell.chat.intents.command_limit import CommandLimit
from firebell.chat.intents.command_texts import render
from firebell.chat.intents.model import Intent, OpenModal
from firebell.chat.intents.reply_model import Reply, ReplyButton
from firebell.chat.linked_users import linking
from firebell.chat.linked_users.chat_context import ChatContext
from firebell.chat.microsoft_teams.activities import Activity, is_fresh, is_signed, read_activity
from firebell.chat.microsoft_teams.cards import message
from firebell.chat.model import Account, ChatKind
from firebell.chat.received import store as inbound_store
from firebell.chat.users import LinkedBy
from firebell.kit.context import Context
from firebell.kit.errors import Unavailable
from firebell.kit.web.request_body import read_body

log = logging.getLogger(__name__)

MAX_BODY_BYTES = 256 * 1024
ANSWER_LIMIT_S = 4.0
"""Teams gives up after five seconds."""
_AWAY = "Firebell can't reach its database, so nothing was done. If this is urgent, phone the people on call."
_LATE = "This takes longer than Teams waits. Look in Firebell whether it was done."


class TeamsReceiver:
    """Receives for one process."""

    def __init__(self, ctx: Context) -> None:
        self._ctx = ctx
        self._commands = CommandLimit()

    async def receive(self, request: Request) -> Response:
        """Answer a message; 401 unless one of the connected teams signed it in the last five minutes."""
        body = await read_body(request, MAX_BODY_BYTES)
        if body is None:
            return Response(status_code=HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
        activity = read_activity(body)
        if activity is None or not is_fresh(activity, self._ctx.clock.now()):
            return Response(status_code=HTTPStatus.UNAUTHORIZED)
        try:
            async with asyncio.timeout(ANSWER_LIMIT_S):
                account = await self._signer(body, request.headers.get("authorization", ""))
                if account is None:
                    return Response(status_code=HTTPStatus.UNAUTHORIZED)
                if busy := self._commands.count(account.id, activity.user, self._ctx.clock.now()):
                    return _answer(busy)
                reply = await self._act(account, activity)
        except Unavailable:
            return _answer(Reply(_AWAY, done=False))
        except TimeoutError:
            log.warning("an answer to teams took too long")
            return _answer(Reply(_LATE, done=False))
        return _answer(reply)

    async def _signer(self, body: bytes, authorization: str) -> Account | None:
        """Return the account whose security token signed a body."""
        async with self._ctx.db.tx() as tx:
            for account in await store.accounts(tx):
                if account.kind is not ChatKind.TEAMS:
                    continue
                secrets = await store.account_secrets(tx, account.id)
                if is_signed(body, authorization, secrets.signing_secrets):
                    await store.note_frame(tx, account.id, self._ctx.clock.now())
                    return account
        return None

    async def _act(self, account: Account, activity: Activity) -> Reply:
        now = self._ctx.clock.now()
        command, intent = read_command(activity.text)
        async with self._ctx.db.tx() as tx:
            user = await inbound_store.user(tx, account.id, activity.user)
            person = await linking.person_of(tx, user)
            link = linking.link_url(self._ctx, account, activity.user, activity.user_name, activity.text, now)
            context = ChatContext(
                account=account,
                user=activity.user,
                user_name=activity.user_name,
                channel=activity.channel,
                person=person,
                incident=None,
                public_url=self._ctx.public_url,
                how=user.how if user else LinkedBy.NONE,
                link_url="" if person else link,
                is_overheard=True,
            )
            reply = await act_once(tx, context, activity.key, intent, now, command)
        return _in_firebell(context, reply.modal) if reply.modal else reply


def read_command(text: str) -> tuple[str, Intent]:
    """Return the command and the intent of a message: `page` before a text that is about pages."""
    word, _, rest = text.partition(" ")
    if word.casefold() == commands.PAGE:
        return commands.PAGE, commands.parse(commands.PAGE, rest, None)
    if word.casefold() == commands.INCIDENT:
        text = rest
    return commands.INCIDENT, commands.parse_mention(text, None)


def _in_firebell(context: ChatContext, modal: OpenModal) -> Reply:
    """Return where to do what Teams has no form for."""
    path = f"/incidents/INC-{modal.incident}" if modal.incident else "/incidents/new"
    return Reply(
        "Teams has no form for this.", (ReplyButton("Open Firebell", url=context.url(path)),), done=False
    )


def _answer(reply: Reply) -> Response:
    """Return an answer as a card; what would be a button is a command to type."""
    typed = tuple(_typed(button) for button in reply.buttons if button.intent is not None)
    links = tuple(Link(button.label, button.url) for button in reply.buttons if button.url)
    paragraphs = (*reply.text.split("\n"), *(line for line in typed if line))
    content = Content(text=reply.text or "Done.", paragraphs=paragraphs, links=links)
    return JSONResponse(message(content))


def _typed(button: ReplyButton) -> str:
    if button.intent is None or isinstance(button.intent, OpenModal):
        return ""
    command, text = render(button.intent)
    prefix = "page " if command == commands.PAGE else ""
    return f"{button.label}: write “{prefix}{commands.plain(text)}”."


def receiver_of(state: Any, ctx: Context) -> TeamsReceiver:
    """Return the one receiver of an application."""
    if not hasattr(state, "teams_receiver"):
        state.teams_receiver = TeamsReceiver(ctx)
    receiver: TeamsReceiver = state.teams_receiver
    return receiver
