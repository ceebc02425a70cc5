"""The sections of a digest and its one suggestion, from facts (pure, spec 11.11)."""

from collections.abc import Iterator, Sequence
from datetime import date
from urllib.parse import quote

from firebell.action_items.model import NAMED_AFTER
from firebell.digests.facts import DigestFacts, DocumentFact, ItemFact, RuleFact
from firebell.digests.model import LISTED, Digest, DigestLine, DigestSection
from firebell.kit.countdown import stopwatch
from firebell.kit.localtime import format_local
from firebell.kit.text import plural
from firebell.kit.web.html import address

QUIET = "Nothing was declared, nothing is due, and no one was woken."
NOISY_PAGES = 3
"""Fewest pages of a rule in a week that say something about it."""


def write(facts: DigestFacts) -> Digest:
    """Return the digest; an empty section is left out."""
    return Digest(facts.scope, facts.week, tuple(_sections(facts)), suggestion(facts))


def _sections(facts: DigestFacts) -> Iterator[DigestSection]:
    zone = facts.week.zone
    team = facts.team_slug
    yield from _section(
        "incidents",
        "Incidents",
        [
            DigestLine(
                f"SEV{one.severity} INC-{one.id} {one.title}: {_lasted(one.lasted_s)}",
                f"/incidents/INC-{one.id}",
                one.id,
            )
            for one in facts.incidents
        ],
        "/incidents?state=all",
    )
    if facts.pages:
        rules = tuple(_pages(facts))
        yield DigestSection(
            "pages", "Pages", rules[:LISTED], facts.pages, link=address("/metrics/noise", team=team)
        )
    if facts.night_pages:
        most = f", up to {facts.most_in_a_night} in one night" if facts.most_in_a_night > 1 else ""
        yield DigestSection(
            "night",
            "Pages at night",
            (
                DigestLine(
                    f"{plural(facts.night_pages, 'page')} at night,"
                    f" {plural(facts.nights, 'interrupted night')}{most}",
                    address("/metrics/nights", team=team),
                ),
            ),
            count=facts.night_pages,
        )
    yield from _section(
        "post-mortems-due",
        "Post-mortems due",
        [
            _document(
                one,
                f"overdue {stopwatch(facts.now - one.at)}"
                if one.at <= facts.now
                else f"due {format_local(one.at, zone)}",
            )
            for one in facts.postmortems_due
        ],
        "/post-mortems",
    )
    yield from _section(
        "post-mortems-published",
        "Post-mortems published",
        [_document(one, "") for one in facts.postmortems_published],
        "/post-mortems?tab=published",
    )
    yield from _section(
        "actions-overdue",
        "Action items overdue",
        [_overdue(one, facts.today) for one in facts.items_overdue],
        address("/actions", view="list", due="overdue", team=team),
    )
    yield from _section(
        "actions-due",
        "Action items due this week",
        [
            DigestLine(f"{one.ref} {one.title}: due {one.due:%a} {one.due.day} {one.due:%b}", *_place(one))
            for one in facts.items_due
        ],
        address("/actions", view="list", due="week", team=team),
    )
    yield from _section(
        "metrics",
        "Metrics of the last four weeks",
        [
            DigestLine(
                f"{one.title}: {one.finding}. {one.honesty}", address(f"/metrics/{one.slug}", team=team)
            )
            for one in facts.metrics
        ],
        address("/metrics", team=team),
        counted=False,
    )
    yield from _section(
        "near-misses",
        "Near misses",
        [
            DigestLine(f"{one.ref} {one.title}: could have been SEV{one.severity}", one.href)
            for one in facts.near_misses
        ],
        "/post-mortems?tab=near-misses",
    )
    yield from _section(
        "runbooks",
        "Runbooks that no one exercised in 180 days",
        [
            DigestLine(
                f"{one.title}: "
                + (f"last on {format_local(one.last_exercised, zone)}" if one.last_exercised else "never"),
                f"/runbooks/{quote(one.slug)}",
            )
            for one in facts.runbooks
        ],
        "/runbooks",
    )
    yield from _section(
        "readiness",
        "Readiness items lost",
        [DigestLine(text, "/readiness") for text in facts.lost_items],
        "/readiness",
    )


def _section(
    section_id: str, title: str, lines: Sequence[DigestLine], link: str, *, counted: bool = True
) -> Iterator[DigestSection]:
    if lines:
        more = max(0, len(lines) - LISTED)
        yield DigestSection(
            section_id, title, tuple(lines[:LISTED]), len(lines) if counted else 0, more, link
        )


def _lasted(seconds: int | None) -> str:
    if seconds is None:
        return "still open"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 120 else f"{minutes // 60}:{minutes % 60:02} h"


def _pages(facts: DigestFacts) -> list[DigestLine]:
    return [
        DigestLine(
            f"{one.rule}: {plural(one.pages, 'page')}"
            + (f", {one.night_pages} at night" if one.night_pages else "")
            + (f", {one.noise} noise" if one.noise else "")
        )
        for one in facts.rules
    ]


def _document(one: DocumentFact, suffix: str) -> DigestLine:
    text = f"SEV{one.severity} {one.ref} {one.title}"
    return DigestLine(f"{text}: {suffix}" if suffix else text, one.href, one.incident_id)


def _place(one: ItemFact) -> tuple[str, int | None]:
    return f"/actions/{one.ref}", one.incident_id


def _overdue(one: ItemFact, today: date) -> DigestLine:
    overdue = today - one.due
    owner = f", {one.owner or 'no owner'}" if overdue > NAMED_AFTER else ""
    return DigestLine(f"{one.ref} {one.title}: overdue {plural(overdue.days, 'day')}{owner}", *_place(one))


def suggestion(facts: DigestFacts) -> DigestLine | None:
    """Return the one thing to do first: what is longest overdue, then noise, nights and practice."""
    late = [one for one in facts.postmortems_due if one.at <= facts.now]
    if late:
        return DigestLine(
            f"Finish the post-mortem of {late[0].ref} first.", late[0].href, late[0].incident_id
        )
    if facts.items_overdue:
        oldest = facts.items_overdue[0]
        return DigestLine(
            f"Finish {oldest.ref} first, or agree on a new due day: it has been overdue the longest.",
            *_place(oldest),
        )
    if rule := next(filter(_is_noisy, facts.rules), None):
        return DigestLine(
            f"Review the rule {rule.rule}: {rule.noise} of its {rule.pages} pages were noise.",
            "/metrics/noise",
        )
    woke = max(facts.rules, key=lambda one: one.night_pages, default=None)
    if woke and woke.night_pages >= NOISY_PAGES:
        return DigestLine(
            f"Decide whether {woke.rule} needs to wake someone: it paged {woke.night_pages} times at night.",
            "/metrics/nights",
        )
    if facts.runbooks:
        first = facts.runbooks[0]
        return DigestLine(f"Practice the runbook {first.title} in a drill.", "/drills")
    return None


def _is_noisy(rule: RuleFact) -> bool:
    return rule.pages >= NOISY_PAGES and rule.noise * 2 >= rule.pages


def text_lines(digest: Digest, public_url: str = "") -> list[str]:
    """Return the digest as lines of plain text, with absolute links if there is an address."""
    if digest.is_quiet:
        lines = [QUIET]
    else:
        lines = []
        for section in digest.sections:
            lines += [section.heading, *(f"- {line.text}" for line in section.lines)]
            if section.more:
                lines.append(f"- And {section.more} more")
            lines += [f"{public_url}{section.link}"] if section.link and public_url else []
            lines.append("")
    if digest.suggestion:
        lines.append(f"Suggestion: {digest.suggestion.text}")
    elif not digest.is_quiet:
        lines.pop()
    return lines
