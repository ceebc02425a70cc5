"""Anomalies, the detectors that watch for them, and what a back-test says (spec 11.12)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from urllib.parse import quote

from firebell.alerts.model import ANOMALY_RULE
from firebell.anomalies.bins import BinSize

INTEGRATION_NAME = "firebell-anomaly"
ALERT_RULE = ANOMALY_RULE
"""The label `alertname` of the alerts that anomalies raise; these are never counted themselves."""


class DetectorState(StrEnum):
    """What a detector does at the moment."""

    OFF = "off"
    LEARNING = "learning"
    LOW = "low"
    HIGH = "high"


STATE_NAMES = {
    DetectorState.OFF: "Off",
    DetectorState.LEARNING: "Learning",
    DetectorState.LOW: "Low urgency",
    DetectorState.HIGH: "High urgency",
}


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came with an anomaly: incidents as (id, minutes of lead), and pages that someone acted on.

    The lead is negative if the incident was detected first.
    """

    leads: tuple[tuple[int, int], ...] = ()
    acted_pages: int = 0

    @property
    def is_false(self) -> bool:
        """True if there was neither an incident nor a page that someone acted on."""
        return not self.leads and self.acted_pages == 0


@dataclass(frozen=True, slots=True)
class Anomaly:
    """An unusual number of alerts: when it began, fired and cleared, and its highest bin.

    `usual_low` to `usual_high` is the usual range of that bin; None while Firebell was learning.
    """

    bin_size: BinSize
    began_at: datetime
    fired_at: datetime
    cleared_at: datetime | None
    peak_at: datetime
    count: int
    median: float | None
    usual_low: int | None
    usual_high: int | None
    score: float | None

    @property
    def is_learning(self) -> bool:
        """True if it was judged by the fixed limit of the first weeks."""
        return self.score is None


@dataclass(frozen=True, slots=True)
class ReplayedAnomaly:
    """An anomaly of a back-test, with what came with it."""

    anomaly: Anomaly
    outcome: Outcome

    @property
    def is_false(self) -> bool:
        """True if it is over and nothing came of it."""
        return self.anomaly.cleared_at is not None and self.outcome.is_false


@dataclass(frozen=True, slots=True)
class AnomalyTotals:
    """Totals of a period: its days, the anomalies, the pages they made, and what came of these.

    Anomalies that overlap share a page, as alerts of one service do. `led` are incidents that a page came before.
    """

    days: int
    anomalies: int = 0
    pages: int = 0
    false_pages: int = 0
    incidents: int = 0
    led: int = 0
    lead_minutes_median: int | None = None

    @property
    def pages_per_30_days(self) -> float:
        """The number of pages in 30 days."""
        return self.pages * 30 / self.days if self.days else 0.0

    @property
    def false_per_30_days(self) -> float:
        """The number of pages without a cause in 30 days."""
        return self.false_pages * 30 / self.days if self.days else 0.0


@dataclass(frozen=True, slots=True)
class StoredAnomaly:
    """An anomaly as it happened, with its detector and the urgency of its alert."""

    id: int
    detector_id: int
    service_id: int
    service: str
    slug: str
    rule: str
    anomaly: Anomaly
    is_urgent: bool
    calm_bins: int

    @property
    def path(self) -> str:
        """The address of its detector's screen."""
        return detector_path(self.slug, self.rule)


@dataclass(frozen=True, slots=True)
class Acceptance:
    """Who accepted which back-test, and when; `totals` is what it predicted."""

    at: datetime
    label: str
    until: datetime
    totals: AnomalyTotals


@dataclass(frozen=True, slots=True)
class Detector:
    """What watches the alerts of a service, or one rule of it; hours of the week are those of `tz`."""

    id: int
    service_id: int
    rule: str
    tz: str
    integration_id: int
    enabled_at: datetime
    enabled_by: str
    disabled_at: datetime | None
    accepted: Acceptance | None
    accepted_by_id: int | None
    compared_at: datetime | None

    @property
    def is_on(self) -> bool:
        """True until it is turned off."""
        return self.disabled_at is None


@dataclass(frozen=True, slots=True)
class IncidentMark:
    """An incident of a service that everyone may read."""

    id: int
    title: str
    severity: int
    detected_at: datetime


@dataclass(frozen=True, slots=True)
class History:
    """What happened to a service beside its alert counts: incidents, and when pages came that someone acted on."""

    incidents: Sequence[IncidentMark]
    acted_pages: Sequence[datetime]


def detector_path(slug: str, rule: str) -> str:
    """Return the address of the screen of a service's detector, or that of one of its rules."""
    return f"/metrics/anomalies/{slug}" + (f"?rule={quote(rule, safe='')}" if rule else "")
