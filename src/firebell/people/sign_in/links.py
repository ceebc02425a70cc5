"""Sign-in links, with which a person chooses a first or a new password (pure but for the signature)."""

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from firebell.kit.errors import Invalid
from firebell.kit.signing import Signer

LIFETIME = timedelta(days=3)
_LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class SignInLink:
    """The content of a sign-in link; `stamp` is a digest of the password hash that it replaces."""

    person_id: int
    stamp: str
    made_at: datetime


def _stamp(password_hash: str | None) -> str:
    return hashlib.sha256((password_hash or "").encode()).hexdigest()[:16]


def link(signer: Signer, person_id: int, password_hash: str | None, now: datetime) -> str:
    """Return the path of a link that works until a password is chosen with it, at most three days."""
    value = {"person": person_id, "stamp": _stamp(password_hash), "at": now.isoformat()}
    return f"/welcome/{signer.sign('welcome', value, now + LIFETIME)}"


def read(signer: Signer, token: str, now: datetime) -> SignInLink:
    """Return the content of a link; raise `Invalid` when it is forged or expired."""
    value = signer.open("welcome", token, now)
    # links of earlier versions have no creation time
    made_at = datetime.fromisoformat(value["at"]) if "at" in value else _LONG_AGO
    return SignInLink(int(value["person"]), str(value["stamp"]), made_at)


def check(opened: SignInLink, password_hash: str | None) -> None:
    """Raise `Invalid` when a password was set after the link was created."""
    if opened.stamp != _stamp(password_hash):
        raise Invalid("This link has already been used.", hint="Sign in, or ask an admin for a new link.")
