"""W1 to W3: accepting alerts, each durable before its 2xx."""

import asyncio

from bench import process_stats
from bench.baseline import bare
from bench.load_runner import HERE, load
from bench.product import Product, product
from bench.result import Result, check, number
from bench.upsert_baseline import upserts_per_s
from firebell.alerts.rules import STORM_GROUPS

COUNT_EVENTS = "select count(*) from event"
_ANSWERED = "2xx/s, p50/p99 ms"


async def distinct(factor: float) -> Result:
    """W1: every request is a new alert in a group of its own: one page each, then one page for the storm."""
    return await _ingest(
        "W1", f"32 connections, every alert in a new group: {STORM_GROUPS:,} pages and a storm", 12 * factor
    )


async def hundred_groups(factor: float) -> Result:
    """W1b: every request is a new alert in one of 100 groups, so there are 100 pages."""
    return await _ingest("W1b", "32 connections, every alert new, in one of 100 groups", 12 * factor)


async def one_key(factor: float) -> Result:
    """W2: every request repeats the same alert."""
    return await _ingest("W2", "32 connections, the same alert every time", 10 * factor)


async def _ingest(workload: str, what: str, seconds: float) -> Result:
    keys = "one" if workload == "W2" else "distinct"
    body = HERE / ("alert_grouped.json" if workload == "W1b" else "alert.json")
    async with product() as it:
        await it.start()
        upserts = await upserts_per_s(it.dsn, min(4, seconds), one_key=workload == "W2")
        async with bare(it) as other:
            least = await load(
                f"{other}/accept", it.folder / "bare.tsv", conns=32, duration=min(4, seconds), body=body
            )
        cpu = process_stats.cpu_s(it.pid)
        result = await load(
            it.inbound, it.folder / "load.tsv", conns=32, duration=seconds, keys=keys, body=body
        )
        cpu = (process_stats.cpu_s(it.pid) - cpu) * 1000 / result.ok
        wrong = check(
            rows_at_the_end=(await it.value(COUNT_EVENTS), result.ok),
            refused=(result.n - result.ok, 0),
            **await _structure(it, workload, result.ok),
        )
        sent = len(it.sink.messages())
        await asyncio.sleep(10 * min(1, seconds / 10))
        wrong += check(rows_ten_seconds_later=(await it.value(COUNT_EVENTS), result.ok))
    bars: tuple[tuple[str, bool], ...] = ()
    if workload != "W2":
        bars = ((">= 2,500/s", result.ok_per_s >= 2500), ("stretch >= 6,000/s", result.ok_per_s >= 6000))
    return Result(
        workload,
        what,
        f"{number(result.ok_per_s)} {_ANSWERED} {number(result.p50_ms)}/{number(result.p99_ms)};"
        f" {cpu:.2f} ms of CPU time each, including the database; {sent:,} messages sent meanwhile",
        f"64 single-row upserts {number(upserts)}/s: ratio {number(result.ok_per_s / upserts)};"
        f" bare 202 {number(least.ok_per_s)}/s: ratio {number(result.ok_per_s / least.ok_per_s)}",
        bars,
        wrong,
    )


async def _structure(it: Product, workload: str, accepted: int) -> dict[str, tuple[float, float]]:
    alerts = 1 if workload == "W2" else accepted
    pages = {"W1": min(accepted, STORM_GROUPS + 1), "W1b": 100, "W2": 1}[workload]
    return {
        "alerts": (await it.value("select count(*) from alert"), alerts),
        "events_counted": (await it.value("select sum(count) from alert"), accepted),
        "pages": (await it.value("select count(*) from page"), pages),
    }


async def durability(factor: float) -> Result:
    """W3: 100 accepted alerts, then kill -9 of every process at once, including the database."""
    async with product() as it:
        await it.start()
        result = await load(it.inbound, it.folder / "load.tsv", conns=16, count=100)
        killed = await it.kill()
        restart_s = await it.start()
        bodies = await it.texts("select convert_from(body, 'UTF8') from event")
        missing = [name for name in result.accepted if not any(name in body for body in bodies)]
        all_sent = await it.sink.settled(result.ok, 90)
        wrong = check(
            accepted=(result.ok, 100),
            accepted_and_lost=(len(missing), 0),
            pages=(await it.value("select count(*) from page"), 100),
            alerts_without_a_message=(0 if all_sent else result.ok - len(it.sink.first()), 0),
        )
    return Result(
        "W3",
        f"100 alerts over 16 connections, then kill -9 of all {killed} processes",
        f"{100 - len(missing)} of 100 kept, ready again after {restart_s:.2f} s, all messages sent",
        "-",
        (("nothing lost", not wrong),),
        wrong,
    )
