"""The JSON API of what only Slack has."""

from typing import Annotated

from fastapi import Response
from pydantic import Field

from firebell.chat import store
from firebell.chat.accounts import actions as accounts
from firebell.chat.accounts.connected_account import Connected
from firebell.chat.slack import test_message
from firebell.kit.web import api
from firebell.kit.web.api import ApiInput, Ctx, PathId, Text, problems
from firebell.people.authentication import Caller
from firebell.people.permissions import Verb
from firebell.people.route_access import may

router = api.router("chat")


class ChatTest(ApiInput):
    """Where a test message goes."""

    channel: Annotated[Text, Field(min_length=1, max_length=100, examples=["C024BE91L"])]


@router.post(
    "/chats/{account_id}/test",
    status_code=204,
    summary="Send a test message to a channel",
    responses=problems(404, 409),
)
async def send_test_message(
    ctx: Ctx, caller: Annotated[Caller, may(Verb.CHAT_WRITE)], account_id: PathId, body: ChatTest
) -> Response:
    """Send a message whose button tests the way back from the chat; the caller presses it there."""
    async with ctx.db.tx() as tx:
        account = await accounts.account(tx, account_id)
        secrets = await store.account_secrets(tx, account.id)
    await test_message.send(ctx, Connected(account, secrets), body.channel.strip().lstrip("#"))
    return Response(status_code=204)
