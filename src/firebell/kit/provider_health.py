"""What one process knows about providers from its own attempts: channels that fail, and open circuits; in memory."""

from collections.abc import Iterator
from datetime import datetime, timedelta

FAILING_PERSONS = 3
"""Number of people in a row for whom a channel fails before it counts as failing (spec 10.6)."""
WITHIN = timedelta(minutes=5)
REFUSED = "config"
"""The state of the circuit of a provider that refused the account or its key."""
CLOSED = "closed"


class ChannelFailures:
    """The people for whom each channel failed since its last message that arrived."""

    def __init__(self) -> None:
        self._failures: dict[str, dict[int, tuple[datetime, str]]] = {}
        self.arrived_at: dict[str, datetime] = {}
        """When the provider of each channel last accepted a message."""

    def failed(self, channel: str, person_id: int, reason: str, at: datetime) -> None:
        """Record a message that will not arrive, and whose address is not the cause."""
        self._failures.setdefault(channel, {})[person_id] = at, reason

    def arrived(self, channel: str, at: datetime) -> None:
        """Forget the failures of a channel: its provider accepted a message."""
        self._failures.pop(channel, None)
        self.arrived_at[channel] = at

    def failing(self, now: datetime) -> dict[str, str]:
        """Return the channels that failed for several people in a row within five minutes, with the last reason."""
        failing = {}
        for channel, by_person in list(self._failures.items()):
            recent = {person: one for person, one in by_person.items() if now - one[0] <= WITHIN}
            self._failures[channel] = recent
            if len(recent) >= FAILING_PERSONS:
                failing[channel] = max(recent.values())[1]
        return failing


class ProviderCircuits:
    """The state of the circuit of each provider of each channel."""

    def __init__(self) -> None:
        self._states: dict[tuple[str, str], str] = {}
        self.accepted_at: dict[tuple[str, str], datetime] = {}
        """When each (channel, provider) last accepted a message: a circuit that nothing used is closed, too."""

    def record(self, channel: str, provider: str, state: str) -> None:
        """Record the state of a circuit."""
        self._states[channel, provider] = state

    def is_open(self) -> Iterator[tuple[tuple[str, str], bool]]:
        """Yield whether the circuit of each (channel, provider) is open in any way."""
        for key, state in self._states.items():
            yield key, state != CLOSED

    def refused(self) -> list[tuple[str, str]]:
        """Return the (channel, provider) whose provider refused the account or its key at the last attempt."""
        return sorted(key for key, state in self._states.items() if state == REFUSED)
