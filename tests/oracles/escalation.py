"""Escalation the slow way: every position of a plan in a list, every turn ever taken, every minute of a week."""

from dataclasses import dataclass, field

WEEK = frozenset((day, minute) for day in range(7) for minute in range(24 * 60))
KINDS = 6
"""Number of the kinds of pages."""


@dataclass(frozen=True, slots=True)
class SlowLevel:
    """A level: who it reaches, and the pages it is for as sets of everything that is allowed."""

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
    """A page that walks through a plan; `history` are the turns of all pages of its policy, oldest first.

    `place` is its round and level, `acked` everyone whose acknowledgment counts (0: API keys together), `notified`
    whom the level that was entered last has notified.
    """

    levels: tuple[SlowLevel, ...]
    rounds: int
    kind: tuple[str, int | None]
    history: list[int]
    state: str = "triggered"
    place: tuple[int, int] = (0, -1)
    needed: int = 1
    acked: list[int] = field(default_factory=list)
    notified: set[int] = field(default_factory=set)
    turns: dict[int, tuple[int, list[int]]] = field(default_factory=dict)

    @property
    def required(self) -> int:
        """Return how many have to acknowledge; before its first level, as many as one needs that it may enter first."""
        for_all = [i for i, x in enumerate(self.levels) if len(x.kinds) == KINDS and x.times == WEEK]
        first = range(min([*for_all, len(self.levels) - 1]) + 1) if self.place[1] < 0 else ()
        return max([self.needed, *(self.levels[i].needed for i in first)])

    def ack(self, person: int) -> None:
        """Count an acknowledgment, once for each person."""
        self.acked += [person] if person not in self.acked else []
        if len(self.acked) >= self.required:
            self.state = "acked"

    def unack(self) -> None:
        """End an acknowledgment: no one's counts anymore, and the level is entered again."""
        if self.state == "acked":
            self._again([])

    def leave(self, person: int) -> None:
        """Forget one acknowledgment; too few are none, and API keys do not stand in for a person."""
        if person not in self.acked:
            return
        self.acked.remove(person)
        if self.state == "acked" and (len(self.acked) < self.required or set(self.acked) <= {0}):
            self._again([] if set(self.acked) <= {0} else self.acked)

    def snooze(self) -> None:
        """Silence the page; what was acknowledged is open again."""
        self.acked = [] if self.state == "acked" else self.acked
        self.state = "snoozed"

    def escalate(self) -> None:
        """Continue to the next level, from the end to the first."""
        if self.state == "exhausted":
            self.restart()
            self.turns = {}
        elif self.state != "triggered":
            self.acked = []
        self.state = "triggered"

    def restart(self) -> None:
        """Begin at the first level again."""
        self.state, self.place, self.acked = "triggered", (0, -1), []

    def replan(self, levels: tuple[SlowLevel, ...], rounds: int, needed: int, is_again: bool) -> None:
        """Follow another plan; `needed` and `is_again` (the level is entered again) are judged here.

        No one at the level may be passed over, and the page needs no more people than a level of the plan does.
        """
        round_, index = min(self.place[0], rounds - 1), min(self.place[1], len(levels) - 1)
        assert 1 <= needed <= max([1, *(level.needed for level in levels)])
        old = self.levels[index] if 0 <= index < len(self.levels) else None
        self.levels, self.rounds, self.needed = levels, rounds, needed
        was_at, self.place = self.place, (round_, index)
        if self.state != "acked" and len(self.acked) >= self.required:
            assert not is_again
            self.state = "acked"
        elif self.state == "exhausted":
            self.restart()
            self.turns = {}
        elif self.state == "triggered" and index >= 0:
            assert needed >= levels[index].needed or is_again
            is_known = {*levels[index].people} <= self.notified | {*self.acked}
            is_same = old is not None and {*old.people} == {*levels[index].people}
            assert is_again or was_at == self.place
            assert is_again or is_known or is_same, "someone is passed over"
            if is_again:
                self._again([])
                self.turns = {}

    def tick(self, at: tuple[int, int]) -> tuple[int, set[int]] | None:
        """Return the level that is entered at a minute of the week and whom it notifies, None without any.

        Without a level the page is exhausted, or acknowledged already by as many as the level needs.
        """
        if self.state == "exhausted":
            return None
        left = {i: [p for p in level.people if p not in self.acked] for i, level in enumerate(self.levels)}
        allowed = {i for i, x in enumerate(self.levels) if self.kind in x.kinds and at in x.times}
        enough = {i for i in left if len(self.acked) >= max(self.needed, self.levels[i].needed)}
        if not any(left[i] or (i in enough and self.levels[i].people) for i in allowed):
            allowed = set(left)
        walk = [(n, i) for n in range(self.rounds) for i in range(len(self.levels))]
        before = self.needed
        for place in [place for place in walk if place > self.place]:
            index = place[1]
            level = self.levels[index]
            if index not in allowed or not level.people:
                continue
            self.needed = max(self.needed, level.needed)
            if len(self.acked) >= self.needed:
                self.state, self.place = "acked", place
                return None
            if not left[index]:
                continue
            self.place = place
            self.notified = set(left[index])
            if level.in_turn:
                self.notified = set(self._turn(place, left[index], max(before, level.needed)))
            return index, self.notified
        self.state = "exhausted"
        return None

    def _again(self, acked: list[int]) -> None:
        self.state, self.acked = "triggered", acked
        self.place = (self.place[0], max(self.place[1] - 1, -1))

    def _turn(self, place: tuple[int, int], people: list[int], needed: int) -> list[int]:
        """Return whose turn it is; who had it when the level was entered before in this round keeps it."""
        number = max(1, needed - len(self.acked))
        round_, earlier = self.turns.get(place[1], (-1, []))
        turn = [p for p in earlier if p in people and round_ == place[0]][:number]
        while len(turn) < number and len(turn) < len(people):
            waiting = [p for p in people if p not in turn]
            turn.append(next((p for p in waiting if p not in self.history), self._earliest(waiting)))
        self.history += [p for p in turn if p not in earlier or round_ != place[0]]
        self.turns[place[1]] = (place[0], turn)
        return turn

    def _earliest(self, people: list[int]) -> int:
        for index, person in enumerate(self.history):
            if person in people and person not in self.history[index + 1 :]:
                return person
        return people[0]
