"""What a batch changed, for those who must hear of it (pure)."""

from firebell.alerts.batch_state import Batch, GroupState


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
