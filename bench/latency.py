"""W4 to W6: from an accepted alert to the message about it."""

import asyncio
import time

from bench.bare_process import bare
from bench.client import Sink, load, quantile
from bench.product import product
from bench.result import Result, check, number


async def slow_trickle(factor: float) -> Result:
    """W4: two alerts a second."""
    return await _trickle("W4", 2, 15 * factor, limit_ms=100)


async def steady(factor: float) -> Result:
    """W5: fifty alerts a second, each a page of its own."""
    return await _trickle("W5", 50, 10 * factor, limit_ms=1000)


async def _trickle(workload: str, rate: int, seconds: float, limit_ms: float) -> Result:
    async with product() as it:
        await it.start()
        async with bare(it) as other:
            forwarded = await load(
                f"{other}/forward", it.folder / "bare.tsv", rate=rate, duration=min(seconds, 10), run="b"
            )
            await it.sink.settled(forwarded.ok, 10)
        least = delays(forwarded.sent, it.sink)
        seen = await load(it.inbound, it.folder / "load.tsv", rate=rate, duration=seconds)
        await it.sink.settled(forwarded.ok + seen.ok, 30)
        told = delays(seen.accepted, it.sink)
        whole = delays(seen.sent, it.sink)
        wrong = check(
            refused=(seen.n - seen.ok, 0),
            accepted_and_never_sent=(seen.ok - len(told), 0),
            messages=(len(it.sink.messages()) - forwarded.ok, seen.ok),
            pages=(await it.value("select count(*) from page"), seen.ok),
        )
    p99 = quantile(told, 0.99)
    bar = f"p99 <= {limit_ms:,.0f} ms"
    return Result(
        workload,
        f"{rate} alerts a second: accepted -> webhook",
        f"p50/p99 {pair(told)} ms, slowest {number(max(told))} ms",
        f"sent -> webhook p50/p99: Firebell {pair(whole)} ms; insert, 202 and post it on {pair(least)} ms:"
        f" ratio of the p50 {number(quantile(whole, 0.5) / quantile(least, 0.5))}",
        ((bar, p99 <= limit_ms), ("nothing dropped", not wrong)),
        wrong,
    )


def pair(found: list[float]) -> str:
    """Return the median and the 99th percentile of some milliseconds in words."""
    return f"{number(quantile(found, 0.5))}/{number(quantile(found, 0.99))}"


def delays(since: dict[str, float], sink: Sink) -> list[float]:
    """Return the milliseconds from each instant to the first message about it, at least 0."""
    first = sink.first()
    return [max(0.0, (first[n] - at) * 1000) for n, at in since.items() if n in first] or [float("inf")]


async def storm(factor: float) -> Result:
    """W6: 10,000 alerts over 100 groups as fast as they are taken."""
    count = int(10_000 * min(1, factor))
    async with product() as it:
        await it.start()
        seen = await load(it.inbound, it.folder / "load.tsv", conns=64, count=count, keys=100)
        await it.sink.settled(100, 60)
        while await it.value("select count(*) from delivery where state <> 'accepted'"):
            if time.monotonic() - seen.began > 120:
                break
            await asyncio.sleep(0.1)
        last = max(max(at for at, _ in it.sink.messages()), *seen.accepted.values())
        messages = len(it.sink.messages())
        wrong = check(
            accepted=(seen.ok, count),
            rows=(await it.value("select count(*) from event"), count),
            events_counted=(await it.value("select sum(events) from alert_group"), count),
            pages=(await it.value("select count(*) from page"), 100),
            messages=(messages, 100),
            timers_late=(await it.value("select count(*) from due where due_at < now() - interval '1 s'"), 0),
        )
    total = last - seen.began
    return Result(
        "W6",
        f"{count:,} alerts over 100 groups, 64 connections",
        f"accepted in {seen.wall_s:.1f} s ({number(seen.ok_per_s)}/s), all processed after {total:.1f} s,"
        f" {messages} messages",
        "-",
        (("all processed <= 30 s with 100 pages", total <= 30 and not wrong),),
        wrong,
    )
