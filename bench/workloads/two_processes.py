"""W12: two `firebell serve` processes on one database, which store the alerts of one service."""

import asyncio
from collections.abc import Sequence

from bench.load_runner import Load, load
from bench.product import Product, product
from bench.result import Result, check, number
from firebell.alerts.batches.dedup_and_grouping import STORM_GROUPS

CONNECTIONS = 32
OPENED = STORM_GROUPS + 100


async def one_service(factor: float) -> Result:
    """W12: W1 after its pages are open, over one process, then over two, each on a new database."""
    seconds = 8 * factor
    alone, wrong = await _ingest(1, seconds)
    together, more_wrong = await _ingest(2, seconds)
    one, two = (sum(each.ok_per_s for each in loads) for loads in (alone, together))
    return Result(
        "W12",
        f"{CONNECTIONS} connections over two processes, every alert in the storm of one service",
        f"{number(two)} 2xx/s together, p50/p99 ms"
        f" {number(max(r.p50_ms for r in together))}/{number(max(r.p99_ms for r in together))}",
        f"one process {number(one)}/s: ratio {number(two / one)}",
        ((">= 1.0 x one process", two >= one),),
        (*wrong, *more_wrong),
    )


async def _ingest(processes: int, seconds: float) -> tuple[Sequence[Load], tuple[str, ...]]:
    async with product() as it:
        await it.start()
        others = [await it.start_another() for _ in range(processes - 1)]
        # the pages of the first groups are opened before, so that their messages are no part of it
        before = await load(it.inbound, it.folder / "before.tsv", conns=CONNECTIONS, count=OPENED, run="b")
        await it.sink.settled(STORM_GROUPS, 60)
        loads = await asyncio.gather(
            *[
                load(
                    f"{url}/in/{it.integration_key}/alertmanager",
                    it.folder / f"load{number_}.tsv",
                    conns=CONNECTIONS // processes,
                    duration=seconds,
                    run=f"r{number_}",
                )
                for number_, url in enumerate((it.url, *others))
            ]
        )
        return loads, await _structure(it, (before, *loads))


async def _structure(it: Product, loads: Sequence[Load]) -> tuple[str, ...]:
    accepted = sum(each.ok for each in loads)
    return check(
        rows=(await it.value("select count(*) from event"), accepted),
        refused=(sum(each.n - each.ok for each in loads), 0),
        alerts=(await it.value("select count(*) from alert"), accepted),
        pages=(await it.value("select count(*) from page"), min(accepted, STORM_GROUPS + 1)),
        subjects=(
            await it.value("select count(distinct subject_id) from page"),
            min(accepted, STORM_GROUPS + 1),
        ),
        alerts_counted_by_groups=(await it.value("select sum(alerts) from alert_group"), accepted),
        deadlocks=(await it.value("select sum(deadlocks) from pg_stat_database"), 0),
    )
