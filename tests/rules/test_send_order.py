"""The order in which messages are claimed: by rank, and within a rank first levels and others in turns."""

from typing import NamedTuple

from hypothesis import given
from hypothesis import strategies as st

from firebell.notify.deliveries.send_slots import take_turns


class Message(NamedTuple):
    id: int
    rank: int


messages = st.lists(st.integers(0, 2), max_size=30)


def numbered(ranks: list[int], first: int) -> list[Message]:
    return [Message(first + n, rank) for n, rank in enumerate(sorted(ranks))]


@given(messages, messages, st.data())
def test_neither_kind_waits_for_more_than_as_many_of_the_other(
    ranks: list[int], other_ranks: list[int], data: st.DataObject
) -> None:
    first_levels, others = numbered(ranks, 0), numbered(other_ranks, 1000)
    both = data.draw(st.lists(st.sampled_from(first_levels), unique=True)) if first_levels else []
    waiting = sorted([*others, *both], key=lambda message: message.rank)
    merged = take_turns(first_levels, waiting)
    assert sorted(merged) == sorted({*first_levels, *others}), "each once"
    assert [message.rank for message in merged] == sorted(message.rank for message in merged)
    for rank in range(3):
        of_rank = [message for message in merged if message.rank == rank]
        for position, message in enumerate([m for m in first_levels if m.rank == rank]):
            assert of_rank.index(message) <= 2 * position + 1
        for position, message in enumerate([m for m in waiting if m.rank == rank]):
            assert of_rank.index(message) <= 2 * position
