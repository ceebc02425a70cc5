"""Proves a claimed host name by the claim's token: in a TXT record of the name, or shown by the host itself."""

import httpx

from firebell.kit.errors import Conflict
from firebell.kit.http_out import send
from firebell.kit.txt_records import TxtRecords
from firebell.status_pages.hosting.model import HostClaim

HOSTS_TOPIC = "status-hosts"
"""The live topic of a change of the hosts of status pages."""
CHALLENGE_PATH = "/.well-known/firebell-challenge/"
"""Where a claimed host shows the token of its claim, followed by the slug of the page."""
TXT_LABEL = "_firebell"
"""The label before a claimed host in the name of its TXT record."""
_MAX_TOKEN_BYTES = 200


def challenge_url(claim: HostClaim, slug: str) -> str:
    """Return the address at which a host shows the token."""
    return f"http://{claim.host}{CHALLENGE_PATH}{slug}"


def txt_name(claim: HostClaim) -> str:
    """Return the name of the TXT record that proves a claim when it holds the token."""
    return f"{TXT_LABEL}.{claim.host}"


async def read_proof(http: httpx.AsyncClient, txt_records: TxtRecords, claim: HostClaim, slug: str) -> str:
    """Return the token if a TXT record holds it, else what the host shows as its token.

    Raise `Conflict` if no TXT record holds it and the host does not answer.
    """
    try:
        texts = await txt_records.lookup(txt_name(claim))
    except OSError as error:
        unread = f"{txt_name(claim)} can’t be looked up: {error}."
    else:
        if any(text.strip() == claim.token for text in texts):
            return claim.token
        unread = f"{txt_name(claim)} has {'another text' if texts else 'no TXT record'}."
    url = challenge_url(claim, slug)
    hint = f"{unread} Set it to the token, or let {url} show the token."
    try:
        answer = await send(http, "GET", url, max_bytes=_MAX_TOKEN_BYTES)
    except httpx.HTTPError as error:
        reason = str(error).rstrip(".") or type(error).__name__
        raise Conflict(f"{claim.host} can’t be reached: {reason}.", hint=hint) from error
    if not answer.ok:
        raise Conflict(f"{claim.host} answered {answer.status}.", hint=hint)
    return answer.text
