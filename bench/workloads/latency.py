"""W4 to W6: time from an accepted alert to its message."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

from bench.baseline import bare
from bench.load_runner import Sink, load, quantile
from bench.product import Product, product
from bench.result import Result, check, number


async def slow_trickle(factor: float) -> Result:
    """W4: two alerts a second."""
    return await trickle("W4", 2, 15 * factor, limit_ms=25)


async def steady(factor: float) -> Result:
    """W5: 50 alerts a second, each with a page of its own."""
    return await trickle("W5", 50, 10 * factor, limit_ms=40)


async def burst(factor: float) -> Result:
    """W5b: 500 alerts a second, too few in total for a storm."""
    return await trickle("W5b", 500, 1.8 * min(1, factor), limit_ms=500)


@asynccontextmanager
async def _alone(it: Product) -> AsyncIterator[None]:
    await it.start()
    yield


async def trickle(
    workload: str,
    rate: int,
    seconds: float,
    limit_ms: float,
    started: Callable[[Product], AbstractAsyncContextManager[None]] = _alone,
    meanwhile: str = "",
) -> Result:
    """Send alerts at a steady rate to a product that `started` starts, and measure until their messages."""
    async with product() as it, started(it):
        async with bare(it) as other:
            forwarded = await load(
                f"{other}/forward", it.folder / "bare.tsv", rate=rate, duration=min(seconds, 10), run="b"
            )
            await it.sink.settled(forwarded.ok, 10)
        least = delays(forwarded.sent, it.sink)
        result = await load(it.inbound, it.folder / "load.tsv", rate=rate, duration=seconds)
        await it.sink.settled(forwarded.ok + result.ok, 30)
        sent_after = delays(result.accepted, it.sink)
        whole = delays(result.sent, it.sink)
        wrong = check(
            refused=(result.n - result.ok, 0),
            accepted_and_never_sent=(result.ok - len(sent_after), 0),
            messages=(len(it.sink.messages()) - forwarded.ok, result.ok),
            pages=(await it.value("select count(*) from page"), result.ok),
        )
    p99 = quantile(sent_after, 0.99)
    bar = f"p99 <= {limit_ms:,.0f} ms"
    return Result(
        workload,
        f"{rate} alerts a second{meanwhile}: accepted -> webhook",
        f"p50/p99 {pair(sent_after)} ms, slowest {number(max(sent_after))} ms",
        f"sent -> webhook p50/p99: Firebell {pair(whole)} ms; bare insert, 202 and forward {pair(least)} ms:"
        f" p50 ratio {number(quantile(whole, 0.5) / quantile(least, 0.5))}",
        ((bar, p99 <= limit_ms), ("nothing dropped", not wrong)),
        wrong,
    )


def pair(values_ms: list[float]) -> str:
    """Return the median and the 99th percentile as text."""
    return f"{number(quantile(values_ms, 0.5))}/{number(quantile(values_ms, 0.99))}"


def delays(since: dict[str, float], sink: Sink) -> list[float]:
    """Return the milliseconds from each instant in `since` to the first message about it, at least 0."""
    first = sink.first()
    return [max(0.0, (first[n] - at) * 1000) for n, at in since.items() if n in first] or [float("inf")]


async def storm(factor: float) -> Result:
    """W6: 10,000 alerts in 100 groups, as fast as they are accepted."""
    count = int(10_000 * min(1, factor))
    async with product() as it:
        await it.start()
        result = await load(it.inbound, it.folder / "load.tsv", conns=64, count=count, keys=100)
        await it.sink.settled(100, 60)
        while await it.value(
            "select count(*) from delivery where state not in ('accepted', 'failed', 'void')"
        ):
            if time.monotonic() - result.began > 120:
                break
            await asyncio.sleep(0.1)
        last = max(max(at for at, _ in it.sink.messages()), *result.accepted.values())
        messages = len(it.sink.messages())
        wrong = check(
            accepted=(result.ok, count),
            rows=(await it.value("select count(*) from event"), count),
            events_counted=(await it.value("select sum(events) from alert_group"), count),
            pages=(await it.value("select count(*) from page"), 100),
            messages=(messages, 100),
            timers_late=(await it.value("select count(*) from due where due_at < now() - interval '1 s'"), 0),
        )
    total = last - result.began
    return Result(
        "W6",
        f"{count:,} alerts in 100 groups, 64 connections",
        f"accepted in {result.wall_s:.1f} s ({number(result.ok_per_s)}/s), all processed after {total:.1f} s,"
        f" {messages} messages",
        "-",
        (("all processed <= 30 s with 100 pages", total <= 30 and not wrong),),
        wrong,
    )
