"""W25b: a post-mortem is written, checked and previewed; incidents with 2,000 entries are drafted."""

import time
from collections.abc import Awaitable, Callable

import asyncpg
import httpx

from bench.load_runner import quantile
from bench.product import Product, product
from bench.result import Result, check, number
from firebell.incidents import actions as incidents
from firebell.kit.db.events import Actor
from firebell.people import actions as people
from firebell.postmortems import actions as postmortems
from firebell.process import running
from firebell.settings import Settings

ENTRIES, DRAFTED, REQUESTS = 2_000, 12, 40
SECTION_BYTES, LINTED_BYTES, PREVIEWED_BYTES = 4_000, 20_000, 50_000
SAVE_LIMIT_MS, LINT_LIMIT_MS, PREVIEW_LIMIT_MS, DRAFT_LIMIT_MS = 60, 30, 60, 100
_SYSTEM = Actor("system", "Bench")
_SENTENCES = (
    "At 02:31 the pool of ledger-db-1 was full, and {n} card payments failed [t:1].",
    "The alert fired at 02:34, and Mara acknowledged it after 1:24.",
    "The engineer should have checked the limit of connections before deploy {n}.",
    "A rollback of build {n} ended the impact, because the earlier pools are smaller.",
    "The dashboard averaged all regions, so that the panel stayed green for {n} minutes.",
    "Customers in {n} depots could not find parcels by name, and fell back to scanning.",
    "Nothing compares the size of the pool times {n} pods with what the database accepts.",
)
_ENTRIES_SQL = """
insert into timeline_entry (incident_id, at, effective_at, kind, actor, text, data)
select
    incident.id, moment.at, moment.at,
    (array['note', 'finding', 'custom', 'update', 'mitigation', 'check', 'note', 'decision'])[1 + i % 8],
    'Mara Lindqvist',
    'Entry ' || i || ': connections of ledger-db-' || i % 3 || ' are at ' || i % 400 || ' of 400',
    '{}'
from incident
cross join generate_series(1, $1) i
cross join lateral (select incident.declared_at + i * interval '1 second' as at) moment
"""


def text_of(size: int, number: int) -> str:
    """Return paragraphs of at least `size` bytes that differ by `number`."""
    sentences, length, at = [], 0, number
    while length < size:
        at += 1
        sentences.append(_SENTENCES[at % len(_SENTENCES)].format(n=at))
        length += len(sentences[-1]) + 1
    return "\n\n".join(" ".join(sentences[n : n + 5]) for n in range(0, len(sentences), 5))


async def _create(it: Product) -> str:
    """Declare incidents with many entries, draft the document of the first, and return a key that may write."""
    async with running(Settings(data=it.folder / "data", database_url=it.database_url)) as prepared:
        now = prepared.ctx.clock.now()
        async with prepared.ctx.db.tx() as tx:
            [mara] = [person for person in await people.people(tx) if person.role == "admin"]
            _, key = await people.create_api_key(
                *(tx, _SYSTEM),
                name="Writer",
                scopes=["incidents:write", "incidents:read"],
                person_id=mara.id,
                now=now,
            )
            for n in range(DRAFTED + 1):
                await incidents.declare(
                    tx, _SYSTEM, title=f"Card payments fail in shard {n}", severity=1, now=now
                )
            await tx.execute(_ENTRIES_SQL, ENTRIES)
            await postmortems.start(tx, _SYSTEM, 1, now)
        return key


async def _times(count: int, request: Callable[[int], Awaitable[httpx.Response]]) -> tuple[list[float], int]:
    """Return the milliseconds of each request but the first, and how many failed."""
    times, failed = [], 0
    for n in range(count + 1):
        began = time.perf_counter()
        answer = await request(n)
        times.append((time.perf_counter() - began) * 1000)
        failed += not answer.is_success
    return sorted(times[1:]), failed


async def editor(factor: float) -> Result:
    """W25b: each request alone, over JSON, as the editor makes them."""
    count = max(10, round(REQUESTS * factor))
    async with product() as it:
        key = await _create(it)
        await it.start()
        async with httpx.AsyncClient(
            base_url=f"{it.url}/api/v1/post-mortems", headers={"Authorization": f"Bearer {key}"}, timeout=120
        ) as http:
            listed = (await http.get("/INC-1/sections")).json()
            [impact] = [part for part in listed["sections"] if part["slug"] == "impact"]
            base = {"base_version": listed["version"], "base_hash": impact["hash"]}

            async def save(n: int) -> httpx.Response:
                answer = await http.patch(
                    "/INC-1/sections/impact", json={**base, "text": text_of(SECTION_BYTES, n * 7)}
                )
                if answer.is_success:
                    base.update(base_version=answer.json()["version"], base_hash=answer.json()["hash"])
                return answer

            async def lint(n: int) -> httpx.Response:
                return await http.post(
                    "/INC-1/lint", json={"section": "Impact", "text": text_of(LINTED_BYTES, n * 7)}
                )

            async def preview(n: int) -> httpx.Response:
                return await http.post("/INC-1/preview", json={"text": text_of(PREVIEWED_BYTES, n * 7)})

            async def draft(n: int) -> httpx.Response:
                return await http.post(f"/INC-{n + 2}")

            saved, unsaved = await _times(count, save)
            linted, unlinted = await _times(count, lint)
            previewed, unpreviewed = await _times(count, preview)
            drafted, undrafted = await _times(DRAFTED - 1, draft)
        conn = await asyncpg.connect(it.dsn)
        documents = await conn.fetchval("select count(*) from postmortem")
        await conn.close()
    p95 = quantile(saved, 0.95)
    middle = {
        "lint": quantile(linted, 0.5),
        "preview": quantile(previewed, 0.5),
        "draft": quantile(drafted, 0.5),
    }
    return Result(
        "W25b",
        f"a post-mortem is written, one writer; drafts of incidents with {ENTRIES:,} entries",
        "p50/p95 ms: "
        + ", ".join(
            f"{name} {number(quantile(times, 0.5))}/{number(quantile(times, 0.95))}"
            for name, times in (
                ("save a section", saved),
                (f"lint {LINTED_BYTES // 1000} kB", linted),
                (f"preview {PREVIEWED_BYTES // 1000} kB", previewed),
                ("draft", drafted),
            )
        ),
        "-",
        (
            (f"save p95 <= {SAVE_LIMIT_MS} ms", p95 <= SAVE_LIMIT_MS),
            (f"lint p50 <= {LINT_LIMIT_MS} ms", middle["lint"] <= LINT_LIMIT_MS),
            (f"preview p50 <= {PREVIEW_LIMIT_MS} ms", middle["preview"] <= PREVIEW_LIMIT_MS),
            (f"draft p50 <= {DRAFT_LIMIT_MS} ms", middle["draft"] <= DRAFT_LIMIT_MS),
        ),
        check(refused=(unsaved + unlinted + unpreviewed + undrafted, 0), documents=(documents, DRAFTED + 1)),
    )
