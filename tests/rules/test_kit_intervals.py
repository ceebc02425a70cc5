"""Intervals compared with sets of minutes."""

import itertools
from datetime import UTC, datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from firebell.kit.intervals import Interval, clip, joined, minus, overlap, union, within

MIDNIGHT = datetime(2026, 11, 24, tzinfo=UTC)
LENGTH = 30


def minute(number: int) -> datetime:
    return MIDNIGHT + timedelta(minutes=number)


instants = st.integers(0, LENGTH).map(minute)
intervals = st.builds(Interval, instants, instants)
several = st.lists(intervals, max_size=6)


def members(*given_: tuple[datetime, datetime]) -> set[int]:
    """Return the numbers of the minutes that begin in an interval, by looking at each minute."""
    return {n for n in range(LENGTH) if any(start <= minute(n) < end for start, end in given_)}


def is_canonical(result: list[Interval]) -> bool:
    return all(i.start < i.end for i in result) and all(
        a.end < b.start for a, b in itertools.pairwise(result)
    )


@settings(deadline=None)
@given(several)
def test_union_has_the_minutes_of_all_in_the_fewest_intervals(given_: list[Interval]) -> None:
    result = union(given_)
    assert members(*result) == members(*given_)
    assert is_canonical(result)
    assert union(result) == result


@settings(deadline=None)
@given(several, several)
def test_minus_has_the_minutes_that_are_not_removed(given_: list[Interval], removed: list[Interval]) -> None:
    result = minus(given_, removed)
    assert members(*result) == members(*given_) - members(*removed)
    assert all(i.start < i.end for i in result)
    assert is_canonical(minus(union(given_), removed))


@settings(deadline=None)
@given(several)
def test_minus_keeps_abutting_intervals_apart(given_: list[Interval]) -> None:
    assert minus(given_, []) == sorted(i for i in given_ if i.start < i.end)


@settings(deadline=None)
@given(intervals, intervals)
def test_overlap_has_the_minutes_of_both(one: Interval, other: Interval) -> None:
    common = overlap(one, other)
    assert members(*[common] if common else []) == members(one) & members(other)
    assert overlap(other, one) == common


@settings(deadline=None)
@given(several, intervals)
def test_clip_has_the_minutes_inside(given_: list[Interval], bounds: Interval) -> None:
    assert members(*clip(given_, bounds)) == members(*given_) & members(bounds)
    assert [members(i) for i in clip(given_, bounds)] == [
        common for i in given_ if (common := members(i) & members(bounds))
    ]


@settings(deadline=None)
@given(several, st.integers(0, LENGTH - 1))
def test_within_is_membership(given_: list[Interval], number: int) -> None:
    assert within(given_, minute(number)) is (number in members(*given_))


@settings(deadline=None)
@given(several, instants, st.integers(0, LENGTH - 1))
def test_within_an_interval_without_an_end(given_: list[Interval], start: datetime, number: int) -> None:
    expected = number in members(*given_) or minute(number) >= start
    assert within([*given_, (start, None)], minute(number)) is expected


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(0, 2), st.integers(1, 3), st.sampled_from("ab")), max_size=12))
def test_joined_keeps_every_value_in_the_fewest_pieces(drawn: list[tuple[int, int, str]]) -> None:
    pieces, at = [], 0
    for gap, length, value in drawn:
        pieces.append((minute(at + gap), minute(at + gap + length), value))
        at += gap + length
    result = joined(pieces)
    for value in "ab":
        assert union((s, e) for s, e, v in result if v == value) == union(
            (s, e) for s, e, v in pieces if v == value
        )
    assert all(a[1:] != (b[0], b[2]) for a, b in itertools.pairwise(result))
    assert [piece[:2] for piece in result] == sorted(piece[:2] for piece in result)
