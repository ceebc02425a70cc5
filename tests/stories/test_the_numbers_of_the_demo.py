"""The metrics of the demo's history are what its rows say, counted one by one without the code of metrics."""

from collections import Counter
from dataclasses import dataclass
from datetime import datetime, timedelta
from fractions import Fraction
from statistics import median
from typing import Any
from zoneinfo import ZoneInfo

from firebell.demo import audiences, metrics, status_page
from firebell.demo.incidents import STORIES
from firebell.kit.clock import FakeClock
from firebell.kit.db.database import Tx
from firebell.metrics import queries
from firebell.metrics.business_impact.queries import period_cost
from firebell.metrics.queries import Query
from tests.demo_world import demo_past

PAGES = 15
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
Row = dict[str, Any]


@dataclass(slots=True)
class Rows:
    """What the demo wrote, as the tables have it."""

    pages: list[Row]
    logs: list[Row]
    votes: list[Row]
    messages: list[Row]
    incidents: list[Row]
    incident_pages: list[Row]
    services: list[Row]
    entries: list[Row]
    published: list[Row]
    roles: list[Row]
    members: list[Row]

    def of(self, rows: list[Row], name: str, value: int) -> list[Row]:
        """Return the rows with a value."""
        return [row for row in rows if row[name] == value]


async def _rows(tx: Tx) -> Rows:
    statements = (
        "select id, triggered_at, resolved_at from page where urgency = 'high' and state <> 'merged'",
        "select page_id, at, kind, actor_id, data from page_log order by id",
        "select page_id, is_actionable from page_vote",
        """
        select delivery.subject_id as page_id, delivery.person_id, delivery.state, delivery.send_at,
            delivery.sent_at, person.tz
        from delivery
        join person on person.id = delivery.person_id
        where delivery.subject_kind = 'page'
        """,
        "select * from incident where phase not in ('detected', 'triaging')",
        "select incident_id, page_id from incident_page",
        """
        select incident_id, service.slug, team.slug as owner
        from incident_service
        join service on service.id = service_id
        join team on team.id = service.team_id
        """,
        "select incident_id, kind, data, actor_id, effective_at from timeline_entry order by id",
        """
        select about.incident_id, postmortem.published_at
        from postmortem
        join postmortem_incident about on about.postmortem_id = postmortem.id
        """,
        "select incident_id, person_id, from_at, until_at from incident_role",
        "select person_id, team.slug as team from team_member join team on team.id = team_id",
    )
    return Rows(*[[dict(row) for row in await tx.fetch(statement)] for statement in statements])


def _seconds_to_acknowledge(rows: Rows, page: Row) -> int | None:
    acked = [
        log["at"]
        for log in rows.of(rows.logs, "page_id", page["id"])
        if log["kind"] == "acked" and log["actor_id"]
    ]
    return int((min(acked) - page["triggered_at"]).total_seconds()) if acked else None


def _is_noise(rows: Rows, page: Row) -> bool:
    votes = [vote["is_actionable"] for vote in rows.of(rows.votes, "page_id", page["id"])]
    if votes:
        return votes.count(False) > votes.count(True)
    kinds = {log["kind"] for log in rows.of(rows.logs, "page_id", page["id"]) if log["actor_id"]}
    is_used = rows.of(rows.incident_pages, "page_id", page["id"]) or kinds - {"acked", "joined", "triggered"}
    return not is_used and page["resolved_at"] - page["triggered_at"] <= 5 * MINUTE


def _night(message: Row) -> tuple[int, str] | None:
    at = message["sent_at"].astimezone(ZoneInfo(message["tz"]))
    if 7 <= at.hour < 22:
        return None
    return message["person_id"], f"{(at - timedelta(hours=12)):%Y-%m-%d}"


def _impact_seconds(rows: Rows, slug: str, worst: int, start: datetime, now: datetime) -> set[datetime]:
    ids = {row["incident_id"] for row in rows.services if row["slug"] == slug}
    instants: set[datetime] = set()
    for one in rows.incidents:
        if one["id"] in ids and one["max_severity"] <= worst:
            at = max(start, one["impact_start"] or one["detected_at"])
            while at < min(now, one["impact_end"] or one["closed_at"] or now):
                instants.add(at.replace(microsecond=0))
                at += timedelta(seconds=1)
    return instants


def _minutes(rows: Rows, one: Row) -> dict[int, int]:
    """Return each person’s minutes: in a role, else from their first to their last entry and 5 more."""
    spans: dict[int, list[tuple[datetime, datetime]]] = {}
    for role in rows.of(rows.roles, "incident_id", one["id"]):
        until = min(role["until_at"] or one["closed_at"], one["closed_at"])
        spans.setdefault(role["person_id"], []).append((role["from_at"], until))
    entries = [e for e in rows.of(rows.entries, "incident_id", one["id"]) if e["actor_id"] is not None]
    for person in {entry["actor_id"] for entry in entries} - set(spans):
        times = [entry["effective_at"] for entry in entries if entry["actor_id"] == person]
        spans[person] = [(min(times), min(max(times) + 5 * MINUTE, one["closed_at"]))]
    seconds = {}
    for person, of_person in spans.items():
        first = min(start for start, _ in of_person)
        length = int((one["closed_at"] - first).total_seconds())
        seconds[person] = sum(
            any(start <= first + timedelta(seconds=s) < end for start, end in of_person)
            for s in range(length)
        )
    return {person: length // 60 for person, length in seconds.items()}


def _per_hour(rows: Rows, one: Row, person: int) -> int:
    """Return what an hour of a person costs: 75 for search, if it owns the service or they are in no other owner."""
    teams = {row["team"] for row in rows.of(rows.members, "person_id", person)}
    owners = {row["owner"] for row in rows.of(rows.services, "incident_id", one["id"])}
    return 75 if "search" in (teams & owners or teams) else 90


async def test_the_metrics_of_the_demo_are_those_of_its_rows(dsn: str, clock: FakeClock) -> None:
    async with demo_past(dsn, clock, seed=2026) as past:
        await status_page.create(past)
        await audiences.set_up(past)
        # what `history.live_through` does in a year, with the quiet hours between left out
        for number in range(PAGES):
            await past.wait(60 * past.rng.uniform(0, 5))
            await past.page()
            if number % 5 == 2:
                await past.incident(past.rng.choice(STORIES))
        # one of the team that has a rate of its own
        await past.incident(next(story for story in STORIES if story.service == metrics.TEAM))
        now = clock.now()
        await metrics.add_metrics(past, now)
        async with past.ctx.db.tx() as tx:
            rows = await _rows(tx)
            scope = await queries.scope(tx, Query(period="90d"), "UTC", now)
            shown = {one.definition.slug: one for one in await queries.results(tx, scope)}
            cost = await period_cost(tx, scope, shown["cost"].seconds or 0)

    assert len(rows.pages) >= 10
    assert len(rows.incidents) > 2
    waits = [_seconds_to_acknowledge(rows, page) for page in rows.pages]
    acknowledge = shown["acknowledge"].summary
    assert acknowledge
    assert acknowledge.within
    assert (acknowledge.n, acknowledge.unfinished) == (len(waits), waits.count(None))
    assert acknowledge.within.hits == sum(wait is not None and wait <= 300 for wait in waits)
    assert acknowledge.longest == max(wait for wait in waits if wait is not None)

    noise = shown["noise"].share
    assert noise
    assert (noise.hits, noise.n) == (sum(_is_noise(rows, page) for page in rows.pages), len(rows.pages))

    page_ids = {page["id"] for page in rows.pages}
    messages = [m for m in rows.messages if m["page_id"] in page_ids and m["state"] in ("accepted", "failed")]
    in_time = sum(m["state"] == "accepted" and m["sent_at"] <= m["send_at"] + MINUTE / 2 for m in messages)
    delivery = shown["delivery"].share
    assert delivery
    assert (delivery.hits, delivery.n) == (in_time, len(messages))
    nights = {night for m in messages if m["state"] == "accepted" and (night := _night(m))}
    assert shown["nights"].n == len(nights)

    closed = [one for one in rows.incidents if one["closed_at"]]
    assert len(closed) == len(rows.incidents), "nothing is open, so that nothing is censored"
    took = [int((one["resolved_at"] - one["detected_at"]).total_seconds()) for one in closed]
    resolve = shown["resolve"].summary
    assert resolve
    assert (resolve.n, resolve.longest) == (len(took), max(took))
    if len(took) >= 5:
        assert resolve.median == median(took)
    frequency = shown["frequency"].count
    assert frequency
    assert frequency.number == len(rows.incidents)

    spent = {(one["id"], person): m for one in closed for person, m in _minutes(rows, one).items()}
    assert shown["cost"].seconds == 60 * sum(spent.values())
    by_id = {one["id"]: one for one in closed}
    rates = {(number, person): _per_hour(rows, by_id[number], person) for number, person in spent}
    assert set(rates.values()) == {75, 90}
    amount = sum(Fraction(minutes * rates[key], 60) for key, minutes in spent.items())
    (paid,) = cost.time.amounts
    assert (paid.currency, abs(Fraction(paid.amount) - amount) <= Fraction(1, 200)) == ("EUR", True)

    first = {
        entry["incident_id"]: entry["data"]["severity"]
        for entry in rows.entries
        if entry["kind"] == "declared"
    }
    accuracy = shown["severity"].share
    assert accuracy
    right = sum(first[one["id"]] == one["max_severity"] for one in closed)
    assert (accuracy.hits, accuracy.n) == (right, len(closed))
    published = {row["incident_id"]: row["published_at"] for row in rows.published}
    required = [one for one in closed if one["max_severity"] <= 1]
    on_time = [
        one for one in required if (at := published.get(one["id"])) and at <= one["closed_at"] + 48 * HOUR
    ]
    waiting = [one for one in required if not published.get(one["id"]) and now < one["closed_at"] + 48 * HOUR]
    postmortems = shown["postmortems"]
    assert postmortems.share
    assert (postmortems.share.hits, postmortems.share.n) == (len(on_time), len(required) - len(waiting))

    impact = {one.slug: one.impact_s for one in shown["impact"].services}
    slow = {slug: len(_impact_seconds(rows, slug, 2, scope.window.start, now)) for slug in impact}
    for slug, seconds in impact.items():
        assert abs(seconds - slow[slug]) <= len(rows.incidents), slug
    failures = Counter(
        row["slug"]
        for row in rows.services
        for one in rows.incidents
        if one["id"] == row["incident_id"] and one["max_severity"] <= 1
    )
    assert {one.slug: one.between.failures for one in shown["mtbf"].services} == failures
