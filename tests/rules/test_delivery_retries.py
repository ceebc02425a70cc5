"""A delivery that did not arrive is tried again after growing delays, and fails after the last of them."""

import pytest

from firebell.notify.deliveries.retries import retry_delay_s


@pytest.mark.parametrize(
    ("attempts", "requested_s", "delay_s"),
    [
        (0, None, 2.5),
        (1, None, 2.5),
        (2, None, 10),
        (3, None, 37.5),
        (1, 60.0, 60),
        (3, 0.0, 37.5),
        (4, None, None),
        (4, 60.0, None),
    ],
)
def test_the_delay_after_an_attempt(attempts: int, requested_s: float | None, delay_s: float | None) -> None:
    assert retry_delay_s(attempts, requested_s, 1.25) == delay_s
