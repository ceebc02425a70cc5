"""The final facts of an incident: its times, the affected customers, and the cause (pure)."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from firebell.incidents.model import ACTIVE, Incident, Phase

AFFECTED_MAX_CHARS = 500
CAUSE_MAX_CHARS = 2_000
CUSTOMERS_MAX = 10_000_000_000
"""More than the world population: rejects typos, and sums fit into 64 bits."""


class CauseCategory(StrEnum):
    """What kind of thing caused an incident."""

    CHANGE = "change"
    CAPACITY = "capacity"
    DEPENDENCY = "dependency"
    DEFECT = "defect"
    INFRASTRUCTURE = "infrastructure"
    DATA = "data"
    SECURITY = "security"
    PROCESS = "process"
    UNKNOWN = "unknown"


CATEGORY_NAMES = {
    CauseCategory.CHANGE: "Deployment or configuration change",
    CauseCategory.CAPACITY: "Capacity or load",
    CauseCategory.DEPENDENCY: "Vendor or dependency",
    CauseCategory.DEFECT: "Software defect",
    CauseCategory.INFRASTRUCTURE: "Hardware or network",
    CauseCategory.DATA: "Data",
    CauseCategory.SECURITY: "Attack or abuse",
    CauseCategory.PROCESS: "Operation or process",
    CauseCategory.UNKNOWN: "Not known",
}
TIMES = {"impact_start": "impact start", "detected_at": "detection", "impact_end": "impact end"}
NUMBERS = {"customers": "number of customers"}
TEXTS = {"affected": "affected customers", "cause": "cause", "cause_category": "cause category"}
EDITABLE = (*ACTIVE, Phase.MONITORING, Phase.CLOSED, Phase.REVIEWED)


@dataclass(frozen=True, slots=True)
class FinalFacts:
    """What people recorded besides the times; the category is empty until someone chooses one.

    `customers` is how many customers were affected, None if no one knows it.
    """

    affected: str = ""
    cause: str = ""
    cause_category: str = ""
    customers: int | None = None


def wrong_times(incident: Incident, times: Mapping[str, datetime | None], now: datetime) -> dict[str, str]:
    """Return what is wrong with changed times by field (spec 4.4, LC2)."""
    impact_start = times.get("impact_start", incident.impact_start)
    detected_at = times.get("detected_at", incident.detected_at)
    impact_end = times.get("impact_end", incident.impact_end)
    wrong: dict[str, str] = {}
    if detected_at is None or detected_at > incident.declared_at:
        wrong["detected_at"] = "Enter a time that isn't after the declaration."
    elif impact_start is not None and impact_start > detected_at:
        wrong["impact_start"] = "Enter a time that isn't after the detection."
    if "impact_end" in times:
        start = impact_start or detected_at
        if incident.phase in ACTIVE:
            wrong["impact_end"] = "Resolve the incident first: its impact has not ended."
        elif impact_end is None or impact_end > now or (start is not None and impact_end < start):
            wrong["impact_end"] = "Enter a time after the impact began and not in the future."
    return wrong


def changed_names(changed: Mapping[str, Any]) -> str:
    """Return the names of changed facts for the timeline."""
    names = {**TIMES, **NUMBERS, **TEXTS}
    return ", ".join(names[name] for name in names if name in changed)
