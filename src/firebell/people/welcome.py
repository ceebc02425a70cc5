"""Sign-in links: how somebody chooses the first password, or a new one (pure but for the signature)."""

import hashlib
from datetime import datetime, timedelta

from firebell.kit.errors import Invalid
from firebell.kit.signing import Signer

LIFETIME = timedelta(days=3)


def _stamp(password_hash: str | None) -> str:
    return hashlib.sha256((password_hash or "").encode()).hexdigest()[:16]


def link(signer: Signer, person_id: int, password_hash: str | None, now: datetime) -> str:
    """Return the path of a link that works until a password is chosen with it, at most three days."""
    value = {"person": person_id, "stamp": _stamp(password_hash)}
    return f"/welcome/{signer.sign('welcome', value, now + LIFETIME)}"


def person_of(signer: Signer, token: str, now: datetime) -> int:
    """Return whose link this is; raise `Invalid` when it is forged or too old."""
    person = signer.open("welcome", token, now)["person"]
    assert isinstance(person, int)
    return person


def check(signer: Signer, token: str, password_hash: str | None, now: datetime) -> None:
    """Raise `Invalid` when a password was chosen since the link was made."""
    if signer.open("welcome", token, now)["stamp"] != _stamp(password_hash):
        raise Invalid("This link was used already.", hint="Sign in, or ask an admin for a new link.")
