"""An error of a schedule is reported once for its interval, on whatever days the checks run."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from firebell.kit.findings import FindingLevel
from firebell.oncall.checks.rules import CHECKS_HORIZON, ScheduleFinding
from firebell.oncall.checks.unreported import Reported, unreported

NOW = datetime(2026, 11, 24, 9, tzinfo=UTC)
DAY = timedelta(days=1)


def error(
    start: datetime | None,
    end: datetime | None,
    code: str = "S-GAP",
    *users: int,
    level: FindingLevel = FindingLevel.ERROR,
) -> ScheduleFinding:
    return ScheduleFinding(f"{code}:x", code, level, "Nobody.", start, end, users, None)


def days(intervals: list[tuple[datetime | None, datetime | None]], until: int) -> list[int]:
    """Return on which days a lasting error is reported, with daily checks."""
    reported: list[Reported] = []
    reported_on = []
    for day in range(until):
        now = NOW + day * DAY
        findings = [
            error(max(start, now) if start else None, min(end, now + CHECKS_HORIZON) if end else None)
            for start, end in intervals
            if start is None or end is None or (start < now + CHECKS_HORIZON and end > now)
        ]
        fresh, reported = unreported(findings, reported, now)
        reported_on += [day] * len(fresh)
    return reported_on


def test_a_gap_is_reported_once_from_its_detection_to_its_end() -> None:
    assert days([(NOW + 5 * DAY, NOW + 9 * DAY)], 12) == [0]
    assert days([(NOW + 30 * DAY, NOW + 34 * DAY)], 40) == [3], "its end comes into sight later"
    assert days([(NOW - DAY, NOW + 2 * DAY)], 4) == [0]
    assert days([(NOW - DAY, NOW + 400 * DAY)], 60) == [0], "a gap without an end in sight"
    assert days([(None, None)], 30) == [0], "someone who left has turns"


def test_two_gaps_are_reported_separately() -> None:
    assert days([(NOW + DAY, NOW + 2 * DAY), (NOW + 4 * DAY, NOW + 5 * DAY)], 8) == [0, 0]
    assert days([(NOW + DAY, NOW + 2 * DAY), (NOW + 30 * DAY, NOW + 31 * DAY)], 40) == [0, 3]


def test_an_error_that_lasts_longer_is_reported_again_and_a_shorter_one_is_not() -> None:
    start = NOW + DAY
    _, reported = unreported([error(start, NOW + 3 * DAY)], [], NOW)
    assert unreported([error(start, NOW + 2 * DAY)], reported, NOW)[0] == []
    longer = error(start, NOW + 4 * DAY)
    fresh, reported = unreported([longer], reported, NOW)
    assert fresh == [longer]
    assert unreported([longer], reported, NOW)[0] == []


def test_an_error_that_was_fixed_and_returns_is_reported_again() -> None:
    gap = error(NOW + DAY, NOW + 2 * DAY)
    _, reported = unreported([gap], [], NOW)
    _, reported = unreported([], reported, NOW)
    assert reported == []
    assert unreported([gap], reported, NOW)[0] == [gap]


def test_a_second_failing_calendar_is_reported_while_the_first_still_fails() -> None:
    """Errors without a person or a time were confused with one another."""
    first, second = (replace(error(None, None, "S-ICAL-STALE"), id=f"S-ICAL-STALE:{n}") for n in (1, 2))
    _, reported = unreported([first], [], NOW)
    fresh, reported = unreported([first, second], reported, NOW + DAY)
    assert fresh == [second]
    assert unreported([first, second], reported, NOW + 2 * DAY)[0] == []


def test_each_shift_of_an_unreachable_person_is_reported_and_warnings_are_not() -> None:
    def shift(n: int) -> ScheduleFinding:
        return error(NOW + n * DAY, NOW + (n + 1) * DAY, "S-UNREACHABLE", 7)

    fresh, reported = unreported([shift(1)], [], NOW)
    assert fresh == [shift(1)]
    fresh, reported = unreported([shift(4)], reported, NOW + 2 * DAY)
    assert fresh == [shift(4)]
    other = error(NOW + 4 * DAY, NOW + 5 * DAY, "S-UNREACHABLE", 8)
    assert unreported([shift(4), other], reported, NOW + 2 * DAY)[0] == [other]
    mild = error(NOW + DAY, NOW + 2 * DAY, level=FindingLevel.WARNING)
    assert unreported([mild], [], NOW) == ([], [])
