"""The list of pages: paginating shows every page that stays open, whatever changes meanwhile."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from firebell.kit.text import MAX_ID
from firebell.paging.model import OPEN, UNANSWERED, PageState
from firebell.paging.page_list.pagination import ListPosition, ListSegment, parse, parts

START = datetime(2026, 11, 24, 3, 14, tzinfo=UTC)


@dataclass(slots=True)
class Table:
    """A model of the database: states by number, and which pages became unanswered during the walk."""

    states: dict[int, PageState]
    again: set[int] = field(default_factory=set)

    def walk(
        self, wanted: Sequence[ListSegment], limit: int, *, newer: bool = False
    ) -> list[tuple[bool, int]]:
        rows = {
            (part.waiting, number)
            for part in wanted
            for number, state in self.states.items()
            if state == part.state
            and part.low <= number < part.high
            and (part.since is None or number in self.again)
        }
        return sorted(rows, reverse=not newer)[:limit]

    def change(self, number: int, state: PageState) -> None:
        if state in UNANSWERED and self.states[number] not in UNANSWERED:
            self.again.add(number)
        self.states[number] = state


@given(
    st.lists(st.sampled_from(OPEN), min_size=1, max_size=12),
    st.lists(st.lists(st.tuples(st.integers(1, 12), st.sampled_from(OPEN)), max_size=4), max_size=12),
    st.integers(1, 4),
)
def test_a_walk_shows_every_open_page_whatever_changes_between_its_requests(
    first: list[PageState], changes: list[list[tuple[int, PageState]]], limit: int
) -> None:
    table = Table(dict(enumerate(first, 1)))
    place: ListPosition | None = None
    shown: list[int] = []
    for turn in range(len(first) * 3 + 2):
        rows = table.walk(parts(OPEN, place), limit)
        if not rows:
            break
        shown += [number for _, number in rows]
        place = ListPosition(*rows[-1], START)
        for number, state in changes[turn] if turn < len(changes) else []:
            if number in table.states:
                table.change(number, state)
    assert not table.walk(parts(OPEN, place), limit)
    assert set(shown) == set(table.states)
    if not any(changes):
        assert len(shown) == len(set(shown))


@given(st.lists(st.sampled_from(OPEN), min_size=1, max_size=12), st.data())
def test_newer_leads_to_the_preceding_rows(first: list[PageState], data: st.DataObject) -> None:
    table = Table(dict(enumerate(first, 1)))
    whole = table.walk(parts(OPEN, None), MAX_ID)
    at = data.draw(st.integers(0, len(whole) - 1))
    place = ListPosition(*whole[at], START)
    assert table.walk(parts(OPEN, place), MAX_ID) == whole[at + 1 :]
    assert table.walk(parts(OPEN, place, newer=True), MAX_ID, newer=True) == whole[:at][::-1]


@given(st.booleans(), st.integers(1, 10**18 - 1))
def test_a_cursor_is_read_as_it_was_written(waiting: bool, number: int) -> None:
    assert parse(str(ListPosition(waiting, number, START))) == ListPosition(waiting, number, START)


@given(
    st.text()
    | st.sampled_from(["PG-12", "12", "waiting:48", "waiting:0:1", "other:1:99999999999", "waiting:²:1"])
)
def test_anything_else_is_not_a_cursor(text: str) -> None:
    assert parse(text) is None
