"""W9: startup time, idle memory, and what an idle server asks of its database."""

import asyncio
import statistics

from bench import process_stats
from bench.baseline import timed_bare
from bench.product import product
from bench.result import Result, number

STARTS = 5
IDLE_S, WATCHED_S = 10, 60
_TRANSACTIONS = """
select xact_commit + xact_rollback
from pg_stat_database
where datname = current_database()
"""


async def start(factor: float) -> Result:
    """W9: five starts on an existing database, then memory, CPU time and transactions of an idle server."""
    async with product() as it:
        starts = []
        for _ in range(STARTS):
            starts.append(await it.start())
            await it.stop()
        await it.start()
        await asyncio.sleep(IDLE_S * factor)
        memory, cpu = process_stats.pss_mb(it.pid), process_stats.cpu_s(it.pid)
        count, python = len(process_stats.tree(it.pid)), process_stats.pss_mb(it.pid, alone=True)
        transactions = await it.value(_TRANSACTIONS)
        await asyncio.sleep(WATCHED_S * factor)
        busy = (process_stats.cpu_s(it.pid) - cpu) / (WATCHED_S * factor)
        transactions = await it.value(_TRANSACTIONS) - transactions
        async with timed_bare(it) as (_, least, pid):
            least_memory = process_stats.pss_mb(pid)
    ready, pages = (statistics.median(seconds) for seconds in zip(*starts, strict=True))
    per_s = transactions / (WATCHED_S * factor)
    return Result(
        "W9",
        f"startup on an existing database (median of {STARTS}), idle memory of all {count} processes",
        f"alerts after {ready:.2f} s, pages after {pages:.2f} s; {memory:.0f} MB PSS, of it Python {python:.0f};"
        f" {busy * 100:.1f}% of a core, {per_s:.1f} transactions/s",
        f"bare Starlette + asyncpg, no database of its own: {least:.2f} s, {least_memory:.0f} MB:"
        f" ratios {number(ready / least)} and {number(memory / least_memory)}",
        (
            ("ready <= 2 s", ready <= 2),
            ("idle <= 200 MB", memory <= 200),
            ("idle <= 2 transactions/s", per_s <= 2),
        ),
    )
