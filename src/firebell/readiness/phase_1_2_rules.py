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
                "Incidents classified by the questions in the last year",
                str(len(rows)),
                f"{CLASSIFIED_MIN} or more",
                until is not None,
                "/incidents/new",
                until,
                YEAR,
            ),
            Condition(
                "Texts for the meaning of SEV0 to SEV3 and the response to each",
                str(facts.severity_lines),
                str(SEVERITY_LINES),
                facts.severity_lines >= SEVERITY_LINES,
                "/handbook",
            ),
            Condition(
                "Open incidents with a severity unconfirmed for more than 15 min",
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
        "Alert message that could be read", facts.last_event, WEEK, now, "/services"
    )
    sent, sent_rows = newer_than(
        "Message of a page that arrived", facts.last_delivery, MONTH, now, "/settings/contact"
    )
    return Ruling((event, sent), event_rows + sent_rows)


def _rota_conditions(rota: RotaFacts, now: datetime) -> list[Condition]:
    link = f"/oncall/{rota.slug}"
    proved = [at for at in rota.proofs.values() if at is not None and at > now - QUARTER]
    unproved = [name for name, at in rota.proofs.items() if at is None or at <= now - QUARTER]
    oldest = min(proved, default=None) if not unproved else None
    gap = f"a gap of {round(rota.gap_s / 3600, 1):g} h" if rota.gap_s else "no gap"
    headcount = "1 person" if rota.people == 1 else f"{rota.people} people"
    return [
        Condition(
            f"Shifts of {rota.name} in the next 28 days",
            f"{headcount} and {gap}",
            "2 people or more and no gap",
            rota.people >= 2 and not rota.gap_s,
            link,
        ),
        Condition(
            f"Escalation policy that begins with {rota.name}",
            rota.policy or "none",
            "one that reaches a second person within 5 min",
            bool(rota.policy) and rota.second_person,
            "/escalation",
        ),
        Condition(
            "People in these shifts reached by a message in the last 90 days",
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
        missing = Condition("Schedule with two people", "none", "one", False, "/oncall")
        return Ruling((missing,))
    conditions, rota = max(rulings, key=lambda each: sum(condition.ok for condition in each[0]))
    return Ruling(conditions, [Evidence(rota.name, f"/oncall/{rota.slug}")])


def incident_channel(facts: ReadinessFacts, now: datetime) -> Ruling:
    """1.4: a chat is connected, and an incident got its channel with a pinned message."""
    channel, rows = newer_than(
        "Channel of an incident with its message pinned", facts.channel, HALF_YEAR, now, "/settings/chat"
    )
    connected = Condition(
        "Connected chat",
        "yes" if facts.has_chat else "none",
        "one",
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
    """2.2: a component is linked to a service, the page is reached from outside, and something was published."""
    page = facts.public_page
    fetched = page.fetched_at if page and page.fetched_at and page.fetched_at > now - DAY else None
    post, rows = newer_than(
        "Public update, planned maintenance, or status text in a drill’s tray",
        facts.public_post,
        HALF_YEAR,
        now,
        "/status-pages",
    )
    return Ruling(
        (
            Condition(
                "Component linked to a service",
                "yes" if page else "none",
                "one",
                page is not None,
                "/status-pages",
            ),
            Condition(
                "Fetch of the page from an address outside your network",
                "yes" if fetched else "none",
                "one in the last 24 h",
                fetched is not None,
                f"/s/{page.slug}" if page else "/status-pages",
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
                f"People on call for {team.name} in the next 28 days who took part in a drill in the last year",
                f"{len(trained)} of {total}",
                f"{needed} or more" if total else "someone on call",
                is_met,
                "/drills",
                trained[needed - 1] if is_met else None,
                YEAR,
            )
        )
    if not conditions:
        conditions = [Condition("Team that owns a service", "none", "one", False, "/services")]
    return Ruling(conditions)


def tabletop(facts: ReadinessFacts, now: datetime) -> Ruling:
    """2.4: a tabletop with three people and five answers, whose document is published."""
    recent = [each for each in facts.tabletops if each.finished_at > now - HALF_YEAR]
    if not recent:
        return Ruling(
            (Condition("Finished tabletop", "none", "one in the last 180 days", False, "/drills/new"),)
        )

    def conditions_of(index: int) -> list[Condition]:
        each = recent[index]
        link = f"/drills/{each.ref}"
        return [
            Condition(
                "Finished tabletop",
                each.ref,
                "one in the last 180 days",
                True,
                link,
                each.finished_at + HALF_YEAR,
                HALF_YEAR,
            ),
            Condition(
                f"People who took part in {each.ref}",
                str(each.attended),
                f"{TABLETOP_ATTENDED} or more",
                each.attended >= TABLETOP_ATTENDED,
                link,
            ),
            Condition(
                f"Answered injects of {each.ref}",
                str(each.answered),
                f"{TABLETOP_ANSWERED} or more",
                each.answered >= TABLETOP_ANSWERED,
                link,
            ),
            Condition(
                f"Published document of {each.ref}",
                "yes" if each.published else "none",
                "one",
                each.published,
                link,
            ),
        ]

    ruled = [(conditions_of(i), recent[i]) for i in range(len(recent))]
    conditions, best = max(ruled, key=lambda each: (sum(c.ok for c in each[0]), each[1].finished_at))
    return Ruling(conditions, [Evidence(best.ref, f"/drills/{best.ref}", best.finished_at)])
