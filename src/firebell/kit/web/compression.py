"""Compresses responses, except where their length could leak a secret to another website."""

import re

from starlette.datastructures import Headers
from starlette.middleware.gzip import GZipMiddleware
from starlette.types import ASGIApp, Receive, Scope, Send

MIN_COMPRESSED_BYTES = 1024
"""Minimum size in bytes: a shorter response fits into one packet uncompressed."""
_LEVEL = 4
_REFUSED = re.compile(r"\bgzip\s*;\s*q=0(\.0*)?\s*(,|$)")


def accepts_gzip(headers: Headers) -> bool:
    """Return True if a client accepts gzip."""
    accepted = headers.get("accept-encoding", "").lower()
    return "gzip" in accepted and not _REFUSED.search(accepted)


def _may_compress(headers: Headers) -> bool:
    """Return True if the client accepts gzip and the request was not caused by another website."""
    return accepts_gzip(headers) and headers.get("sec-fetch-site", "none") in ("none", "same-origin")


class Compression:
    """Compresses responses with gzip, except event streams, short ones and cross-site requests."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = GZipMiddleware(app, MIN_COMPRESSED_BYTES, _LEVEL)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and not _may_compress(Headers(scope=scope)):
            plain = [(name, value) for name, value in scope["headers"] if name != b"accept-encoding"]
            scope = {**scope, "headers": plain}
        await self._app(scope, receive, send)
