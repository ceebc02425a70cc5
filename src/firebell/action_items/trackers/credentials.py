"""What a person enters so that Firebell can sign in to a tracker, and what it gets with it (pure; spec 11.10)."""

import re
from dataclasses import dataclass, field
from datetime import datetime

import msgspec

from firebell.action_items.trackers.github_app import check_private_key
from firebell.action_items.trackers.model import AuthMethod
from firebell.action_items.trackers.vendor import TrackerVendor
from firebell.kit.errors import Invalid

TOKEN_MAX_CHARS = 1000
CLIENT_ID_MAX_CHARS = 200
PRIVATE_KEY_MAX_CHARS = 10_000
HINT_CHARS = 4
AUTH_NAMES = {
    AuthMethod.TOKEN: "Token",
    AuthMethod.APP: "GitHub App",
    AuthMethod.OAUTH: "OAuth",
}
_CLIENT_ID = re.compile(rf"[A-Za-z0-9._-]{{1,{CLIENT_ID_MAX_CHARS}}}")


@dataclass(frozen=True, slots=True)
class EnteredCredentials:
    """Credentials as a person entered them: a token, an app with its private key, or one with its client secret."""

    auth: AuthMethod = AuthMethod.TOKEN
    token: str = field(default="", repr=False)
    client_id: str = ""
    private_key: str = field(default="", repr=False)
    client_secret: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class CheckedCredentials:
    """Credentials as they are stored; `hint` is how a token ends."""

    auth: AuthMethod
    client_id: str
    secret: str = field(repr=False)
    hint: str = ""


class OAuthSecrets(msgspec.Struct, frozen=True):
    """The secrets of an OAuth app; without a refresh token, no one has authorized it yet."""

    client_secret: str
    refresh_token: str = ""

    def __repr__(self) -> str:
        return "OAuthSecrets()"

    def as_text(self) -> str:
        """Return the text that is sealed."""
        return msgspec.json.encode(self).decode()


@dataclass(frozen=True, slots=True)
class AccessToken:
    """A token that ends; `new_secret` replaces the stored credentials, empty if they stay."""

    token: str = field(repr=False)
    until: datetime
    new_secret: str = field(default="", repr=False)


def _invalid(name: str, text: str) -> Invalid:
    return Invalid(text, fields={name: text})


def secrets_of(text: str) -> OAuthSecrets:
    """Return the secrets that were sealed."""
    return msgspec.json.decode(text, type=OAuthSecrets)


def checked(vendor: TrackerVendor, entered: EnteredCredentials) -> CheckedCredentials:
    """Return the credentials to store; raise `Invalid` at the field that is wrong."""
    if entered.auth not in vendor.auth_methods:
        names = " or ".join(AUTH_NAMES[method] for method in vendor.auth_methods)
        raise _invalid("auth", f"{vendor.title} can be called with: {names}.")
    if entered.auth is AuthMethod.TOKEN:
        token = _secret("token", "token", entered.token)
        hint = token[-HINT_CHARS:] if len(token) > 2 * HINT_CHARS else ""
        return CheckedCredentials(entered.auth, "", token, hint)
    client_id = entered.client_id.strip()
    if not _CLIENT_ID.fullmatch(client_id):
        raise _invalid("client_id", "Paste the client ID of the app.")
    if entered.auth is AuthMethod.APP:
        key = entered.private_key.strip()
        if len(key) > PRIVATE_KEY_MAX_CHARS:
            raise _invalid("private_key", "Paste one private key.")
        check_private_key(key)
        return CheckedCredentials(entered.auth, client_id, key)
    secret = _secret("client_secret", "client secret", entered.client_secret)
    return CheckedCredentials(entered.auth, client_id, OAuthSecrets(secret).as_text())


def _secret(name: str, label: str, value: str) -> str:
    secret = value.strip()
    if not secret or len(secret) > TOKEN_MAX_CHARS or not secret.isascii() or not secret.isprintable():
        raise _invalid(name, f"Paste the {label}.")
    if " " in secret:
        raise _invalid(name, f"Paste the {label} without spaces.")
    return secret
