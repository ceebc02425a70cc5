"""The state of a service, from its open incidents and pages (pure)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from firebell.incidents.model import Incident
from firebell.paging.model import Page, PageState

State = Literal["outage", "degraded", "ok"]
OUTAGE_SEVERITY = 1
"""An open incident of this severity or worse is an outage."""
_WORST_FIRST = (PageState.EXHAUSTED, PageState.TRIGGERED, PageState.ACKED, PageState.SNOOZED)


@dataclass(frozen=True, slots=True)
class ServiceHealth:
    """The state of a service; `incident` or `page` is its cause, `since` is None if it never changed."""

    state: State
    since: datetime | None
    incident: Incident | None = None
    page: Page | None = None

    @property
    def ref(self) -> str | None:
        """The reference of the incident or page behind the state."""
        cause = self.incident or self.page
        return cause.ref if cause else None


def health(
    incidents: Sequence[Incident], pages: Sequence[Page], ended_at: Sequence[datetime | None]
) -> ServiceHealth:
    """Return the state from open incidents and pages; without any it is ok since the latest of `ended_at`."""
    if incidents:
        worst = min(incidents, key=lambda i: (i.severity, i.id))
        state: State = "outage" if worst.severity <= OUTAGE_SEVERITY else "degraded"
        return ServiceHealth(state, worst.declared_at, incident=worst)
    if pages:
        oldest = min(pages, key=lambda p: (_WORST_FIRST.index(p.state), p.id))
        return ServiceHealth("degraded", oldest.triggered_at, page=oldest)
    return ServiceHealth("ok", max((at for at in ended_at if at is not None), default=None))
