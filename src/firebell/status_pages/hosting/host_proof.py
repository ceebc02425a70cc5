"""Proves that the requests to a claimed host name reach this Firebell, by reading the claim's token from it."""

import httpx

from firebell.kit.errors import Conflict
from firebell.kit.http_out import send
from firebell.status_pages.hosting.model import HostClaim

HOSTS_TOPIC = "status-hosts"
"""The live topic of a change of the hosts of status pages."""
CHALLENGE_PATH = "/.well-known/firebell-challenge/"
"""Where a claimed host shows the token of its claim, followed by the slug of the page."""
_MAX_TOKEN_BYTES = 200


def challenge_url(claim: HostClaim, slug: str) -> str:
    """Return the address at which a host shows the token."""
    return f"http://{claim.host}{CHALLENGE_PATH}{slug}"


async def read_token(http: httpx.AsyncClient, claim: HostClaim, slug: str) -> str:
    """Return what the host shows as its token; raise `Conflict` if it does not answer."""
    url = challenge_url(claim, slug)
    try:
        answer = await send(http, "GET", url, max_bytes=_MAX_TOKEN_BYTES)
    except httpx.HTTPError as error:
        reason = str(error).rstrip(".") or type(error).__name__
        raise Conflict(f"{claim.host} can’t be reached: {reason}.", hint=f"Firebell reads {url}.") from error
    if not answer.ok:
        raise Conflict(f"{claim.host} answered {answer.status}.", hint=f"Firebell reads {url}.")
    return answer.text
