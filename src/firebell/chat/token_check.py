"""Asks a chat who we are there, before its tokens are stored; no transaction is open meanwhile."""

import re
from urllib.parse import urlsplit

from firebell.chat.accounts.actions import Connection, check_webhook
from firebell.chat.adapter_base.adapter import CallFailed, Trouble
from firebell.chat.microsoft_teams.activities import secret_bytes
from firebell.chat.model import CHAT_LABELS, AccountSecrets, ChatKind
from firebell.chat.slack import interactive_calls
from firebell.chat.slack.scopes import NEEDED
from firebell.kit.context import Context
from firebell.kit.errors import Conflict, Invalid
from firebell.kit.http_out import check_url
from firebell.kit.signing import token_hash
from firebell.kit.text import masked

_SIGNING_SECRET = re.compile(r"[0-9a-f]{16,64}")
_COMMAND_TOKEN = re.compile(r"[a-z0-9]{26}")
_NOT_REACHED = "{name} could not be reached."


async def slack(
    ctx: Context, bot_token: str, signing_secret: str, app_token: str
) -> tuple[Connection, AccountSecrets]:
    """Return the workspace of a bot token; raise `Invalid` at the field of a wrong token, `Conflict` without an answer.

    HTTP needs the signing secret, Socket Mode an app-level token.
    """
    from firebell.chat.slack.client import probe

    bot_token, signing_secret, app_token = (text.strip() for text in (bot_token, signing_secret, app_token))
    if not bot_token.startswith("xoxb-"):
        raise Invalid(
            "This is not a bot token.",
            fields={"bot_token": "Copy the Bot User OAuth Token, which begins with xoxb-."},
        )
    if bot_token.startswith("xoxe"):
        raise Invalid("Token rotation is not supported.", fields={"bot_token": "Turn off token rotation."})
    if app_token and not app_token.startswith("xapp-"):
        raise Invalid(
            "This is not an app-level token.",
            fields={"app_token": "It begins with xapp-, or leave it blank."},
        )
    if signing_secret and not _SIGNING_SECRET.fullmatch(signing_secret):
        raise Invalid(
            "This is not a signing secret.",
            fields={"signing_secret": "Copy the Signing Secret from Basic Information."},
        )
    if not signing_secret and not app_token:
        raise Invalid(
            "Enter a signing secret or an app-level token.",
            fields={"signing_secret": "Copy the Signing Secret from Basic Information."},
        )
    try:
        answer, scopes, _ = await probe(
            bot_token, ctx.channel_settings.get(interactive_calls.SLACK_API_URL, "")
        )
    except CallFailed as failure:
        if failure.trouble is Trouble.ACCOUNT:
            raise Invalid(
                f"Slack refused the token: {failure.code}.",
                fields={"bot_token": "Install the app again and copy its new token."},
            ) from failure
        raise Conflict(
            _NOT_REACHED.format(name="Slack"), hint="Check the network, then try again."
        ) from failure
    if answer.get("is_enterprise_install"):
        raise Invalid(
            "Installations for a whole Enterprise Grid are not supported.",
            fields={"bot_token": "Install the app in one workspace."},
        )
    if lacking := [scope for scope in NEEDED if scope not in scopes]:
        raise Invalid(
            f"The app lacks the scope {lacking[0]}.",
            fields={"bot_token": "Create the app from the manifest, then install it again."},
        )
    if app_token:
        await _check_app_token(ctx, app_token)
    connection = Connection(
        kind=ChatKind.SLACK,
        external_id=str(answer["team_id"]),
        name=str(answer.get("team") or answer["team_id"])[:100],
        mode="socket" if app_token else "http",
        bot_user=str(answer.get("user_id", "")),
        bot_id=str(answer.get("bot_id", "")),
        scopes=scopes,
    )
    secrets = (signing_secret,) if signing_secret else ()
    return connection, AccountSecrets(bot_token=bot_token, signing_secrets=secrets, app_token=app_token)


async def _check_app_token(ctx: Context, app_token: str) -> None:
    """Ask Slack for the address of a socket, which only an app-level token with `connections:write` gets."""
    try:
        await interactive_calls.call(ctx, app_token, "apps.connections.open")
    except interactive_calls.SlackError as error:
        if error.code in ("unreachable", "ratelimited"):
            raise Conflict(
                _NOT_REACHED.format(name="Slack"), hint="Check the network, then try again."
            ) from error
        raise Invalid(
            f"Slack refused the app-level token: {error.code}.",
            fields={"app_token": "Create one in Basic Information with the scope connections:write."},
        ) from error


async def mattermost(
    ctx: Context, address: str, bot_token: str, team: str, command_tokens: str = ""
) -> tuple[Connection, AccountSecrets]:
    """Return the team of a Mattermost bot; raise `Invalid` at the field that is wrong, `Conflict` without an answer.

    `command_tokens` are those of commands that an admin created; without them, the bot creates the commands.
    """
    from firebell.chat.mattermost.client import probe
    from firebell.chat.mattermost.slash_command_setup import ensure

    server = check_url(address).rstrip("/")
    team = team.strip().lower()
    if not team:
        raise Invalid("Enter the team.", fields={"team": "Enter its name as it is in addresses."})
    token, pasted = bot_token.strip(), tuple(re.split(r"[\s,]+", command_tokens.strip()))
    if any(each and not _COMMAND_TOKEN.fullmatch(each) for each in pasted):
        raise Invalid(
            "This is not the token of a command.",
            fields={"command_tokens": "Copy the tokens of both commands, 26 letters and digits each."},
        )
    try:
        bot_user, team_id, name = await probe(ctx.http, server, token, team)
        commands = tuple(each for each in pasted if each) or await ensure(
            ctx.http, f"{server}/api/v4", token, team_id, bot_user, ctx.public_url
        )
    except CallFailed as failure:
        if failure.trouble is Trouble.ACCOUNT:
            raise Invalid(
                "Mattermost refused the token.", fields={"bot_token": "Copy the access token of the bot."}
            ) from failure
        if failure.trouble is Trouble.REFUSED:
            raise Invalid(
                f"There is no team {team!r}, or the bot is not in it.",
                fields={"team": "Add the bot to the team first."},
            ) from failure
        raise Conflict(
            _NOT_REACHED.format(name="Mattermost"),
            hint="A private address needs FIREBELL_ALLOWED_NETWORKS.",
        ) from failure
    host = urlsplit(server).netloc
    connection = Connection(
        kind=ChatKind.MATTERMOST,
        external_id=f"{host}/{team_id}",
        name=f"{name} ({host})"[:100],
        mode="http",
        bot_user=bot_user,
        bot_id=team,
        address=server,
        scopes=("commands",) if commands else (),
    )
    return connection, AccountSecrets(bot_token=token, signing_secrets=commands)


def webhook(
    kind: ChatKind, name: str, address: str, security_token: str = ""
) -> tuple[Connection, AccountSecrets]:
    """Return the one channel of a webhook; raise `Invalid` if the address is not of this chat.

    `security_token` is that of an Outgoing Webhook of Teams, by which people write to Firebell.
    """
    checked, token = check_webhook(kind, address), security_token.strip()
    if token and (kind is not ChatKind.TEAMS or secret_bytes(token) is None):
        raise Invalid(
            "This is not the security token of an Outgoing Webhook.",
            fields={"security_token": "Teams shows it once, when you create the webhook."},
        )
    name = name.strip().lstrip("#") or CHAT_LABELS[kind]
    channel = token_hash(checked).hex()[:16]
    connection = Connection(
        kind=kind,
        external_id=channel,
        name=name,
        mode="webhook",
        scopes=("commands",) if token else (),
    )
    secrets = AccountSecrets(webhooks={channel: checked}, signing_secrets=(token,) if token else ())
    return connection, secrets


def hint(secrets: AccountSecrets) -> str:
    """Return the end of the token, the only part that is shown."""
    return masked(secrets.bot_token) if secrets.bot_token else ""
