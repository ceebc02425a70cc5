"""The signed link that ends a digest: opening it shows a form, posting the form ends it (RFC 8058)."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from firebell.kit.context import Context
from firebell.kit.errors import Invalid

LIFETIME = timedelta(days=730)
"""Mails are read, and reported as spam, long after they were sent."""
PATH = "/u/digest/"
_PURPOSE = "digest.unsubscribe"


@dataclass(frozen=True, slots=True)
class UnsubscribeLink:
    """The content of a link: the person and the team whose digest it ends; without a team, the organization's."""

    person_id: int
    team_id: int | None


def url(ctx: Context, person_id: int, team_id: int | None, now: datetime) -> str:
    """Return the address that ends a digest without signing in."""
    value = {"p": person_id, "t": team_id or 0}
    return f"{ctx.public_url}{PATH}{ctx.signer.sign(_PURPOSE, value, now + LIFETIME)}"


def read(ctx: Context, token: str, now: datetime) -> UnsubscribeLink:
    """Return the link of a token; raise `Invalid` if it is forged or expired."""
    try:
        value = ctx.signer.open(_PURPOSE, token, now)
    except Invalid:
        raise Invalid(
            "This link doesn’t work.", hint="Sign in and change your digests in Settings."
        ) from None
    return UnsubscribeLink(value["p"], value["t"] or None)
