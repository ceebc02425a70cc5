"""Queue messages whose request is taken back."""

from collections.abc import Sequence
from datetime import datetime

from firebell.channels.registry import CHANNELS
from firebell.kit.db.database import Tx
from firebell.notify.model import Delivery
from firebell.notify.retractions import store as retraction_store
from firebell.notify.retractions.store import QuietSubject

LANE = "retractions"
RETRACTING = frozenset(kind for kind, channel in CHANNELS.items() if channel.retracts)
"""The channels that can change a message that they sent."""


async def retract(tx: Tx, subject_kind: str, subjects: Sequence[QuietSubject], now: datetime) -> None:
    """Take back what the messages about these subjects ask for, on every channel that can."""
    if await retraction_store.add_of_subjects(tx, subject_kind, subjects, sorted(RETRACTING), now):
        await tx.wake(LANE)


async def retract_late(tx: Tx, arrived: Sequence[Delivery], now: datetime) -> None:
    """Take back those of these messages of a plan that arrived after their subject had moved on."""
    if await retraction_store.add_superseded(tx, [d.id for d in arrived], now):
        await tx.wake(LANE)
