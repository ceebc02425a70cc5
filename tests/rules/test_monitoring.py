"""The numbers for Prometheus: their names and values, and who may read them."""

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from itertools import pairwise

import pytest
from prometheus_client.metrics_core import Metric

from firebell.action_items.trackers.vendor import Outcome
from firebell.channels.registry import CHANNELS
from firebell.chat.mirror.call_counts import CallOutcome
from firebell.kit.db.pool_usage import PoolUsage
from firebell.kit.errors import StartupError
from firebell.kit.http_out import parse_networks
from firebell.kit.process_counters import Histogram, ProcessCounters
from firebell.monitoring import access, team_labels
from firebell.monitoring.families import ProcessState, families
from firebell.monitoring.model import LABELED_MAX, BucketCounts, FactReadings, IntegrationReadings, Readings
from firebell.self_watch.queries import RULES as FINDING_RULES
from firebell.settings import load
from tests.prometheus_files import FAMILIES

TOKEN = "a-token-of-thirty-two-characters"
READINGS = Readings(
    read_at=datetime(2026, 3, 2, 12, tzinfo=UTC),
    open_pages={("triggered", "high"): 2, ("acked", "low"): 0},
    oldest_unacknowledged_s=90.0,
    open_incidents={0: 0, 1: 3},
    overdue_timers={True: 1, False: 0},
    oldest_timer_s={True: 4.5, False: 0.0},
    queues={"reactions": 7},
    queued_notifications={("email", "high"): 5},
    failed_jobs=1,
    gaps={"now": 0, "ahead": 2},
)


def _state(counters: ProcessCounters | None = None, *, waiting: int | None = 4) -> ProcessState:
    return ProcessState(
        version="1.2.3",
        counters=counters or ProcessCounters(),
        lanes={"page_timers": True, "send": False},
        pools={"web": PoolUsage(limit=8, used=2, idle=1)},
        inbound_waiting=waiting,
        is_database_up=True,
    )


def _values(metrics: Sequence[Metric]) -> dict[tuple[str, str], float]:
    return {
        (sample.name, ",".join(sample.labels.values())): sample.value
        for metric in metrics
        for sample in metric.samples
    }


def test_what_was_counted_and_read_is_exposed() -> None:
    counters = ProcessCounters()
    counters.inbound_events["alertmanager"] += 3
    counters.inbound_errors[503] += 1
    counters.deliveries["ntfy", "accepted"] += 2
    counters.delivery_delays["ntfy"].observe(4.0)
    counters.timer_lateness[True].observe(0.1)
    counters.document_saves, counters.document_conflicts = 98, 2
    counters.tracker_errors["3", "too_fast"] += 1
    counters.chat_calls["1", "ok"] += 4
    counters.provider_circuits.record("sms", "twilio", "open")
    counters.provider_circuits.record("sms", "vonage", "closed")
    values = _values(list(families(_state(counters), READINGS)))
    expected = {
        ("firebell_build_info", "1.2.3"): 1,
        ("firebell_inbound_events_total", "alertmanager"): 3,
        ("firebell_inbound_errors_total", "503"): 1,
        ("firebell_inbound_queue_messages", ""): 4,
        ("firebell_notification_deliveries_total", "ntfy,accepted"): 2,
        ("firebell_notification_delay_seconds_bucket", "ntfy,2.5"): 0,
        ("firebell_notification_delay_seconds_bucket", "ntfy,5.0"): 1,
        ("firebell_notification_delay_seconds_bucket", "ntfy,+Inf"): 1,
        ("firebell_notification_delay_seconds_sum", "ntfy"): 4,
        ("firebell_timer_lateness_seconds_count", "page"): 1,
        ("firebell_timer_lateness_seconds_count", "other"): 0,
        ("firebell_tracker_errors_total", "3,too_fast"): 1,
        ("firebell_chat_calls_total", "1,ok"): 4,
        ("firebell_provider_open", "sms,twilio"): 1,
        ("firebell_provider_open", "sms,vonage"): 0,
        ("firebell_postmortem_saves_total", ""): 98,
        ("firebell_postmortem_conflicts_total", ""): 2,
        ("firebell_worker_lane_healthy", "send"): 0,
        ("firebell_database_pool_connections", "web,used"): 2,
        ("firebell_database_pool_limit_connections", "web"): 8,
        ("firebell_pages_open", "triggered,high"): 2,
        ("firebell_page_unacknowledged_age_seconds", ""): 90,
        ("firebell_incidents_open", "SEV1"): 3,
        ("firebell_timers_overdue", "page"): 1,
        ("firebell_timer_overdue_age_seconds", "page"): 4.5,
        ("firebell_queue_items", "reactions"): 7,
        ("firebell_notification_queue_messages", "email,high"): 5,
        ("firebell_failed_jobs", ""): 1,
        ("firebell_oncall_gaps", "ahead"): 2,
        ("firebell_readings_timestamp_seconds", ""): READINGS.read_at.timestamp(),
    }
    assert {key: values[key] for key in expected} == expected


def test_names_follow_the_conventions_of_prometheus() -> None:
    metrics = list(families(_state(), READINGS, _facts(2)))
    assert len({metric.name for metric in metrics}) == len(metrics)
    for metric in metrics:
        assert re.fullmatch(r"firebell(_[a-z]+)+", metric.name), metric.name
        assert metric.documentation.endswith("."), metric.name
        assert not metric.name.endswith(("_total", "_count", "_sum", "_bucket", "_ms", "_milliseconds"))
        assert metric.type != "histogram" or metric.name.endswith("_seconds")
    assert {metric.name for metric in metrics} == FAMILIES


SEVERITIES = ("SEV0", "SEV1", "SEV2", "SEV3")


def _facts(teams: int) -> FactReadings:
    """Return the facts of an organization of which each team has something of everything."""
    slugs = [(n, f"team-{n}") for n in range(1, teams + 1)]
    names = sorted({*team_labels.labels(slugs).values(), team_labels.NONE})
    counts = BucketCounts([1] * 9, 900)
    by_team = dict.fromkeys(names, 1)
    by_severity = {(severity, team): 1 for severity in SEVERITIES for team in names}
    return FactReadings(
        teams=names,
        pages={(team, u, s): 1 for team in names for u in ("high", "low") for s in (*SEVERITIES, "none")},
        night_pages=by_team,
        acknowledged=dict.fromkeys((*SEVERITIES, "none"), counts),
        unacknowledged=by_team,
        exhausted={},
        declared=by_severity,
        reopened=by_severity,
        durations={(m, s): counts for m in ("detect", "mitigate", "resolve") for s in SEVERITIES},
        overdue_postmortems=by_team,
        items={(team, s, p): 1 for team in names for s in ("open", "in_progress") for p in "123"},
        overdue_items=by_team,
        completion=dict.fromkeys(names, 0.5),
        readiness=0.75,
        runbook_runs={"succeeded": 3},
        findings=dict.fromkeys(FINDING_RULES, 2),
        integrations=IntegrationReadings(
            tracker_lag_s={str(n): 60.0 for n in range(LABELED_MAX)},
            chat_lag_s={str(n): 0.0 for n in range(LABELED_MAX)},
            chat_dead={str(n): 0 for n in range(LABELED_MAX)},
            runbooks={"ok": 7, "untested": 2, "broken": 1},
            webhooks={"active": 2, "failing": 1, "paused": 0, "disabled": 1},
            webhook_lag_s=40.0,
            webhook_dead_changes=1,
            failing_sources=1,
        ),
    )


@pytest.mark.parametrize("teams", [0, 1, 120, 121, 5000])
def test_the_series_stay_below_their_limit(teams: int) -> None:
    """N21, with every team, source, channel and status at once."""
    counters = ProcessCounters()
    for number in range(LABELED_MAX + 5):
        counters.tracker_errors |= {(str(number), str(kind)): 1 for kind in Outcome}
        counters.chat_calls |= {(str(number), str(outcome)): 1 for outcome in CallOutcome}
    for number in range(60):
        counters.inbound_messages[f"source-{number}"] = counters.inbound_events[f"source-{number}"] = 1
    for status in range(400, 600):
        counters.inbound_errors[status] = 1
    for channel in CHANNELS:
        counters.delivery_delays[channel].observe(1)
        for outcome in ("accepted", "retry", "failed", "unsent"):
            counters.deliveries[channel, outcome] = 1
    metrics = list(families(_state(counters), READINGS, _facts(teams)))
    assert sum(len(metric.samples) for metric in metrics) <= 5_000
    shown = {
        sample.labels["team"] for metric in metrics for sample in metric.samples if "team" in sample.labels
    }
    assert len(shown) == min(teams, 120) + 1 + (teams > 120)
    assert (team_labels.OTHER in shown) == (teams > 120)


def test_facts_are_exposed_by_team_and_severity() -> None:
    values = _values(list(families(_state(), READINGS, _facts(1))))
    expected = {
        ("firebell_pages_triggered_total", "team-1,high,SEV1"): 1,
        ("firebell_pages_exhausted", "team-1"): 0,
        ("firebell_page_ack_seconds_bucket", "SEV1,30.0"): 1,
        ("firebell_page_ack_seconds_bucket", "SEV1,3600.0"): 8,
        ("firebell_page_ack_seconds_bucket", "SEV1,+Inf"): 9,
        ("firebell_page_ack_seconds_sum", "SEV1"): 900,
        ("firebell_incident_resolve_seconds_count", "SEV0"): 9,
        ("firebell_incidents_declared_total", "SEV2,team-1"): 1,
        ("firebell_action_items", "team-1,open,3"): 1,
        ("firebell_action_completion_ratio", "team-1"): 0.5,
        ("firebell_readiness_ratio", ""): 0.75,
        ("firebell_runbook_runs_total", "succeeded"): 3,
        ("firebell_tracker_sync_lag_seconds", "1"): 60,
        ("firebell_chat_dead", "19"): 0,
        ("firebell_runbooks", "untested"): 2,
        ("firebell_webhook_endpoints", "failing"): 1,
        ("firebell_webhook_lag_seconds", ""): 40,
        ("firebell_webhook_dead_changes", ""): 1,
        ("firebell_runbook_sources_failing", ""): 1,
    }
    assert {key: values[key] for key in expected} == expected


def test_teams_beyond_the_limit_are_added_up() -> None:
    by_id = team_labels.labels([(n, f"t{n}") for n in range(1, 200)])
    assert [team_labels.label(by_id, n) for n in (1, 120, 121, None, 999)] == [
        *("t1", "t120", "other", "none", "none")
    ]
    assert team_labels.add_up([("a", 1), ("b", 2), ("a", 3)]) == {"a": 4, "b": 2}


def test_a_process_that_cannot_read_the_database_shows_no_old_number() -> None:
    names = {metric.name for metric in families(_state(waiting=None), None)}
    assert "firebell_database_up" in names
    assert not names & {"firebell_pages_open", "firebell_readings_timestamp_seconds"}
    assert "firebell_inbound_queue_messages" not in names, "a worker receives no messages"


def test_a_histogram_counts_each_value_once_and_no_negative_time() -> None:
    histogram = Histogram((1.0, 5.0))
    for value in (-3.0, 0.5, 1.0, 1.1, 5.0, 900.0):
        histogram.observe(value)
    assert list(histogram.cumulative()) == [(1.0, 3), (5.0, 5), (float("inf"), 6)]
    assert histogram.sum == pytest.approx(907.6)
    assert all(a[1] <= b[1] for a, b in pairwise(histogram.cumulative()))


@pytest.mark.parametrize(
    ("client", "authorization", "token", "networks", "status"),
    [
        ("192.0.2.7", f"Bearer {TOKEN}", TOKEN, "", None),
        ("192.0.2.7", f"bearer  {TOKEN} ", TOKEN, "", None),
        ("192.0.2.7", "", TOKEN, "192.0.2.0/24", None),
        ("::ffff:192.0.2.7", "", "", "192.0.2.0/24", None),
        ("2001:db8::1%eth0", "", "", "2001:db8::/32", None),
        ("192.0.2.7", f"Bearer {TOKEN}x", TOKEN, "", 401),
        ("192.0.2.7", f"Basic {TOKEN}", TOKEN, "", 401),
        ("192.0.2.7", "Bearer ", TOKEN, "198.51.100.0/24", 401),
        ("192.0.2.7", "Bearer é", TOKEN, "", 401),
        ("192.0.2.7", "Bearer ", "", "198.51.100.0/24", 403),
        ("127.0.0.1", "", "", "", 403),
        ("unix", "", "", "0.0.0.0/0", 403),
        ("", "Bearer", "", "", 403),
    ],
)
def test_only_the_token_or_an_allowed_network_gets_in(
    client: str, authorization: str, token: str, networks: str, status: int | None
) -> None:
    error = access.refusal(client, authorization, token=token, networks=parse_networks(networks))
    assert (error.status if error else None) == status


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("FIREBELL_METRICS_TOKEN", "short"),
        ("FIREBELL_METRICS_TOKEN", "ein-langes-Geheimnis-für-Prometheus"),
        ("FIREBELL_METRICS_TOKEN", "a token with\na line break"),
        ("FIREBELL_METRICS_NETWORKS", "10.0.0.1/8"),
        ("FIREBELL_METRICS_PORT", "9464x"),
    ],
)
def test_settings_that_cannot_work_are_refused_at_startup(name: str, value: str) -> None:
    with pytest.raises(StartupError) as refused:
        load({name: value})
    assert name in refused.value.message
    assert "Geheimnis" not in refused.value.message


def test_a_worker_answers_prometheus_only_on_a_port_that_is_set() -> None:
    assert load({}).metrics_port is None
    settings = load({"FIREBELL_METRICS_PORT": "9464", "FIREBELL_METRICS_NETWORKS": "10.0.0.0/8, ::1"})
    assert settings.metrics_port == 9464
    assert len(settings.metrics_networks) == 2
