"""A week of silences in columns of three hours."""

from datetime import UTC, date, datetime, timedelta

import pytest

from firebell.alerts.silences import timeline
from firebell.alerts.silences.model import Silence
from firebell.kit.errors import Invalid

NOW = datetime(2026, 11, 24, 3, 14, tzinfo=UTC)
HOUR = timedelta(hours=1)


def silence(starts_at: datetime, hours: float, ended_after: float | None = None) -> Silence:
    ended_at = None if ended_after is None else starts_at + ended_after * HOUR
    return Silence(
        id=1, public_id="", matchers="{a=\"b\"}", service_ids=(), author="Jun", comment="x", created_at=starts_at,
        starts_at=starts_at, ends_at=starts_at + hours * HOUR, ended_at=ended_at,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("tz", "starts_at", "hours", "ended_after", "expected"),
    [
        ("UTC", datetime(2026, 11, 24, 0, tzinfo=UTC), 3, None, (8, 1)),
        ("UTC", datetime(2026, 11, 24, 2, tzinfo=UTC), 2, None, (8, 2)),
        ("Europe/Stockholm", datetime(2026, 11, 23, 23, tzinfo=UTC), 3, None, (8, 1)),
        ("UTC", datetime(2026, 11, 20, tzinfo=UTC), 30 * 24, None, (0, 56)),
        ("UTC", datetime(2026, 11, 29, 23, tzinfo=UTC), 5, None, (55, 1)),
        ("UTC", datetime(2026, 11, 24, 0, tzinfo=UTC), 24, 0.5, (8, 1)),
        ("UTC", datetime(2026, 11, 30, 0, tzinfo=UTC), 5, None, None),
        ("UTC", datetime(2026, 11, 22, 0, tzinfo=UTC), 24, None, None),
        ("UTC", datetime(2026, 11, 25, 0, tzinfo=UTC), 24, 0, None),
    ],
)
def test_a_silence_is_a_bar(
    tz: str, starts_at: datetime, hours: float, ended_after: float | None, expected: tuple[int, int] | None
) -> None:
    week = timeline.week_of("2026-11-23", tz, NOW)
    drawn = timeline.bars(week, [silence(starts_at, hours, ended_after)], NOW)
    assert [(bar.column, bar.span) for bar in drawn] == ([expected] if expected else [])


def test_a_week_has_today_in_its_middle_and_days_of_any_length() -> None:
    assert timeline.week_of("", "Asia/Tokyo", NOW).days[3] == date(2026, 11, 24)
    assert timeline.week_of("", "America/New_York", NOW).days[3] == date(2026, 11, 23)
    week = timeline.week_of("2026-10-19", "Europe/Stockholm", NOW)
    assert (week.first, week.days[-1]) == (date(2026, 10, 19), date(2026, 10, 25))
    assert week.end - week.start == timedelta(days=7, hours=1)
    assert week.place(week.start) == 0
    assert week.place(week.end) == 1
    assert week.shifted(1).first == date(2026, 10, 26)
    for wrong in ("yesterday", "0001-01-01", "9999-12-31"):
        with pytest.raises(Invalid):
            timeline.week_of(wrong, "UTC", NOW)
