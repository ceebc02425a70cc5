"""W11: the pages, lists, searches and previews of a database with a year of alerts, pages and incidents in it."""

import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import asyncpg
import httpx

from bench.load_runner import Load, load, quantile
from bench.product import Product, product
from bench.result import Result, check, number
from bench.workloads.large_organization import sign_in

ALERTS = 1_000_000
READS = 25
"""Reads of each address."""
PAGES = (
    "/",
    "/pages",
    "/pages?state=resolved",
    "/pages?state=resolved&service=service-7&urgency=high",
    "/pages/PG-{page}",
    "/incidents",
    "/incidents?state=closed",
    "/incidents?state=closed&sort=longest",
    "/incidents?state=all",
    "/incidents?state=all&sort=severest",
    "/incidents?state=all&severity=1,2&before=20000",
    "/incidents?state=all&service=service-7",
    "/incidents?state=all&commander=7",
    "/incidents?state=closed&month=2026-06",
    "/incidents?state=postmortem",
    "/incidents?state=drill",
    "/incidents/INC-{incident}",
    "/incidents/INC-{incident}/messages",
    "/incidents/new",
    "/pages/new",
    "/alerts",
    "/alerts?state=firing",
    "/alerts?service=service-7",
    "/alerts?before=100000",
    "/alerts/{alert}",
    "/services",
    "/services/service-7",
    "/oncall",
    "/oncall/{schedule}",
    "/oncall/{schedule}/edit",
    "/oncall/me",
    "/oncall/load",
    "/oncall/pay",
    "/oncall/pay/rates",
    "/oncall/handoffs",
    "/oncall/calendars",
    "/escalation",
    "/post-mortems",
    "/post-mortems/INC-{incident}",
    "/handbook",
    "/runbooks",
    "/more",
    "/settings",
    "/settings/contact",
    "/settings/keys",
    "/settings/sessions",
    "/settings/people",
    "/settings/teams",
    "/settings/teams/team-7",
    "/settings/audit",
)
LISTS = (
    "/api/v1/alerts",
    "/api/v1/alerts?status=firing",
    "/api/v1/alerts?service=service-7",
    "/api/v1/alerts/histogram",
    "/api/v1/alerts/histogram?service=service-7",
    "/api/v1/pages",
    "/api/v1/pages?state=resolved",
    "/api/v1/pages/PG-{page}",
    "/api/v1/incidents",
    "/api/v1/incidents?phase=closed",
    "/api/v1/incidents/INC-{incident}",
    "/api/v1/incidents/INC-{incident}/timeline",
    "/api/v1/saved-views?list=incidents",
    "/api/v1/post-mortems",
    "/api/v1/changes",
    "/api/v1/services",
    "/api/v1/policies",
    "/api/v1/oncall",
    "/api/v1/schedules",
    "/api/v1/covers",
    "/api/v1/swaps",
    "/api/v1/vacations",
    "/api/v1/handoffs",
    "/api/v1/reports/on-call",
    "/api/v1/people",
    "/api/v1/teams",
    "/api/v1/audit",
    "/api/v1/me/keys",
    "/api/v1/me/sessions",
    "/api/v1/runbooks",
    "/api/v1/templates",
)
SEARCHES = (
    "/search?q=checkout+77",
    "/api/v1/search?q=checkout+77",
    "/alerts?q=host-7",
    "/alerts?q=checkout+77123",
    "/alerts?q={key}",
    "/api/v1/alerts?q=checkout+77",
    "/pages?q=slowly",
    "/pages?q=slowly&state=resolved",
    "/pages?q=77123&state=resolved",
    "/api/v1/pages?q=checkout+77&state=resolved",
    "/incidents?q=customers",
    "/incidents?q=4321&state=closed",
    "/incidents?q=cus&state=all",
    "/incidents?q=%D1%81%D0%B1%D0%BE&state=all",
    "/incidents?q=INC-4321&state=all",
    "/api/v1/incidents/similar?title=customers+cannot+pay",
    "/api/v1/incidents?q=customers",
)
LIMITS_MS = {
    "/api/v1/alerts/{alert}/explain": 50,
    "/metrics.prom": 50,
    "/readiness": 100,
}
"""Limits of the p95 of addresses that have their own."""
_MATCHERS = 'severity="critical",instance=~"host-[1-5]"'
PREVIEWS: Mapping[str, tuple[str, dict[str, Any], str]] = {
    "routing": (
        "/api/v1/routing/preview",
        {"rules": [{"name": "Databases", "matchers": _MATCHERS, "urgency": "low", "wait_s": 600}]},
        "alerts",
    ),
    "silence": ("/api/v1/silences/preview", {"matchers": _MATCHERS}, "compared"),
}
"""The address of each preview, what it is asked, and the field that says how many alerts it compared."""
PREVIEW_RUNS = 5
_PREVIEW_LIMIT_MS = 3_000
SHOWN = 8
"""Number of slowest addresses in the report."""
_LIMIT_MS, _SEARCH_LIMIT_MS = 60, 80


def _pair(reads: Sequence[Load]) -> str:
    """Return the median and the greatest p95 of addresses in ms."""
    slowest = [read.p95_ms for read in reads]
    return f"{number(quantile(slowest, 0.5))}/{number(max(slowest))}"


async def seed(dsn: str, alerts: int) -> None:
    """Fill a database with a year of a busy organization; `alerts` sets its size."""
    conn = await asyncpg.connect(dsn)
    try:
        await conn.execute(f"set bench.alerts = {alerts}; set synchronous_commit = off")
        await conn.execute(Path(__file__).with_suffix(".sql").read_text(encoding="utf-8"))
        await conn.execute("vacuum analyze")
    finally:
        await conn.close()


async def preview_times(it: Product, runs: int) -> tuple[dict[str, list[float]], dict[str, int]]:
    """Move the starts of all alerts into the 30 days that previews replay, and time the previews.

    Return the ms of each run of each preview, and how many alerts each compared.
    """
    conn = await asyncpg.connect(it.dsn)
    try:
        await conn.execute(
            """
            set session_replication_role = replica;
            set synchronous_commit = off;
            update alert
            set starts_at = now() - (now() - starts_at) / 13,
                ends_at = now() - (now() - starts_at) / 13 + (ends_at - starts_at)
            where starts_at < now() - interval '1 day'
            """
        )
        await conn.execute("vacuum analyze alert")
    finally:
        await conn.close()
    times: dict[str, list[float]] = {}
    compared = {}
    headers = {"Authorization": f"Bearer {it.api_key}"}
    async with httpx.AsyncClient(base_url=it.url, headers=headers, timeout=60) as http:
        for name, (path, asked, field) in PREVIEWS.items():
            times[name] = []
            for _ in range(runs):
                began = time.perf_counter()
                answer = await http.post(path, json=asked)
                times[name].append((time.perf_counter() - began) * 1000)
                answer.raise_for_status()
                compared[name] = answer.json()[field]
            print("preview of", name, *(number(ms) for ms in times[name]), "ms", flush=True)
    return times, compared


async def year(factor: float) -> Result:
    """W11: each page, list and search of the grown database, one reader; then alerts arrive."""
    async with product() as it:
        it.env["FIREBELL_METRICS_NETWORKS"] = "127.0.0.0/8"
        await it.start()
        cookie = await sign_in(it)
        began = await it.value("select extract(epoch from clock_timestamp())")
        await seed(it.dsn, ALERTS)
        seeded_s = await it.value("select extract(epoch from clock_timestamp())") - began
        chosen = {
            "schedule": "daily",
            "page": await it.value("select max(id) - 7 from page"),
            "incident": await it.value("select max(incident_id) from postmortem"),
            "alert": await it.value("select max(id) - 7 from alert"),
            "key": f"{await it.value('select max(id) / 2 from alert_group')}-3",
        }
        times = {}
        for path in (*PAGES, *LISTS, *SEARCHES, *LIMITS_MS):
            url = it.url + path.format(**chosen)
            times[path] = await load(
                *(url, it.folder / "read.tsv"),
                method="GET",
                header=f"Cookie: {cookie}",
                conns=1,
                count=max(5, int(READS * factor)),
            )
            print(path, number(times[path].p50_ms), number(times[path].p95_ms), flush=True)
        ingest = await load(it.inbound, it.folder / "load.tsv", conns=32, duration=10 * factor)
        stored = await it.value("select count(*) from alert")
        previews, compared = await preview_times(it, max(1, int(PREVIEW_RUNS * factor)))
    slowest = sorted(times, key=lambda path: times[path].p95_ms)[: -SHOWN - 1 : -1]
    slow = [path for path in (*PAGES, *LISTS) if times[path].p95_ms > _LIMIT_MS]
    slow_searches = [path for path in SEARCHES if times[path].p95_ms > _SEARCH_LIMIT_MS]
    own = {path: times[path].p95_ms for path in LIMITS_MS}
    wrong = check(
        unread=(sum(reads.n - reads.ok for reads in times.values()), 0),
        refused=(ingest.n - ingest.ok, 0),
        alerts=(stored - ALERTS, ingest.ok),
        **{f"compared_by_{name}": (min(alerts, ALERTS), ALERTS) for name, alerts in compared.items()},
    )
    return Result(
        "W11",
        f"{ALERTS:,} alerts, {ALERTS // 10:,} pages, {ALERTS // 20:,} incidents: p95 ms by address, median/greatest",
        ", ".join(
            f"{name} {_pair([times[path] for path in paths])}"
            for name, paths in (("pages", PAGES), ("lists", LISTS), ("searches", SEARCHES))
        )
        + "; slowest "
        + ", ".join(f"`{path}` {number(times[path].p95_ms)}" for path in slowest)
        + "; with limits of their own "
        + ", ".join(f"`{path}` {number(p95_ms)}" for path, p95_ms in own.items())
        + f"; then alerts {number(ingest.ok_per_s)}/s; previews over {ALERTS:,} alerts, median/greatest ms: "
        + ", ".join(f"{name} {number(quantile(ms, 0.5))}/{number(max(ms))}" for name, ms in previews.items()),
        f"seeded in {seeded_s} s",
        (
            (f"every page p95 <= {_LIMIT_MS} ms", not slow),
            (f"search p95 <= {_SEARCH_LIMIT_MS} ms", not slow_searches),
            *((f"{path} p95 <= {limit} ms", own[path] <= limit) for path, limit in LIMITS_MS.items()),
            *(
                (
                    f"preview of {name} over {ALERTS:,} <= {_PREVIEW_LIMIT_MS / 1000:.0f} s",
                    max(ms) <= _PREVIEW_LIMIT_MS,
                )
                for name, ms in previews.items()
            ),
            ("seeded in 2 minutes", seeded_s <= 120),
        ),
        wrong,
    )
