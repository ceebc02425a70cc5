"""W11: the pages of a database with a year of alerts, pages and incidents in it."""

from pathlib import Path

import asyncpg

from bench.load_runner import load
from bench.product import product
from bench.result import Result, check, number
from bench.workloads.large_organization import sign_in

ALERTS = 1_000_000
PAGES = (
    "/",
    "/pages",
    "/pages?state=resolved",
    "/pages?q=slowly",
    "/pages/PG-{page}",
    "/incidents",
    "/incidents?state=closed",
    "/incidents?q=customers",
    "/incidents/INC-{incident}",
    "/alerts",
    "/alerts?before=100000",
    "/services",
    "/services/service-7",
    "/oncall",
    "/oncall/load",
    "/oncall/pay",
    "/post-mortems",
    "/settings/audit",
)
SEARCHES = ("/search?q=checkout+77", "/alerts?q=host-7")
_LIMIT_MS, _SEARCH_LIMIT_MS = 60, 80


async def seed(dsn: str, alerts: int) -> None:
    """Fill a database with a year of a busy organization; `alerts` sets its size."""
    conn = await asyncpg.connect(dsn)
    try:
        await conn.execute(f"set bench.alerts = {alerts}; set synchronous_commit = off")
        await conn.execute(Path(__file__).with_suffix(".sql").read_text(encoding="utf-8"))
        await conn.execute("vacuum analyze")
    finally:
        await conn.close()


async def year(factor: float) -> Result:
    """W11: each page of the grown database, one reader; then alerts arrive."""
    async with product() as it:
        await it.start()
        cookie = await sign_in(it)
        began = await it.value("select extract(epoch from clock_timestamp())")
        await seed(it.dsn, ALERTS)
        seeded_s = await it.value("select extract(epoch from clock_timestamp())") - began
        page = await it.value("select max(id) - 7 from page")
        incident = await it.value("select max(id) - 7 from incident")
        times = {}
        for path in (*PAGES, *SEARCHES):
            url = it.url + path.format(page=page, incident=incident)
            times[path] = await load(
                *(url, it.folder / "read.tsv"),
                method="GET",
                header=f"Cookie: {cookie}",
                conns=1,
                count=max(5, int(30 * factor)),
            )
            print(path, number(times[path].p50_ms), number(times[path].p95_ms), flush=True)
        ingest = await load(it.inbound, it.folder / "load.tsv", conns=32, duration=10 * factor)
        stored = await it.value("select count(*) from alert")
    slow = [path for path in PAGES if times[path].p95_ms > _LIMIT_MS]
    slow_searches = [path for path in SEARCHES if times[path].p95_ms > _SEARCH_LIMIT_MS]
    wrong = check(
        unread=(sum(reads.n - reads.ok for reads in times.values()), 0),
        refused=(ingest.n - ingest.ok, 0),
        alerts=(stored - ALERTS, ingest.ok),
    )
    return Result(
        "W11",
        f"{ALERTS:,} alerts, {ALERTS // 10:,} pages, {ALERTS // 20:,} incidents: each page, p95 ms",
        ", ".join(f"`{path}` {number(reads.p95_ms)}" for path, reads in times.items())
        + f"; then alerts {number(ingest.ok_per_s)}/s",
        f"seeded in {seeded_s} s",
        (
            (f"every page p95 <= {_LIMIT_MS} ms", not slow),
            (f"search p95 <= {_SEARCH_LIMIT_MS} ms", not slow_searches),
            ("seeded in 2 minutes", seeded_s <= 120),
        ),
        wrong,
    )
