"""W23: an update is on its status page at once, and on its way to 50,000 subscribers within seconds."""

import asyncio
import os
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

import httpx

from bench import process_stats
from bench.load_runner import Load, free_port, load, quantile
from bench.product import Product, product
from bench.result import Result, check, number
from bench.workloads import latency
from bench.workloads.status_page_readers import SMALL, create_page
from firebell.kit.db.events import Actor
from firebell.people import actions as people
from firebell.process import running
from firebell.settings import Settings
from firebell.status_pages.model import Stage
from firebell.status_pages.publishing import actions as publishing
from firebell.status_pages.publishing.actions import NewUpdate

SUBSCRIBERS = 50_000
DOMAINS = 1_000
"""So many that the limit of each domain does not matter."""
UPDATES = 100
MAIL_RATE = 1_000
"""The highest that can be set: what is measured is the sender, not its limit."""
LIMIT_S = 60
_SYSTEM = Actor("system", "Bench")


async def publishing_to_subscribers(factor: float) -> Result:
    """Publish updates for readers, then one for 50,000 subscribers while alerts arrive."""
    async with product() as it, _mail_sink(it) as mails:
        it.env |= {"FIREBELL_BULK_MAIL_RATE": str(MAIL_RATE), "FIREBELL_MAIL_FROM": "status@example.org"}
        key, incidents = await _create(it)
        await it.start()
        headers = {"Authorization": f"Bearer {key}", "Accept-Encoding": "gzip"}
        async with httpx.AsyncClient(base_url=it.url, headers=headers, timeout=30) as http:
            before_s = process_stats.cpu_s(it.pid)
            shown_ms = [
                await _publish(http, "small", incidents["small"], f"Update number {i}.")
                for i in range(max(10, int(UPDATES * factor)))
            ]
            cpu_ms = (process_stats.cpu_s(it.pid) - before_s) * 1000 / len(shown_ms)
            quiet = await _trickle(it, "quiet", 10 * factor)
            meanwhile = asyncio.create_task(_trickle(it, "busy", 15 * factor))
            await asyncio.sleep(1)
            began = time.monotonic()
            await _publish(http, "large", incidents["large"], "Half of it works again.")
            queued_s = await _queued(it, began)
            busy = await meanwhile
        calm, loud = (latency.delays(run.accepted, it.sink) for run in (quiet, busy))
        mails_per_s = await _mails_per_s(mails, 10 * factor)
        recipients = [line.partition("\t")[2] for line in mails.read_text(encoding="utf-8").splitlines()]
        queued = await it.value("select count(*) from subscriber_delivery where purpose = 'broadcast'")
        wrong = check(
            alerts_refused=(quiet.n - quiet.ok + busy.n - busy.ok, 0),
            queued=(queued, SUBSCRIBERS),
            mailed_twice=(len(recipients) - len(set(recipients)), 0),
        )
    calm_p99, loud_p99 = quantile(calm, 0.99), quantile(loud, 0.99)
    return Result(
        "W23",
        f"an update on a status page of {SMALL} components, then one for {SUBSCRIBERS:,} subscribers"
        " while 2 alerts a second arrive",
        f"on the page p50/p99 {latency.pair(shown_ms)} ms ({number(cpu_ms)} ms CPU with its readers);"
        f" queued for all after {queued_s:.1f} s;"
        f" {number(mails_per_s)} mails/s; alerts -> webhook meanwhile p50/p99 {latency.pair(loud)} ms",
        f"alerts -> webhook without it p50/p99 {latency.pair(calm)} ms: p99 ratio {number(loud_p99 / calm_p99)}",
        (
            ("on the page p99 <= 200 ms", quantile(shown_ms, 0.99) <= 200),
            ("queued <= 5 s", queued_s <= 5),
            ("200 mails/s", mails_per_s >= 200),
            ("alerts p99 <= 100 ms", loud_p99 <= 100),
        ),
        wrong,
    )


async def _publish(http: httpx.AsyncClient, slug: str, incident: str, body: str) -> float:
    """Publish an update and return the milliseconds from the request until a reader gets it."""
    path = f"/api/v1/status-pages/{slug}/incidents/{incident}/updates"
    soon = time.time() + 1800
    at = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(soon))
    began = time.monotonic()
    answer = await http.post(path, json={"stage": "investigating", "body": body, "next_update_at": at})
    answer.raise_for_status()
    while body not in (await http.get(f"/s/{slug}")).text:
        if time.monotonic() - began > LIMIT_S:
            return float("inf")
        await asyncio.sleep(0.002)
    return (time.monotonic() - began) * 1000


async def _trickle(it: Product, run: str, seconds: float) -> Load:
    """Send two alerts a second, as W4 does, and wait for their messages."""
    sent = await load(it.inbound, it.folder / f"{run}.tsv", rate=2, duration=max(5, seconds), run=run[0])
    deadline = time.monotonic() + 30
    while set(sent.accepted) - set(it.sink.first()) and time.monotonic() < deadline:
        await asyncio.sleep(0.1)
    return sent


async def _queued(it: Product, began: float) -> float:
    """Return the seconds until the update is queued for every subscriber."""
    while time.monotonic() - began < LIMIT_S:
        if await it.value(
            "select count(*) from status_broadcast where fanned_out_at is not null and queued > 0"
        ):
            return time.monotonic() - began
        await asyncio.sleep(0.05)
    return float("inf")


async def _mails_per_s(mails: Path, seconds: float) -> float:
    """Return how many mails a second arrive."""

    def count() -> int:
        return mails.read_bytes().count(b"\n")

    before, began = count(), time.monotonic()
    await asyncio.sleep(max(3, seconds))
    return (count() - before) / (time.monotonic() - began)


async def _create(it: Product) -> tuple[str, dict[str, str]]:
    """Create two pages with an open incident each, one of them with subscribers; return a key and the incidents."""
    incidents = {}
    async with running(Settings(data=it.folder / "data", database_url=it.database_url)) as prepared:
        now = prepared.ctx.clock.now()
        async with prepared.ctx.db.tx() as tx:
            [mara] = [person for person in await people.people(tx) if person.role == "admin"]
            _, key = await people.create_api_key(
                tx, _SYSTEM, name="Publisher", scopes=["incidents:write"], person_id=mara.id, now=now
            )
            for slug in ("small", "large"):
                page = await create_page(tx, slug, SMALL, now)
                update = NewUpdate(
                    Stage.INVESTIGATING, "We look.", {}, next_update_at=now + timedelta(minutes=30)
                )
                opened = await publishing.open_incident(tx, _SYSTEM, page.id, "Payments fail", update, now)
                incidents[slug] = opened.public_id
            await tx.execute(
                """
                insert into subscriber (
                    status_page_id, channel, address, address_key, host, state, follows_all, component_ids,
                    group_ids, kinds, min_impact, created_at, confirmed_at
                )
                select
                    $1, 'email', address, address, split_part(address, '@', 2), 'active', true, '{}', '{}',
                    '{incident,maintenance}', 0, $2, $2
                from (
                    select 'reader' || n || '@d' || n % $4 || '.example' as address
                    from generate_series(1, $3) n
                ) addresses
                """,
                page.id,
                now,
                SUBSCRIBERS,
                DOMAINS,
            )
    return key, incidents


@asynccontextmanager
async def _mail_sink(it: Product) -> AsyncIterator[Path]:
    """Run a mail server that counts, and let the product send its mails there."""
    out, port = it.folder / "mails.tsv", free_port()
    out.touch()
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "bench.mail_sink", str(port), str(out)), env=dict(os.environ)
    )
    it.env["FIREBELL_SMTP_URL"] = f"smtp://127.0.0.1:{port}"
    try:
        yield out
    finally:
        process.terminate()
        await process.wait()
