"""The status of components over time, derived from what was published (pure; spec 7.4)."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from firebell.status_pages.model import ComponentStatus, Effect, UpdateKind

Steps = list[tuple[datetime, ComponentStatus]]
"""The instants at which a status begins, in order; it lasts until the next one."""


class StatusUpdate(Protocol):
    """An update, as far as the status of components follows from it."""

    @property
    def kind(self) -> UpdateKind: ...
    @property
    def effects(self) -> Sequence[Effect]: ...


class StatusCause(Protocol):
    """A public incident or maintenance, as far as the status of components follows from it."""

    @property
    def id(self) -> int: ...
    @property
    def updates(self) -> Sequence[StatusUpdate]: ...


class StatusOverride(Protocol):
    """A status that replaces, in [start, end), what incidents and maintenance gave: a relabeling."""

    @property
    def start(self) -> datetime: ...
    @property
    def end(self) -> datetime: ...
    @property
    def status(self) -> ComponentStatus: ...


@dataclass(frozen=True, slots=True)
class StatusSpan:
    """A component had one status in [start, end); `incident_ids` are what gave it: public incidents or maintenance."""

    start: datetime
    end: datetime
    status: ComponentStatus
    incident_ids: tuple[int, ...] = ()


def steps(incident: StatusCause, component_id: int) -> Steps:
    """Return the status that one incident gives a component over time.

    Updates are folded in order. An effect replaces what was said about the time from its `since` on,
    a correction everything that was said about the component. The last update says when each is operational.
    """
    history: Steps = []
    for update in incident.updates:
        effects = sorted(
            (effect for effect in update.effects if effect.component_id == component_id),
            key=lambda effect: effect.since,
        )
        if effects and update.kind is UpdateKind.CORRECTION:
            history = []
        for effect in effects:
            history = _from(history, effect.since, effect.status)
    return history


def _from(history: Steps, since: datetime, status: ComponentStatus) -> Steps:
    return [*(step for step in history if step[0] < since), (since, status)]


def status_at(incidents: Iterable[StatusCause], component_id: int, at: datetime) -> ComponentStatus:
    """Return the worst status that any incident gives the component at an instant."""
    return max(
        (_at(steps(incident, component_id), at) for incident in incidents),
        default=ComponentStatus.OPERATIONAL,
    )


@dataclass(frozen=True, slots=True)
class _WithoutLatest:
    """A cause as it was before its latest update."""

    id: int
    updates: Sequence[StatusUpdate]


def latest_changes(
    causes: Iterable[StatusCause], cause: StatusCause, component_ids: Iterable[int], at: datetime
) -> dict[int, tuple[ComponentStatus, ComponentStatus]]:
    """Return the old and the new status of the components that the latest update of one cause changes at an instant."""
    others = [each for each in causes if each.id != cause.id]
    before = _WithoutLatest(cause.id, cause.updates[:-1])
    changes = {}
    for component_id in component_ids:
        old = status_at([*others, before], component_id, at)
        new = status_at([*others, cause], component_id, at)
        if old is not new:
            changes[component_id] = (old, new)
    return changes


def improves(before: StatusCause, after: StatusCause, component_ids: Iterable[int], until: datetime) -> bool:
    """Return True if what one cause says about any of these components became better at some time before `until`."""
    for component_id in component_ids:
        bounds = [at for cause in (before, after) for at, _ in steps(cause, component_id) if at < until]
        if any(status_at([after], component_id, at) < status_at([before], component_id, at) for at in bounds):
            return True
    return False


def taken_over(earlier: StatusCause, later: StatusCause, at: datetime) -> list[Effect]:
    """Return the effects by which `later` takes over the components to which `earlier` gives a problem at an instant.

    Each gets the worse of what the two said at every time until then, from the earliest `since` on, so that no
    component changes when `earlier` ends.
    """
    effects: list[Effect] = []
    for component_id in sorted({e.component_id for update in earlier.updates for e in update.effects}):
        given, own = steps(earlier, component_id), steps(later, component_id)
        if _at(given, at) is ComponentStatus.OPERATIONAL:
            continue
        worse = _distinct(
            (since, max(_at(given, since), _at(own, since)))
            for since in sorted({since for since, _ in (*given, *own) if since <= at})
        )
        if worse != _distinct(own):
            effects += [Effect(component_id, status, since) for since, status in worse]
    return effects


def _distinct(history: Iterable[tuple[datetime, ComponentStatus]]) -> Steps:
    """Return the steps that change the status; before the first one, a component is operational."""
    kept: Steps = []
    for since, status in history:
        if status is not (kept[-1][1] if kept else ComponentStatus.OPERATIONAL):
            kept.append((since, status))
    return kept


def _at(history: Steps, at: datetime) -> ComponentStatus:
    return next((status for since, status in reversed(history) if since <= at), ComponentStatus.OPERATIONAL)


def spans(
    incidents: Sequence[StatusCause],
    component_id: int,
    start: datetime,
    end: datetime,
    overrides: Sequence[StatusOverride] = (),
) -> list[StatusSpan]:
    """Return the status of a component over [start, end), without gaps; neighbors differ.

    Where incidents overlap, the worst status counts, and the span names those that gave it. Of overrides, which are
    those of this component, the last one counts, and its span names no incident.
    """
    if start >= end:
        return []
    changes = sorted(
        (at, position, status)
        for position, incident in enumerate(incidents)
        for at, status in steps(incident, component_id)
        if at < end
    )
    edges = [at for at, _, _ in changes] + [at for each in overrides for at in (each.start, each.end)]
    bounds = sorted({start, *(at for at in edges if start < at < end)})
    listed: list[StatusSpan] = []
    # the problems at each bound by the positions of the incidents that give them: only those are compared
    problems: dict[int, ComponentStatus] = {}
    following = 0
    for begin, until in zip(bounds, [*bounds[1:], end], strict=True):
        while following < len(changes) and changes[following][0] <= begin:
            _, position, status = changes[following]
            problems.pop(position, None)
            if status is not ComponentStatus.OPERATIONAL:
                problems[position] = status
            following += 1
        worst = max(problems.values(), default=ComponentStatus.OPERATIONAL)
        causes = tuple(incidents[i].id for i in sorted(problems) if problems[i] is worst)
        for override in overrides:
            if override.start <= begin < override.end:
                worst, causes = override.status, ()
        last = listed[-1] if listed else None
        if last and (last.status, last.incident_ids) == (worst, causes):
            listed[-1] = StatusSpan(last.start, until, worst, causes)
        else:
            listed.append(StatusSpan(begin, until, worst, causes))
    return listed
