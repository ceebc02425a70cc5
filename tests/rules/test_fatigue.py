"""F-NIGHT and F-FATIGUE: who had too many pages in a month, and what pages cost them."""

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firebell.oncall.rota.fairness import Load
from firebell.paging.model import TiredNight
from firebell.people.model import Person, Role, Team
from firebell.workload.call_measures import interrupted_hours, nights_of, pages_per_night, per_shift
from firebell.workload.fatigue import findings
from firebell.workload.model import Calls, PersonRow, Rates, TeamNoise, WorkloadReport, WorkShare

MONTH, END = date(2026, 11, 1), datetime(2026, 11, 30, tzinfo=UTC)
MARA, JUN = (
    Person(i, name, "", Role.RESPONDER, "UTC", "auto", True) for i, name in ((1, "Mara"), (2, "Jun"))
)


def report(*shares: dict[Person, Calls]) -> WorkloadReport:
    """Return a report of one team for each share."""
    teams = [
        WorkShare(
            Team(i, f"Team {i}", f"t{i}"),
            [PersonRow(person, Load(), 0, calls, "average", "average") for person, calls in share.items()],
        )
        for i, share in enumerate(shares)
    ]
    return WorkloadReport(MONTH, [], teams, [], Rates(), END)


def night(person: Person) -> TiredNight:
    return TiredNight(12, person.id, person.name, date(2026, 11, 23), END, 4, 5)


def test_three_pages_in_a_night_and_ten_in_a_shift_are_not_too_many() -> None:
    assert findings(report({MARA: Calls(pages=30, worst_night=3, worst_shift=10)}), []) == []
    (found,) = findings(report({MARA: Calls(pages=30, worst_night=4, worst_shift=11)}), [])
    assert (found.id, found.message) == (
        "F-FATIGUE:2026-11:1",
        "Mara had 4 pages in one night and 11 pages in one shift.",
    )


def test_the_worst_night_counts_in_whichever_team_it_was() -> None:
    busy, bad = Calls(pages=20, worst_night=2, worst_shift=2), Calls(pages=5, worst_night=5, worst_shift=5)
    for shares in (({MARA: busy}, {MARA: bad}), ({MARA: bad}, {MARA: busy})):
        assert [f.message for f in findings(report(*shares), [])] == ["Mara had 5 pages in one night."]


def test_a_night_over_the_limit_of_someone_in_the_report_comes_first() -> None:
    codes = [f.code for f in findings(report({MARA: Calls(worst_night=5)}), [night(MARA), night(JUN)])]
    assert codes == ["F-NIGHT", "F-FATIGUE"]
    assert findings(report({MARA: Calls()}), [night(MARA)])[0].message == (
        "Mara had 5 pages on the night of 23 Nov. The first beyond the limit was PG-4."
    )


def test_incidents_are_compared_with_the_hours_of_the_widest_row() -> None:
    def row(hours: int, incidents_per_shift: float) -> WorkShare:
        load = Load(hours=timedelta(hours=hours))
        calls = Calls(incidents_per_shift=incidents_per_shift)
        return WorkShare(Team(1, "Team", "t"), [PersonRow(MARA, load, 0, calls, "average", "average")])

    def codes(*shares: WorkShare) -> list[str]:
        return [f.message for f in findings(WorkloadReport(MONTH, [], list(shares), [], Rates(), END), [])]

    assert codes(row(48, 2.0)) == []
    assert codes(row(48, 2.1)) == ["Mara had 2.1 incidents per 12 hours on call over four weeks."]
    assert codes(row(12, 9.0), row(48, 0.5)) == []


@pytest.mark.parametrize(
    ("incidents", "hours", "mean"), [(5, 24, 2.5), (5, 30, 2), (3, 12, 3), (3, 11, 0), (0, 0, 0)]
)
def test_a_shift_has_twelve_hours(incidents: int, hours: int, mean: float) -> None:
    assert per_shift(incidents, timedelta(hours=hours)) == mean


@pytest.mark.parametrize(
    ("pages", "noise", "is_noisy"), [(5, 3, True), (6, 3, False), (4, 4, False), (0, 0, False)]
)
def test_a_team_whose_pages_are_mostly_noise_is_named(pages: int, noise: int, is_noisy: bool) -> None:
    noisy = findings(report(), [], [TeamNoise(7, "Payments", pages, noise)])
    assert [(f.code, f.subject) for f in noisy] == ([("F-FATIGUE", "team:7")] if is_noisy else [])


def october(text: str) -> datetime:
    day, hour, minute = (int(part) for part in text.replace(":", " ").split())
    return datetime(2026, 10, day, hour, minute, tzinfo=UTC)


PAGES = {
    "mara": ["2 14:03", "9 1:12", "9 3:00", "9 4:40", "20 22:01", "20 23:30"],
    "noor": ["4 8:39", "15 9:04", "25 12:00"],
    "lf": ["17 16:00", "12 3:00", "28 6:10", "31 22:33"],
}
"""The 13 pages of the specification (11.18), by the person whom they reached."""


@pytest.mark.parametrize(
    ("person", "weeks"),
    [
        ("mara", {40: 1, 41: 3, 43: 2}),
        ("noor", {40: 1, 42: 1, 43: 1}),
        ("lf", {42: 2, 44: 2}),
    ],
)
def test_interruptions_of_the_specification(person: str, weeks: dict[int, int]) -> None:
    hours = interrupted_hours(map(october, PAGES[person]), "UTC")
    assert {monday.isocalendar().week: n for monday, n in hours.items()} == weeks
    assert all(monday.weekday() == 0 for monday in hours)


def test_an_hour_is_interrupted_once_and_is_one_of_the_person() -> None:
    one = interrupted_hours([october("4 22:10"), october("4 22:50"), october("4 23:00")], "Europe/Stockholm")
    # 00:10, 00:50 and 01:00 on Monday
    assert one == {date(2026, 10, 5): 2}
    # 25 October has two hours from 2 to 3 in Stockholm
    assert interrupted_hours([october("25 0:30"), october("25 1:30")], "Europe/Stockholm") == {
        date(2026, 10, 19): 2
    }


def test_pages_per_night_of_the_specification() -> None:
    nights = pages_per_night([3, 2, 1, 1, 1], 31)
    assert (nights.nights, nights.median, nights.worst, nights.at_limit) == (31, 0, 3, 1)
    assert nights.interval == pytest.approx((0.0057, 0.1619), abs=5e-5)
    assert pages_per_night([], 0).interval is None
    rows = report({MARA: Calls(by_night=(4, 1)), JUN: Calls(by_night=(3,))}).teams[0].rows
    assert (nights_of(rows).nights, nights_of(rows).at_limit) == (3, 2)


@given(st.lists(st.integers(1, 9), max_size=9), st.integers(0, 40))
def test_a_quiet_night_makes_no_figure_worse(interrupted: list[int], nights: int) -> None:
    """M5, for the pages of a night."""
    before, after = pages_per_night(interrupted, nights), pages_per_night(interrupted, nights + 1)
    assert after.median <= before.median or before.nights == 0
    assert (after.worst, after.at_limit) == (before.worst, before.at_limit)
    assert after.at_limit * max(1, before.nights) <= before.at_limit * max(1, after.nights)
