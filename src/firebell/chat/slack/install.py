"""Installs the Slack app by OAuth: the state is signed, for one person, and used once (spec 8.2)."""

import re
from datetime import datetime, timedelta
from urllib.parse import urlencode, urlsplit

from firebell.chat import store
from firebell.chat.accounts import actions as accounts
from firebell.chat.model import Account, AccountSecrets, ChatKind
from firebell.chat.slack import install_store, interactive_calls
from firebell.chat.slack.manifest import PATH
from firebell.chat.slack.scopes import OPTIONAL, SCOPES
from firebell.kit.context import Context
from firebell.kit.db.database import Tx
from firebell.kit.db.events import Actor
from firebell.kit.errors import Conflict, Gone, Invalid
from firebell.kit.signing import random_token
from firebell.people.action_permissions import permits
from firebell.people.permissions import Verb

LIFETIME = timedelta(minutes=10)
_PURPOSE = "chat-install"
_AUTHORIZE = "https://slack.com/oauth/v2/authorize"
_CLIENT_ID = re.compile(r"[0-9]{1,20}\.[0-9]{1,20}", re.ASCII)
_SECRET = re.compile(r"[0-9a-f]{16,64}", re.ASCII)
_COPY = "Copy it from Basic Information."


def redirect_url(ctx: Context) -> str:
    """Return the address to which Slack sends the admin back; the manifest has it."""
    return f"{ctx.public_url}{PATH}/installed"


@permits(Verb.CHAT_WRITE)
async def begin(
    tx: Tx,
    actor: Actor,
    ctx: Context,
    client_id: str,
    client_secret: str,
    signing_secret: str,
    now: datetime,
) -> str:
    """Return the address at which Slack asks the admin to install the app; raise `Invalid` at the wrong field."""
    secrets = {
        "client_id": client_id.strip(),
        "client_secret": client_secret.strip(),
        "signing_secret": signing_secret.strip(),
    }
    if urlsplit(ctx.public_url).scheme != "https":
        raise Invalid(
            "Slack sends people back only to an https address.",
            hint="Paste the tokens instead, or set FIREBELL_BASE_URL to an https address.",
        )
    if not _CLIENT_ID.fullmatch(secrets["client_id"]):
        raise Invalid("This is not a client ID.", fields={"client_id": _COPY})
    for name, label in (("client_secret", "client secret"), ("signing_secret", "signing secret")):
        if not _SECRET.fullmatch(secrets[name]):
            raise Invalid(f"This is not a {label}.", fields={name: _COPY})
    assert actor.person_id is not None
    nonce, expires_at = random_token(16), now + LIFETIME
    await install_store.insert(tx, nonce, actor.person_id, secrets, expires_at)
    query = {
        "client_id": secrets["client_id"],
        "scope": ",".join((*SCOPES, *OPTIONAL)),
        "redirect_uri": redirect_url(ctx),
        "state": ctx.signer.sign(_PURPOSE, {"n": nonce}, expires_at),
    }
    return f"{_AUTHORIZE}?{urlencode(query)}"


@permits(Verb.CHAT_WRITE)
async def take(tx: Tx, actor: Actor, ctx: Context, state: str, now: datetime) -> dict[str, str]:
    """Return the secrets of the installation that a state is for, once; raise `Invalid` or `Gone`."""
    nonce = str(ctx.signer.open(_PURPOSE, state, now)["n"])
    assert actor.person_id is not None
    secrets = await install_store.take(tx, nonce, actor.person_id, now)
    if secrets is None:
        raise Gone("This installation was already finished, or someone else began it.", hint="Begin again.")
    return secrets


async def bot_token(ctx: Context, secrets: dict[str, str], code: str) -> str:
    """Return the token of the workspace in which the app was installed; raise `Conflict` if Slack refuses the code."""
    try:
        answer = await interactive_calls.exchange_code(
            ctx, secrets["client_id"], secrets["client_secret"], code, redirect_url(ctx)
        )
    except interactive_calls.SlackError as error:
        raise Conflict(f"Slack refused the installation: {error.code}.", hint="Begin again.") from error
    return str(answer.get("access_token", ""))


@permits(Verb.CHAT_WRITE)
async def finish(
    tx: Tx,
    actor: Actor,
    connection: accounts.Connection,
    secrets: AccountSecrets,
    token_hint: str,
    tz: str,
    now: datetime,
) -> Account:
    """Connect the workspace; raise `Conflict` if another workspace of Slack is connected."""
    others = [
        each
        for each in await store.accounts(tx)
        if each.kind is ChatKind.SLACK and each.external_id != connection.external_id
    ]
    if others:
        raise Conflict(
            f"The app was installed in {connection.name}, but {others[0].name} is connected.",
            hint=f"Disconnect {others[0].name} first.",
        )
    return await accounts.connect(tx, actor, connection, secrets, token_hint, tz, now)
