"""The rules of the last two phases of readiness: learning and automation (pure, spec 11.14)."""

from collections.abc import Sequence
from datetime import UTC, date, datetime

from firebell.kit.calendar_periods import Quarter
from firebell.readiness.facts import ReadinessFacts
from firebell.readiness.model import Condition, Evidence
from firebell.readiness.quarters import deadline, last_closed
from firebell.readiness.rule_parts import (
    AUTOMATED_LEVEL,
    AUTOMATED_MIN,
    DAY,
    DRILL_MONTHS,
    HALF_YEAR,
    MEASURED_MIN,
    MONTH,
    ON_TIME_SHARE,
    ON_TIME_WITHIN,
    PLANNED_SHARE,
    QUARTER,
    REVIEW_WINDOW,
    VIEWERS_MIN,
    Ruling,
    newer_than,
)


def first_postmortem(facts: ReadinessFacts, now: datetime) -> Ruling:
    """3.1: a published post-mortem that someone approved who wrote none of it. It holds for good."""
    row = facts.reviewed_postmortem
    condition = Condition(
        "Published post-mortem, approved by someone who wrote none of it",
        row.ref if row else "none",
        "one",
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
        other, rows = newer_than(
            "Published document about a near miss or a drill, as no SEV0 or SEV1 was closed in the last 90 days",
            facts.other_document,
            HALF_YEAR,
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
                "Post-mortems of the last 90 days, published within 48 h of closing",
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
    """3.3: there is enough to measure, and two people look at it."""
    views = sorted((at for at in facts.metric_views if at > now - MONTH), reverse=True)
    until = views[VIEWERS_MIN - 1] + MONTH if len(views) >= VIEWERS_MIN else None
    return Ruling(
        (
            _measured("Acknowledged pages in the last 90 days", facts.acknowledged_pages, now, "/pages"),
            _measured("Closed incidents in the last 90 days", facts.closed_incidents, now, "/incidents"),
            Condition(
                "People who opened the metrics in the last 30 days",
                str(len(views)),
                f"{VIEWERS_MIN} or more",
                until is not None,
                "/metrics",
                until,
                MONTH,
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
            Condition(
                "Action items changed in the last 90 days",
                str(touched),
                "1 or more",
                touched > 0,
                "/actions",
            ),
            Condition(
                "Unfinished items with a sprint or a date in a tracker",
                f"{planned} of {unfinished}" if has_trackers else "no tracker is connected",
                "80% or more",
                has_trackers and planned >= PLANNED_SHARE * unfinished,
                "/actions",
            ),
            Condition(
                "Successful synchronization with a tracker",
                "yes" if fresh else "none",
                "one in the last 24 h",
                fresh,
                "/actions",
                synced + DAY if fresh and synced else None,
                DAY,
            ),
        )
    )


def automatic_declaration(facts: ReadinessFacts, now: datetime) -> Ruling:
    """4.1: a rule is on, and one has declared an incident."""
    declared, rows = newer_than(
        "Incident that a rule declared", facts.declared_by_rule, HALF_YEAR, now, "/settings/response"
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
    run, rows = newer_than(
        "Run from a terminal that succeeded with a command", facts.terminal_run, QUARTER, now, "/runbooks"
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
            f"Finished game day with a run of a runbook in {month:%B %Y}",
            facts.drill_months.get(month, "none"),
            "one",
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
    """4.4: each team signed the last quarter in time; until its deadline, the quarter before counts too."""
    last = last_closed(now)
    if not facts.reviews.get(last.first):
        return Ruling((Condition("Team that owns a service", "none", "one", False, "/services"),))
    if _is_signed(facts, last):
        return Ruling((_review(facts, last, deadline(last.following)),), [_signed(last)])
    if now <= deadline(last) and _is_signed(facts, last.previous):
        return Ruling((_review(facts, last.previous, deadline(last)),), [_signed(last.previous)])
    return Ruling((_review(facts, last, None),))


def _is_signed(facts: ReadinessFacts, quarter: Quarter) -> bool:
    signatures = facts.reviews.get(quarter.first, {})
    return bool(signatures) and all(at and at <= deadline(quarter) for at in signatures.values())


def _review(facts: ReadinessFacts, quarter: Quarter, until: datetime | None) -> Condition:
    signatures = facts.reviews[quarter.first]
    due_at = deadline(quarter)
    unsigned = [team for team, at in signatures.items() if at is None]
    late = [team for team, at in signatures.items() if at and at > due_at]
    have = f"{len(signatures) - len(unsigned)} of {len(signatures)} teams"
    if unsigned:
        have += f", not {unsigned[0]}"
    elif late:
        have += f", {late[0]} too late"
    return Condition(
        f"Teams that signed their review of {quarter.name}",
        have,
        f"all by {due_at.day} {due_at:%b %Y}",
        until is not None,
        "/readiness/quarters",
        until,
        REVIEW_WINDOW,
    )


def _signed(quarter: Quarter) -> Evidence:
    return Evidence(quarter.name, f"/readiness/quarters#{quarter.label}")
