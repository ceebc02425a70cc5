"""When an alert ends because its source no longer sends it (spec 9.4, pure).

Silence is evidence only while the source lives: alerts of a source that sends nothing at all keep firing.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from firebell.alerts.batches.state import Batch
from firebell.alerts.model import EXPIRING_SOURCES, SOURCE_SILENT_KEY, Event, EventKind, InboundRequest

EVIDENCE_MARGIN = timedelta(minutes=1)
"""A source that sent something this long before an alert expired, or later, was alive then."""
SILENCE = timedelta(minutes=2)
"""How long nothing may arrive once an alert expired; after an outage of Firebell, its sources get as long to return."""
REPORT_INTERVAL = timedelta(hours=1)
"""How often a source that stays silent is reported: a page that someone resolved too early comes back."""
RETURN_GRACE = timedelta(minutes=5)
"""How long a source that was silent has to send its alerts again."""
MAX_LISTED = 20


@dataclass(frozen=True, slots=True)
class ExpiringSource:
    """A source whose alerts expire: when it last sent one, and since when an alert waits for it."""

    integration_id: int
    service_id: int
    name: str
    last_message_at: datetime
    waiting_since: datetime | None = None
    reported_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class ExpiringAlert:
    """A firing alert, and when it ends unless it is sent again."""

    dedup_key: str
    title: str
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Verdict:
    """What becomes of the expired alerts of a source: events to apply, and the source as it is now.

    `postponed_to` is the new expiry of the alerts of a source that returned.
    """

    events: tuple[Event, ...]
    source: ExpiringSource
    postponed_to: datetime | None = None


Expiries = dict[tuple[int, str], datetime]
"""When alerts expire, by their integration and deduplication key."""


def expiries(batch: Batch, requests: Iterable[InboundRequest]) -> Expiries:
    """Return the expiries of the alerts of a batch that fire after it."""
    alerts: Expiries = {}
    for request in requests:
        for event in request.incoming:
            if event.expires_at is None:
                continue
            key = (request.integration_id, event.dedup_key)
            alert = batch.latest.get(key)
            if event.kind is EventKind.FIRING and alert is not None and alert.status == "firing":
                alerts[key] = event.expires_at
    return alerts


def reporting_integrations(requests: Iterable[InboundRequest]) -> list[int]:
    """Return the integrations whose expiring source sent something, even if nothing of it is an alert here."""
    return sorted({request.integration_id for request in requests if request.source in EXPIRING_SOURCES})


def judge(source: ExpiringSource, expired: Sequence[ExpiringAlert], now: datetime) -> Verdict:
    """Return what becomes of the firing alerts of a source that expired."""
    if source.waiting_since is not None and source.last_message_at > source.waiting_since:
        return Verdict(_end_of_report(source), _waiting(source, None), source.last_message_at + RETURN_GRACE)
    ended = [a for a in expired if source.last_message_at > a.expires_at - EVIDENCE_MARGIN]
    open_ = [a for a in expired if source.last_message_at <= a.expires_at - EVIDENCE_MARGIN]
    events = tuple(Event(EventKind.EXPIRED, a.dedup_key, a.title, occurred_at=a.expires_at) for a in ended)
    if not open_:
        return Verdict((*events, *_end_of_report(source)), _waiting(source, None))
    since = source.waiting_since or now
    reported_at = source.reported_at
    is_due = now - since >= SILENCE if reported_at is None else abs(now - reported_at) >= REPORT_INTERVAL
    if is_due:
        return Verdict((*events, _report(source, open_)), _waiting(source, since, now))
    return Verdict(events, _waiting(source, since, reported_at))


def _waiting(
    source: ExpiringSource, since: datetime | None, reported_at: datetime | None = None
) -> ExpiringSource:
    return replace(source, waiting_since=since, reported_at=reported_at)


def _report(source: ExpiringSource, open_: Sequence[ExpiringAlert]) -> Event:
    titles = [f"- {alert.title}" for alert in open_[:MAX_LISTED]]
    if len(open_) > MAX_LISTED:
        titles.append(f"- {len(open_) - MAX_LISTED} more")
    return Event(
        EventKind.FIRING,
        SOURCE_SILENT_KEY,
        f"{source.name} stopped sending while its alerts fired",
        f"The last message arrived at {source.last_message_at:%Y-%m-%d %H:%M} UTC. These alerts would have ended, but "
        "keep firing, because a source that is down reports nothing:\n\n" + "\n".join(titles),
        "warning",
    )


def _end_of_report(source: ExpiringSource) -> tuple[Event, ...]:
    if source.reported_at is None:
        return ()
    return (Event(EventKind.RESOLVED, SOURCE_SILENT_KEY, f"{source.name} sends again"),)
