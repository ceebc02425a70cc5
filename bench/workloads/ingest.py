"""W1 to W3: accepting alerts, each durable before its 2xx."""

import asyncio
import json

from bench import process_stats, rules
from bench.baseline import bare
from bench.load_runner import HERE, load
from bench.product import Product, product
from bench.result import Result, check, number
from bench.upsert_baseline import upserts_per_s
from firebell.alerts.batches.dedup_and_grouping import STORM_GROUPS

ALERTS_EACH = 100
COUNT_EVENTS = "select count(*) from event"
_RULES = f"{rules.ROUTING_RULES} routing rules, {rules.SILENCES} silences and {rules.INHIBITION_RULES} inhibition rules"
_ANSWERED = "2xx/s, p50/p99 ms"


async def distinct(factor: float) -> Result:
    """W1: every request is a new alert in a group of its own: one page each, then one page for the storm."""
    return await _ingest(
        "W1", f"32 connections, every alert in a new group: {STORM_GROUPS:,} pages and a storm", 12 * factor
    )


async def hundred_groups(factor: float) -> Result:
    """W1b: every request is a new alert in one of 100 groups, so there are 100 pages."""
    return await _ingest("W1b", "32 connections, every alert new, in one of 100 groups", 12 * factor)


async def distinct_with_rules(factor: float) -> Result:
    """W1r: W1 with 50 routing rules, 20 silences and 10 inhibition rules."""
    return await _ingest("W1r", f"W1 with {_RULES}", 12 * factor)


async def hundred_groups_with_rules(factor: float) -> Result:
    """W1br: W1b with 50 routing rules, 20 silences and 10 inhibition rules."""
    return await _ingest("W1br", f"W1b with {_RULES}", 12 * factor)


async def one_key(factor: float) -> Result:
    """W2: every request repeats the same alert."""
    return await _ingest("W2", "32 connections, the same alert every time", 10 * factor)


async def few_connections(factor: float) -> Result:
    """W1c: W1b with 8 connections, so that batches are small."""
    return await _ingest("W1c", "8 connections, every alert new, in one of 100 groups", 8 * factor, conns=8)


async def _ingest(workload: str, what: str, seconds: float, conns: int = 32) -> Result:
    keys = "one" if workload == "W2" else "distinct"
    body = HERE / ("alert_grouped.json" if workload in ("W1b", "W1br", "W1c") else "alert.json")
    async with product(has_rules=workload in ("W1r", "W1br")) as it:
        await it.start()
        upserts = await upserts_per_s(it.dsn, min(4, seconds), one_key=workload == "W2")
        async with bare(it) as other:
            least = await load(
                f"{other}/accept", it.folder / "bare.tsv", conns=conns, duration=min(4, seconds), body=body
            )
        cpu = process_stats.cpu_s(it.pid)
        result = await load(
            it.inbound, it.folder / "load.tsv", conns=conns, duration=seconds, keys=keys, body=body
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
    ratio = result.ok_per_s / upserts
    bars: dict[str, tuple[tuple[str, bool], ...]] = {
        "W1": ((">= 0.30 of upserts", ratio >= 0.3), ("stretch >= 0.40", ratio >= 0.4)),
        "W1b": ((">= 0.35 of upserts", ratio >= 0.35), ("stretch >= 0.50", ratio >= 0.5)),
        "W1r": (("as W1: >= 0.30 of upserts", ratio >= 0.3),),
        "W1br": (("as W1b: >= 0.35 of upserts", ratio >= 0.35),),
        "W1c": (("p50 <= 3 ms", result.p50_ms <= 3),),
    }
    return Result(
        workload,
        what,
        f"{number(result.ok_per_s)} {_ANSWERED} {number(result.p50_ms)}/{number(result.p99_ms)};"
        f" {cpu:.2f} ms of CPU time each, including the database; {sent:,} messages sent meanwhile",
        f"64 single-row upserts {number(upserts)}/s: ratio {number(ratio)};"
        f" bare 202 {number(least.ok_per_s)}/s: ratio {number(result.ok_per_s / least.ok_per_s)}",
        bars.get(workload, ()),
        wrong,
    )


async def _structure(it: Product, workload: str, accepted: int) -> dict[str, tuple[float, float]]:
    alerts = 1 if workload == "W2" else accepted
    each_new = min(accepted, STORM_GROUPS + 1)
    pages = {"W1": each_new, "W1r": each_new, "W1b": 100, "W1br": 100, "W1c": 100, "W2": 1}[workload]
    return {
        "alerts": (await it.value("select count(*) from alert"), alerts),
        "events_counted": (await it.value("select sum(count) from alert"), accepted),
        "pages": (await it.value("select count(*) from page"), pages),
    }


async def hundred_alerts(factor: float) -> Result:
    """W1d: every request has 100 new alerts of 100 groups."""
    seconds = 8 * factor
    async with product() as it:
        await it.start()
        upserts = await upserts_per_s(it.dsn, min(4, seconds))
        body = it.folder / "many.json"
        body.write_text(_many(ALERTS_EACH), encoding="utf-8")
        cpu = process_stats.cpu_s(it.pid)
        result = await load(it.inbound, it.folder / "load.tsv", conns=8, duration=seconds, body=body)
        cpu = (process_stats.cpu_s(it.pid) - cpu) * 1e6 / (result.ok * ALERTS_EACH)
        wrong = check(
            rows_at_the_end=(await it.value(COUNT_EVENTS), result.ok),
            refused=(result.n - result.ok, 0),
            alerts=(await it.value("select count(*) from alert"), result.ok * ALERTS_EACH),
            pages=(await it.value("select count(*) from page"), ALERTS_EACH),
        )
    rate = result.ok_per_s * ALERTS_EACH
    return Result(
        "W1d",
        f"8 connections, {ALERTS_EACH} new alerts in each request, one in each of {ALERTS_EACH} groups",
        f"{number(rate)} alerts/s, p50/p99 ms {number(result.p50_ms)}/{number(result.p99_ms)};"
        f" {cpu:.0f} us of CPU time an alert, including the database",
        f"64 single-row upserts {number(upserts)}/s: ratio {number(rate / upserts)}",
        ((">= 0.40 of upserts", rate >= 0.4 * upserts),),
        wrong,
    )


def _many(alerts: int) -> str:
    """Return a message with so many alerts, each in a group of its own."""
    message = json.loads((HERE / "alert.json").read_text(encoding="utf-8"))
    (alert,) = (json.dumps(each) for each in message["alerts"])
    parts = [
        alert.replace('"service": "@@KEY@@"', f'"service": "g{i}"').replace("@@KEY@@", f"@@KEY@@-{i}")
        for i in range(alerts)
    ]
    return json.dumps({**message, "alerts": [json.loads(part) for part in parts], "numFiring": alerts})


async def durability(factor: float) -> Result:
    """W3: 100 accepted alerts, then kill -9 of every process at once, including the database."""
    async with product() as it:
        await it.start()
        result = await load(it.inbound, it.folder / "load.tsv", conns=16, count=100)
        killed = await it.kill()
        restart = await it.start()
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
        f"{100 - len(missing)} of 100 kept, ready again after {restart.alerts_s:.2f} s, all messages sent",
        "-",
        (("nothing lost", not wrong),),
        wrong,
    )
