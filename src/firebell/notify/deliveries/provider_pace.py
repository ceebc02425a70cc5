"""The pace of one provider: a message holds a place in its burst until the provider's rate has released it (pure).

No one takes all places: a person may hold half of those that are free, and always `LEAST`; some are reserved for more
urgent messages. A message of rank 0 waits for no place, because the provider queues or refuses what is too much for
it; it is counted, so that those of the other ranks wait longer (spec 10.6).
"""

from collections import Counter, deque

from firebell.channels.base import SendRate

LEAST = 4
"""Number of places that each person may hold while the provider has one."""
RESERVED = (0, 0.125, 0.25)
"""Share of the places that messages of rank 0, 1 and 2 leave to more urgent ones."""
UNPACED = 0
"""The rank of messages that begin at once."""


class ProviderPace:
    """The messages that one provider has been sent recently, released one after the other at its rate."""

    __slots__ = ("_held", "_now", "_persons", "_rate")

    def __init__(self, rate: SendRate) -> None:
        self._rate = rate
        self._now = 0.0
        self._held: deque[tuple[float, int]] = deque()
        """The time at which each place is released, and the person who holds it."""
        self._persons: Counter[int] = Counter()

    def copy(self) -> "ProviderPace":
        """Return an independent copy."""
        other = ProviderPace(self._rate)
        other._now = self._now
        other._held = self._held.copy()
        other._persons = self._persons.copy()
        return other

    def pass_time(self, now: float) -> None:
        """Release what the rate has released by `now`, in seconds."""
        self._now = now
        while self._held and self._held[0][0] <= now:
            _, person_id = self._held.popleft()
            self._persons[person_id] -= 1
            if not self._persons[person_id]:
                del self._persons[person_id]

    def take(self, person_id: int) -> None:
        """Hold a place for a message that begins now."""
        last = self._held[-1][0] if self._held else self._now
        self._held.append((max(last, self._now) + 1 / self._rate.per_s, person_id))
        self._persons[person_id] += 1

    def room(self, rank: int) -> int:
        """Return the number of free places for messages of this rank; 0 or less for none, and all for rank 0."""
        if rank == UNPACED:
            return self._rate.burst
        return self._rate.burst - round(RESERVED[rank] * self._rate.burst) - len(self._held)

    def fits(self, person_id: int, rank: int) -> bool:
        """Return True if a message may begin now."""
        if rank == UNPACED:
            return True
        room = self.room(rank)
        return room > 0 and self._persons[person_id] < max(LEAST, room // 2)

    def full_for(self, rank: int) -> list[int]:
        """Return the people who may not begin a message of this rank although there is room."""
        if rank == UNPACED:
            return []
        most = max(LEAST, self.room(rank) // 2)
        return [person_id for person_id, held in self._persons.items() if held >= most]

    @property
    def next_free_at(self) -> float:
        """When the next place is released."""
        return self._held[0][0]

    @property
    def is_idle(self) -> bool:
        """True if nothing is held."""
        return not self._held
