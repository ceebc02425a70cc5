"""W6b: 100,000 alerts within a minute, from one sender, along with another sender and readers of the web app."""

import asyncio
import time
from contextlib import suppress
from functools import partial

import asyncpg

from bench import process_stats
from bench.load_runner import load
from bench.product import Product, product
from bench.result import Result, check, number
from firebell.alerts.batches.dedup_and_grouping import STORM_GROUPS

ALERTS, SECONDS = 100_000, 60
BESIDE_PER_S, READS_PER_S = 5, 5
MEMORY_LIMIT_MB = 400
QUIET_KEY = "0123456789abcdef0123456789abcdef"
_QUIET_SENDER = """
with quiet as (
    insert into service (team_id, slug, name, policy_id, created_at)
    select team_id, 'quiet', 'Quiet', policy_id, created_at
    from service
    returning id, created_at
)
insert into integration (service_id, name, key, created_at)
select id, 'Quiet', $1, created_at
from quiet
"""
_PAGED = "select count(*) from delivery where subject_kind = 'page'"
_NO_ANSWER = ("0", "-1")
"""Statuses of the load client: the connection broke, and the time limit."""
_OPEN = "select count(*) from delivery where state not in ('accepted', 'failed', 'void')"


async def storm(factor: float) -> Result:
    """W6b: each alert is in a group of its own, so a thousand page and the storm takes the others."""
    seconds = SECONDS * min(1, factor)
    async with product() as it:
        await it.start()
        conn = await asyncpg.connect(it.dsn)
        await conn.execute(_QUIET_SENDER, QUIET_KEY)
        await conn.close()
        await asyncio.sleep(6)  # the keys are cached for five seconds
        stop = asyncio.Event()
        memory = asyncio.create_task(_most_memory_mb(it, stop))
        beside = partial(load, duration=seconds, rate=BESIDE_PER_S, run="quiet", keys="one")
        read = partial(load, duration=seconds, rate=READS_PER_S, method="GET")
        header = f"Authorization: Bearer {it.api_key}"
        flood, quiet, reads, web = await asyncio.gather(
            load(it.inbound, it.folder / "load.tsv", rate=ALERTS / SECONDS, duration=seconds),
            beside(f"{it.url}/in/{QUIET_KEY}/alertmanager", it.folder / "quiet.tsv"),
            read(f"{it.url}/api/v1/oncall", it.folder / "reads.tsv", header=header),
            read(f"{it.url}/login", it.folder / "web.tsv"),
        )
        began = time.monotonic()
        while await it.value(_OPEN) and time.monotonic() - began < 120:
            await asyncio.sleep(0.25)
        sent_s = time.monotonic() - began
        stop.set()
        most_mb = await memory
        stored = await it.value("select count(*) from event")
        groups = min(stored, STORM_GROUPS + 1) + 1
        wrong = check(
            # what a sender gave up on may be stored
            accepted_and_lost=(max(0, flood.ok + quiet.ok - stored), 0),
            events_counted=(await it.value("select sum(count) from alert"), stored),
            pages=(await it.value("select count(*) from page"), groups),
            messages=(await it.value(_PAGED), groups),
            answers_other_than_503=(len({*flood.errors, *quiet.errors} - {"503", *_NO_ANSWER}), 0),
            refused_of_the_other_sender=(quiet.errors.get("503", 0), 0),
        )
    return Result(
        "W6b",
        f"{ALERTS:,} alerts in {SECONDS} s, each in a new group, along with {BESIDE_PER_S} alerts a second of another"
        f" integration and {2 * READS_PER_S} readers a second",
        f"{flood.ok:,} of {flood.n:,} accepted, p50/p99 {number(flood.p50_ms)}/{number(flood.p99_ms)} ms; the other"
        f" integration p50/p99 {number(quiet.p50_ms)}/{number(quiet.p99_ms)} ms; who is on call p99"
        f" {number(reads.p99_ms)} ms, a page of the web app p99 {number(web.p99_ms)} ms; {number(most_mb)} MB at most;"
        f" all messages {sent_s:.0f} s later",
        "-",
        (
            ("nothing lost, one page for each group and one for the storm", not wrong),
            (f"memory <= {MEMORY_LIMIT_MB} MB", most_mb <= MEMORY_LIMIT_MB),
            ("other integration p99 <= 2 s", quiet.p99_ms <= 2_000),
            ("web p99 <= 2 s", max(reads.p99_ms, web.p99_ms) <= 2_000),
        ),
        wrong,
    )


async def _most_memory_mb(it: Product, stop: asyncio.Event) -> float:
    """Return the most memory that the server used until `stop`, without its database."""
    most = 0.0
    while not stop.is_set():
        most = max(most, process_stats.pss_mb(it.pid, alone=True))
        with suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), 1)
    return most
