"""W1 to W3: alerts in, each durable before its 2xx."""

import asyncio

from bench import processes
from bench.bare_process import bare
from bench.client import HERE, load
from bench.product import Product, product
from bench.result import Result, check, number
from bench.upserts import upserts_per_s
from firebell.alerts.rules import STORM_GROUPS

KEPT = "select count(*) from event"
_ANSWERED = "2xx/s, p50/p99 ms"


async def distinct(factor: float) -> Result:
    """W1: every request a new alert with a route of its own: pages each, then the storm's one page."""
    return await _ingest(
        "W1",
        f"32 connections, every alert unlike the others: {STORM_GROUPS:,} pages and a storm",
        12 * factor,
    )


async def hundred_groups(factor: float) -> Result:
    """W1b: every request a new alert, in one of a hundred groups: a hundred pages that grow."""
    return await _ingest("W1b", "32 connections, every alert new, in one of 100 groups", 12 * factor)


async def one_key(factor: float) -> Result:
    """W2: every request the same alert again."""
    return await _ingest("W2", "32 connections, one alert again and again", 10 * factor)


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
        cpu = processes.cpu_s(it.pid)
        seen = await load(
            it.inbound, it.folder / "load.tsv", conns=32, duration=seconds, keys=keys, body=body
        )
        cpu = (processes.cpu_s(it.pid) - cpu) * 1000 / seen.ok
        wrong = check(
            rows_at_the_end=(await it.value(KEPT), seen.ok),
            refused=(seen.n - seen.ok, 0),
            **await _structure(it, workload, seen.ok),
        )
        sent = len(it.sink.messages())
        await asyncio.sleep(10 * min(1, seconds / 10))
        wrong += check(rows_ten_seconds_later=(await it.value(KEPT), seen.ok))
    bars: tuple[tuple[str, bool], ...] = ()
    if workload != "W2":
        bars = ((">= 2,500/s", seen.ok_per_s >= 2500), ("stretch >= 6,000/s", seen.ok_per_s >= 6000))
    return Result(
        workload,
        what,
        f"{number(seen.ok_per_s)} {_ANSWERED} {number(seen.p50_ms)}/{number(seen.p99_ms)};"
        f" {cpu:.2f} ms of processor time each, database included; {sent:,} messages sent meanwhile",
        f"64 single-row upserts {number(upserts)}/s: ratio {number(seen.ok_per_s / upserts)};"
        f" bare 202 {number(least.ok_per_s)}/s: ratio {number(seen.ok_per_s / least.ok_per_s)}",
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
    """W3: 100 accepted alerts, then kill -9 of everything at once, database included."""
    async with product() as it:
        await it.start()
        seen = await load(it.inbound, it.folder / "load.tsv", conns=16, count=100)
        killed = await it.kill()
        again = await it.start()
        kept = await it.texts("select convert_from(body, 'UTF8') from event")
        missing = [name for name in seen.accepted if not any(name in body for body in kept)]
        told = await it.sink.settled(seen.ok, 90)
        wrong = check(
            accepted=(seen.ok, 100),
            accepted_and_lost=(len(missing), 0),
            pages=(await it.value("select count(*) from page"), 100),
            alerts_without_a_message=(0 if told else seen.ok - len(it.sink.first()), 0),
        )
    return Result(
        "W3",
        f"100 alerts over 16 connections, then kill -9 of all {killed} processes",
        f"{100 - len(missing)} of 100 kept, ready again after {again:.2f} s, everybody told",
        "-",
        (("nothing lost", not wrong),),
        wrong,
    )
