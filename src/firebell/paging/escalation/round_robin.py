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
    held: Collection[int] = (),
) -> tuple[int, ...]:
    """Return whose turn it is: as many of the candidates as still have to acknowledge, at least one if there is any.

    When a level is entered again in the same round, those whose turn it was keep it. `order` are the people of the
    policy by their last turn, earliest first; people without one come first. Someone in `tired` comes last, and someone
    in `held`, whose messages wait for the end of their quiet hours, after all others.
    """
    needed = max(page.acks_needed, page.plan.levels[level].min_acks)
    number = max(1, needed - len(page.acks))
    turn = turn_of(page, level, round_)
    kept = {person_id: index for index, person_id in enumerate(turn)}
    place = {person_id: index for index, person_id in enumerate(order)}
    others = len(turn)
    by_turn = sorted(candidates, key=lambda i: (i in held, kept.get(i, others), i in tired, place.get(i, -1)))
    return tuple(by_turn[:number])


def instead(
    page: Page, others: Sequence[int], pick: Callable[[int, int, Sequence[int]], Sequence[int]]
) -> Callable[[int, int, Sequence[int]], Sequence[int]]:
    """Return what picks `others`, if there are any, when the page enters its level again, and else as `pick` does."""

    def pick_others(level: int, round_: int, people: Sequence[int]) -> Sequence[int]:
        is_again = bool(others) and (level, round_) == (page.level, page.round)
        return others if is_again else pick(level, round_, people)

    return pick_others


def successive(
    page: Page, order: Sequence[int], held: Collection[int] = ()
) -> Callable[[int, int, Sequence[int]], tuple[int, ...]]:
    """Return what picks the turns of a page at its levels, as if it took each of them."""
    current = tuple(order)

    def pick(level: int, round_: int, people: Sequence[int]) -> tuple[int, ...]:
        nonlocal current
        person_ids = in_turn(page, level, round_, people, current, held=held)
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
