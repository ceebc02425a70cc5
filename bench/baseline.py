"""Runs the bare server next to Firebell, on the same PostgreSQL."""

import asyncio
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from bench import process_stats
from bench.load_runner import free_port
from bench.product import Product


@asynccontextmanager
async def bare(it: Product) -> AsyncIterator[str]:
    """Yield the address of a bare server."""
    async with timed_bare(it) as (url, _, _):
        yield url


@asynccontextmanager
async def timed_bare(it: Product) -> AsyncIterator[tuple[str, float, int]]:
    """Yield the address of a bare server, the seconds until it was ready, and its process id."""
    port, began = free_port(), time.monotonic()
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "bench.baseline_server", str(port), it.dsn, it.sink.url)
    )
    try:
        url = f"http://127.0.0.1:{port}"
        yield url, await asyncio.to_thread(process_stats.ready_s, f"{url}/bytes/1", began), process.pid
    finally:
        process.terminate()
        await process.wait()
