"""The rules of the first two phases of readiness: foundations and practice (pure, spec 11.14)."""

from datetime import UTC, date, datetime

from firebell.readiness.facts import ReadinessFacts, RotaFacts
from firebell.readiness.model import Condition, Evidence
from firebell.readiness.rule_parts import (
    CLASSIFIED_MIN,
    DAY,
    HALF_YEAR,
    MONTH,
    QUARTER,
    RUNBOOKS_MIN,
    SEVERITY_LINES,
    TABLETOP_ANSWERED,
    TABLETOP_ATTENDED,
    TRAINED_SHARE,
    WEEK,
    YEAR,
    Ruling,
    evidence_of,
    newer_than,
    newest,
)


def severity_levels(facts: ReadinessFacts, now: datetime) -> Ruling:
    """1.1: incidents are classified by the questions, and no severity stays provisional."""
    rows = newest(facts.classified, now - YEAR)
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
        [evidence_of(row) for row in rows[:CLASSIFIED_MIN]],
    )


def alert_platform(facts: ReadinessFacts, now: datetime) -> Ruling:
    """1.2: alerts arrive, and messages reach phones."""
    event, event_rows = newer_than(
        "An alert message that could be read", facts.last_event, WEEK, "in 7 days", now, "/services"
    )
    sent, sent_rows = newer_than(
        "A message of a page that arrived",
        facts.last_delivery,
        MONTH,
        "in 30 days",
        now,
        "/settings/contact",
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
            "/settings/people",
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
    channel, rows = newer_than(
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
    post, rows = newer_than(
        "A public update, planned maintenance, or a status text in a drill’s tray",
        facts.public_post,
        HALF_YEAR,
        "in 180 days",
        now,
        "/status-pages",
    )
    return Ruling(
        (
            Condition(
                "A component stands for a service",
                "yes" if facts.has_component else "no",
                "yes",
                facts.has_component,
                "/status-pages",
            ),
            Condition(
                "The page was reached from outside",
                "yes" if fetched else "not recorded",
                "in 24 h",
                fetched is not None,
                "/status-pages",
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
