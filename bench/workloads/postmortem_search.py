"""W25: 10,000 post-mortems are searched, and similar incidents are found among them."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg

from bench.load_runner import load
from bench.product import product
from bench.result import Result, check, number
from bench.workloads.large_organization import sign_in

DOCUMENTS, WORDS, READS = 10_000, 950, 40
SEARCH_LIMIT_MS, SIMILAR_LIMIT_MS = 50, 20
VOCABULARY = 20_000
TERMS = 40
SEARCHES = {
    "rare word": "q=word19999",
    "in half": "q=halfway",
    "in all": "q=outage",
    "two words": "q=outage+word57",
    "phrase and filter": "q=%22outage+halfway%22&severity=SEV1",
    "no words": "factor=latent.guard&year=2026",
}
"""What is searched, by how common it is."""

_INCIDENTS = """
insert into incident (title, severity, max_severity, phase, detected_at, declared_at, severity_at, closed_at)
select
    'word' || (random() * $2)::int || ' failed ' || i, i % 4, i % 4, 'closed', at, at, at, at + interval '1 hour'
from generate_series(1, $1) i
cross join lateral (select timestamptz '2026-01-01' + i * interval '50 minutes' as at) moment
"""
_SERVICES = """
insert into incident_service (incident_id, service_id)
select incident.id, service.id
from incident
join service on service.id = (select min(id) from service)
where incident.id % 5 = 0
"""
_DOCUMENTS = """
insert into postmortem (
    incident_id, body, state, due_at, created_at, updated_at, published_at, first_published_at, published_version
)
select
    incident.id,
    '## Summary' || chr(10) || chr(10) || 'An outage ' || case when incident.id % 4 < 2 then 'halfway. ' else '. ' end
        || text.words || chr(10) || chr(10) || '## Root cause' || chr(10) || chr(10) || left(text.words, 400),
    'published', closed_at + interval '2 days', closed_at, closed_at, closed_at, closed_at, 1
from incident
cross join lateral (
    select string_agg('word' || (power(random(), 3) * $3)::int, ' ') as words
    from generate_series(1, $2)
    where incident.id > 0
) text
where incident.id % 2 = $1
"""
_ABOUT = """
insert into postmortem_incident (postmortem_id, incident_id, is_main)
select id, incident_id, true
from postmortem
"""
_SEARCH = """
insert into postmortem_search (postmortem_id, version, title, language, factors, words)
select
    postmortem.id, 1, incident.title, 'english', array['latent.guard', 'trigger.load'],
    setweight(to_tsvector('english', incident.title), 'A') || setweight(to_tsvector('simple', incident.title), 'A')
        || setweight(to_tsvector('english', body), 'B') || setweight(to_tsvector('simple', body), 'B')
from postmortem
join incident on incident.id = postmortem.incident_id
where incident.id % 2 = $1
"""
_PROFILES = """
insert into incident_profile (
    incident_id, terms, service_ids, rules, factors, is_compared
)
select
    incident.id, '{}',
    coalesce((select array_agg(service_id) from incident_service where incident_id = incident.id), '{}'),
    array['Rule' || incident.id % 200], array['latent.guard'], true
from incident
"""
_TERMS = """
insert into document_term (incident_id, term, weight)
select distinct incident_id, 'word' || (power(random(), 1.5) * 4000)::int, 0.16
from incident_profile
cross join generate_series(1, $1)
"""


_INDEXES = """
select indexrelid::regclass::text as name, pg_get_indexdef(indexrelid) as definition
from pg_index
where indrelid = any($1::regclass[])
    and not indisunique
"""
_FILLED = ["incident", "postmortem", "postmortem_search", "incident_profile", "document_term"]
"""The tables whose indexes are built when they are full, which takes a tenth of the time."""


@asynccontextmanager
async def _without_indexes(conns: asyncpg.Pool) -> AsyncIterator[None]:
    """Drop the indexes of the tables that are filled, and build them afterwards, two at a time."""
    indexes = await conns.fetch(_INDEXES, _FILLED)
    for index in indexes:
        await conns.execute(f"drop index {index['name']}")
    yield
    await asyncio.gather(*(conns.execute(index["definition"]) for index in indexes))


async def _in_halves(conns: asyncpg.Pool, statement: str, *values: int) -> None:
    """Run a statement for the incidents with even and with odd ids at the same time."""
    await asyncio.gather(*(conns.execute(statement, half, *values) for half in (0, 1)))


async def seed(dsn: str) -> None:
    """Add the post-mortems; what Firebell would index by itself is inserted at once."""
    fast = {"synchronous_commit": "off", "maintenance_work_mem": "512MB"}
    async with (
        asyncpg.create_pool(dsn, min_size=2, max_size=2, server_settings=fast) as conns,
        _without_indexes(conns),
    ):
        await conns.execute(_INCIDENTS, DOCUMENTS, VOCABULARY)
        await conns.execute(_SERVICES)
        await _in_halves(conns, _DOCUMENTS, WORDS, VOCABULARY)
        await conns.execute(_ABOUT)
        await _in_halves(conns, _SEARCH)
        await conns.execute(_PROFILES)
        await conns.execute(_TERMS, TERMS)
    conn = await asyncpg.connect(dsn)
    await conn.execute("vacuum analyze")
    await conn.close()


async def search(factor: float) -> Result:
    """W25: each kind of search, and the similar incidents of one, over JSON by one reader."""
    async with product() as it:
        await it.start()
        cookie = await sign_in(it)
        began = time.monotonic()
        await seed(it.dsn)
        seeded = time.monotonic() - began
        middle = await it.value("select max(id) - 100 from incident")
        times = {}
        paths = {name: f"/api/v1/post-mortems/search?{query}" for name, query in SEARCHES.items()}
        for name, path in {**paths, "similar": f"/api/v1/incidents/INC-{middle}/similar"}.items():
            times[name] = await load(
                *(it.url + path, it.folder / "read.tsv"),
                method="GET",
                header=f"Cookie: {cookie}",
                conns=1,
                count=max(10, round(READS * factor)),
            )
            print(name, number(times[name].p50_ms), number(times[name].p95_ms), flush=True)
    slow = [name for name in SEARCHES if times[name].p50_ms > SEARCH_LIMIT_MS]
    alike = times["similar"].p50_ms
    return Result(
        "W25",
        f"{DOCUMENTS:,} post-mortems of {WORDS} words: search them, and find similar incidents, one reader",
        "p50/p95 ms: "
        + ", ".join(f"{name} {number(one.p50_ms)}/{number(one.p95_ms)}" for name, one in times.items()),
        f"seeded in {seeded:.0f} s",
        (
            (f"every search p50 <= {SEARCH_LIMIT_MS} ms", not slow),
            (f"similar p50 <= {SIMILAR_LIMIT_MS} ms", alike <= SIMILAR_LIMIT_MS),
        ),
        check(unread=(sum(one.n - one.ok for one in times.values()), 0)),
    )
