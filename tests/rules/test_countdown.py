"""The text of a countdown; `tests/browser/test_countdowns.py` tests the script with the same table."""

from datetime import timedelta

import pytest

from firebell.kit.countdown import countdown

READS = [
    # seconds left, as a timer, as a promise
    (14_400_000, "in 166 d 16 h", "in 166 d 16 h"),
    (172_800, "in 2 d 0 h", "in 2 d 0 h"),
    (172_799, "in 47:59:59", "in 47:59:59"),
    (3_600, "in 1:00:00", "in 1:00:00"),
    (161.9, "in 2:41", "in 2:41"),
    (60, "in 1:00", "in 1:00"),
    (1, "in 0:01", "in 0:01"),
    (0.9, "now", "now"),
    (0, "now", "now"),
    (-0.9, "now", "now"),
    (-1, "now", "overdue 0:01"),
    (-91, "now", "overdue 1:31"),
    (-3_661.5, "now", "overdue 1:01:01"),
    (-200_000, "now", "overdue 2 d 7 h"),
]


@pytest.mark.parametrize(("left", "timer", "promise"), READS)
def test_bug_a_wait_that_is_over_counted_below_zero(left: float, timer: str, promise: str) -> None:
    length = timedelta(seconds=left)
    assert (countdown(length), countdown(length, promise=True)) == (timer, promise)
