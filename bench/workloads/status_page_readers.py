"""W21: readers of a status page while everything else burns."""

import asyncio
from datetime import datetime, timedelta

import httpx

from bench.baseline import bare
from bench.load_runner import load
from bench.product import Product, product
from bench.result import Result, check, number
from firebell.kit.db.database import Tx
from firebell.kit.db.events import Actor
from firebell.process import running
from firebell.settings import Settings
from firebell.status_pages import actions, store
from firebell.status_pages.model import ComponentStatus, PageVisibility, Stage, StatusPage
from firebell.status_pages.publishing import actions as publishing
from firebell.status_pages.publishing.actions import NewUpdate

SMALL, LARGE = 6, 200
"""Components of the two pages."""
INCIDENTS = 20
CONNECTIONS = 64
_SYSTEM = Actor("system", "Bench")
_GZIP = "Accept-Encoding: gzip"


async def readers(factor: float) -> Result:
    """Read a page of six components as fast as one core answers, and one of 200 beside a reader of something else."""
    async with product() as it:
        await _create_pages(it)
        await it.start()
        page = f"{it.url}/s/small"
        async with httpx.AsyncClient(headers={"Accept-Encoding": "gzip"}) as http:
            first = await http.get(page)
            size = int(first.headers["content-length"])
        summary = f"{page}/api/v2/summary.json"
        whole = await load(page, it.folder / "page.tsv", **_reading(5 * factor))
        machine = await load(summary, it.folder / "summary.tsv", **_reading(5 * factor))
        known = f"{_GZIP}\r\nIf-None-Match: {first.headers['etag']}"
        unchanged = await load(page, it.folder / "unchanged.tsv", **_reading(5 * factor, known))
        beside, large_s = await _beside_large_page(it)
        async with bare(it) as other:
            least = await load(f"{other}/bytes/{size}", it.folder / "bare.tsv", **_reading(5 * factor))
    not_modified = unchanged.errors.get("304", 0) / unchanged.wall_s
    ratio = whole.ok_per_s / least.ok_per_s
    return Result(
        "W21",
        f"readers of a status page of {SMALL} components ({size / 1000:.1f} kB gzipped), {CONNECTIONS} connections",
        f"{number(whole.ok_per_s)}/s, p99 {number(whole.p99_ms)} ms; summary.json {number(machine.ok_per_s)}/s;"
        f" 304 {number(not_modified)}/s; first view of {LARGE} components {number(large_s * 1000)} ms, meanwhile"
        f" another reader waits at most {number(beside)} ms",
        f"bare Starlette, same size: {number(least.ok_per_s)}/s: ratio {number(ratio)}",
        (
            ("3,000 requests/s", min(whole.ok_per_s, machine.ok_per_s) >= 3000),
            ("304 >= 5,000/s", not_modified >= 5000),
            ("0.5 x bare Starlette", ratio >= 0.5),
            ("stretch p99 <= 30 ms", whole.p99_ms <= 30),
        ),
        check(failed=(whole.n - whole.ok + machine.n - machine.ok, 0)),
    )


def _reading(duration_s: float, header: str = _GZIP) -> dict[str, str | float]:
    return {"method": "GET", "header": header, "conns": CONNECTIONS, "duration": duration_s}


async def _beside_large_page(it: Product) -> tuple[float, float]:
    """Return how long another reader waits at most while a large page is rendered, in ms, and how long that takes."""
    other = asyncio.create_task(
        load(f"{it.url}/livez", it.folder / "beside.tsv", method="GET", conns=1, duration=3)
    )
    await asyncio.sleep(1)
    async with httpx.AsyncClient(timeout=30) as http:
        response = await http.get(f"{it.url}/s/large")
        response.raise_for_status()
    return (await other).max_ms, response.elapsed.total_seconds()


async def _create_pages(it: Product) -> None:
    async with running(Settings(data=it.folder / "data", database_url=it.database_url)) as prepared:
        now = prepared.ctx.clock.now()
        async with prepared.ctx.db.tx() as tx:
            for slug, components in (("small", SMALL), ("large", LARGE)):
                page = await create_page(tx, slug, components, now)
                await publish_incidents(tx, page.id, now - timedelta(hours=1))


async def create_page(tx: Tx, slug: str, components: int, now: datetime) -> StatusPage:
    """Create a public status page."""
    page = await actions.create_status_page(
        *(tx, _SYSTEM),
        slug=slug,
        name=slug.capitalize(),
        tz="Europe/Stockholm",
        visibility=PageVisibility.PUBLIC,
        component_of=(),
        now=now,
    )
    for position in range(components):
        name = f"Component {position + 1}"
        await actions.add_component(tx, _SYSTEM, page.id, name=name, service_ids=[], now=now)
    return page


async def publish_incidents(tx: Tx, page_id: int, now: datetime) -> None:
    """Publish incidents that are over."""
    components = await store.components(tx, page_id)
    for number_ in range(INCIDENTS):
        statuses = {components[number_ % len(components)].id: ComponentStatus.PARTIAL_OUTAGE}
        soon = now + timedelta(minutes=30)
        update = NewUpdate(Stage.INVESTIGATING, "We are investigating.", statuses, next_update_at=soon)
        published = await publishing.open_incident(tx, _SYSTEM, page_id, f"Incident {number_}", update, now)
        over = NewUpdate(Stage.RESOLVED, "This is over.", {})
        await publishing.publish_update(
            tx, _SYSTEM, page_id, published.public_id, over, now + timedelta(minutes=20)
        )
