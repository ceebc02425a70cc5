"""Escalation the slow way: every position of a plan in a list, every turn ever taken, every minute of a week."""

from dataclasses import dataclass, field

WEEK = frozenset((day, minute) for day in range(7) for minute in range(24 * 60))


@dataclass(frozen=True, slots=True)
class SlowLevel:
    """A level: whom it reaches, and the pages it is for as sets of everything that is allowed."""

    people: tuple[int, ...]
    in_turn: bool
    needed: int
    kinds: frozenset[tuple[str, int | None]]
    times: frozenset[tuple[int, int]]


def times(days: set[int], start: int, end: int, outside: bool) -> frozenset[tuple[int, int]]:
    """Return the minutes of a week in some hours, by walking from each start to its end."""
    inside = set()
    for day in days:
        at = (day, start)
        while True:
            inside.add(at)
            following = at[1] + 1
            at = (at[0], following) if following < 24 * 60 else ((at[0] + 1) % 7, 0)
            if at[1] == end % (24 * 60):
                break
    return WEEK - inside if outside else frozenset(inside)


@dataclass(slots=True)
class SlowPage:
    """A page that walks through a plan; `history` are the turns of all pages of its policy, oldest first."""

    levels: tuple[SlowLevel, ...]
    rounds: int
    kind: tuple[str, int | None]
    history: list[int]
    place: int = -1
    needed: int = 1
    acked: list[int] = field(default_factory=list)

    @property
    def is_acked(self) -> bool:
        """Return True if enough people have acknowledged."""
        return len(self.acked) >= self.needed

    def tick(self, at: tuple[int, int]) -> tuple[int, set[int]] | None:
        """Return the level that is entered at a minute of the week and whom it notifies, None at the end."""
        left = {i: [p for p in level.people if p not in self.acked] for i, level in enumerate(self.levels)}
        allowed = {i for i, x in enumerate(self.levels) if self.kind in x.kinds and at in x.times}
        if not any(left[i] for i in allowed):
            allowed = set(left)
        walk = [i for _ in range(self.rounds) for i in range(len(self.levels))]
        for place in range(self.place + 1, len(walk)):
            index = walk[place]
            if index not in allowed or not left[index]:
                continue
            self.place, level = place, self.levels[index]
            self.needed = max(self.needed, level.needed)
            if not level.in_turn:
                return index, set(left[index])
            turn: list[int] = []
            while len(turn) < self.needed - len(self.acked) and len(turn) < len(left[index]):
                waiting = [p for p in left[index] if p not in turn]
                turn.append(next((p for p in waiting if p not in self.history), self._earliest(waiting)))
            self.history += turn
            return index, set(turn)
        return None

    def _earliest(self, people: list[int]) -> int:
        for index, person in enumerate(self.history):
            if person in people and person not in self.history[index + 1 :]:
                return person
        return people[0]
