"""Starting points of a new policy, by the tier of the services that will use it (pure)."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from firebell.catalog.model import TIERS as SERVICE_TIERS
from firebell.paging.policies.form import LevelRow, PolicyForm


@dataclass(frozen=True, slots=True)
class Tier:
    """How fast services of a tier escalate: minutes for each schedule, minutes for the team, repeats."""

    number: int
    hint: str
    schedule_minutes: tuple[int, ...]
    team_minutes: int
    repeat: int

    @property
    def key(self) -> str:
        """Its name in the form."""
        return SERVICE_TIERS[self.number]

    @property
    def label(self) -> str:
        """Its name for people."""
        return f"Tier {self.number}: {self.key}"


TIERS = (
    Tier(
        1,
        "Customers notice at once. Two schedules 5 minutes apart, then the team; three rounds.",
        (5, 5),
        10,
        2,
    ),
    Tier(
        2,
        "Customers notice within the hour. One schedule for 10 minutes, then the team; two rounds.",
        (10,),
        20,
        1,
    ),
    Tier(
        3,
        "Colleagues notice. One schedule for 30 minutes, then the team; one round.",
        (30,),
        60,
        0,
    ),
)


def apply_tier(draft: PolicyForm, key: str, schedules: Sequence[tuple[int, str]]) -> PolicyForm:
    """Return the draft with the levels of a tier for its team; `schedules` are (id, name) of the team's schedules.

    A schedule named primary comes first and one named secondary after it; without schedules only the team is left.
    An unknown key changes nothing.
    """
    tier = next((tier for tier in TIERS if tier.key == key), None)
    if tier is None:
        return draft
    ordered = sorted(schedules, key=lambda schedule: (_rank(schedule[1]), schedule[1], schedule[0]))
    rows = [
        LevelRow((f"schedule:{schedule_id}",), str(minutes))
        for (schedule_id, _), minutes in zip(ordered, tier.schedule_minutes, strict=False)
    ]
    rows.append(LevelRow((f"team:{draft.team}",) if draft.team else (), str(tier.team_minutes)))
    return replace(draft, rows=tuple(rows), repeat=str(tier.repeat))


def _rank(name: str) -> int:
    folded = name.casefold()
    return 0 if "primary" in folded else 1 if "secondary" in folded else 2
