"""When two readings of the database's clock prove that it was set back."""

from datetime import UTC, datetime, timedelta

import pytest

from firebell.kit.db.database_clock import Reading, set_back_between

THEN = datetime(2026, 7, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("shown_s", "error_before_s", "error_after_s", "set_back_s"),
    [
        (60, 0.01, 0.01, 0),
        (3660, 0.01, 0.01, 0),
        (55.5, 0.01, 0.01, 0),
        (0, 0.01, 0.01, 60),
        (-3540, 0.01, 0.01, 3600),
        # an answer that took 12 seconds on its way back
        (54, 0.01, 6, None),
        (0, 0.01, 6, 60),
        # the earlier answer did: the later one is more exact
        (54, 6, 0.01, 0),
    ],
)
def test_a_slow_answer_moves_no_page(
    shown_s: float, error_before_s: float, error_after_s: float, set_back_s: float | None
) -> None:
    before = Reading(THEN, 1000.0, error_before_s)
    after = Reading(THEN + timedelta(seconds=shown_s), 1060.0, error_after_s)
    expected = None if set_back_s is None else timedelta(seconds=set_back_s)
    assert set_back_between(before, after) == expected
