"""Process checks of what subscribers are sent: T-QUEUE, T-BOUNCE and T-SUBFLOOD (spec 7.16; pure)."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from firebell.incidents.model import Incident
from firebell.kit.findings import Evidence, FindingLevel, FixButton, ProcessFinding, severest_first
from firebell.subscribers.subscription_rules import CONFIRMS_PER_PAGE

ON_TIME_WITHIN = timedelta(minutes=15)
"""How long the first post may take to reach its subscribers."""
ON_TIME_SHARE = 0.95
_LOWER = {FindingLevel.ERROR: FindingLevel.WARNING, FindingLevel.WARNING: FindingLevel.INFO}


@dataclass(frozen=True, slots=True)
class BroadcastRecord:
    """What is known of one broadcast about an incident.

    `wanted` are the subscribers that were to get it and still wanted it, `on_time` those whom it reached in time.
    """

    broadcast_id: int
    incident_id: int
    slug: str
    page_name: str
    is_first: bool
    published_at: datetime
    wanted: int
    on_time: int
    is_queued: bool
    """True once there is a delivery for each subscriber."""
    paused_at: datetime | None
    pause_reason: str


@dataclass(frozen=True, slots=True)
class ConfirmFlood:
    """The most confirmations that one page asked for in 15 minutes during an incident."""

    slug: str
    page_name: str
    confirmations: int


def findings(
    incident: Incident, broadcasts: Sequence[BroadcastRecord], floods: Sequence[ConfirmFlood], now: datetime
) -> list[ProcessFinding]:
    """Return the findings about what subscribers were sent of an incident, errors first."""
    results = [each for record in broadcasts for each in _of_broadcast(incident, record, now)]
    results += [each for flood in floods for each in _flood(incident, flood)]
    return severest_first(results)


def _of_broadcast(incident: Incident, record: BroadcastRecord, now: datetime) -> Iterator[ProcessFinding]:
    if record.paused_at:
        yield _finding(
            incident,
            "T-BOUNCE",
            FindingLevel.ERROR,
            str(record.broadcast_id),
            f"Emails to subscribers of {record.page_name} are paused",
            "Check the addresses, then resume it or leave it paused.",
            Evidence(f"broadcast-{record.broadcast_id}", record.pause_reason),
            record.slug,
        )
    if record.is_first and is_slow(record, now):
        share = int(100 * record.on_time / record.wanted) if record.wanted else 0
        yield _finding(
            incident,
            "T-QUEUE",
            FindingLevel.WARNING,
            str(record.broadcast_id),
            f"The first post on {record.page_name} reached {share}% of its subscribers within 15 min",
            "Raise FIREBELL_BULK_MAIL_RATE if your mail server can take more.",
            Evidence(f"broadcast-{record.broadcast_id}", f"{record.on_time} of {record.wanted} in time"),
            record.slug,
        )


def is_slow(record: BroadcastRecord, now: datetime) -> bool:
    """Return True if 95% of those who wanted a broadcast did not have it after 15 minutes."""
    if now - record.published_at <= ON_TIME_WITHIN:
        return False
    return not record.is_queued or record.on_time < ON_TIME_SHARE * record.wanted


def _flood(incident: Incident, flood: ConfirmFlood) -> Iterator[ProcessFinding]:
    if flood.confirmations >= CONFIRMS_PER_PAGE:
        yield _finding(
            incident,
            "T-SUBFLOOD",
            FindingLevel.WARNING,
            flood.slug,
            f"Requests to subscribe to {flood.page_name} reached their limit during the incident",
            "Check who asks: customers in a crisis, or someone who floods the form.",
            Evidence(f"subscribers-{flood.slug}", f"{flood.confirmations} confirmations in 15 min"),
            flood.slug,
        )


def _finding(
    incident: Incident,
    code: str,
    level: FindingLevel,
    key: str,
    message: str,
    advice: str,
    evidence: Evidence,
    slug: str,
) -> ProcessFinding:
    """Return a finding, one level lower for SEV2 and SEV3."""
    return ProcessFinding(
        f"{incident.ref}:{code}:{key}",
        code,
        level if incident.severity <= 1 else _LOWER.get(level, level),
        message,
        subject=incident.ref,
        advice=advice,
        evidence=(evidence,),
        fix=FixButton("Show subscribers", page=f"/status-pages/{slug}/subscribers"),
    )
