"""The send slots of a channel, shared so that no destination and no person takes them all.

A destination or a person may have as many messages in flight as half of the free slots, and always `LEAST`; some
slots are reserved for more urgent messages. Each destination is also sent no more than its channel's rate.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from itertools import zip_longest
from typing import NamedTuple, Protocol, TypeVar
from urllib.parse import urlsplit

from firebell.channels.base import SendRate
from firebell.channels.registry import CHANNELS
from firebell.notify.deliveries.provider_pace import ProviderPace

CAPACITY = 64
"""Number of messages of one channel in flight at once in this process."""
LEAST = 4
"""Number of messages in flight that each destination and person may have while the channel has a slot."""
RESERVED = (0, 8, 16)
"""Number of slots of a channel that messages of rank 0, 1 and 2 leave to more urgent ones."""
OTHER_HOSTS = 8
"""Number of slots that a provider shared by many people leaves to other hosts of its channel, for any rank."""


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


class Ranked(Protocol):
    """A message as far as `take_turns` needs it."""

    @property
    def id(self) -> int: ...
    @property
    def rank(self) -> int: ...


R = TypeVar("R", bound=Ranked)


def take_turns(first_levels: Sequence[R], waiting: Sequence[R]) -> list[R]:
    """Return each message once, by rank, and within a rank alternately the next of `waiting` and of `first_levels`.

    Both are in their order of sending and may share messages: a new page waits for no storm of escalations, and an
    escalation for no storm of new pages.
    """
    by_rank: dict[int, tuple[list[R], list[R]]] = {}
    for index, messages in enumerate((waiting, first_levels)):
        for message in messages:
            by_rank.setdefault(message.rank, ([], []))[index].append(message)
    alternating = (
        message
        for rank in sorted(by_rank)
        for pair in zip_longest(*by_rank[rank])
        for message in pair
        if message is not None
    )
    return list({message.id: message for message in alternating}.values())


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
    """The messages in flight in one process, and those that the pace of their provider still counts.

    `elapsed` returns seconds since an arbitrary instant.
    """

    def __init__(
        self, in_flight: Iterable[Candidate] = (), elapsed: Callable[[], float] = lambda: 0.0
    ) -> None:
        self._elapsed = elapsed
        self._channels: Counter[str] = Counter()
        self._destinations: Counter[tuple[str, str]] = Counter()
        self._persons: Counter[tuple[str, int]] = Counter()
        self._paces: dict[tuple[str, str], ProviderPace] = {}
        for message in in_flight:
            self.take(message)

    def take(self, message: Candidate) -> None:
        """Count a message as in flight."""
        self._count(message, 1)
        self._pace(message).take(message.person_id)

    def release(self, message: Candidate) -> None:
        """Count a message as no longer in flight."""
        self._count(message, -1)

    def fits(self, message: Candidate) -> bool:
        """Return True if the message may begin now."""
        self._pass_time()
        return self._fits(message)

    def admit(self, waiting: Iterable[Candidate], limit: int) -> list[int]:
        """Return the ids of up to `limit` messages that may begin together, in order."""
        self._pass_time()
        after = Slots()
        after._channels += self._channels
        after._destinations += self._destinations
        after._persons += self._persons
        after._paces = {provider: pace.copy() for provider, pace in self._paces.items()}
        admitted: list[int] = []
        full: set[tuple[str, str, int]] = set()
        for message in waiting:
            if len(admitted) == limit:
                break
            if (message.channel, message.destination, message.rank) in full:
                continue
            if after._fits(message):
                after.take(message)
                admitted.append(message.id)
            elif after._is_full(message):
                full.add((message.channel, message.destination, message.rank))
        return admitted

    def blocked(self) -> Blocked:
        """Return the channels, destinations and people that have no free slot now."""
        self._pass_time()
        ranks = range(len(RESERVED))
        blocked = Blocked(
            [(c, r) for c in self._channels for r in ranks if self._room(c, r) <= 0],
            [
                (c, host, r)
                for (c, host), n in self._destinations.items()
                for r in ranks
                if n >= self._most_of(c, host, r)
            ],
            [
                (c, person, r)
                for (c, person), n in self._persons.items()
                for r in ranks
                if n >= _most(self._room(c, r))
            ],
        )
        for (channel, host), pace in self._paces.items():
            for rank in ranks:
                if pace.room(rank) <= 0:
                    blocked.destinations.append((channel, host, rank))
                else:
                    blocked.persons.extend((channel, person, rank) for person in pace.full_for(rank))
        return blocked

    def pause_s(self) -> float | None:
        """Return the time until the pace of a provider frees something that is blocked; None if it blocks nothing."""
        self._pass_time()
        ranks = range(len(RESERVED))
        frees = [
            pace.next_free_at
            for pace in self._paces.values()
            if any(pace.room(rank) <= 0 or pace.full_for(rank) for rank in ranks)
        ]
        return max(0.0, min(frees) - self._elapsed()) if frees else None

    def _pass_time(self) -> None:
        now = self._elapsed()
        for provider, pace in list(self._paces.items()):
            pace.pass_time(now)
            if pace.is_idle:
                del self._paces[provider]

    def _fits(self, message: Candidate) -> bool:
        room = self._room(message.channel, message.rank)
        provider = (message.channel, message.destination)
        return (
            room > 0
            and self._persons[message.channel, message.person_id] < _most(room)
            and self._destinations[provider] < self._most_of(*provider, message.rank)
            and self._pace(message).fits(message.person_id, message.rank)
        )

    def _is_full(self, message: Candidate) -> bool:
        """Return True if the destination takes no message of this rank from anyone."""
        room, provider = self._room(message.channel, message.rank), (message.channel, message.destination)
        return (
            room <= 0
            or self._destinations[provider] >= self._most_of(*provider, message.rank)
            or self._pace(message).room(message.rank) <= 0
        )

    def _pace(self, message: Candidate) -> ProviderPace:
        provider = (message.channel, message.destination)
        if provider not in self._paces:
            channel = CHANNELS.get(message.channel)
            pace = self._paces[provider] = ProviderPace(channel.rate if channel else SendRate())
            pace.pass_time(self._elapsed())
        return self._paces[provider]

    def _room(self, channel: str, rank: int) -> int:
        return CAPACITY - RESERVED[rank] - self._channels[channel]

    def _most_of(self, channel: str, host: str, rank: int) -> int:
        """Return how many messages of a destination may be in flight."""
        if host:
            return _most(self._room(channel, rank))
        has_other_hosts = channel in CHANNELS and CHANNELS[channel].shared_hosts
        return CAPACITY - RESERVED[rank] - (RESERVED[-1] + OTHER_HOSTS if has_other_hosts else 0)

    def _count(self, message: Candidate, by: int) -> None:
        self._channels[message.channel] += by
        person, provider = (message.channel, message.person_id), (message.channel, message.destination)
        self._persons[person] += by
        self._destinations[provider] += by
        # drop zeros, so that the counters do not grow with every person who was ever paged
        if self._persons[person] <= 0:
            del self._persons[person]
        if self._destinations[provider] <= 0:
            del self._destinations[provider]


def _most(room: int) -> int:
    return max(LEAST, room // 2)
