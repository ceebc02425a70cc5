"""Who may approve a document, and who withdraws it (pure, spec 11.7)."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from enum import StrEnum

from firebell.postmortems.deadlines import MAJOR_SEVERITY

INDEPENDENT_FROM = 3
"""Number of active people from which someone who wrote nothing of a document can be expected to approve it."""
SUGGESTIONS_MAX = 5


class WithdrawalSide(StrEnum):
    """The two people who withdraw a document together."""

    AUTHOR = "author"
    MANAGER = "manager"


@dataclass(frozen=True, slots=True)
class Reviewer:
    """Someone who could approve a document; `is_other_team` if they share no team with its author."""

    person_id: int
    name: str
    is_other_team: bool


@dataclass(frozen=True, slots=True)
class ReviewParties:
    """Who wrote a document, and how many people could read it for them."""

    author_id: int | None
    writer_ids: frozenset[int]
    """Everyone who saved a version."""
    active_people: int

    def wrote(self, person_id: int | None) -> bool:
        """Return True for the author and for everyone who saved a version."""
        return person_id is not None and (person_id == self.author_id or person_id in self.writer_ids)

    @property
    def may_override(self) -> bool:
        """True if the organization is too small for an independent approver."""
        return self.active_people < INDEPENDENT_FROM


def approval_refusal(parties: ReviewParties, person_id: int | None, override_reason: str) -> str:
    """Return why a person may not approve, empty if they may.

    A writer may in an organization of fewer than three active people, with a reason.
    """
    if person_id is None:
        return "Only a person can approve a post-mortem."
    if not parties.wrote(person_id):
        return ""
    if not parties.may_override:
        return "You wrote part of this post-mortem, so someone else approves it."
    return (
        "" if override_reason else "You wrote part of this post-mortem. Say why no one else can approve it."
    )


def suggested(
    reviewers: Sequence[Reviewer], parties: ReviewParties, max_severity: int, asked: Collection[int] = ()
) -> list[Reviewer]:
    """Return whom to ask for a review: no writers, and for a SEV0 or SEV1 people of other teams first."""
    possible = [
        each for each in reviewers if not parties.wrote(each.person_id) and each.person_id not in asked
    ]
    if max_severity <= MAJOR_SEVERITY:
        possible.sort(key=lambda each: not each.is_other_team)
    return possible[:SUGGESTIONS_MAX]


def withdrawal_sides(
    author_id: int | None, person_id: int | None, *, is_manager: bool
) -> set[WithdrawalSide]:
    """Return for which sides a person can speak; without an author, two managers withdraw a document."""
    sides = set()
    if person_id is not None and (person_id == author_id or (author_id is None and is_manager)):
        sides.add(WithdrawalSide.AUTHOR)
    if person_id is not None and is_manager:
        sides.add(WithdrawalSide.MANAGER)
    return sides


def completes_withdrawal(first: set[WithdrawalSide], second: set[WithdrawalSide]) -> bool:
    """Return True if two different people stand for the author and for a manager."""
    pairs = {(one, other) for one in first for other in second}
    return bool(
        pairs
        & {
            (WithdrawalSide.AUTHOR, WithdrawalSide.MANAGER),
            (WithdrawalSide.MANAGER, WithdrawalSide.AUTHOR),
        }
    )
