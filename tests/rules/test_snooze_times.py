"""Until when a page is snoozed, as people say it."""

from datetime import datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firebell.kit.localtime import to_instant, to_local
from firebell.paging.escalation.state_machine import MAX_SNOOZE
from firebell.paging.snooze_times import LEAST, ends
from tests.rules.budget import examples

TZ = "Europe/Stockholm"


@pytest.mark.parametrize(
    ("now", "offered"),
    [
        ("2026-11-24T03:14", ["08:00", "18:00"]),
        ("2026-11-24T07:50", ["18:00"]),
        ("2026-11-24T08:00", ["18:00", "08:00"]),
        ("2026-11-24T20:00", ["08:00", "18:00"]),
        # the clock goes back in this night: 08:00 is 25 hours after 08:00
        ("2026-10-24T08:00", ["18:00"]),
    ],
)
def test_the_next_morning_and_evening_are_offered(now: str, offered: list[str]) -> None:
    assert [label for _, label in ends(to_instant(datetime.fromisoformat(now), TZ), TZ)] == offered


@settings(max_examples=examples(30), deadline=None)
@given(st.integers(0, 400 * 24 * 60), st.sampled_from([TZ, "America/St_Johns", "Pacific/Chatham", "UTC"]))
def test_each_is_a_snooze_that_is_allowed_at_its_time_of_day(minutes: int, tz: str) -> None:
    now = to_instant(datetime(2026, 1, 1), "UTC") + timedelta(minutes=minutes)  # noqa: DTZ001 - wall time
    offered = ends(now, tz)
    assert offered
    assert offered == sorted(offered)
    for at, label in offered:
        assert LEAST <= at - now <= MAX_SNOOZE
        assert f"{to_local(at, tz):%H:%M}" == label
