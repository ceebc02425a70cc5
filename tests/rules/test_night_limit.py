"""The night limit: it adds people to a page, and never takes anyone away."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firebell.paging.escalation.recipients import hypothetical_page
from firebell.paging.model import Plan
from firebell.paging.night_limit.rules import NightLimit, Nights, PersonNight, backup, person_night
from tests.rules.budget import examples

NOW = datetime(2026, 11, 24, 3, 14, tzinfo=UTC)
NIGHT = PersonNight(date(2026, 11, 23), NOW - timedelta(hours=5), NOW + timedelta(hours=3))
PAGE = replace(hypothetical_page(Plan("Payments", (), 2, None), 1, NOW), id=99)
PRIMARY, SECONDARY, LEAD, ABROAD = 1, 2, 3, 4
EVERYONE = (PRIMARY, SECONDARY, LEAD)


def nights(pages: dict[int, int], limit: NightLimit | None = None) -> Nights:
    """Return the nights of everyone but the person abroad, for whom it is day, after so many pages each."""
    reached = {person: set(range(n)) for person, n in pages.items()}
    return Nights(dict.fromkeys(EVERYONE, NIGHT), reached, {} if limit is None else {1: limit})


@pytest.mark.parametrize(
    ("reached", "pages", "later", "added"),
    [
        ([PRIMARY], {PRIMARY: 2}, [[SECONDARY]], []),
        ([PRIMARY], {PRIMARY: 3}, [[SECONDARY]], [SECONDARY]),
        # one of the two is rested
        ([PRIMARY, LEAD], {PRIMARY: 3}, [[SECONDARY]], []),
        ([PRIMARY, LEAD], {PRIMARY: 3, LEAD: 4}, [[SECONDARY]], [SECONDARY]),
        # a rested level goes before a tired one, and a tired one before no one
        ([PRIMARY], {PRIMARY: 3, SECONDARY: 3}, [[SECONDARY], [LEAD]], [LEAD]),
        ([PRIMARY], {PRIMARY: 3, SECONDARY: 3, LEAD: 9}, [[SECONDARY], [LEAD]], [SECONDARY]),
        ([PRIMARY], {PRIMARY: 3, SECONDARY: 3}, [[], [PRIMARY], [SECONDARY, LEAD]], [SECONDARY, LEAD]),
        # without anyone else, the primary is paged as ever
        ([PRIMARY], {PRIMARY: 3}, [], []),
        ([PRIMARY], {PRIMARY: 3}, [[], [PRIMARY]], []),
        # it is day where this person is
        ([ABROAD], {ABROAD: 9}, [[SECONDARY]], []),
        ([PRIMARY], {PRIMARY: 3}, [[ABROAD]], [ABROAD]),
    ],
)
def test_when_everyone_is_over_the_limit_the_next_level_is_paged_too(
    reached: list[int], pages: dict[int, int], later: list[list[int]], added: list[int]
) -> None:
    assert backup(PAGE, reached, later, nights(pages)) == added


@pytest.mark.parametrize(
    ("changed", "limit"),
    [
        ({"urgency": "low"}, None),
        ({"severity": 0}, None),
        ({"plan": replace(PAGE.plan, is_drill=True)}, None),
        ({}, NightLimit(is_on=False)),
        ({}, NightLimit(pages=10)),
    ],
)
def test_some_pages_and_teams_have_no_limit(changed: dict[str, object], limit: NightLimit | None) -> None:
    page = replace(PAGE, **changed)  # type: ignore[arg-type]
    assert backup(page, [PRIMARY], [[SECONDARY]], nights({PRIMARY: 9}, limit)) == []


def test_pages_of_one_batch_count_each_once() -> None:
    state = nights({})
    added = []
    for number in (1, 2, 3, 3, 4, 5):
        page = replace(PAGE, id=number)
        people = [PRIMARY, *backup(page, [PRIMARY], [[SECONDARY]], state)]
        state.note(page, people)
        added.append(len(people) > 1)
    assert added == [False, False, False, False, True, True]
    (over,) = state.over.values()
    assert (over.person_id, over.page_id, over.pages) == (PRIMARY, 4, 5)


def test_a_severe_page_has_no_limit_but_counts() -> None:
    state = nights({PRIMARY: 2})
    state.note(replace(PAGE, severity=0), [PRIMARY])
    assert backup(replace(PAGE, id=100), [PRIMARY], [[SECONDARY]], state) == [SECONDARY]
    state.note(replace(PAGE, id=101, urgency="low"), [SECONDARY])
    assert SECONDARY not in state.pages


people = st.lists(st.integers(1, 5), max_size=3, unique=True)


@settings(max_examples=examples(200))
@given(people, st.lists(people, max_size=4), st.dictionaries(st.integers(1, 5), st.integers(0, 6)))
def test_a_limit_adds_people_of_later_levels_and_takes_no_one_away(
    reached: Sequence[int], later: list[list[int]], pages: dict[int, int]
) -> None:
    state = Nights(dict.fromkeys(range(1, 5), NIGHT), {i: set(range(n)) for i, n in pages.items()}, {})
    added = backup(PAGE, reached, later, state)
    assert not set(added) & set(reached)
    assert set(added) <= {i for level in later for i in level}
    tired = set(state.tired(PAGE, range(1, 6)))
    others = {i for level in later for i in level} - set(reached)
    # someone is added exactly if everyone reached is over the limit and there is someone else
    assert bool(added) == bool(reached and set(reached) <= tired and others)
    # someone rested is among them if there is anyone
    assert not added or bool(set(added) - tired) == bool(others - tired)


@pytest.mark.parametrize(
    ("at", "tz", "night", "hours"),
    [
        (NOW, "Europe/Stockholm", date(2026, 11, 23), 9),
        (NOW.replace(hour=6), "Europe/Stockholm", None, 0),
        (NOW.replace(hour=21), "Europe/Stockholm", date(2026, 11, 24), 9),
        # the clocks go back, and forward, during the night
        (datetime(2026, 10, 25, 2, tzinfo=UTC), "Europe/Stockholm", date(2026, 10, 24), 10),
        (datetime(2026, 3, 29, 2, tzinfo=UTC), "Europe/Stockholm", date(2026, 3, 28), 8),
    ],
)
def test_a_night_is_that_of_the_person(at: datetime, tz: str, night: date | None, hours: int) -> None:
    person = person_night(at, tz)
    assert (person.night if person else None) == night
    if person:
        assert person.start <= at < person.end
        assert person.end - person.start == timedelta(hours=hours)


def test_a_zone_that_is_not_known_any_more_has_no_night_and_stops_no_page() -> None:
    assert person_night(NOW, "Mars/Olympus_Mons") is None
