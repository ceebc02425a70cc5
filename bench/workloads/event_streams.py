"""W15: 2,000 event streams of 100 people are open while alerts arrive, each with a page of its own."""

import asyncio

from bench import process_stats
from bench.load_runner import Load, load
from bench.product import Product, product
from bench.result import Result, check, number
from bench.workloads.incident_viewers import Viewer, seed
from bench.workloads.latency import delays, pair

STREAMS, PEOPLE, ALERTS_PER_S = 2_000, 100, 10
_TOPICS = ["pages", "incidents"]
_LIMIT_MS = 100


async def streams(factor: float) -> Result:
    """W15: the same alerts without streams, then with all of them."""
    async with product() as it:
        await it.start()
        tokens = await seed(it, PEOPLE)
        alone, _, alone_cpu = await _alerts(it, "alone", 8 * factor)
        viewers = [Viewer(it.port, "", tokens[i % PEOPLE].partition(" ")[0]) for i in range(STREAMS)]
        readers = [asyncio.create_task(viewer.listen(_TOPICS)) for viewer in viewers]
        await asyncio.wait_for(asyncio.gather(*(viewer.ready.wait() for viewer in viewers)), 60)
        beside, own_pages, cpu = await _alerts(it, "beside", 15 * factor)
        await asyncio.sleep(2)
        unheard = sum(not viewer.heard for viewer in viewers)
        for reader in readers:
            reader.cancel()
        await asyncio.gather(*readers, return_exceptions=True)
    return Result(
        "W15",
        f"{STREAMS:,} event streams of {PEOPLE} people, {ALERTS_PER_S} alerts a second beside them",
        f"an alert p50/p99/max {number(beside.p50_ms)}/{number(beside.p99_ms)}/{number(beside.max_ms)} ms,"
        f" accepted -> webhook p50/p99 {own_pages} ms, {number(cpu * 100)}% of a core",
        f"without streams {number(alone.p50_ms)}/{number(alone.p99_ms)}/{number(alone.max_ms)} ms,"
        f" {number(alone_cpu * 100)}% of a core",
        ((f"alert p99 <= {_LIMIT_MS} ms", beside.p99_ms <= _LIMIT_MS),),
        check(
            refused=(beside.n - beside.ok + alone.n - alone.ok, 0), streams_that_heard_nothing=(unheard, 0)
        ),
    )


async def _alerts(it: Product, run: str, seconds: float) -> tuple[Load, str, float]:
    """Return the load, the time from each alert to its webhook, and the share of a core that was used."""
    before = process_stats.cpu_s(it.pid)
    result = await load(it.inbound, it.folder / f"{run}.tsv", rate=ALERTS_PER_S, duration=seconds, run=run)
    used = (process_stats.cpu_s(it.pid) - before) / seconds
    await asyncio.sleep(1)
    return result, pair(delays(result.accepted, it.sink)), used
