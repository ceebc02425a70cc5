"""When the definition of a metric changed, and what that means for the numbers before (pure; spec 11.11)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date


@dataclass(frozen=True, slots=True)
class DefinitionChange:
    """A version of a definition: since when it counts, and what is different from the version before.

    If it `recounts`, facts of the past were counted again, so that all numbers follow it; reports that were sent
    before then do not. Otherwise numbers before that day follow the version before.
    """

    version: int
    day: date
    text: str
    recounts: bool = True

    @property
    def since(self) -> str:
        """The day since which it counts."""
        return f"{self.day.day} {self.day:%b %Y}"

    @property
    def note(self) -> str:
        """What it means for a period in which it lies."""
        if self.recounts:
            meaning = "Earlier days were recalculated with it, so older reports may show other numbers."
        else:
            meaning = "Earlier days use the version before, so don’t compare figures across that day."
        return f"Version {self.version} of this definition, since {self.since}: {self.text}. {meaning}"


FIRST = (DefinitionChange(1, date(2026, 11, 29), "First version"),)
"""The history of a definition that never changed."""


def changed_in(
    changes: Sequence[DefinitionChange], first_day: date, last_day: date
) -> list[DefinitionChange]:
    """Return the changes after the first version that split a period: some of its days are before them."""
    return [one for one in changes if one.version > 1 and first_day < one.day <= last_day]
