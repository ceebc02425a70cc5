"""Digests: when they are sent, to whom, and what they say."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firebell.digests import actions, schedule
from firebell.digests.facts import (
    DigestFacts,
    DocumentFact,
    IncidentFact,
    ItemFact,
    MetricFact,
    RuleFact,
    RunbookFact,
)
from firebell.digests.model import LISTED, DigestChoice, Week, subscribers
from firebell.digests.writing import QUIET, suggestion, text_lines, write
from firebell.kit.errors import Invalid

NOW = datetime(2026, 11, 30, 8, 0, tzinfo=UTC)
WEEK = Week(date(2026, 11, 23), "Europe/Stockholm")


def facts(**more: Any) -> DigestFacts:
    return DigestFacts(WEEK, NOW, date(2026, 11, 30), **more)


LATE = DocumentFact("INC-3", "/post-mortems/INC-3", "Checkout is down", 1, NOW - timedelta(hours=50), 3)
SOON = replace(LATE, ref="INC-4", href="/post-mortems/INC-4", at=NOW + timedelta(days=1), incident_id=4)
NEAR_MISS = DocumentFact("NM-2", "/near-misses/NM-2", "Empty backups", 0, NOW, None)
OLD = ItemFact("ACT-8", "Check pools", "Jun", date(2026, 10, 20), 3)
NOISY = RuleFact("DiskFull", 4, 3, 2)
UNUSED = RunbookFact("failover", "Database failover", None)


@pytest.mark.parametrize(
    ("zone", "at", "week"),
    [
        ("Europe/Stockholm", "2026-11-30T07:59:59", None),
        ("Europe/Stockholm", "2026-11-30T08:00:00", "2026-W48"),
        ("Europe/Stockholm", "2026-12-01T07:59:59", "2026-W48"),
        ("Europe/Stockholm", "2026-12-01T08:00:00", None),
        ("Asia/Kolkata", "2026-11-30T03:30:00", "2026-W48"),
        ("Pacific/Kiritimati", "2026-11-29T19:00:00", "2026-W48"),
        ("Pacific/Honolulu", "2026-11-30T18:59:00", None),
        ("Pacific/Honolulu", "2026-11-30T19:00:00", "2026-W48"),
        ("Europe/Berlin", "2026-10-26T08:00:00", "2026-W43"),  # the day after the clocks went back
        ("UTC", "2027-01-04T09:00:00", "2026-W53"),
    ],
)
def test_a_digest_is_sent_on_monday_at_nine_where_its_reader_is(zone: str, at: str, week: str | None) -> None:
    due = schedule.due_week(datetime.fromisoformat(at).replace(tzinfo=UTC), zone)
    assert (due.name if due else None) == week


@given(
    st.datetimes(datetime(2020, 1, 1), datetime(2030, 1, 1)),  # noqa: DTZ001 - made aware below
    st.sampled_from(["UTC", "Europe/Stockholm", "America/New_York", "Pacific/Apia", "Asia/Kathmandu"]),
)
def test_the_next_digest_is_due_when_it_comes_and_never_before(moment: datetime, zone: str) -> None:
    now = moment.replace(tzinfo=UTC)
    at = schedule.next_at(now, zone)
    assert now < at <= now + timedelta(days=7, hours=2)
    due = schedule.due_week(at, zone)
    assert due is not None
    assert due.end <= at
    before = schedule.due_week(at - timedelta(microseconds=1), zone)
    assert before is None or before.monday < due.monday


@pytest.mark.parametrize("text", ["2026-W54", "2026-W00", "W48", "2026", "x", "2026-W49", "2026-W48\n1"])
def test_a_week_that_is_none_or_not_begun_is_refused(text: str) -> None:
    with pytest.raises(Invalid) as refused:
        schedule.parse_week(text, datetime(2026, 11, 29, 12, tzinfo=UTC), "UTC")
    assert set(refused.value.fields) == {"week"}


def test_a_week_is_read_in_its_iso_spellings() -> None:
    for text in ("2026-W48", "2026w48", " 2026-w48 "):
        assert schedule.parse_week(text, NOW, "UTC").monday == date(2026, 11, 23)
    assert schedule.parse_week("", NOW, "UTC").name == "2026-W48"
    assert WEEK.days == "23–29 Nov 2026"
    assert Week(date(2026, 12, 28), "UTC").days == "28 Dec 2026 – 3 Jan 2027"


def test_what_a_person_chose_wins_over_their_team() -> None:
    choices = [DigestChoice(1, 7, False), DigestChoice(4, 7, True), DigestChoice(5, None, True)]
    assert subscribers(choices, [(7, [1, 2, 3])]) == [(2, 7), (3, 7), (4, 7), (5, None)]
    assert subscribers([DigestChoice(5, None, False)], []) == []


def test_a_quiet_week_is_one_line() -> None:
    digest = write(facts())
    assert (digest.is_quiet, digest.suggestion, text_lines(digest)) == (True, None, [QUIET])


def test_a_digest_names_what_happened_and_what_is_due() -> None:
    digest = write(
        facts(
            scope="Payments",
            team_slug="payments",
            incidents=[
                IncidentFact(3, "Checkout is down", 1, lasted_s=7260),
                IncidentFact(5, "Search is slow", 2, lasted_s=None),
            ],
            pages=5,
            night_pages=3,
            nights=2,
            most_in_a_night=2,
            rules=[NOISY],
            postmortems_due=[LATE, SOON],
            items_overdue=[OLD, replace(OLD, ref="ACT-9", due=date(2026, 11, 29))],
            items_due=[replace(OLD, ref="ACT-10", due=date(2026, 12, 4))],
            metrics=[MetricFact("resolve", "MTTR", "Half were resolved within 1 h", "No detectable change.")],
            near_misses=[NEAR_MISS],
            runbooks=[UNUSED],
        )
    )
    sections = {one.id: one for one in digest.sections}
    assert [line.text.rpartition(": ")[2] for line in sections["incidents"].lines] == ["2:01 h", "still open"]
    assert sections["night"].count == 3
    assert [line.text.rpartition(": ")[2] for line in sections["post-mortems-due"].lines] == [
        "overdue 2 d 2 h",
        "due Tue 1 Dec 09:00",
    ]
    # only what is overdue for more than 30 days is named with its owner
    assert ["Jun" in line.text for line in sections["actions-overdue"].lines] == [True, False]
    assert sections["metrics"].lines[0].text.endswith("No detectable change.")
    assert all("team=payments" in sections[i].link for i in ("actions-overdue", "actions-due", "metrics"))
    assert digest.title == (
        "The week at Payments, 23–29 Nov 2026: 2 incidents, 3 pages at night, 2 post-mortems due"
    )
    assert actions.unpacked(actions.packed(digest)) == digest


def test_incidents_that_became_private_leave_no_line() -> None:
    digest = write(
        facts(
            incidents=[IncidentFact(3, "Breach", 1, lasted_s=None)],
            postmortems_due=[LATE],
            items_overdue=[OLD, replace(OLD, ref="ACT-9", incident_id=None)],
            near_misses=[NEAR_MISS],
        )
    )
    shown = digest.without({3})
    assert [(one.id, one.count) for one in shown.sections] == [("actions-overdue", 1), ("near-misses", 1)]
    assert shown.suggestion is None
    assert "INC-3" not in "\n".join(text_lines(shown, "https://firebell.example"))
    assert digest.without(set()) == digest


def test_a_long_list_is_counted() -> None:
    many = [IncidentFact(i, "x", 3, lasted_s=None) for i in range(LISTED + 3)]
    [section] = write(facts(incidents=many)).sections
    assert (len(section.lines), section.more, section.count) == (LISTED, 3, LISTED + 3)
    assert "- And 3 more" in text_lines(write(facts(incidents=many)))


@pytest.mark.parametrize(
    ("known", "link"),
    [
        ({"postmortems_due": [LATE], "items_overdue": [OLD], "rules": [NOISY]}, LATE.href),
        ({"postmortems_due": [SOON], "items_overdue": [OLD], "rules": [NOISY]}, "/actions/ACT-8"),
        ({"rules": [NOISY], "runbooks": [UNUSED]}, "/metrics/noise"),
        ({"rules": [RuleFact("DiskFull", 9, 3, 1)]}, "/metrics/nights"),
        ({"rules": [RuleFact("DiskFull", 2, 2, 2)], "runbooks": [UNUSED]}, "/drills"),
        ({"rules": [RuleFact("DiskFull", 2, 2, 2)]}, None),
    ],
)
def test_the_one_suggestion_is_about_what_is_most_overdue(known: dict[str, Any], link: str | None) -> None:
    line = suggestion(facts(**known))
    assert (line.link if line else None) == link
