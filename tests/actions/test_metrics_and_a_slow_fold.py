"""The SQL of metrics gives what a slow fold over the facts gives, on random histories and in random scopes."""

import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

from firebell.kit.db.database import Db, Tx
from firebell.metrics import windows
from firebell.metrics.facts import store as fact_store
from firebell.metrics.figures import member_store, total_store
from firebell.metrics.model import Exclusion, IncidentFact, Scope

NOW = datetime(2026, 11, 25, 9, 30, tzinfo=UTC)
HOUR = timedelta(hours=1)
FACTORS = ("latent.test", "latent.guard", "trigger.change", "luck.time")
Services = dict[int, set[int]]


def _random_fact(rng: random.Random, incident_id: int) -> IncidentFact:
    declared = NOW - timedelta(minutes=rng.randrange(180 * 24 * 60))
    detected = declared - timedelta(minutes=rng.randrange(30))
    start = detected - timedelta(minutes=rng.randrange(-5, 120)) if rng.random() < 0.8 else None
    end = detected + timedelta(minutes=rng.randrange(4000)) if rng.random() < 0.8 else None
    resolved = end + timedelta(minutes=5) if end else None
    closed = (resolved or declared + 9 * HOUR) + HOUR if rng.random() < 0.85 else None
    known = [at if at is None or at <= NOW else None for at in (start, end, resolved, closed)]
    start, end, resolved, closed = known
    due = rng.randrange(5)
    return IncidentFact(
        id=incident_id,
        type="operational",
        severity_first=rng.randrange(4),
        severity_max=rng.randrange(4),
        impact_start=start,
        detected_at=detected,
        declared_at=declared,
        engaged_at=None,
        impact_end=end,
        resolved_at=resolved,
        closed_at=closed,
        excluded=rng.choice((None, None, None, None, *Exclusion)),
        detect_s=_seconds(start, detected),
        engage_s=None,
        mitigate_s=_seconds(detected, end),
        resolve_s=_seconds(detected, resolved),
        reopens=0,
        people=1,
        person_minutes=rng.randrange(600),
        factors=tuple(rng.sample(FACTORS, rng.randrange(3))),
        updates_due=due,
        updates_on_time=rng.randrange(due + 1),
        postmortem_required=False,
        postmortem_published_at=None,
    )


def _seconds(start: datetime | None, end: datetime | None) -> int | None:
    return int((end - start).total_seconds()) if start and end else None


async def _store(tx: Tx, facts: Sequence[IncidentFact], services: Services) -> None:
    for team in (1, 2):
        await tx.execute("insert into team (name, slug, created_at) values ($1, $1, $2)", f"t{team}", NOW)
    for service in range(1, 6):
        await tx.execute(
            "insert into service (name, slug, team_id, created_at) values ($1, $1, $2, $3)",
            f"s{service}",
            1 + service % 2,
            NOW,
        )
    for fact in facts:
        await tx.execute(
            """
            insert into incident (title, summary, severity, max_severity, phase, detected_at, declared_at, severity_at)
            values ('Trouble', '', $1, $1, 'closed', $2, $2, $2)
            """,
            fact.severity_max,
            fact.declared_at,
        )
    await fact_store.save_incidents(tx, facts)
    pairs = [(incident, service) for incident, own in services.items() for service in own]
    await fact_store.save_services(tx, list(services), pairs)


def _in_scope(fact: IncidentFact, services: Services, scope: Scope) -> bool:
    own = services[fact.id]
    if scope.team_id is not None:
        own = {service for service in own if 1 + service % 2 == scope.team_id}
    if scope.service_id is not None:
        own = own & {scope.service_id}
    filters = scope.team_id is not None or scope.service_id is not None
    return (
        (bool(own) or not filters)
        and (scope.severity is None or fact.severity_max == scope.severity)
        and fact.id not in scope.hidden
    )


def _impact(
    facts: Sequence[IncidentFact], services: Services, scope: Scope, worst: int
) -> dict[str, tuple[int, int, bool]]:
    """Return (seconds in impact, failures, at least) by service, minute by minute."""
    start, end = scope.window.start, min(scope.window.end, max(scope.now, scope.window.start))
    figures = {}
    for service in range(1, 6):
        if scope.service_id not in (None, service) or scope.team_id not in (None, 1 + service % 2):
            continue
        own = [
            f for f in facts if service in services[f.id] and f.excluded is None and f.severity_max <= worst
        ]
        minutes: set[datetime] = set()
        at_least, failures = False, 0
        for fact in own:
            failures += start <= fact.declared_at < end
            at = max(start, fact.impact_start or fact.detected_at)
            until = min(end, fact.impact_end or fact.closed_at or scope.now)
            at_least |= at < until and fact.impact_start is None
            while at < until:
                minutes.add(at)
                at += timedelta(minutes=1)
        if minutes or failures:
            figures[f"s{service}"] = (60 * len(minutes), failures, at_least)
    return figures


async def test_totals_and_durations_are_those_of_a_slow_fold(db: Db) -> None:
    rng = random.Random(11)  # noqa: S311 - the same history in every run
    facts = [_random_fact(rng, incident_id) for incident_id in range(1, 121)]
    services = {fact.id: set(rng.sample(range(1, 6), rng.randrange(1, 3))) for fact in facts}
    scopes = [Scope(windows.preset("90d", NOW, "UTC"), NOW)]
    for _ in range(12):
        first = date(2026, 6, 1) + timedelta(days=rng.randrange(150))
        window = windows.between(first, first + timedelta(days=rng.randrange(60)), "Europe/Stockholm")
        scope = Scope(window, NOW, hidden=rng.sample(range(1, 121), 5))
        scopes.append(
            rng.choice(
                (
                    scope,
                    replace(scope, team_id=rng.randrange(1, 3)),
                    replace(scope, service_id=rng.randrange(1, 6)),
                    replace(scope, severity=rng.randrange(4)),
                )
            )
        )
    async with db.tx() as tx:
        await _store(tx, facts, services)
        for scope in scopes:
            mine = [fact for fact in facts if _in_scope(fact, services, scope)]
            counted = [fact for fact in mine if fact.excluded is None]
            start, end = scope.window.start, scope.window.end
            for worst in (1, 2):
                totals = await total_store.services(tx, scope, worst)
                figures = {one.slug: (one.impact_s, one.failures, one.at_least) for one in totals}
                assert figures == _impact(mine, services, scope, worst), scope

            declared = [fact for fact in counted if start <= fact.declared_at < end]
            by_severity = await total_store.declared_by_month(tx, scope, [start])
            assert by_severity == Counter((0, fact.severity_max) for fact in declared)
            factors = Counter(factor for fact in declared for factor in fact.factors)
            assert await total_store.factors(tx, scope) == factors

            closed = [fact for fact in counted if fact.closed_at and start <= fact.closed_at < end]
            minutes = sum(fact.person_minutes for fact in closed)
            assert await total_store.people_minutes(tx, scope) == (minutes, len(closed))
            updates = await member_store.count(tx, "updates", scope)
            due, on_time = sum(f.updates_due for f in closed), sum(f.updates_on_time for f in closed)
            assert (updates.n, updates.hits) == (due, on_time)
            accuracy = await member_store.count(tx, "severity", scope)
            right = sum(fact.severity_first == fact.severity_max for fact in closed)
            assert (accuracy.n, accuracy.hits) == (len(closed), right)

            steps, left_out = await member_store.steps(tx, "resolve", scope)
            running = [f for f in counted if f.closed_at is None] if scope.may_be_open else []
            ended = Counter(f.resolve_s for f in (*closed, *running) if f.resolve_s is not None)
            open_ = Counter(_seconds(f.detected_at, NOW) for f in running if f.resolve_s is None)
            assert {s.seconds: s.ended for s in steps if s.ended} == ended
            assert {s.seconds: s.censored for s in steps if s.censored} == open_
            assert left_out.get("no_end", 0) == sum(f.resolve_s is None for f in closed)
