"""A channel that fetches what its recipients did, instead of being called: it needs no public address."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol

from firebell.channels.callbacks import Signal, SignalAnswer


@dataclass(frozen=True, slots=True)
class WaitingMessage:
    """A message that a provider accepted and whose page still waits for someone."""

    delivery_id: int
    address: str
    provider_id: str


@dataclass(frozen=True, slots=True)
class Update:
    """What happened; `reply_to` is the channel's own word for where its answer goes, empty for nowhere."""

    signal: Signal
    reply_to: str = ""


@dataclass(frozen=True, slots=True)
class Fetched:
    """What happened since a cursor, and the cursor from which to continue; its channel alone can read a cursor."""

    updates: Sequence[Update] = ()
    cursor: str = ""
    problem: str = ""
    """Why not everything could be fetched, empty if it could."""
    is_partial: bool = False
    """True if more was read than before in spite of the problem; the next fetch continues after it."""


class Poller(Protocol):
    """Fetches what happened at a provider; one process at a time does that for a channel."""

    pause_s: float
    """Pause between two fetches."""
    waits_for: timedelta
    """For how long after it was sent a message may be answered; zero if its provider reports all answers together."""

    async def fetch(self, cursor: str, waiting: Sequence[WaitingMessage]) -> Fetched:
        """Return what happened since `cursor`; never raises for a provider's errors."""
        ...

    async def answer(self, answers: Sequence[tuple[str, SignalAnswer]]) -> None:
        """Show each answer where its update said, once it is committed; what cannot be shown is lost."""
        ...
