"""Compression of responses, but not where another website could learn a secret from their length."""

import re

from starlette.datastructures import Headers
from starlette.middleware.gzip import GZipMiddleware
from starlette.types import ASGIApp, Receive, Scope, Send

MIN_COMPRESSED_BYTES = 1024
"""A shorter response fits into one packet as it is."""
_LEVEL = 4
_REFUSED = re.compile(r"\bgzip\s*;\s*q=0(\.0*)?\s*(,|$)")


def accepts_gzip(headers: Headers) -> bool:
    """Return True if a client takes gzip."""
    accepted = headers.get("accept-encoding", "").lower()
    return "gzip" in accepted and not _REFUSED.search(accepted)


def is_from_elsewhere(headers: Headers) -> bool:
    """Return True if a browser says that another website caused the request."""
    return headers.get("sec-fetch-site", "none") not in ("none", "same-origin")


class Compression:
    """Compresses responses with gzip, but event streams, short ones, and those that another website asked for."""

    def __init__(self, app: ASGIApp) -> None:
        self._plain = app
        self._compressed = GZipMiddleware(app, MIN_COMPRESSED_BYTES, _LEVEL)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = Headers(scope=scope) if scope["type"] == "http" else Headers()
        compressed = accepts_gzip(headers) and not is_from_elsewhere(headers)
        await (self._compressed if compressed else self._plain)(scope, receive, send)
