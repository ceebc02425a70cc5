"""The send slots of a channel, shared so that no destination and no person takes them all.

A destination or a person may have as many messages in flight as half of the free slots, and always `LEAST`; some
slots are reserved for more urgent messages.
"""

from collections import Counter
from collections.abc import Iterable
from typing import NamedTuple, Protocol
from urllib.parse import urlsplit

from firebell.channels.registry import CHANNELS

CAPACITY = 64
"""Number of messages of one channel in flight at once in this process."""
LEAST = 4
"""Number of messages in flight that each destination and person may have while the channel has a slot."""
RESERVED = (0, 8, 16)
"""Number of slots of a channel that messages of rank 0, 1 and 2 leave to more urgent ones."""


class Candidate(Protocol):
    """The attributes of a message that decide whether it gets a slot."""

    @property
    def id(self) -> int: ...
    @property
    def channel(self) -> str: ...
    @property
    def destination(self) -> str: ...
    @property
    def person_id(self) -> int: ...
    @property
    def rank(self) -> int: ...


class Blocked(NamedTuple):
    """The channels, destinations and persons without a free slot, each with the rank."""

    channels: list[tuple[str, int]]
    destinations: list[tuple[str, str, int]]
    persons: list[tuple[str, int, int]]

    def __bool__(self) -> bool:
        return any(self)


def destination(channel: str, address: str) -> str:
    """Return the host whose slots a message needs, "" for a provider that many people share."""
    if "://" not in address:
        return ""
    try:
        host = (urlsplit(address).hostname or "").lower()
    except ValueError:
        return ""
    is_shared = channel in CHANNELS and host in CHANNELS[channel].shared_hosts
    return "" if is_shared else host


class Slots:
    """The messages in flight in one process."""

    def __init__(self, in_flight: Iterable[Candidate] = ()) -> None:
        self._channels: Counter[str] = Counter()
        self._destinations: Counter[tuple[str, str]] = Counter()
        self._persons: Counter[tuple[str, int]] = Counter()
        for message in in_flight:
            self.take(message)

    def take(self, message: Candidate) -> None:
        """Count a message as in flight."""
        self._count(message, 1)

    def release(self, message: Candidate) -> None:
        """Count a message as no longer in flight."""
        self._count(message, -1)

    def fits(self, message: Candidate) -> bool:
        """Return True if the message may begin now."""
        room = self._room(message.channel, message.rank)
        most = _most(room)
        return (
            room > 0
            and self._persons[message.channel, message.person_id] < most
            and (not message.destination or self._destinations[message.channel, message.destination] < most)
        )

    def admit(self, waiting: Iterable[Candidate], limit: int) -> list[int]:
        """Return the ids of up to `limit` messages that may begin together, in order."""
        after = Slots()
        after._channels += self._channels
        after._destinations += self._destinations
        after._persons += self._persons
        admitted: list[int] = []
        for message in waiting:
            if len(admitted) < limit and after.fits(message):
                after.take(message)
                admitted.append(message.id)
        return admitted

    def blocked(self) -> Blocked:
        """Return the destinations and people that have no free slot now."""
        ranks = range(len(RESERVED))
        return Blocked(
            [(c, r) for c in self._channels for r in ranks if self._room(c, r) <= 0],
            [
                (c, host, r)
                for (c, host), n in self._destinations.items()
                for r in ranks
                if n >= _most(self._room(c, r))
            ],
            [
                (c, person, r)
                for (c, person), n in self._persons.items()
                for r in ranks
                if n >= _most(self._room(c, r))
            ],
        )

    def _room(self, channel: str, rank: int) -> int:
        return CAPACITY - RESERVED[rank] - self._channels[channel]

    def _count(self, message: Candidate, by: int) -> None:
        self._channels[message.channel] += by
        self._persons[message.channel, message.person_id] += by
        if message.destination:
            self._destinations[message.channel, message.destination] += by
        if by < 0:
            # drop zeros, so that the counters do not grow with every person who was ever paged
            self._persons = +self._persons
            self._destinations = +self._destinations


def _most(room: int) -> int:
    return max(LEAST, room // 2)
