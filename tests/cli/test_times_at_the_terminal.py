"""Local times that are typed and shown on days on which the clocks change."""

import time
from collections.abc import Callable, Iterator

import pytest

from firebell.commands.output import Misused, instant, local, minutes, past_instant, short

Travel = Callable[[str], None]


@pytest.fixture
def travel() -> Iterator[Travel]:
    """Put this process into another time zone until the test ends."""
    with pytest.MonkeyPatch.context() as environment:

        def to(tz: str) -> None:
            environment.setenv("TZ", tz)
            time.tzset()

        yield to
    time.tzset()


@pytest.mark.parametrize(
    ("tz", "typed", "expected"),
    [
        ("America/Chicago", "2027-03-14T01:30", "2027-03-14T07:30:00+00:00"),
        # 02:30 is skipped: it means the instant of the jump
        ("America/Chicago", "2027-03-14T02:30", "2027-03-14T08:00:00+00:00"),
        ("America/Chicago", "2027-03-14T03:00", "2027-03-14T08:00:00+00:00"),
        # 01:30 comes twice: it means the first
        ("America/Chicago", "2027-11-07T01:30", "2027-11-07T06:30:00+00:00"),
        ("America/Chicago", "2027-11-07T01:30-06:00", "2027-11-07T07:30:00+00:00"),
        ("Europe/Berlin", "2026-12-24", "2026-12-23T23:00:00+00:00"),
        ("Australia/Lord_Howe", "2026-10-04T02:15", "2026-10-03T15:30:00+00:00"),
        # no zone that has a name: the system's own answer
        ("CST6CDT,M3.2.0,M11.1.0", "2027-07-01T00:00", "2027-07-01T05:00:00+00:00"),
    ],
)
def test_a_time_that_is_typed_means_what_it_means_everywhere(
    travel: Travel, tz: str, typed: str, expected: str
) -> None:
    travel(tz)
    assert instant(typed, "--at") == expected


@pytest.mark.parametrize(
    ("typed", "expected"),
    [("45m", 45), ("45", 45), ("2h", 120), ("1h30m", 90), ("1h30", 90), ("7d", 10080), ("1d2h3m", 1563)],
)
def test_a_duration_is_read_in_days_hours_and_minutes(typed: str, expected: int) -> None:
    assert minutes(typed) == expected


@pytest.mark.parametrize("typed", ["", "h", "d", "1.5h", "-5m", "m5", "１h", "99999h", "1m2h", "5x"])
def test_an_invalid_duration_is_refused(typed: str) -> None:
    with pytest.raises(Misused):
        minutes(typed)
    with pytest.raises(Misused):
        past_instant(typed, "--since")


def test_the_repeated_hour_is_shown_with_its_offset(travel: Travel) -> None:
    travel("America/Chicago")
    assert short("2027-11-07T06:30:00Z") == "07 Nov 2027 01:30 -0500"
    assert short("2027-11-07T07:30:00Z") == "07 Nov 2027 01:30 -0600"
    assert short("2027-11-07T08:30:00Z") == "07 Nov 2027 02:30"
    assert local("2027-11-07T07:30:00Z") == "2027-11-07 01:30 -0600"
