"""A weekly digest: its week, its sections with their lines, and who gets it (pure)."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta

from firebell.kit.localtime import to_instant

LISTED = 8
"""Number of lines that a section lists; the others are counted."""


@dataclass(frozen=True, slots=True)
class Week:
    """The seven days that begin with a Monday, in an IANA time zone."""

    monday: date
    zone: str

    @property
    def sunday(self) -> date:
        """The last day."""
        return self.monday + timedelta(days=6)

    @property
    def start(self) -> datetime:
        """The instant at which the week begins."""
        return to_instant(datetime.combine(self.monday, time()), self.zone)

    @property
    def end(self) -> datetime:
        """The instant at which the next week begins."""
        return to_instant(datetime.combine(self.monday + timedelta(days=7), time()), self.zone)

    @property
    def name(self) -> str:
        """The ISO name, such as 2026-W48."""
        year, number, _ = self.monday.isocalendar()
        return f"{year}-W{number:02}"

    @property
    def days(self) -> str:
        """The days in words, such as 23–29 Nov 2026."""
        first, last = self.monday, self.sunday
        month = "" if first.month == last.month else f" {first:%b}"
        year = "" if first.year == last.year else f" {first:%Y}"
        dash = " – " if month else "–"
        return f"{first.day}{month}{year}{dash}{last.day} {last:%b %Y}"


@dataclass(frozen=True, slots=True)
class DigestLine:
    """A line: `link` is the path of its screen, `incident_id` the incident whose readers may see it."""

    text: str
    link: str = ""
    incident_id: int | None = None


@dataclass(frozen=True, slots=True)
class DigestSection:
    """Lines about one subject; `link` is the path of the whole list."""

    id: str
    title: str
    lines: tuple[DigestLine, ...]
    count: int = 0
    """How many things it is about, also those that are not listed; 0 if they are not counted."""
    more: int = 0
    """How many of them are not listed."""
    link: str = ""

    @property
    def heading(self) -> str:
        """The title with the count."""
        return f"{self.title} ({self.count})" if self.count else self.title


@dataclass(frozen=True, slots=True)
class Digest:
    """A digest of a week; `scope` is the team's name, empty for the organization."""

    scope: str
    week: Week
    sections: tuple[DigestSection, ...]
    suggestion: DigestLine | None

    @property
    def is_quiet(self) -> bool:
        """True if no section has anything."""
        return not self.sections

    @property
    def title(self) -> str:
        """What the week was like, for the subject of a mail."""
        where = f" at {self.scope}" if self.scope else ""
        if self.is_quiet:
            return f"A quiet week{where}, {self.week.days}"
        counted = [
            f"{one.count} {_NOUNS[one.id][one.count != 1]}"
            for one in self.sections
            if one.id in _NOUNS and one.count
        ]
        return f"The week{where}, {self.week.days}{': ' if counted else ''}{', '.join(counted[:3])}"

    def without(self, hidden_ids: Collection[int]) -> "Digest":
        """Return the digest without the lines about these incidents; an empty section is left out."""
        sections = []
        for one in self.sections:
            lines = tuple(line for line in one.lines if line.incident_id not in hidden_ids)
            removed = len(one.lines) - len(lines)
            if lines or one.more:
                sections.append(replace(one, lines=lines, count=max(0, one.count - removed)))
        suggestion = self.suggestion
        if suggestion and suggestion.incident_id in hidden_ids:
            suggestion = None
        return replace(self, sections=tuple(sections), suggestion=suggestion)


_NOUNS = {
    "incidents": ("incident", "incidents"),
    "night": ("page at night", "pages at night"),
    "post-mortems-due": ("post-mortem due", "post-mortems due"),
    "actions-overdue": ("overdue action item", "overdue action items"),
}
"""What the subject of a mail counts: one, and several."""


@dataclass(frozen=True, slots=True)
class DigestChoice:
    """What someone chose about the digest of a team, or of the organization (None)."""

    person_id: int
    team_id: int | None
    is_on: bool


@dataclass(frozen=True, slots=True)
class DigestScope:
    """A digest that someone can get: whether they do, because of their own choice or because of their team."""

    team_id: int | None
    team_slug: str
    name: str
    is_on: bool
    is_member: bool
    is_team_on: bool


def subscribers(
    choices: Sequence[DigestChoice], members: Sequence[tuple[int, Sequence[int]]]
) -> list[tuple[int, int | None]]:
    """Return (person id, team id) of everyone who gets a digest; what a person chose wins over their team.

    `members` are the members of the teams whose digest is on.
    """
    chosen = {(one.person_id, one.team_id): one.is_on for one in choices}
    wanted: dict[tuple[int, int | None], bool] = {
        (person_id, team_id): True for team_id, people in members for person_id in people
    }
    wanted |= chosen
    return sorted((key for key, is_on in wanted.items() if is_on), key=lambda key: (key[0], key[1] or 0))
