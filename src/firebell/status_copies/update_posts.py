"""What is sent about a published update (pure)."""

from collections.abc import Mapping, Sequence

from firebell.status_copies.difference_rules import worst_by_remote
from firebell.status_copies.model import Post, Step
from firebell.status_pages.maintenance_windows.model import Maintenance, MaintenanceStage, MaintenanceUpdate
from firebell.status_pages.model import ComponentStatus, PublicIncident, PublicUpdate, Stage, UpdateKind


def post(
    published: PublicIncident,
    update: PublicUpdate,
    mapped: Mapping[int, str],
    statuses: Mapping[int, ComponentStatus],
    *,
    is_last: bool,
    notifies: bool,
) -> Post:
    """Return an update as it is sent.

    `mapped` and `statuses` are of all components of the status page. Only the last update that waits carries statuses,
    which are those of the page now: after an outage the copy jumps to the present instead of replaying the past.
    """
    named = dict.fromkeys(
        mapped[component_id] for component_id in sorted(published.component_ids) if component_id in mapped
    )
    worst = worst_by_remote(mapped, statuses)
    return Post(
        public_id=published.public_id,
        update_public_id=update.public_id,
        name=published.name,
        seq=update.seq,
        stage=update.stage,
        body=update.body,
        incident_at=published.published_at,
        at=update.display_at,
        remote_component_ids=tuple(named),
        statuses={i: worst[i] for i in named if i in worst} if is_last else {},
        notifies=notifies,
        impact_override=published.impact_override.code
        if published.impact_override is not None and update.seq == 1
        else None,
        is_postmortem=update.kind is UpdateKind.POSTMORTEM,
    )


def maintenance_post(
    window: Maintenance,
    update: MaintenanceUpdate,
    mapped: Mapping[int, str],
    statuses: Mapping[int, ComponentStatus],
    *,
    is_last: bool,
    notifies: bool,
) -> Post:
    """Return an update of maintenance as it is sent; what was canceled is completed there, as its text says.

    Before it starts it carries no statuses: the work has not begun.
    """
    named = dict.fromkeys(mapped[i] for i in sorted(window.component_ids) if i in mapped)
    worst = worst_by_remote(mapped, statuses)
    is_planned = update.stage in (MaintenanceStage.SCHEDULED, MaintenanceStage.CANCELLED)
    return Post(
        public_id=window.public_id,
        update_public_id=update.public_id,
        name=window.name,
        seq=update.seq,
        stage=MaintenanceStage.COMPLETED if update.stage is MaintenanceStage.CANCELLED else update.stage,
        body=update.body,
        incident_at=window.published_at,
        at=update.display_at,
        remote_component_ids=tuple(named),
        statuses={i: worst[i] for i in named if i in worst} if is_last and not is_planned else {},
        notifies=notifies,
        planned=window.planned,
    )


def previous_stage(published: PublicIncident, update: PublicUpdate) -> Stage | None:
    """Return the stage before an update, None before the first."""
    return next((each.stage for each in reversed(published.updates) if each.seq < update.seq), None)


def is_last_update(step: Step, waiting: Sequence[Step]) -> bool:
    """Return True if no later update of the incident waits behind this step; edits carry no statuses."""
    return not any(other.version == 1 and other.chain_seq > step.chain_seq for other in waiting)


def unmapped(published: PublicIncident, mapped: Mapping[int, str]) -> frozenset[int]:
    """Return the components that the incident names and the copy does not have."""
    return published.component_ids - set(mapped)
