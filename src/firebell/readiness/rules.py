"""The 16 rules of readiness: what each item needs, and until when it holds (pure, spec 11.14)."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from firebell.kit.text import plural
from firebell.readiness.facts import Dated, ReadinessFacts, RotaFacts
from firebell.readiness.model import (
    BY_ID,
    CHECKPOINTS,
    Assessment,
    Condition,
    Evidence,
    Item,
    ItemState,
    Waiver,
)

EXPIRES_WITHIN = timedelta(days=14)
"""An item that would be missing so soon is expiring; of a shorter proof, in the second half of its time."""
YEAR = timedelta(days=365)
HALF_YEAR = timedelta(days=180)
QUARTER = timedelta(days=90)
MONTH = timedelta(days=30)
WEEK = timedelta(days=7)
DAY = timedelta(days=1)
CLASSIFIED_MIN = 3
SEVERITY_LINES = 8
ROTA_AHEAD = timedelta(days=28)
SECOND_PERSON_WITHIN_S = 300
RUNBOOKS_MIN = 5
TRAINED_SHARE = 0.8
TABLETOP_ATTENDED = 3
TABLETOP_ANSWERED = 5
ON_TIME_SHARE = 0.8
ON_TIME_WITHIN = timedelta(hours=48)
MEASURED_MIN = 5
PLANNED_SHARE = 0.8
AUTOMATED_MIN = 3
AUTOMATED_LEVEL = 2
DRILL_MONTHS = 3
REVIEW_GRACE = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class Ruling:
    """The conditions of an item, and the rows that prove them."""

    conditions: Sequence[Condition]
    evidence: Sequence[Evidence] = ()


Rule = Callable[[ReadinessFacts, datetime], Ruling]


def _recent(
    text: str, row: Dated | None, window: timedelta, need: str, now: datetime, link: str = ""
) -> tuple[Condition, list[Evidence]]:
    """Return the condition that a row is not older than a window, and its evidence."""
    if row is None or row.at <= now - window:
        return Condition(text, "none", need, False, link), []
    condition = Condition(text, row.ref, need, True, link, row.at + window, window)
    return condition, [_evidence(row)]


def _evidence(row: Dated) -> Evidence:
    link = f"/incidents/{row.ref}" if row.incident_id is not None and row.ref.startswith("INC-") else ""
    return Evidence(row.ref, link, row.at, row.incident_id)


def _newest(rows: Iterable[Dated], since: datetime) -> list[Dated]:
    return sorted((row for row in rows if row.at > since), key=lambda row: row.at, reverse=True)


def severity_levels(facts: ReadinessFacts, now: datetime) -> Ruling:
    """1.1: incidents are classified by the questions, and no severity stays provisional."""
    rows = _newest(facts.classified, now - YEAR)
    until = rows[CLASSIFIED_MIN - 1].at + YEAR if len(rows) >= CLASSIFIED_MIN else None
    waiting = len(facts.provisional)
    return Ruling(
        (
            Condition(
                "Incidents classified by the questions in a year",
                str(len(rows)),
                f"{CLASSIFIED_MIN} or more",
                until is not None,
                "/incidents/new",
                until,
                YEAR,
            ),
            Condition(
                "Both lines of SEV0 to SEV3 have a text",
                str(facts.severity_lines),
                str(SEVERITY_LINES),
                facts.severity_lines >= SEVERITY_LINES,
                "/handbook",
            ),
            Condition(
                "Open incidents whose severity is not confirmed after 15 min",
                str(waiting),
                "0",
                not waiting,
                "/incidents",
            ),
        ),
        [_evidence(row) for row in rows[:CLASSIFIED_MIN]],
    )


def alert_platform(facts: ReadinessFacts, now: datetime) -> Ruling:
    """1.2: alerts arrive, and messages reach phones."""
    event, event_rows = _recent(
        "An alert message that could be read", facts.last_event, WEEK, "in 7 days", now, "/services"
    )
    sent, sent_rows = _recent(
        "A message of a page that arrived",
        facts.last_delivery,
        MONTH,
        "in 30 days",
        now,
        "/settings/contacts",
    )
    return Ruling((event, sent), event_rows + sent_rows)


def _rota_conditions(rota: RotaFacts, now: datetime) -> list[Condition]:
    link = f"/oncall/{rota.slug}"
    proved = [at for at in rota.proofs.values() if at is not None and at > now - QUARTER]
    unproved = [name for name, at in rota.proofs.items() if at is None or at <= now - QUARTER]
    oldest = min(proved, default=None) if not unproved else None
    gap = "no gap" if not rota.gap_s else f"gap of {round(rota.gap_s / 3600, 1):g} h"
    return [
        Condition(
            f"{rota.name}: people in the shifts of 28 days",
            str(rota.people),
            "2 or more, no gap",
            rota.people >= 2 and not rota.gap_s,
            link,
        )
        if not rota.gap_s
        else Condition(f"{rota.name}: shifts of 28 days", gap, "no gap", False, link),
        Condition(
            "A policy begins with it and reaches someone else within 5 min",
            rota.policy or "no policy",
            "a second person",
            bool(rota.policy) and rota.second_person,
            "/escalation",
        ),
        Condition(
            "People in these shifts whom a message reached in 90 days",
            f"{len(proved)} of {len(rota.proofs)}" + (f", not {unproved[0]}" if unproved else ""),
            "all",
            bool(rota.proofs) and not unproved,
            "/people",
            oldest + QUARTER if oldest else None,
            QUARTER,
        ),
    ]


def rotation(facts: ReadinessFacts, now: datetime) -> Ruling:
    """1.3: one schedule without a gap, with a second person behind it, and everyone in it proved reachable."""
    rulings = [(_rota_conditions(rota, now), rota) for rota in facts.rotas]
    if not rulings:
        missing = Condition("A schedule with two people", "none", "1", False, "/oncall")
        return Ruling((missing,))
    conditions, rota = max(rulings, key=lambda each: sum(condition.ok for condition in each[0]))
    return Ruling(conditions, [Evidence(rota.name, f"/oncall/{rota.slug}")])


def incident_channel(facts: ReadinessFacts, now: datetime) -> Ruling:
    """1.4: a chat is connected, and an incident got its channel with a pinned message."""
    channel, rows = _recent(
        "A channel of an incident with its message pinned",
        facts.channel,
        HALF_YEAR,
        "in 180 days",
        now,
        "/settings/chat",
    )
    connected = Condition(
        "A chat is connected",
        "yes" if facts.has_chat else "no",
        "yes",
        facts.has_chat,
        "/settings/chat",
    )
    return Ruling((connected, channel), rows)


def five_runbooks(facts: ReadinessFacts, now: datetime) -> Ruling:
    """2.1: five runbooks that someone owns, dated within 90 days, and shown for a service or rule."""
    since = now.date() - QUARTER
    good = sorted(
        (
            book
            for book in facts.runbooks
            if book.day and book.day > since and not book.has_errors and book.has_team and book.matches
        ),
        key=lambda book: (book.day or date.min, book.slug),
        reverse=True,
    )
    until = None
    if len(good) >= RUNBOOKS_MIN and (day := good[RUNBOOKS_MIN - 1].day):
        until = datetime(day.year, day.month, day.day, tzinfo=UTC) + QUARTER
    condition = Condition(
        "Runbooks without an error, dated within 90 days, owned by a team, and matched to a service or rule",
        f"{len(good)} of {len(facts.runbooks)}",
        f"{RUNBOOKS_MIN} or more",
        until is not None,
        "/runbooks",
        until,
        QUARTER,
    )
    return Ruling((condition,), [Evidence(b.title, f"/runbooks/{b.slug}") for b in good[:RUNBOOKS_MIN]])


def status_page(facts: ReadinessFacts, now: datetime) -> Ruling:
    """2.2: a component stands for a service, the page is reached from outside, and something was published."""
    fetched = facts.fetched_at if facts.fetched_at and facts.fetched_at > now - DAY else None
    post, rows = _recent(
        "A public update, planned maintenance, or a status text in a drill’s tray",
        facts.public_post,
        HALF_YEAR,
        "in 180 days",
        now,
        "/status",
    )
    return Ruling(
        (
            Condition(
                "A component stands for a service",
                "yes" if facts.has_component else "no",
                "yes",
                facts.has_component,
                "/status",
            ),
            Condition(
                "The page was reached from outside",
                "yes" if fetched else "not recorded",
                "in 24 h",
                fetched is not None,
                "/status",
                fetched + DAY if fetched else None,
                DAY,
            ),
            post,
        ),
        rows,
    )


def trained_team(facts: ReadinessFacts, now: datetime) -> Ruling:
    """2.3: four fifths of the people in each team's shifts took part in a drill within a year."""
    conditions = []
    for team in facts.teams:
        trained = sorted(
            (at + YEAR for at in team.trained.values() if at is not None and at > now - YEAR), reverse=True
        )
        total = len(team.trained)
        needed = -(-total * 4 // 5)  # four fifths, rounded up
        is_met = bool(total) and len(trained) >= TRAINED_SHARE * total
        conditions.append(
            Condition(
                f"{team.name}: people in the shifts of 28 days who took part in a drill in a year",
                f"{len(trained)} of {total}",
                f"{needed} or more" if total else "someone on call",
                is_met,
                "/drills",
                trained[needed - 1] if is_met else None,
                YEAR,
            )
        )
    if not conditions:
        conditions = [Condition("A team owns a service", "none", "1", False, "/services")]
    return Ruling(conditions)


def tabletop(facts: ReadinessFacts, now: datetime) -> Ruling:
    """2.4: a tabletop with three people and five answers, whose document is published."""
    recent = [each for each in facts.tabletops if each.finished_at > now - HALF_YEAR]
    if not recent:
        return Ruling((Condition("A finished tabletop", "none", "in 180 days", False, "/drills/new"),))

    def conditions_of(index: int) -> list[Condition]:
        each = recent[index]
        link = f"/drills/{each.ref}"
        return [
            Condition(
                "A finished tabletop",
                each.ref,
                "in 180 days",
                True,
                link,
                each.finished_at + HALF_YEAR,
                HALF_YEAR,
            ),
            Condition(
                "People who took part",
                str(each.attended),
                f"{TABLETOP_ATTENDED} or more",
                each.attended >= TABLETOP_ATTENDED,
                link,
            ),
            Condition(
                "Injects that were answered",
                str(each.answered),
                f"{TABLETOP_ANSWERED} or more",
                each.answered >= TABLETOP_ANSWERED,
                link,
            ),
            Condition(
                "Its document is published", "yes" if each.published else "no", "yes", each.published, link
            ),
        ]

    ruled = [(conditions_of(i), recent[i]) for i in range(len(recent))]
    conditions, best = max(ruled, key=lambda each: (sum(c.ok for c in each[0]), each[1].finished_at))
    return Ruling(conditions, [Evidence(best.ref, f"/drills/{best.ref}", best.finished_at)])


def first_postmortem(facts: ReadinessFacts, now: datetime) -> Ruling:
    """3.1: a published post-mortem that someone approved who wrote none of it. It holds for good."""
    row = facts.reviewed_postmortem
    condition = Condition(
        "A published post-mortem, approved by someone who wrote none of it",
        row.ref if row else "none",
        "1",
        row is not None,
        "/post-mortems",
    )
    evidence = (
        [Evidence(row.ref, f"/post-mortems/{row.ref}", row.at, row.incident_id)] if row is not None else []
    )
    return Ruling((condition,), evidence)


def postmortem_cadence(facts: ReadinessFacts, now: datetime) -> Ruling:
    """3.2: post-mortems come within 48 hours; without a severe incident, another document keeps the practice."""
    recent = [each for each in facts.closed if each.closed_at > now - QUARTER]
    if not recent:
        other, rows = _recent(
            "No SEV0 or SEV1 was closed in 90 days: a document about a near miss or a drill",
            facts.other_document,
            HALF_YEAR,
            "published in 180 days",
            now,
            "/post-mortems",
        )
        return Ruling((other,), rows)
    on_time = [
        each
        for each in recent
        if each.published_at is not None and each.published_at <= each.closed_at + ON_TIME_WITHIN
    ]
    counted = [each for each in recent if each.published_at or each.closed_at + ON_TIME_WITHIN <= now]
    open_ones = [each for each in recent if each.published_at is None]
    overdue = [each for each in open_ones if each.due_at <= now]
    next_due = min((each.due_at for each in open_ones if each.due_at > now), default=None)
    share_ok = len(on_time) >= ON_TIME_SHARE * len(counted)
    return Ruling(
        (
            Condition(
                "Post-mortems published within 48 h of closing, of 90 days",
                f"{len(on_time)} of {len(counted)}",
                "80% or more",
                share_ok,
                "/post-mortems",
            ),
            Condition(
                "Overdue post-mortems",
                str(len(overdue)),
                "0",
                not overdue,
                "/post-mortems",
                next_due if not overdue else None,
                ON_TIME_WITHIN,
            ),
        ),
        [
            Evidence(
                f"INC-{each.incident_id}",
                f"/post-mortems/INC-{each.incident_id}",
                each.published_at,
                each.incident_id,
            )
            for each in on_time[:5]
        ],
    )


def _measured(text: str, instants: Sequence[datetime], now: datetime, link: str) -> Condition:
    rows = sorted((at for at in instants if at > now - QUARTER), reverse=True)
    until = rows[MEASURED_MIN - 1] + QUARTER if len(rows) >= MEASURED_MIN else None
    return Condition(text, str(len(rows)), f"{MEASURED_MIN} or more", until is not None, link, until, QUARTER)


def dashboards(facts: ReadinessFacts, now: datetime) -> Ruling:
    """3.3: there is enough to measure, and people look at it.

    Who opens metrics, scrapes and digests are not recorded yet, so that condition is not met by anything.
    """
    return Ruling(
        (
            _measured("Acknowledged pages in 90 days", facts.acknowledged_pages, now, "/pages"),
            _measured("Closed incidents in 90 days", facts.closed_incidents, now, "/incidents"),
            Condition(
                "People who opened the metrics, a scrape, or a digest",
                "not recorded in this version",
                "2 people in 30 days, a scrape in 24 h, or a digest in 8 days",
                False,
                "/incidents",
            ),
        )
    )


def actions_in_planning(facts: ReadinessFacts, now: datetime) -> Ruling:
    """3.4: action items are worked on, and stand in the team's own planning."""
    planning = facts.planning
    touched = planning.touched if planning else 0
    unfinished, planned = (planning.unfinished, planning.planned) if planning else (0, 0)
    synced = planning.synced_at if planning and planning.synced_at else None
    fresh = synced is not None and synced > now - DAY
    has_trackers = planning is not None and planning.has_trackers
    return Ruling(
        (
            Condition("Action items changed in 90 days", str(touched), "1 or more", touched > 0, "/actions"),
            Condition(
                "Unfinished items with a sprint or a date in a tracker",
                f"{planned} of {unfinished}" if has_trackers else "no tracker is connected",
                "80% or more",
                has_trackers and planned >= PLANNED_SHARE * unfinished,
                "/actions",
            ),
            Condition(
                "The last good synchronization",
                "yes" if fresh else "none",
                "in 24 h",
                fresh,
                "/actions",
                synced + DAY if fresh and synced else None,
                DAY,
            ),
        )
    )


def automatic_declaration(facts: ReadinessFacts, now: datetime) -> Ruling:
    """4.1: a rule is on, and one has declared an incident."""
    declared, rows = _recent(
        "An incident that a rule declared",
        facts.declared_by_rule,
        HALF_YEAR,
        "in 180 days",
        now,
        "/settings/response",
    )
    active = Condition(
        "Declaration rules that are on",
        str(facts.active_rules),
        "1 or more",
        facts.active_rules > 0,
        "/settings/response",
    )
    return Ruling((active, declared), rows)


def runbook_automation(facts: ReadinessFacts, now: datetime) -> Ruling:
    """4.2: a machine can run three runbooks, and one was run from a terminal."""
    automated = [book for book in facts.runbooks if book.level >= AUTOMATED_LEVEL]
    run, rows = _recent(
        "A run from a terminal that succeeded with a command",
        facts.terminal_run,
        QUARTER,
        "in 90 days",
        now,
        "/runbooks",
    )
    return Ruling(
        (
            Condition(
                "Runbooks whose steps are all commands",
                str(len(automated)),
                f"{AUTOMATED_MIN} or more",
                len(automated) >= AUTOMATED_MIN,
                "/runbooks",
            ),
            run,
        ),
        rows,
    )


def _month_before(first: date, months: int) -> date:
    number = first.year * 12 + first.month - 1 - months
    return date(number // 12, number % 12 + 1, 1)


def monthly_drills(facts: ReadinessFacts, now: datetime) -> Ruling:
    """4.3: each of the last three full months had a game day with a run of a runbook."""
    this_month = now.date().replace(day=1)
    months = [_month_before(this_month, back) for back in range(DRILL_MONTHS, 0, -1)]
    has_this = this_month in facts.drill_months
    end = _month_before(this_month, -2 if has_this else -1)
    conditions = [
        Condition(
            f"A finished game day with a run in {month:%B %Y}",
            facts.drill_months.get(month, "none"),
            "1",
            month in facts.drill_months,
            "/drills/new",
            datetime(end.year, end.month, end.day, tzinfo=UTC) if month in facts.drill_months else None,
            MONTH,
        )
        for month in months
    ]
    evidence = [
        Evidence(facts.drill_months[month], f"/drills/{facts.drill_months[month]}")
        for month in months
        if month in facts.drill_months
    ]
    return Ruling(conditions, evidence)


def quarterly_reviews(facts: ReadinessFacts, now: datetime) -> Ruling:
    """4.4: the last closed quarter is signed. Signatures are not recorded yet, so nothing meets it."""
    first = now.date().replace(day=1)
    quarter = _month_before(first, (first.month - 1) % 3 + 3)
    return Ruling(
        (
            Condition(
                f"Alert audit and review of {quarter.year} Q{(quarter.month + 2) // 3}, signed by each team",
                "not recorded in this version",
                f"within {plural(REVIEW_GRACE.days, 'day')} of its end",
                False,
                "/incidents",
            ),
        )
    )


RULES: Mapping[str, Rule] = {
    "1.1": severity_levels,
    "1.2": alert_platform,
    "1.3": rotation,
    "1.4": incident_channel,
    "2.1": five_runbooks,
    "2.2": status_page,
    "2.3": trained_team,
    "2.4": tabletop,
    "3.1": first_postmortem,
    "3.2": postmortem_cadence,
    "3.3": dashboards,
    "3.4": actions_in_planning,
    "4.1": automatic_declaration,
    "4.2": runbook_automation,
    "4.3": monthly_drills,
    "4.4": quarterly_reviews,
}


def _expires_soon(condition: Condition, now: datetime) -> bool:
    """Return True if a condition ends within 14 days, of a shorter proof in the second half of its time."""
    if condition.until is None:
        return False
    limit = min(EXPIRES_WITHIN, condition.window / 2) if condition.window else EXPIRES_WITHIN
    return condition.until - now < limit


def assess(facts: ReadinessFacts, waivers: Mapping[str, Waiver], now: datetime) -> Assessment:
    """Return the state of each item and the score. The same facts at the same instant give the same result."""
    items = []
    for checkpoint in CHECKPOINTS:
        ruling = RULES[checkpoint.id](facts, now)
        waiver = waivers.get(checkpoint.id)
        is_met = bool(ruling.conditions) and all(condition.ok for condition in ruling.conditions)
        soon = any(_expires_soon(condition, now) for condition in ruling.conditions)
        state = ItemState.EXPIRING if is_met and soon else ItemState.MET if is_met else ItemState.MISSING
        if waiver is not None and waiver.until > now:
            state = ItemState.WAIVED
        ends = [condition.until for condition in ruling.conditions if condition.until is not None]
        items.append(
            Item(
                checkpoint=BY_ID[checkpoint.id],
                state=state,
                conditions=tuple(ruling.conditions),
                evidence=tuple(ruling.evidence),
                valid_until=min(ends, default=None) if is_met else None,
                waiver=waiver if state is ItemState.WAIVED else None,
            )
        )
    return Assessment(tuple(items), score_of(items))


def score_of(items: Sequence[Item]) -> int:
    """Return the score from 0 to 100; without an item that counts it is 0."""
    counted = [item for item in items if item.state is not ItemState.WAIVED]
    return round(100 * sum(item.share for item in counted) / len(counted)) if counted else 0
