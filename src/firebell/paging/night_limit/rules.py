"""The night limit: who else is paged when everyone a page reaches has had enough pages this night (pure; spec 2.4).

A limit only adds people to a page. It never removes anyone and never delays a page.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from zoneinfo import ZoneInfoNotFoundError

from firebell.oncall.rota.fairness import night_bounds, night_of
from firebell.paging.model import NIGHT_LIMIT_PAGES, Page

LEAST_PAGES, MOST_PAGES = 1, 20


@dataclass(frozen=True, slots=True)
class NightLimit:
    """Whether a team has a limit, and how many pages a night it allows."""

    is_on: bool = True
    pages: int = NIGHT_LIMIT_PAGES


DEFAULT = NightLimit()
"""The limit of a team that has not chosen one, and of pages without a team."""


@dataclass(frozen=True, slots=True)
class PersonNight:
    """The night that a person is in: the day on which it began where they live, and its bounds."""

    night: date
    start: datetime
    end: datetime


@dataclass(frozen=True, slots=True)
class OverLimit:
    """A person who had more pages than the limit in a night, `pages` so far; `page_id` is the first beyond it."""

    person_id: int
    night: PersonNight
    page_id: int
    team_id: int | None
    pages: int


@dataclass(slots=True)
class Nights:
    """The urgent pages of each person who is in their night now, and the limits of teams."""

    nights: Mapping[int, PersonNight]
    pages: dict[int, set[int]]
    """By person, the urgent pages that reached them this night."""
    limits: Mapping[int, NightLimit]
    over: dict[int, OverLimit] = field(default_factory=dict)
    """By person, who went over a limit since these were read."""

    def limit_of(self, page: Page) -> NightLimit:
        """Return the limit of the team of a page."""
        return self.limits.get(page.team_id or 0, DEFAULT)

    def tired(self, page: Page, person_ids: Collection[int]) -> list[int]:
        """Return the people who are over the limit with a page: other pages have used up the limit this night."""
        limit = self.limit_of(page)
        if not limit.is_on:
            return []
        return [
            i
            for i in person_ids
            if i in self.nights and len(self.pages.get(i, set()) - {page.id}) >= limit.pages
        ]

    def note(self, page: Page, person_ids: Collection[int]) -> None:
        """Count a page that is sent to people, and remember who is over the limit with it."""
        if not _counts(page):
            return
        beyond = self.tired(page, person_ids)
        for i in person_ids:
            if i in self.nights:
                self.pages.setdefault(i, set()).add(page.id)
        for i in beyond:
            first = self.over.get(i) or OverLimit(i, self.nights[i], page.id, page.team_id, 0)
            self.over[i] = replace(first, pages=len(self.pages[i]))


def _counts(page: Page) -> bool:
    return page.urgency == "high" and not page.plan.is_drill


def person_night(at: datetime, tz: str) -> PersonNight | None:
    """Return the night of an instant in a time zone; None by day and in a zone that is no longer known."""
    try:
        night = night_of(at, tz)
    except ZoneInfoNotFoundError:
        return None
    return None if night is None else PersonNight(night, *night_bounds(night, tz))


def waits_for_turn(nights: Nights, page: Page, person_ids: Collection[int]) -> list[int]:
    """Return whose turn at a page comes last because they are over the limit; no one's at a SEV0 page."""
    return nights.tired(page, person_ids) if _counts(page) and page.severity != 0 else []


def backup(page: Page, reached: Sequence[int], later: Iterable[Sequence[int]], nights: Nights) -> list[int]:
    """Return who else is paged because everyone a page reaches is over the limit.

    These are the people of the next level that reaches someone who is not, or else of the next level that reaches
    anyone else; `later` are the people of the levels after this one. The limit does not apply to SEV0 pages.
    """
    if not _counts(page) or page.severity == 0 or not reached:
        return []
    if len(nights.tired(page, reached)) < len(reached):
        return []
    others = [[i for i in dict.fromkeys(people) if i not in reached] for people in later]
    rested = (people for people in others if len(nights.tired(page, people)) < len(people))
    return next(rested, None) or next(filter(None, others), [])
