"""Which alerts of a batch are counted, and in which quarter of an hour."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from firebell.alerts.batches.alert_counts import QUARTER, quarter_of, started
from firebell.alerts.batches.dedup_and_grouping import apply, event_id
from firebell.alerts.batches.state import Batch
from firebell.alerts.model import Event, EventKind, InboundRequest

NOW = datetime(2026, 11, 24, 3, 14, tzinfo=UTC)


def event(kind: EventKind, at: datetime, key: str = "a") -> Event:
    return Event(kind=kind, dedup_key=key, title="t", occurred_at=at)


def counted(batch: Batch, *events: Event, now: datetime = NOW) -> list[tuple[datetime, int, int]]:
    """Apply events as one request each and return what is counted."""
    requests = [
        InboundRequest(1, 7, "generic", str(number).encode(), (e,)) for number, e in enumerate(events)
    ]
    ids = [[event_id(1, e, b"%d" % number)] for number, e in enumerate(events)]
    apply(batch, zip(requests, ids, strict=True), {i for each in ids for i in each}, now)
    return started(batch, {1: 7})


def test_a_quarter_begins_on_the_quarter() -> None:
    assert quarter_of(NOW) == datetime(2026, 11, 24, 3, tzinfo=UTC)
    assert quarter_of(NOW + timedelta(minutes=1)) == datetime(2026, 11, 24, 3, 15, tzinfo=UTC)


def test_the_hour_that_clocks_repeat_has_eight_quarters() -> None:
    stockholm = ZoneInfo("Europe/Stockholm")
    first = datetime(2026, 10, 25, 0, 0, tzinfo=UTC)  # 02:00 in Stockholm, and 02:00 again an hour later
    quarters = [quarter_of((first + i * QUARTER).astimezone(stockholm)) for i in range(8)]
    assert quarters == [first + i * QUARTER for i in range(8)]


def test_each_alert_is_counted_once_whatever_is_repeated() -> None:
    firing = event(EventKind.FIRING, NOW)
    assert counted(Batch(), firing, firing, event(EventKind.FIRING, NOW, "b")) == [(quarter_of(NOW), 7, 2)]


def test_an_alert_that_only_ended_is_counted_when_its_beginning_arrives_late() -> None:
    batch = Batch()
    assert counted(batch, event(EventKind.RESOLVED, NOW)) == []
    late = event(EventKind.FIRING, NOW - timedelta(seconds=30))
    assert counted(batch, late, now=NOW + timedelta(seconds=1)) == [(quarter_of(NOW), 7, 1)]
    batch.latest[1, "a"].stored_count = 1
    assert started(batch, {1: 7}) == []
