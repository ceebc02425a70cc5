"""Reads the body of a request of another program within a limit."""

from fastapi import Request
from starlette.requests import ClientDisconnect


async def read_body(request: Request, max_bytes: int) -> bytes | None:
    """Return the body, None if it is too large; empty if the client went away."""
    chunks: list[bytes] = []
    size = 0
    try:
        async for chunk in request.stream():
            size += len(chunk)
            if size > max_bytes:
                return None
            chunks.append(chunk)
    except ClientDisconnect:
        return b""
    return b"".join(chunks)
