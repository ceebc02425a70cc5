"""What a relabeling changes, and whether a second person must accept it (pure; spec 7.6, 7.7)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction

from firebell.status_pages import derived_status
from firebell.status_pages.derived_status import StatusOverride, StatusSpan
from firebell.status_pages.model import STATUS_LABELS, Component, ComponentStatus
from firebell.status_pages.relabeling_model import AppliedRelabeling, RelabelingRequest
from firebell.status_pages.snapshot import Snapshot
from firebell.status_pages.uptime import daily as uptime


@dataclass(frozen=True, slots=True)
class RelabelingEffect:
    """What a relabeling does to the history of a component: the spans that it replaces, and the uptime of 90 days."""

    replaced: tuple[StatusSpan, ...]
    """Without the spans that have the status already."""
    before: Fraction | None
    after: Fraction | None
    improves: bool
    """True if any of it looks better then, so that a second person must accept it."""


def effect(
    snapshot: Snapshot, component: Component, request: RelabelingRequest, now: datetime
) -> RelabelingEffect:
    """Return what a relabeling would change on a page."""
    causes = snapshot.causes_by_component().get(component.id, [])
    present = [each for each in snapshot.relabelings if each.component_id == component.id]
    new = AppliedRelabeling(
        component.id, request.start, request.end, request.status, request.reason, None, None, now
    )

    def share(overrides: Sequence[StatusOverride]) -> Fraction | None:
        start, end = uptime.window(now, snapshot.page.tz, component.start_date)
        spans = derived_status.spans(causes, component.id, start, end, overrides)
        return uptime.uptime(uptime.seconds_by_status(spans, start, end), snapshot.page.weights)

    spans = derived_status.spans(causes, component.id, request.start, request.end, present)
    before, after = share(present), share([*present, new])
    # maintenance hides an outage: it counts as better than any problem, and as worse than nothing
    is_better = any(span.status > request.status for span in spans)
    return RelabelingEffect(
        tuple(span for span in spans if span.status is not request.status),
        before,
        after,
        is_better or (before is not None and (after is None or after > before)),
    )


def hundredths(share: Fraction | None) -> int | None:
    """Return a share as hundredths of a percent, rounded down; None without data."""
    return None if share is None else int(10_000 * share)


def log_text(component: str, start: datetime, end: datetime, status: ComponentStatus, reason: str) -> str:
    """Return the text of a relabeling in the log; `start` and `end` are in UTC."""
    interval = f"{start:%Y-%m-%d %H:%M:%S} to {end:%Y-%m-%d %H:%M:%S} UTC"
    return f"{component} from {interval}: {STATUS_LABELS[status].lower()}. {reason}"
