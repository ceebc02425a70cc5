"""A baseline: single-row upserts per second of the same PostgreSQL, one commit each, similar to `pgbench`."""

import asyncio
import time

import asyncpg

CLIENTS = 64
_UPSERT = """
insert into bench_upsert (key, count, body)
values ($1, 1, $2)
on conflict (key) do update
set count = bench_upsert.count + 1, body = excluded.body
"""


async def upserts_per_s(dsn: str, seconds: float, *, one_key: bool = False, clients: int = CLIENTS) -> float:
    """Return how many upserts per second `clients` connections commit, each one at a time."""
    body = b"x" * 1000
    pool = [await asyncpg.connect(dsn) for _ in range(clients)]
    done = 0
    try:
        await pool[0].execute("drop table if exists bench_upsert")
        await pool[0].execute("create table bench_upsert (key text primary key, count bigint, body bytea)")
        end = time.monotonic() + seconds

        async def work(number: int, conn: asyncpg.Connection) -> None:
            nonlocal done
            while time.monotonic() < end:
                await conn.execute(_UPSERT, "one" if one_key else f"{number}-{done}", body)
                done += 1

        started = time.monotonic()
        await asyncio.gather(*[work(i, conn) for i, conn in enumerate(pool)])
        return done / (time.monotonic() - started)
    finally:
        await asyncio.gather(*[conn.close() for conn in pool])
