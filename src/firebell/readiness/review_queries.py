"""The quarters that teams review, and how far each review is."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from firebell.kit.calendar_periods import Quarter
from firebell.kit.db.database import Tx
from firebell.readiness import review_store
from firebell.readiness.quarters import deadline, last_closed
from firebell.readiness.review_store import TeamReview

QUARTERS_SHOWN = 4


@dataclass(frozen=True, slots=True)
class QuarterReview:
    """A quarter that ended, with the review of each team that owns a service."""

    quarter: Quarter
    teams: Sequence[TeamReview]

    @property
    def signed(self) -> int:
        """How many teams have signed."""
        return sum(review.signed_at is not None for review in self.teams)

    @property
    def deadline(self) -> datetime:
        """Until when a signature is in time."""
        return deadline(self.quarter)

    @property
    def is_complete(self) -> bool:
        """Return True if each team signed in time."""
        return bool(self.teams) and all(
            review.signed_at and review.signed_at <= self.deadline for review in self.teams
        )

    def is_overdue(self, now: datetime) -> bool:
        """Return True if the deadline has passed without the signature of each team."""
        return bool(self.teams) and self.deadline <= now and self.signed < len(self.teams)


async def quarter_reviews(tx: Tx, now: datetime) -> list[QuarterReview]:
    """Return the last quarters that ended, newest first; earlier ones only if a team signed them."""
    quarter = last_closed(now)
    reviews: list[QuarterReview] = []
    for _ in range(QUARTERS_SHOWN):
        review = QuarterReview(quarter, await review_store.reviews(tx, quarter))
        if review.signed or not reviews:
            reviews.append(review)
        quarter = quarter.previous
    return reviews
