"""W10: 5,000 people and 400 schedules that hand over at the same time, while pages are sent."""

import asyncio
from pathlib import Path
from urllib.parse import urlencode

import asyncpg
import httpx

from bench.load_runner import Load, load, quantile
from bench.product import EMAIL, PASSWORD, Product, product
from bench.result import Result, check, number
from bench.workloads.latency import delays, pair

PEOPLE, TEAMS, TEAM_SIZE, ROTATION_SIZE = 5_000, 200, 25, 12
_SEED = f"""
insert into person (name, email, role, tz, created_at)
select 'Member ' || i, 'member' || i || '@example.org', 'responder',
    (array['Europe/Stockholm', 'America/New_York', 'Asia/Tokyo'])[1 + i % 3], now()
from generate_series(0, {PEOPLE - 1}) i;
insert into team (name, slug, created_at)
select 'Team ' || t, 'team-' || t, now() from generate_series(0, {TEAMS - 1}) t;
insert into team_member (team_id, person_id, role)
select t.id, p.id, 'member' from person p
join team t on t.slug = 'team-' || substr(p.email, 7, position('@' in p.email) - 7)::int / {TEAM_SIZE}
where p.email like 'member%';
insert into schedule (name, slug, team_id, tz, created_at, changed_at)
select t.name || ' ' || level, t.slug || '-' || level, t.id, 'Europe/Stockholm', now() - interval '60 days', now()
from team t, unnest(array['primary', 'secondary']) level where t.slug like 'team-%';
insert into layer (schedule_id, position, name, slots, anchor, unit, every, tz, slot_offset)
select s.id, 0, 'Weekly', (
    select jsonb_agg(jsonb_build_array(person_id)) from (
        select person_id from team_member where team_id = s.team_id order by person_id limit {ROTATION_SIZE}) m),
    date_trunc('minute', now() at time zone s.tz) - interval '28 days', 'week', 1, s.tz,
    (s.slug like '%secondary')::int
from schedule s where s.slug like 'team-%';
insert into shift_told (schedule_id, until) select id, now() - interval '1 hour' from schedule
on conflict (schedule_id) do update set until = excluded.until;
analyze;
"""
_HAND_OVER = """
insert into due (kind, key, due_at) select 'handoffs.shift', id::text, now() from schedule
on conflict (kind, key) do update set due_at = excluded.due_at;
update due set due_at = now() where kind in ('oncall.clocks', 'oncall.checks');
"""


async def monday(factor: float) -> Result:
    """W10: two alerts a second while every schedule hands over and someone reads; then only reads."""
    async with product() as it:
        await it.start()
        cookie = await sign_in(it)
        before = await it.value("select count(*) from schedule")
        await _run(it, _SEED)
        busy = asyncio.create_task(load(it.inbound, it.folder / "load.tsv", rate=2, duration=20 * factor))
        await asyncio.sleep(1)
        await _run(it, _HAND_OVER)
        home = await _read(it, "/", cookie, "busy", rate=1, duration=15 * factor)
        alerts = await busy
        await it.sink.settled(alerts.ok, 30)
        late = await it.value("select count(*) from due where due_at < now() - interval '1 s'")
        drafted = await it.value(
            "select count(distinct s.id) from handoff h join schedule s on s.id = h.schedule_id"
            " where s.slug like 'team-%'"
        )
        sent_after = delays(alerts.accepted, it.sink)
        pages = {path: await _read(it, path, cookie, "calm", conns=1, count=40) for path in ("/", "/oncall")}
        who = await load(
            *(f"{it.url}/api/v1/oncall", it.folder / "who.tsv"),
            method="GET",
            header=f"Authorization: Bearer {it.api_key}",
            conns=1,
            count=40,
        )
        schedules = await it.value("select count(*) from schedule") - before
    p99 = quantile(sent_after, 0.99)
    calm = ", ".join(f"{path} {number(reads.p50_ms)}/{number(reads.p99_ms)}" for path, reads in pages.items())
    wrong = check(
        schedules=(schedules, 2 * TEAMS),
        handed_over=(drafted, 2 * TEAMS),
        timers_late=(late, 0),
        accepted_and_never_sent=(alerts.ok - len(sent_after), 0),
        refused=(alerts.n - alerts.ok, 0),
        unread=(sum(x.n - x.ok for x in (home, who, *pages.values())), 0),
    )
    return Result(
        "W10",
        f"{PEOPLE:,} people, {2 * TEAMS} schedules that hand over at once: alert accepted -> webhook",
        f"p50/p99 {pair(sent_after)} ms, slowest {number(max(sent_after))} ms; home page meanwhile"
        f" {number(home.p50_ms)}/{number(home.p99_ms)} ms. Afterwards, p50/p99 ms: {calm},"
        f" who is on call, over the API {number(who.p50_ms)}/{number(who.p99_ms)}",
        "-",
        (("p99 <= 1,000 ms", p99 <= 1000), ("nothing dropped", not wrong)),
        wrong,
    )


async def sign_in(it: Product) -> str:
    """Return the cookie of a session of the administrator."""
    async with httpx.AsyncClient(base_url=it.url) as http:
        response = await http.post(
            "/login",
            content=urlencode({"email": EMAIL, "password": PASSWORD}),
            headers={"Content-Type": "application/x-www-form-urlencoded"},
        )
        return "; ".join(f"{name}={value}" for name, value in response.cookies.items())


async def _run(it: Product, script: str) -> None:
    conn = await asyncpg.connect(it.dsn)
    try:
        await conn.execute(script)
    finally:
        await conn.close()


async def _read(it: Product, path: str, cookie: str, name: str, **options: float | str | Path) -> Load:
    out = it.folder / f"{name}{path.replace('/', '-')}.tsv"
    return await load(f"{it.url}{path}", out, method="GET", header=f"Cookie: {cookie}", **options)
