"""Calls to a chat never exceed its rates."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from firebell.chat.adapter_base.rate_buckets import HALVED_FOR, Bucket, Buckets, Rates
from firebell.kit.token_bucket import RateBucket, per_minute

START = datetime(2026, 11, 24, 2, 30, tzinfo=UTC)
RATES = Rates({"pins.add": per_minute(20, 10)}, per_minute(50, 10), per_minute(60, 3), per_minute(300, 5))
POSTS, CHANNEL = ("posts",), ("channel", "C1")


def _seconds(at: datetime) -> float:
    return (at - START).total_seconds()


def test_a_burst_is_sent_at_once_and_then_one_a_second() -> None:
    buckets = Buckets(RATES)
    now, sent = START, []
    for _ in range(6):
        now = buckets.free_at([CHANNEL], now)
        buckets.take([CHANNEL], now)
        sent.append(_seconds(now))

    assert sent == [0, 0, 0, 1, 2, 3]


def test_after_too_many_requests_nothing_is_sent_before_the_time_given() -> None:
    buckets = Buckets(RATES)
    buckets.close(("method", "pins.add"), START + timedelta(seconds=30), START)

    assert buckets.free_at([("method", "pins.add")], START) == START + timedelta(seconds=30)
    assert buckets.free_at([("method", "chat.update")], START) == START


def test_after_too_many_requests_the_rate_is_halved_for_five_minutes() -> None:
    empty = RateBucket(0, START)
    bucket = Bucket(per_minute(60, 3), empty, halved_until=START + HALVED_FOR)

    assert bucket.free_at(START) == START + timedelta(seconds=2)
    assert Bucket(per_minute(60, 3), empty).free_at(START) == START + timedelta(seconds=1)


@given(
    waits=st.lists(st.floats(0, 5), min_size=1, max_size=60),
    calls=st.sampled_from((1, 20, 50, 60, 100)),
    burst=st.integers(1, 10),
)
def test_no_span_of_time_has_more_calls_than_burst_and_rate(
    waits: list[float], calls: int, burst: int
) -> None:
    buckets = Buckets(Rates({}, per_minute(1, 1), per_minute(calls, burst), per_minute(1, 1)))
    now, sent = START, list[float]()
    for wait_s in waits:
        now = buckets.free_at([CHANNEL], now + timedelta(seconds=wait_s))
        buckets.take([CHANNEL], now)
        sent.append(_seconds(now))

    for first in range(len(sent)):
        for last in range(first, len(sent)):
            span_s = sent[last] - sent[first]
            assert last - first + 1 <= burst + span_s * calls / 60 + 1e-3


def test_a_call_waits_for_the_slowest_of_its_buckets() -> None:
    buckets = Buckets(RATES)
    for _ in range(3):
        buckets.take([POSTS, CHANNEL], START)

    assert buckets.free_at([POSTS], START) == START
    assert buckets.free_at([POSTS, CHANNEL], START) == START + timedelta(seconds=1)
