"""Whose turn it is at a level with round robin (pure; spec 2.3)."""

from collections.abc import Callable, Collection, Sequence

from firebell.paging.model import Page, Turn

REMEMBERED_PEOPLE = 500
"""Number of people per policy whose last turn is remembered."""


def in_turn(
    page: Page,
    level: int,
    round_: int,
    candidates: Sequence[int],
    order: Sequence[int],
    tired: Collection[int] = (),
) -> tuple[int, ...]:
    """Return whose turn it is: as many of the candidates as still have to acknowledge, at least one if there is any.

    When a level is entered again in the same round, those whose turn it was keep it. `order` are the people of the
    policy by their last turn, earliest first; who had none comes first. Someone in `tired` comes last.
    """
    needed = max(page.acks_needed, page.plan.levels[level].min_acks)
    number = max(1, needed - len(page.acks))
    kept = [i for i in turn_of(page, level, round_) if i in candidates][:number]
    place = {person_id: index for index, person_id in enumerate(order)}
    others = sorted((i for i in candidates if i not in kept), key=lambda i: (i in tired, place.get(i, -1)))
    return (*kept, *others[: number - len(kept)])


def successive(page: Page, order: Sequence[int]) -> Callable[[int, int, Sequence[int]], tuple[int, ...]]:
    """Return what picks the turns of a page at its levels, as if it took each of them."""
    current = tuple(order)

    def pick(level: int, round_: int, people: Sequence[int]) -> tuple[int, ...]:
        nonlocal current
        person_ids = in_turn(page, level, round_, people, current)
        current = after_turn(current, person_ids)
        return person_ids

    return pick


def turn_of(page: Page, level: int, round_: int) -> tuple[int, ...]:
    """Return whose turn it was when the page last entered a level, empty if that was in another round."""
    return next((turn.person_ids for turn in page.turns if (turn.level, turn.round) == (level, round_)), ())


def with_turn(page: Page, level: int, round_: int, person_ids: tuple[int, ...]) -> tuple[Turn, ...]:
    """Return the turns of a page that enters a level."""
    others = (turn for turn in page.turns if turn.level != level)
    return (*others, Turn(level, round_, person_ids))


def after_turn(order: Sequence[int], person_ids: Sequence[int]) -> tuple[int, ...]:
    """Return the people of a policy by their last turn, earliest first, after a turn of these."""
    return (*(i for i in order if i not in person_ids), *person_ids)[-REMEMBERED_PEOPLE:]
