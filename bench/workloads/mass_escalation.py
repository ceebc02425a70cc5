"""W14: pages that no one acknowledged escalate at the same instant, or 200 a second, or are acknowledged meanwhile."""

import asyncio
import time

import asyncpg
import httpx

from bench import process_stats
from bench.load_runner import load, quantile
from bench.product import Product, product
from bench.result import Result, check, number
from bench.workloads.latency import delays, pair

PAGES, RESPONDERS, ALERTS_PER_S = 10_000, 100, 10
_RUN = "esc"
_SEED = """
insert into person (name, email, role, tz, created_at)
select 'Responder ' || i, 'responder' || i || '@example.org', 'responder', 'Europe/Stockholm', now()
from generate_series(1, {responders}) i;

insert into contact_method (person_id, kind, address, verified_at, signing_secret, created_at)
select person.id, 'webhook', admin.address, now(), sha256(person.email::bytea), now()
from person
cross join (select address from contact_method where kind = 'webhook' limit 1) admin
where person.email like 'responder%';

insert into notification_rule (person_id, urgency, delay_s, method_id)
select person_id, urgency, 0, contact_method.id
from contact_method
join person on person.id = contact_method.person_id
cross join unnest(array['high', 'low']) urgency
where person.email like 'responder%';

insert into alert_group (
    integration_id, service_id, key, title, urgency, opened_at, last_at, alerts, firing, events
)
select integration.id, integration.service_id, 'escalating-' || i, 'disk full bz{run}x' || i || 'z', 'high',
    now() - interval '5 minutes', now() - interval '5 minutes', 1, 1, 1
from integration, generate_series(1, {pages}) i;

insert into alert (
    integration_id, dedup_key, group_id, status, title, severity, labels, starts_at, last_seen, hi_at, hi_seen,
    hi_rank, count
)
select integration_id, key, id, 'firing', title, 'critical', '{{"alertname": "DiskFull"}}', opened_at, opened_at,
    opened_at, opened_at, 0, 1
from alert_group
where key like 'escalating-%';

insert into page (
    subject_kind, subject_id, service_id, team_id, plan, title, urgency, severity, state, level, due_at, triggered_at
)
select 'group', alert_group.id, service.id, service.team_id,
    jsonb_build_object('name', 'Escalate', 'repeat', 0, 'ack_timeout_s', null, 'levels', jsonb_build_array(
        jsonb_build_object('ack_within_s', 300, 'targets', '[]'::jsonb),
        jsonb_build_object('ack_within_s', 3600, 'targets', jsonb_build_array(
            jsonb_build_object('kind', 'person', 'id', person.id)
        ))
    )),
    alert_group.title, 'high', 2, 'triggered', 0,
    now() + interval '8 s' + split_part(alert_group.key, '-', 2)::int * interval '{gap_ms} ms', alert_group.opened_at
from alert_group
join service on service.id = alert_group.service_id
join person on person.email = 'responder' || alert_group.id % {responders} + 1 || '@example.org'
where alert_group.key like 'escalating-%';

insert into due (kind, key, due_at, epoch)
select 'paging.page', id::text, due_at, epoch
from page
where due_at is not null;
"""
_DUE_IN = "select extract(epoch from min(due_at) - clock_timestamp()) from page where title like '%bzescx%'"
_LATENESS = """
select percentile_disc({quantile}) within group (
    order by extract(epoch from delivery.created_at - page.triggered_at - interval '5 minutes 8 seconds'
        - split_part(alert_group.key, '-', 2)::int * interval '{gap_ms} ms') * 1000
)
from delivery
join page on page.id = delivery.subject_id and delivery.subject_kind = 'page'
join alert_group on alert_group.id = page.subject_id
where alert_group.key like 'escalating-%'
"""
_LIMIT_S, _ALERT_LIMIT_MS = 10, 100
TIMERS_PER_S, _LATENESS_LIMIT_MS = 200, 100
ACKNOWLEDGED, _ACK_LIMIT_S = 500, 1


async def escalations(factor: float) -> Result:
    """W14: all messages of the escalations, and the alerts beside them."""
    pages = max(100, int(PAGES * min(1, factor)))
    async with product() as it:
        await it.start()
        began = await _seed(it, pages, gap_ms=0)
        await asyncio.sleep(max(0, began - time.monotonic()))
        before = process_stats.cpu_s(it.pid)
        alerts = await load(it.inbound, it.folder / "load.tsv", rate=ALERTS_PER_S, duration=15, run="beside")
        await it.sink.settled(pages + alerts.ok, 90)
        cpu = process_stats.cpu_s(it.pid) - before
        own_pages = delays(alerts.accepted, it.sink)
        first = it.sink.first()
        escalated = sorted(at - began for name, at in first.items() if name.startswith(f"bz{_RUN}x"))
        wrong = check(
            escalated=(len(escalated), pages),
            messages=(len(it.sink.messages()), pages + alerts.ok),
            refused=(alerts.n - alerts.ok, 0),
            timers_late=(await it.value("select count(*) from due where due_at < now() - interval '1 s'"), 0),
        )
    last = escalated[-1] if escalated else float("inf")
    return Result(
        "W14",
        f"{pages:,} pages escalate at once, {ALERTS_PER_S} alerts a second beside them",
        f"messages: first/p50/last {number(escalated[0])}/{number(quantile(escalated, 0.5))}/{number(last)} s,"
        f" {number(cpu)} s CPU; an alert beside them p50/p99 {number(alerts.p50_ms)}/{number(alerts.p99_ms)} ms",
        f"the alerts' own pages, accepted -> webhook p50/p99 {pair(own_pages)} ms",
        (
            (f"all messages <= {_LIMIT_S} s", last <= _LIMIT_S),
            (f"alert p99 <= {_ALERT_LIMIT_MS} ms", alerts.p99_ms <= _ALERT_LIMIT_MS),
        ),
        wrong,
    )


async def steady_timers(factor: float) -> Result:
    """W14b: timers that are due one after the other, each measured from its own instant."""
    pages, gap_ms = max(100, int(10 * TIMERS_PER_S * min(1, factor))), 1000 / TIMERS_PER_S
    async with product() as it:
        await it.start()
        began = await _seed(it, pages, gap_ms)
        await asyncio.sleep(max(0, began - time.monotonic()))
        await it.sink.settled(pages, pages / TIMERS_PER_S + 30)
        p50, p99 = [float(await it.value(_LATENESS.format(quantile=q, gap_ms=gap_ms))) for q in (0.5, 0.99)]
        wrong = check(
            messages=(len(it.sink.messages()), pages),
            timers_late=(await it.value("select count(*) from due where due_at < now() - interval '1 s'"), 0),
        )
    return Result(
        "W14b",
        f"{TIMERS_PER_S} pages a second escalate: lateness of their timers",
        f"p50/p99 {number(p50)}/{number(p99)} ms",
        "-",
        ((f"p99 <= {_LATENESS_LIMIT_MS} ms", p99 <= _LATENESS_LIMIT_MS),),
        wrong,
    )


async def acknowledged(factor: float) -> Result:
    """W14c: pages that are sent last are acknowledged while the others are sent."""
    pages = max(100, int(PAGES * min(1, factor)))
    limit = min(ACKNOWLEDGED, pages // 4)
    async with product() as it:
        await it.start()
        began = await _seed(it, pages, gap_ms=0)
        await asyncio.sleep(max(0, began - time.monotonic()))
        await it.sink.settled(pages // 20, 30)
        # a part of the newest timers runs early, so the newest pages are not those whose messages go out last
        last = await it.texts(
            f"""
            select 'PG-' || subject_id
            from delivery
            where subject_kind = 'page'
                and state = 'queued'
            order by id desc
            limit {limit}
            """
        )
        # fewer wait if they are sent about as soon as they are planned
        count = len(last)
        headers = {"Authorization": f"Bearer {it.api_key}"}
        async with httpx.AsyncClient(base_url=it.url, headers=headers, timeout=60) as http:
            sent = time.monotonic()
            response = await http.post("/api/v1/pages/bulk", json={"action": "ack", "refs": last})
            done = time.monotonic()
        await it.sink.settled(pages - count, 60)
        await asyncio.sleep(2)
        names = set(
            await it.texts(f"select substring(title from 'bz{_RUN}x[0-9]+z') from page where state = 'acked'")
        )
        first = it.sink.first()
        late = [at - done for name, at in first.items() if name in names and at > done]
        wrong = check(
            status=(response.status_code, 200),
            some_waited=(count > 0, True),
            acknowledged=(len(names), count),
            others_without_message=(pages - len({*first, *names}), 0),
        )
    return Result(
        "W14c",
        f"{pages:,} pages escalate at once, and {count} are acknowledged while their messages wait",
        f"acknowledged in {number(done - sent)} s; {len(late)} of their messages arrived afterward,"
        f" the last after {number(max(late, default=0))} s",
        "-",
        ((f"none after {_ACK_LIMIT_S} s", max(late, default=0) <= _ACK_LIMIT_S),),
        wrong,
    )


async def _seed(it: Product, pages: int, gap_ms: float) -> float:
    """Store the pages and their timers, `gap_ms` apart; return the monotonic time at which the first is due."""
    conn = await asyncpg.connect(it.dsn)
    try:
        async with conn.transaction():
            await conn.execute(_SEED.format(pages=pages, responders=RESPONDERS, run=_RUN, gap_ms=gap_ms))
        await conn.execute("analyze; notify firebell_work, 'due'")
        return time.monotonic() + float(await conn.fetchval(_DUE_IN))
    finally:
        await conn.close()
