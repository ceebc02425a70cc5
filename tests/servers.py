"""The product as its users run it: a real process on a free port, on the test's own database."""

import asyncio
import os
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import httpx


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
        return port


@dataclass(slots=True)
class Server:
    """A running `firebell serve`."""

    url: str
    process: asyncio.subprocess.Process


async def answers(url: str, limit_s: float = 20) -> None:
    """Return when `url` answers with anything but an error of the server."""
    async with httpx.AsyncClient() as http:
        for _ in range(int(limit_s / 0.05)):
            try:
                if (await http.get(url)).status_code < 500:
                    return
            except httpx.TransportError:
                pass
            await asyncio.sleep(0.05)
    raise AssertionError(f"{url} does not answer")


@asynccontextmanager
async def serve(dsn: str, **env: str) -> AsyncIterator[Server]:
    """Run `firebell serve` on `dsn` and stop it the way an operator does."""
    port = free_port()
    variables = {
        **os.environ,
        "DATABASE_URL": dsn,
        "FIREBELL_PORT": str(port),
        "FIREBELL_LOG_LEVEL": "warning",
        "FIREBELL_ALLOWED_NETWORKS": "127.0.0.0/8",
        **env,
    }
    process = await asyncio.create_subprocess_exec(sys.executable, "-m", "firebell", "serve", env=variables)
    try:
        await answers(f"http://127.0.0.1:{port}/healthz")
        yield Server(f"http://127.0.0.1:{port}", process)
    finally:
        if process.returncode is None:
            process.terminate()
            await asyncio.wait_for(process.wait(), 20)
