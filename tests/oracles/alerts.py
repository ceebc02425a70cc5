"""Alerts the slow way: a list of everything that happened, one event at a time, nothing kept in step."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from firebell.alerts.model import Incoming, Kind

HIGH = ("critical", "error", None)


@dataclass(slots=True)
class Episode:
    """One alert from its first firing to its end."""

    key: str
    status: str
    count: int
    group: int | None


@dataclass(slots=True)
class Grouped:
    """A group: which episodes joined it, in order, and what its page was told; a storm has no route."""

    route: str | None
    told: list[str]
    members: list[int] = field(default_factory=list)
    high: bool = False


@dataclass(slots=True)
class Oracle:
    """Applies single events, in order of arrival, all within one window of storms with `room` groups."""

    room: int
    episodes: list[Episode] = field(default_factory=list)
    groups: list[Grouped] = field(default_factory=list)
    decisive: dict[str, tuple[datetime | None, int]] = field(default_factory=dict)
    arrived: list[Incoming] = field(default_factory=list)

    def apply(self, event: Incoming) -> None:
        """Let one event arrive."""
        repeated = event in self.arrived
        self.arrived.append(event)
        mine = [e for e in self.episodes if e.key == event.dedup_key]
        now = mine[-1] if mine else None
        if event.kind is Kind.ACK:
            acked = now.group if now and now.status == "firing" else None
            if acked is not None and self.groups[acked].route is not None:
                self.groups[acked].told.append("acked")
            return
        overtaken = self._overtaken(event)
        if event.kind is Kind.RESOLVED:
            self._resolved(event, now, overtaken)
        elif now and now.status == "firing":
            self._again(event, now, repeated, overtaken)
        elif now and overtaken:
            now.count += not repeated
        else:
            self._begins(event)

    def _overtaken(self, event: Incoming) -> bool:
        """Say whether something that the source said later came earlier."""
        at, rank = self.decisive.get(event.dedup_key, (None, 0))
        mine = int(event.kind is Kind.RESOLVED)
        return bool(at and event.occurred_at and (event.occurred_at, mine) < (at, rank))

    def _decides(self, event: Incoming) -> None:
        self.decisive[event.dedup_key] = (event.occurred_at, int(event.kind is Kind.RESOLVED))

    def _begins(self, event: Incoming) -> None:
        route: str | None = event.labels.get("service", "")
        found = self._living(route)
        if found is None and sum(g.route is not None for g in self.groups) >= self.room:
            route, found = None, self._living(None)
        if found is None:
            self.groups.append(Grouped(route, ["opened"], high=event.severity in HIGH))
            found = len(self.groups) - 1
        group = self.groups[found]
        self.episodes.append(Episode(event.dedup_key, "firing", 1, found))
        group.members.append(len(self.episodes) - 1)
        if len(group.members) in (10, 100, 1000):
            group.told.append("crossed")
        self._rises(group, event)
        self._decides(event)

    def _living(self, route: str | None) -> int | None:
        return next((i for i, g in enumerate(self.groups) if g.route == route and self._alive(g)), None)

    def _again(self, event: Incoming, now: Episode, repeated: bool, overtaken: bool) -> None:
        if repeated:
            return
        now.count += 1
        assert now.group is not None
        self._rises(self.groups[now.group], event)
        if not overtaken:
            self._decides(event)

    def _resolved(self, event: Incoming, now: Episode | None, overtaken: bool) -> None:
        if now is None:
            self.episodes.append(Episode(event.dedup_key, "resolved", 0, None))
            self._decides(event)
        elif not overtaken:
            self._decides(event)
            if now.status == "firing":
                now.status = "resolved"
                assert now.group is not None
                if not self._alive(self.groups[now.group]):
                    self.groups[now.group].told.append("resolved")

    def _rises(self, group: Grouped, event: Incoming) -> None:
        if not group.high and event.severity in HIGH:
            group.high = True
            group.told.append("raised")

    def _alive(self, group: Grouped) -> bool:
        return any(self.episodes[i].status == "firing" for i in group.members)


def final_status(events: Sequence[Incoming]) -> str:
    """Return how the alert ends when every event carries its own time: what the source said last."""
    last = max(events, key=lambda e: (e.occurred_at, e.kind is Kind.RESOLVED))
    return "resolved" if last.kind is Kind.RESOLVED else "firing"
