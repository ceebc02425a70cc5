"""Alerts the slow way: a list of everything that happened, one event at a time, nothing kept in step."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from firebell.alerts.model import Event, EventKind

HIGH = ("critical", "error", None)
MINUTE = timedelta(minutes=1)


@dataclass(slots=True)
class Episode:
    """One alert from its first firing to its end."""

    key: str
    status: str
    count: int
    group: int | None
    title: str = ""
    missed: bool = False


@dataclass(slots=True)
class Decisive:
    """The last event of one key, when it arrived, and the last late event since."""

    said_at: datetime | None
    rank: int
    arrived_at: datetime
    late: tuple[datetime | None, int] | None = None


@dataclass(slots=True)
class Grouped:
    """A group: the episodes that joined it, in order, and the events of its page; a storm has no route."""

    route: str | None
    page_events: list[str]
    members: list[int] = field(default_factory=list)
    high: bool = False


@dataclass(slots=True)
class Oracle:
    """Applies single events, in order of arrival, all within one window of storms with `room` groups."""

    room: int
    episodes: list[Episode] = field(default_factory=list)
    groups: list[Grouped] = field(default_factory=list)
    decisive: dict[str, Decisive] = field(default_factory=dict)
    counted: list[tuple[Event, datetime]] = field(default_factory=list)

    def apply(self, event: Event, at: datetime) -> None:
        """Apply one event."""
        repeated = any(e == event and at - t <= MINUTE for e, t in self.counted)
        if not repeated:
            self.counted.append((event, at))
        mine = [e for e in self.episodes if e.key == event.dedup_key]
        now = mine[-1] if mine else None
        if event.kind is EventKind.ACK:
            acked = now.group if now and now.status == "firing" else None
            if acked is not None and self.groups[acked].route is not None:
                self.groups[acked].page_events.append("acked")
            return
        overtaken = self._overtaken(event)
        if overtaken and self._waits(event, repeated, at):
            self._late(event, now, repeated)
        elif event.kind is EventKind.RESOLVED:
            self._resolved(event, now, at)
        elif now and now.status == "firing":
            self._again(event, now, repeated, at)
        else:
            self._begins(event, at)
            self.episodes[-1].missed = overtaken

    def _overtaken(self, event: Event) -> bool:
        """Return True if a later event of the source arrived earlier."""
        last = self.decisive.get(event.dedup_key)
        mine = int(event.kind is EventKind.RESOLVED)
        if last is None or last.said_at is None or event.occurred_at is None:
            return False
        return (event.occurred_at, mine) < (last.said_at, last.rank)

    def _waits(self, event: Event, repeated: bool, at: datetime) -> bool:
        """Return True if an overtaken event may still be a straggler."""
        last, order = self.decisive[event.dedup_key], self._order(event)
        return at - last.arrived_at <= MINUTE and (repeated or order != last.late)

    def _order(self, event: Event) -> tuple[datetime | None, int]:
        return event.occurred_at, int(event.kind is EventKind.RESOLVED)

    def _late(self, event: Event, now: Episode | None, repeated: bool) -> None:
        if repeated:
            return
        self.decisive[event.dedup_key].late = self._order(event)
        if event.kind is EventKind.FIRING:
            assert now is not None
            now.count += 1
            if now.status == "firing":
                assert now.group is not None
                self._rises(self.groups[now.group], event)

    def _decides(self, event: Event, at: datetime) -> None:
        last, order = self.decisive.get(event.dedup_key), self._order(event)
        if last is None or event.occurred_at is None or order != (last.said_at, last.rank):
            self.decisive[event.dedup_key] = Decisive(*order, at)

    def _begins(self, event: Event, at: datetime) -> None:
        route: str | None = event.labels.get("service", "")
        index = self._living(route)
        if index is None and sum(g.route is not None for g in self.groups) >= self.room:
            route, index = None, self._living(None)
        if index is None:
            self.groups.append(Grouped(route, ["opened"], high=event.severity in HIGH))
            index = len(self.groups) - 1
        group = self.groups[index]
        self.episodes.append(Episode(event.dedup_key, "firing", 1, index, event.title))
        group.members.append(len(self.episodes) - 1)
        if len(group.members) in (10, 100, 1000):
            group.page_events.append("crossed")
        self._rises(group, event)
        self.decisive[event.dedup_key] = Decisive(*self._order(event), at)

    def _living(self, route: str | None) -> int | None:
        return next((i for i, g in enumerate(self.groups) if g.route == route and self._alive(g)), None)

    def _again(self, event: Event, now: Episode, repeated: bool, at: datetime) -> None:
        if repeated:
            return
        now.count += 1
        now.title = event.title
        assert now.group is not None
        self._rises(self.groups[now.group], event)
        self._decides(event, at)

    def _resolved(self, event: Event, now: Episode | None, at: datetime) -> None:
        if now is None:
            self.episodes.append(Episode(event.dedup_key, "resolved", 0, None, event.title))
            self._decides(event, at)
            return
        self._decides(event, at)
        if now.status == "firing":
            now.status = "resolved"
            assert now.group is not None
            if not self._alive(self.groups[now.group]):
                self.groups[now.group].page_events.append("resolved")

    def _rises(self, group: Grouped, event: Event) -> None:
        if not group.high and event.severity in HIGH:
            group.high = True
            group.page_events.append("raised")

    def _alive(self, group: Grouped) -> bool:
        return any(self.episodes[i].status == "firing" for i in group.members)


def final_status(events: Sequence[Event]) -> str:
    """Return how the alert ends when every event carries its own time: what the source said last."""
    last = max(events, key=lambda e: (e.occurred_at, e.kind is EventKind.RESOLVED))
    return "resolved" if last.kind is EventKind.RESOLVED else "firing"
