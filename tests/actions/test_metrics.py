"""Metrics on a real database: the figures of the specification, and the cases behind them."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

from firebell.kit.db.database import Db, Tx
from firebell.metrics import explore, export, queries, windows
from firebell.metrics.definitions import DEFINITIONS
from firebell.metrics.dimensions import Dimension
from firebell.metrics.facts import store as fact_store
from firebell.metrics.figures import customer_minutes, member_store, total_store
from firebell.metrics.model import Exclusion, IncidentFact, PageFact, Scope
from firebell.metrics.presentation import summaries

NOW = datetime(2026, 11, 2, 12, tzinfo=UTC)
OCTOBER = windows.between(date(2026, 10, 1), date(2026, 10, 31), "UTC")
CHECKOUT, SEARCH, API, QUIET = 1, 2, 3, 4
INCIDENTS = """
1 1 2/1 02-13:58 02-14:03 02-14:09 02-14:11 02-14:46 02-14:47 02-15:20
2 1 0/0 09-01:10 09-01:12 09-01:13 09-01:17 09-02:30 09-02:35 09-03:10
3 2 2/2 04-08:31 04-08:39 04-08:45 - 04-10:23 04-10:25 04-11:00
4 2 1/1 15-09:00 15-09:04 15-09:20 15-09:25 15-12:10 15-12:10 15-12:45
5 3 2/2 - 17-16:00 17-16:05 - 17-16:50 17-17:00 17-17:40
6 3 3/3 18-10:00 18-10:30 18-10:31 - 18-15:00 18-15:00 19-09:00
7 1 1/1 20-22:00 20-22:01 20-22:03 - 20-22:41 20-22:41 20-23:15
8 3 1/1 28-06:00 28-06:10 28-06:12 28-06:20 28-07:05 28-07:10 28-07:45
9 2 2/2 -2-20:00 -2-20:20 -2-20:25 - -2-23:50 01-00:10 01-00:45
10 3 1/1 31-22:30 31-22:33 31-22:35 31-22:40 31-23:40 31-23:45 32-00:20
11 1 2/2 30-12:00 30-12:05 30-12:10 - - - -
12 1 1/1 21-09:00 21-09:00 21-09:01 21-09:02 21-09:40 21-09:40 21-10:15 drill
13 2 2/2 22-11:00 22-11:05 22-11:06 - - - 22-11:30 dismissed
14 3 2/2 23-15:10 23-15:00 23-15:02 - 23-15:50 23-15:50 23-16:25
15 2 1/1 15-09:02 15-09:06 15-09:10 15-09:12 - - 15-09:30 merged
"""
"""Number, service, first/highest severity; the times of impact, detection, declaration, commander, end of the impact,
resolved and closed; why it is left out."""
MARA, NOOR, LF = 1, 2, 3
PAGES = """
1 1 1 02-14:03 125 2624 0
2 0 1 09-01:12 64 4980 0
3 2 2 04-08:39 108 6360 0
4 1 2 15-09:04 700 11160 1
5 2 3 17-16:00 240 3600 0
6 1 1 20-22:01 - 2400 x
7 1 3 28-06:10 300 3600 0
8 2 1 09-03:00 30 180 0 noise
9 2 1 09-04:40 - 180 x noise
10 2 3 12-03:00 95 1200 0 noise
11 1 3 31-22:33 200 4320 0
12 2 2 25-12:00 1500 3600 2
13 2 1 20-23:30 50 600 0
"""
"""Number, severity, person, trigger, seconds to acknowledge, seconds until it ended, level, noise."""


def _at(text: str) -> datetime | None:
    if text == "-":
        return None
    day, _, clock = text.rpartition("-")
    hour, minute = clock.split(":")
    # -1 is the last day of September
    days = int(day) if int(day) < 0 else int(day) - 1
    return datetime(2026, 10, 1, tzinfo=UTC) + timedelta(days=days, hours=int(hour), minutes=int(minute))


def _seconds(start: datetime | None, end: datetime | None) -> int | None:
    return int((end - start).total_seconds()) if start and end else None


def incident_fact(line: str) -> tuple[IncidentFact, int]:
    number, service, severities, *texts = line.split()
    start, detected, declared, engaged, end, resolved, closed = (_at(text) for text in texts[:7])
    assert detected
    assert declared
    first, highest = (int(text) for text in severities.split("/"))
    fact = IncidentFact(
        id=int(number),
        type="operational",
        severity_first=first,
        severity_max=highest,
        impact_start=start,
        detected_at=detected,
        declared_at=declared,
        engaged_at=engaged,
        impact_end=end,
        resolved_at=resolved,
        closed_at=closed,
        excluded=Exclusion(texts[7]) if len(texts) > 7 else None,
        detect_s=_seconds(start, detected),
        engage_s=_seconds(declared, engaged),
        mitigate_s=_seconds(detected, end),
        resolve_s=_seconds(detected, resolved),
        reopens=int(number == "4"),
        people=2,
        person_minutes=90,
        # INC-2 and INC-7 are the same weakness of checkout as INC-1
        factors=("latent.guard",) if number in "127" else (),
        updates_due=5 if number == "4" else 0,
        updates_on_time=3 if number == "4" else 0,
        postmortem_required=highest <= 1,
        postmortem_published_at=None
        if number not in _PUBLISHED_AFTER_H or closed is None
        else closed + timedelta(hours=_PUBLISHED_AFTER_H[number]),
    )
    return fact, int(service)


_PUBLISHED_AFTER_H = {"1": 30.5, "2": 47, "4": 61, "8": 44}


def page_fact(line: str) -> PageFact:
    number, severity, person, trigger, acked, ended, level, *noise = line.split()
    at = _at(trigger)
    assert at
    hour = at.hour
    night = at.date() if hour >= 22 else at.date() - timedelta(days=1) if hour < 7 else None
    return PageFact(
        id=int(number),
        team_id=None,
        service_id=CHECKOUT,
        rule="CheckoutErrors" if noise else "QueueDepthHigh",
        urgency="high",
        severity=int(severity),
        triggered_at=at,
        ack_s=None if acked == "-" else int(acked),
        censored_s=int(ended) if acked == "-" else None,
        level=0 if level == "x" else int(level),
        is_exhausted=level == "x",
        is_noise=bool(noise),
        vote=None,
        hour=at.weekday() * 24 + hour,
        night=night,
        woken=(int(person),) if night else (),
        excluded=None,
    )


async def _october(tx: Tx) -> Scope:
    """Store the facts, and what they belong to; return the scope of October."""
    await tx.execute("insert into team (name, slug, created_at) values ('Shop', 'shop', $1)", NOW)
    for name in ("checkout", "search", "api", "quiet"):
        await tx.execute(
            """
            insert into service (name, slug, team_id, created_at)
            select $1, $1, id, $2
            from team
            """,
            name,
            OCTOBER.start,
        )
    facts = [incident_fact(line) for line in INCIDENTS.strip().splitlines()]
    for fact, _ in facts:
        await tx.execute(
            """
            insert into incident (title, summary, severity, max_severity, phase, detected_at, declared_at, severity_at)
            values ($1, '', $2, $2, 'closed', $3, $3, $3)
            """,
            f"Incident {fact.id}",
            fact.severity_max,
            fact.declared_at,
        )
    assert len(await fact_store.save_incidents(tx, [fact for fact, _ in facts])) == 15
    # storing the same again changes nothing
    assert await fact_store.save_incidents(tx, [fact for fact, _ in facts]) == []
    pairs = [(fact.id, service) for fact, service in facts]
    await fact_store.save_services(tx, [fact.id for fact, _ in facts], pairs)
    await fact_store.link_repeats(tx, [fact.id for fact, _ in facts])
    pages = [page_fact(line) for line in PAGES.strip().splitlines()]
    assert await fact_store.save_pages(tx, pages) == 13
    assert await fact_store.save_pages(tx, pages) == 0
    return Scope(OCTOBER, NOW)


async def test_the_figures_of_october(db: Db) -> None:
    async with db.tx() as tx:
        scope = await _october(tx)
        sev1 = Scope(OCTOBER, NOW, severity=1)

        async def duration(slug: str, of: Scope = scope) -> summaries.Summary:
            steps, _ = await member_store.steps(tx, slug, of)
            return summaries.summary(steps, None, is_censored=slug in ("acknowledge", "engage"))

        detect = await duration("detect")
        assert (detect.n, detect.median, detect.p75, detect.mean) == (8, 390, 750, 600)
        _, excluded = await member_store.steps(tx, "detect", scope)
        assert excluded == {"drill": 1, "dismissed": 1, "merged": 1, "no_start": 1, "negative": 1}
        engage = await duration("engage")
        assert (engage.n, engage.unfinished, engage.median, engage.p75) == (5, 1, 300, 480)
        mitigate = await duration("mitigate")
        assert (mitigate.n, mitigate.median, mitigate.p75, mitigate.mean) == (9, 3300, 6240, 5440)
        resolve = await duration("resolve")
        assert (resolve.n, resolve.median, resolve.p75, resolve.mean) == (10, 4290, 9960, 15414)
        assert resolve.interval == (2640, 16200)
        severe = await duration("resolve", sev1)
        assert (severe.n, severe.median, severe.p75) == (4, 3120, 5490)
        acknowledge = await duration("acknowledge")
        assert (acknowledge.n, acknowledge.unfinished, acknowledge.median) == (13, 2, 200)
        assert (acknowledge.p75, acknowledge.p90) == (700, 1500)
        assert (await duration("acknowledge", sev1)).median == 300

        async def share(slug: str) -> tuple[int, int]:
            counted = await member_store.count(tx, slug, scope)
            return counted.hits, counted.n

        assert await share("severity") == (9, 10)
        assert await share("noise") == (3, 13)
        assert await share("updates") == (3, 5)
        assert await share("postmortems") == (3, 5)
        assert await share("levels") == (9, 13)
        # INC-2 repeats INC-1, INC-7 repeats INC-2
        assert await share("repeats") == (2, 11)
        assert await share("preventable") == (0, 0)

        impact = {s.slug: (s.impact_s, s.at_least) for s in await total_store.services(tx, scope, 2)}
        assert impact == {"checkout": (139740, False), "search": (18120, False), "api": (13500, True)}
        failures = {s.slug: (s.failures, s.impact_s) for s in await total_store.services(tx, scope, 1)}
        month_s = 31 * 86_400
        between = {
            slug: summaries.between_failures(month_s, seconds, n).seconds
            for slug, (n, seconds) in failures.items()
        }
        assert between == {"checkout": 889_420, "search": 2_667_000, "api": 1_335_150}
        # M5: a quiet day makes no time between failures shorter, and changes no noise
        longer = replace(scope, window=windows.between(date(2026, 10, 1), date(2026, 11, 1), "UTC"))
        for one in await total_store.services(tx, longer, 1):
            after = summaries.between_failures(month_s + 86_400, one.impact_s, one.failures)
            assert after.seconds >= between[one.slug]
        noise = await member_store.count(tx, "noise", longer)
        assert (noise.hits, noise.n) == await share("noise")
        by_month = await total_store.declared_by_month(tx, scope, [OCTOBER.start])
        assert by_month == {(0, 0): 1, (0, 1): 5, (0, 2): 4, (0, 3): 1}
        assert await total_store.nights(tx, scope) == {3: 1, 2: 1, 1: 3}

        async def split(slug: str, by: Dimension) -> dict[str, float | None]:
            groups = (await explore.explore(tx, DEFINITIONS[slug], by, scope)).groups
            return {group.key: group.value for group in groups}

        by_service = {"checkout": 139740, "search": 18120, "api": 13500}
        assert await split("impact", Dimension.SERVICE) == by_service
        assert await split("impact", Dimension.TEAM) == {"shop": sum(by_service.values())}
        assert await split("impact", Dimension.MONTH) == {"2026-10": sum(by_service.values())}
        assert await split("impact", Dimension.SEVERITY) == {"0": 4800, "1": 24840, "2": 141720}
        assert await split("mtbf", Dimension.SERVICE) == between
        assert await split("nights", Dimension.RULE) == {"QueueDepthHigh": 4, "CheckoutErrors": 2}
        # the nights of 8, 11, 20, 27 and 31 October
        assert await split("nights", Dimension.WEEKDAY) == {"1": 2, "3": 1, "5": 1, "6": 1}
        assert await total_store.levels(tx, scope) == {0: 9, 1: 1, 2: 1, None: 2}
        assert await total_store.people_minutes(tx, scope) == (900, 10)
        totals = await total_store.pages_by_hour_and_rule(tx, scope)
        assert sum(pages for pages, _ in totals.hours.values()) == 13
        assert (totals.noise, totals.pages) == await share("noise")
        assert [(r.rule, r.pages, r.nights, r.noise) for r in totals.rules] == [
            ("QueueDepthHigh", 10, 5, 0),
            ("CheckoutErrors", 3, 3, 3),
        ]


async def test_a_new_installation_does_not_claim_that_it_had_no_failure_for_months(db: Db) -> None:
    created_at, failed_at = NOW - timedelta(days=3), NOW - timedelta(days=2)
    async with db.tx() as tx:
        await _october(tx)
        await tx.execute("delete from incident_fact")
        await tx.execute("delete from page_fact")
        await tx.execute("update service set created_at = $1", created_at)
        of = await queries.scope(tx, queries.Query(), "UTC", NOW)
        quiet = await queries.result(tx, "mtbf", of)
        assert (quiet.seconds, export.target_result(quiet)) == (3 * 86_400, "too_few")
        assert (await queries.result(tx, "impact", of)).seconds_before is None
        for slug in ("nights", "frequency", "cost", "customer-minutes"):
            assert (await queries.result(tx, slug, of)).count_before is None, slug
        lost = export.figures(await queries.result(tx, "customer-minutes", of))
        assert (lost["customer_minutes"], lost["before_customer_minutes"]) == (0, None)
        # a service that failed once on its second day
        fact, _ = incident_fact(INCIDENTS.strip().splitlines()[0])
        fact = replace(
            fact,
            impact_start=failed_at,
            detected_at=failed_at,
            declared_at=failed_at,
            impact_end=failed_at + timedelta(hours=1),
        )
        await fact_store.save_incidents(tx, [fact])
        await fact_store.save_services(tx, [fact.id], [(fact.id, CHECKOUT)])
        failed = await queries.result(tx, "mtbf", of)
        assert [one.between.seconds for one in failed.services] == [3 * 86_400 - 3600]
        assert export.target_result(failed) == "too_few"
        # an incident that was entered for a time before the service was created
        early = replace(fact, impact_start=NOW - timedelta(days=10), declared_at=NOW - timedelta(days=10))
        await fact_store.save_incidents(tx, [early])
        [service] = await total_store.services(tx, of, 1)
        assert service.recorded_s == 10 * 86_400
        # what was counted in the period before is still shown
        old = replace(fact, id=2, declared_at=of.window.start - timedelta(days=1))
        await fact_store.save_incidents(tx, [old])
        frequency = await queries.result(tx, "frequency", of)
        assert frequency.count_before
        assert frequency.count_before.number == 1


async def test_every_figure_is_a_recount_of_the_list_behind_it(db: Db) -> None:
    async with db.tx() as tx:
        october = await _october(tx)
        november = windows.between(date(2026, 11, 1), date(2026, 11, 2), "UTC")
        for scope in (
            october,
            Scope(OCTOBER, NOW, severity=1),
            Scope(OCTOBER, NOW, service_id=SEARCH),
            Scope(OCTOBER, NOW, hidden=[4, 8]),
            # INC-11 is still open, so that its duration is censored
            Scope(november, NOW),
        ):
            for slug in member_store.RULES:
                listed = await member_store.members(tx, slug, scope, limit=100)
                counted = await member_store.count(tx, slug, scope)
                inside = [m for m in listed if m.reason is None]
                assert counted.n == sum(m.parts for m in inside), slug
                assert counted.hits == sum(m.hits or 0 for m in inside), slug
                assert sum(counted.excluded.values()) == len(listed) - len(inside), slug
                steps, _ = await member_store.steps(tx, slug, scope)
                timed = sorted(m.seconds for m in inside if m.seconds is not None)
                assert [s.seconds for s in steps for _ in range(s.ended + s.censored)] == timed, slug
                # the SQL that the screen shows counts the same, unless incidents are hidden, which it never names
                rows = await tx.fetch(member_store.statement(slug, scope))
                assert scope.hidden or len(rows) == len(listed), slug
        (running,) = [
            m for m in await member_store.members(tx, "resolve", Scope(november, NOW)) if m.id == 11
        ]
        assert (running.has_ended, running.seconds) == (False, 2 * 86_400 + 23 * 3600 + 55 * 60)
        pages = await member_store.members(tx, "acknowledge", october, limit=7)
        rest = await member_store.members(tx, "acknowledge", october, after=pages[-1].id)
        assert [m.id for m in (*pages, *rest)] == [11, 7, 12, 13, 6, 5, 4, 10, 9, 8, 2, 3, 1]


async def test_an_incident_repeats_another_one_when_the_factors_of_a_third_change(db: Db) -> None:
    async with db.tx() as tx:
        await _october(tx)
        second = next(fact for fact, _ in map(incident_fact, INCIDENTS.strip().splitlines()) if fact.id == 2)

        async def repeated_by_the_seventh(factors: tuple[str, ...]) -> int:
            await fact_store.save_incidents(tx, [replace(second, factors=factors)])
            await fact_store.link_repeats(tx, [second.id])
            return int(await tx.value("select repeat_of from incident_fact where id = 7"))

        assert await repeated_by_the_seventh(second.factors) == 2
        assert await repeated_by_the_seventh(()) == 1
        assert await repeated_by_the_seventh(second.factors) == 2


async def test_the_customer_minutes_of_each_month_of_ten_years_are_listed(db: Db) -> None:
    async with db.tx() as tx:
        await _october(tx)
        await tx.execute(
            """
            insert into incident (title, summary, severity, max_severity, phase, detected_at, declared_at, severity_at)
            select 'Past', '', 1, 1, 'closed', at, at, at
            from generate_series($1::timestamptz, $2, interval '1 month') as at
            """,
            datetime(2016, 11, 1, tzinfo=UTC),
            datetime(2026, 9, 1, tzinfo=UTC),
        )
        past = await tx.fetch("select id, detected_at from incident where title = 'Past' order by id")
        fact, _ = incident_fact(INCIDENTS.strip().splitlines()[0])
        facts = [
            replace(
                fact,
                id=row["id"],
                impact_start=row["detected_at"],
                detected_at=row["detected_at"],
                declared_at=row["detected_at"],
                impact_end=row["detected_at"] + timedelta(minutes=10),
                resolved_at=row["detected_at"] + timedelta(minutes=10),
                closed_at=row["detected_at"] + timedelta(hours=1),
                customers=7,
            )
            for row in past
        ]
        await fact_store.save_incidents(tx, facts)
        window = windows.between(date(2016, 11, 1), date(2026, 10, 31), "UTC")
        table = await customer_minutes.by_month(tx, Scope(window, NOW))
        assert [row[1:] for row in table.rows[:-1]] == [(1, 70)] * len(past)
