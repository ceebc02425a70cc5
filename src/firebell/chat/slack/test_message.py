"""A test message with a button, which proves the whole way: token, scopes, address, signature and database."""

from firebell.chat.accounts.connected_account import Connected
from firebell.chat.intents.model import LinkAccount
from firebell.chat.intents.reply_model import Reply, ReplyButton
from firebell.chat.model import ChatKind
from firebell.chat.slack import interactive_calls, reply_blocks
from firebell.chat.slack.events import CALL_LIMIT_S
from firebell.kit.context import Context
from firebell.kit.errors import Conflict

_HINTS = {
    "channel_not_found": "Check the channel ID, and invite Firebell to a private channel.",
    "not_in_channel": "Invite Firebell to the channel.",
    "is_archived": "Choose another channel.",
    "missing_scope": "Update the app from the manifest and install it again.",
    "unreachable": "Check the network, then try again.",
}


async def send(ctx: Context, connected: Connected, channel: str) -> None:
    """Post the test message; raise `Conflict` with Slack's reason and what to do, and for another chat."""
    if connected.account.kind is not ChatKind.SLACK:
        raise Conflict(
            "Test messages are sent to Slack only.", hint="Settings, Chat shows whether other chats work."
        )
    text = "This is a test from Firebell. Press the button: the answer shows who you are here."
    shown = reply_blocks.ephemeral(
        Reply(text, (ReplyButton("Test the way back", LinkAccount(), primary=True),))
    )
    message = {"channel": channel, "text": shown["text"], "blocks": shown["blocks"]}
    try:
        token = connected.secrets.bot_token
        await interactive_calls.call(ctx, token, "chat.postMessage", limit_s=CALL_LIMIT_S, **message)
    except interactive_calls.SlackError as error:
        hint = _HINTS.get(error.code, "Paste a new token if this one was revoked.")
        raise Conflict(
            f"Slack refused the message: {error.code}.", hint=hint, fields={"channel": hint}
        ) from error
