"""Read a request of a provider and check who made it, at each address that takes some."""

import logging
from datetime import datetime

from starlette.requests import Request

from firebell.channels.callbacks import MAX_CALLBACK_BYTES, CallbackRequest, Callbacks, ProofStatus
from firebell.kit.errors import Forbidden, TooLarge, Unauthenticated
from firebell.kit.log import OncePerMinute
from firebell.kit.web.request_body import read_body

log = logging.getLogger(__name__)
_refusals = OncePerMinute(log, "requests of message providers are refused")


async def read_request(
    request: Request, provider: str, hook: str, public_url: str, now: datetime
) -> CallbackRequest:
    """Return what a provider posted; raise `TooLarge`."""
    body = await read_body(request, MAX_CALLBACK_BYTES)
    if body is None:
        raise TooLarge("The request is larger than 256 KiB.")
    # never from the Host header: a proxy may change it, and anyone can set it
    query = f"?{request.url.query}" if request.url.query else ""
    return CallbackRequest(
        provider=provider,
        hook=hook,
        url=f"{public_url}{request.url.path}{query}",
        query=dict(request.query_params),
        headers=dict(request.headers),
        body=body,
        at=now,
    )


def check_proof(callbacks: Callbacks, request: CallbackRequest, label: str, public_url: str) -> None:
    """Raise `Unauthenticated` or `Forbidden` unless the provider made the request."""
    match callbacks.proof(request):
        case ProofStatus.ABSENT:
            _refusals.add(f"{label}: there is no signature, or no secret to check it with")
            raise Unauthenticated("The request has no valid signature from the provider.")
        case ProofStatus.BAD:
            # a wrong public address is the usual cause
            _refusals.add(f"{label}: the signature is wrong for an address below {public_url}")
            raise Forbidden(
                "The signature of the provider is wrong.", hint=f"It doesn’t match {request.url}."
            )
        case ProofStatus.GOOD:
            return
