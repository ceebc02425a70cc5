"""Alerts that expire: silence is evidence only while the source lives."""

from datetime import UTC, datetime, timedelta

import pytest

from firebell.alerts.expiry import rules as expiry
from firebell.alerts.expiry.rules import ExpiringAlert, ExpiringSource, Verdict
from firebell.alerts.model import SOURCE_SILENT_KEY, EventKind
from firebell.alerts.source_base.prometheus_fingerprint import fingerprint

NOW = datetime(2026, 11, 24, 3, 14, tzinfo=UTC)


def minutes(count: float) -> datetime:
    return NOW + timedelta(minutes=count)


def judged(
    *, message: float, expires: float, waiting: float | None = None, reported: float | None = None
) -> Verdict:
    source = ExpiringSource(
        1,
        1,
        "Prometheus",
        minutes(message),
        None if waiting is None else minutes(waiting),
        None if reported is None else minutes(reported),
    )
    return expiry.judge(source, [ExpiringAlert("k", "Disk full", minutes(expires))], NOW)


def kinds(verdict: Verdict) -> list[tuple[EventKind, str]]:
    return [(event.kind, event.dedup_key) for event in verdict.events]


@pytest.mark.parametrize("message", [-1.9, -1, 0])
def test_an_alert_ends_at_its_expiry_if_its_source_sent_something_since(message: float) -> None:
    verdict = judged(message=message, expires=-1)
    (event,) = verdict.events
    assert (event.kind, event.dedup_key, event.occurred_at) == (EventKind.EXPIRED, "k", minutes(-1))
    assert verdict.source.waiting_since is None


def test_an_alert_of_a_silent_source_waits_and_is_then_reported_every_hour() -> None:
    waits = judged(message=-2, expires=-1)
    assert (waits.events, waits.source.waiting_since, waits.source.reported_at) == ((), NOW, None)
    still = judged(message=-4, expires=-2, waiting=-1.9)
    assert (still.events, still.source.waiting_since) == ((), minutes(-1.9))
    report = judged(message=-5, expires=-3, waiting=-2)
    assert kinds(report) == [(EventKind.FIRING, SOURCE_SILENT_KEY)]
    assert report.events[0].severity == "warning"
    assert "Disk full" in report.events[0].body
    assert report.source.reported_at == NOW
    again = judged(message=-6, expires=-4, waiting=-3, reported=-1)
    assert (again.events, again.source.reported_at) == ((), minutes(-1))
    later = judged(message=-66, expires=-64, waiting=-63, reported=-60)
    assert (kinds(later), later.source.reported_at) == ([(EventKind.FIRING, SOURCE_SILENT_KEY)], NOW)


def test_a_source_that_returns_ends_the_report_and_has_time_to_send_its_alerts_again() -> None:
    verdict = judged(message=-0.5, expires=-9, waiting=-8, reported=-6)
    assert kinds(verdict) == [(EventKind.RESOLVED, SOURCE_SILENT_KEY)]
    assert verdict.postponed_to == minutes(-0.5) + expiry.RETURN_GRACE
    assert (verdict.source.waiting_since, verdict.source.reported_at) == (None, None)


def test_without_an_alert_that_waits_a_report_ends() -> None:
    source = ExpiringSource(1, 1, "Prometheus", minutes(-9), minutes(-8), minutes(-6))
    assert kinds(expiry.judge(source, [], NOW)) == [(EventKind.RESOLVED, SOURCE_SILENT_KEY)]


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        ({}, "cbf29ce484222325"),
        ({"alertname": "X"}, "d2aeefc389ca7746"),
        (
            {"service": "checkout", "alertname": "HighErrorRate", "severity": "critical"},
            "7d2d332feada5c59",
        ),
        ({"alertname": "X", "empty": ""}, "d2aeefc389ca7746"),
    ],
)
def test_the_fingerprint_is_that_of_prometheus(labels: dict[str, str], expected: str) -> None:
    assert fingerprint(labels) == expected
