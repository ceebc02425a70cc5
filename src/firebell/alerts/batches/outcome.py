"""The groups that a batch opened, changed, held and ended, and the events of the changed ones (pure)."""

from collections.abc import Iterable

from firebell.alerts.batches.state import Batch, GroupState
from firebell.alerts.model import (
    GroupsAcknowledged,
    GroupsGrown,
    GroupsRaised,
    GroupsResolved,
    GroupsRetitled,
)

GroupChange = GroupsGrown | GroupsRetitled | GroupsRaised | GroupsAcknowledged | GroupsResolved
"""What a batch changes of stored groups and their pages."""


def retitled(batch: Batch) -> list[GroupState]:
    """Return the stored groups whose titles changed."""
    return [g for g in batch.groups if not g.fresh and g.changed and g.title != g.stored_title]


def opened_groups(batch: Batch) -> list[GroupState]:
    """Return the groups that page from now on: new ones that are neither muted nor held, and released ones."""
    return [g for g in batch.groups if g.released or (g.fresh and g.mute_id is None and g.hold is None)]


def finished_groups(batch: Batch) -> list[GroupState]:
    """Return the changed groups without a firing alert."""
    return [g for g in batch.groups if g.changed and g.firing <= 0]


def held_groups(batch: Batch) -> list[GroupState]:
    """Return the changed groups that a routing rule holds, or held until now."""
    return [g for g in batch.groups if g.hold is not None and (g.changed or g.fresh)]


def group_changes(batch: Batch) -> list[GroupChange]:
    """Return what changed of stored groups, in the order in which their pages change."""
    stored = [(g.id, g) for g in batch.groups if g.id is not None and not g.fresh]
    renamed = [(g.id, g.title) for g in retitled(batch) if g.id is not None]
    raised = [(group_id, g.raised_by) for group_id, g in stored if g.raised]
    changes: tuple[GroupChange, ...] = (
        GroupsGrown(
            _ids(g for _, g in stored if g.grown),
            _ids(g for _, g in stored if g.crossed),
        ),
        GroupsRetitled(*_columns(renamed)),
        GroupsRaised(*_columns(raised)),
        GroupsAcknowledged(_ids(g for g in batch.groups if g.acked), "the sender"),
        GroupsResolved(_ids(finished_groups(batch))),
    )
    return [change for change in changes if change.group_ids]


def _ids(groups: Iterable[GroupState]) -> tuple[int, ...]:
    return tuple(sorted(g.id for g in groups if g.id is not None))


def _columns(groups: Iterable[tuple[int, str]]) -> tuple[tuple[int, ...], tuple[str, ...]]:
    pairs = tuple(groups)
    return tuple(group_id for group_id, _ in pairs), tuple(text for _, text in pairs)
