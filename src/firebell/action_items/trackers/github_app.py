"""Signs in as a GitHub App: a JWT signed with its key gets the token of its installation, which lasts an hour.

The rules are those of docs.github.com, "Generating a JSON Web Token (JWT) for a GitHub App" and "Generating an
installation access token for a GitHub App" (spec 11.10).
"""

from datetime import datetime, timedelta
from typing import Any

import jwt
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from firebell.action_items.trackers.vendor import Answer, Call, CallFailed, Calls, Outcome
from firebell.kit.errors import Invalid
from firebell.kit.json_documents import part, text_of

CLOCK_DRIFT = timedelta(seconds=60)
"""How far before now a JWT is issued, because clocks differ."""
JWT_LASTS = timedelta(minutes=9)
"""GitHub accepts at most ten minutes."""
KEY_MIN_BITS = 2048


def check_private_key(pem: str) -> None:
    """Raise `Invalid` unless this is the PEM of an RSA key without a passphrase."""
    text = "Paste the whole private key, from BEGIN to END."
    try:
        key = load_pem_private_key(pem.encode(), password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        if isinstance(error, TypeError):
            text = "The key has a passphrase. Paste the key as GitHub generated it."
        raise Invalid(text, fields={"private_key": text}) from error
    if not isinstance(key, rsa.RSAPrivateKey) or key.key_size < KEY_MIN_BITS:
        text = f"Paste an RSA key of at least {KEY_MIN_BITS} bits, as GitHub generates it."
        raise Invalid(text, fields={"private_key": text})


def app_jwt(client_id: str, pem: str, now: datetime) -> str:
    """Return the JWT that proves which app calls, signed with RS256."""
    claims = {
        "iat": int((now - CLOCK_DRIFT).timestamp()),
        "exp": int((now + JWT_LASTS).timestamp()),
        "iss": client_id,
    }
    key = load_pem_private_key(pem.encode(), password=None, unsafe_skip_rsa_key_validation=True)
    assert isinstance(key, rsa.RSAPrivateKey)
    return jwt.encode(claims, key, algorithm="RS256")


async def installation_token(calls: Calls, repository: str) -> tuple[str, datetime]:
    """Return the token of the app's installation for one repository, and when it ends.

    `calls` authenticates as the app. That the app is not installed, or is suspended, can change there at any time, so
    it is tried again.
    """
    try:
        installation = await calls(Call("GET", f"/repos/{repository}/installation"))
    except CallFailed as failure:
        if failure.answer.outcome is not Outcome.NOT_FOUND:
            raise
        raise _not_yet(f"The app is not installed in {repository}.") from failure
    if part(installation, "suspended_at") is not None:
        raise _not_yet("The installation of the app is suspended.")
    path = f"/app/installations/{part(installation, 'id')}/access_tokens"
    name = repository.rpartition("/")[2]
    granted = await calls(Call("POST", path, {"repositories": [name]}))
    return text_of(granted, "token"), _instant(granted)


def _not_yet(reason: str) -> CallFailed:
    return CallFailed(Answer(Outcome.RETRY, reason=reason))


def _instant(granted: Any) -> datetime:
    try:
        until = datetime.fromisoformat(text_of(granted, "expires_at"))
    except ValueError as error:
        raise _not_yet("GitHub gave a token without its end.") from error
    if until.tzinfo is None or not text_of(granted, "token"):
        raise _not_yet("GitHub gave no token.")
    return until
