"""Everything that one status page shows, as of one instant: what its documents are rendered from, and what is saved."""

from dataclasses import dataclass
from datetime import datetime

from firebell.status_pages.derived_status import StatusCause
from firebell.status_pages.maintenance_windows.model import Maintenance
from firebell.status_pages.model import Component, ComponentGroup, PublicIncident, StatusPage
from firebell.status_pages.relabeling_model import AppliedRelabeling


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Everything that one status page shows, as of one instant."""

    page: StatusPage
    groups: tuple[ComponentGroup, ...] = ()
    components: tuple[Component, ...] = ()
    incidents: tuple[PublicIncident, ...] = ()
    """Open incidents, and those of the last 90 days at least, newest first."""
    maintenances: tuple[Maintenance, ...] = ()
    """Maintenance that is not over, and that of the last 90 days, by its start."""
    embed_origins: tuple[str, ...] = ()
    """The websites that may show the page in a frame."""
    relabelings: tuple[AppliedRelabeling, ...] = ()
    """The relabelings of the last 90 days that are in effect, in the order in which they took effect."""
    history_start: datetime | None = None
    """When the page published its first incident or maintenance, None if it has published neither."""

    def causes_by_component(self) -> dict[int, list[StatusCause]]:
        """Return the incidents and maintenance that name each component, by its id, in their order."""
        causes: dict[int, list[StatusCause]] = {}
        listed: list[PublicIncident | Maintenance] = [*self.incidents, *self.maintenances]
        for cause in listed:
            for component_id in cause.component_ids:
                causes.setdefault(component_id, []).append(cause)
        return causes
