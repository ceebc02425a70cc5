"""The files under `deploy/` that Prometheus and Grafana read, and the metrics that they may name."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import yaml

DEPLOY = Path(__file__).resolve().parent.parent / "deploy"
RULES = DEPLOY / "prometheus" / "firebell.rules.yml"
DASHBOARD = DEPLOY / "grafana" / "firebell.json"
FAMILIES = {
    f"firebell_{name}"
    for name in (
        *("build_info", "database_up", "readings_timestamp_seconds"),
        *("webhook_attempts", "webhook_endpoints", "webhook_lag_seconds", "webhook_dead_changes"),
        *("inbound_messages", "inbound_events", "inbound_errors", "inbound_queue_messages"),
        *("notification_deliveries", "notification_delay_seconds", "notification_queue_messages"),
        *("timer_lateness_seconds", "timers_overdue", "timer_overdue_age_seconds"),
        *("worker_lane_healthy", "queue_items", "failed_jobs"),
        *("database_pool_connections", "database_pool_limit_connections"),
        *("pages_open", "page_unacknowledged_age_seconds", "incidents_open", "oncall_gaps"),
        *("pages_triggered", "pages_night", "page_ack_seconds", "pages_unacked", "pages_exhausted"),
        *("incidents_declared", "incidents_reopened", "incident_detect_seconds"),
        *("incident_mitigate_seconds", "incident_resolve_seconds", "postmortems_overdue"),
        *("action_items", "action_items_overdue", "action_completion_ratio", "readiness_ratio"),
        *("runbook_runs", "postmortem_saves", "postmortem_conflicts"),
        *("tracker_errors", "tracker_sync_lag_seconds", "chat_calls", "chat_lag_seconds", "chat_dead"),
        *("runbooks", "runbook_sources_failing", "provider_open", "findings"),
    )
}
"""Every family that Firebell exposes about itself."""


class Target(msgspec.Struct, forbid_unknown_fields=True, rename="camel"):
    """A query of a panel."""

    ref_id: str
    datasource: dict[str, str]
    expr: str
    legend_format: str
    editor_mode: str
    range: bool
    instant: bool


class GridPos(msgspec.Struct, forbid_unknown_fields=True):
    """Where a panel is on the grid of 24 columns."""

    h: int
    w: int
    x: int
    y: int


class Panel(msgspec.Struct, rename="camel"):
    """A panel or a row of a dashboard."""

    id: int
    type: str
    title: str
    grid_pos: GridPos
    description: str = ""
    datasource: dict[str, str] = {}
    targets: list[Target] = []
    field_config: dict[str, Any] = {}
    options: dict[str, Any] = {}


class Templating(msgspec.Struct, forbid_unknown_fields=True):
    """The variables of a dashboard."""

    list: list[dict[str, Any]]


class Dashboard(msgspec.Struct, rename="camel"):
    """A dashboard as Grafana imports it."""

    uid: str
    title: str
    schema_version: int
    templating: Templating
    panels: list[Panel]
    time: dict[str, str]
    refresh: str


def dashboard() -> Dashboard:
    """Return the dashboard; raise `msgspec.ValidationError` if a field is missing or has another type."""
    return msgspec.json.decode(DASHBOARD.read_bytes(), type=Dashboard)


def rules() -> list[dict[str, Any]]:
    """Return the alert rules."""
    groups = yaml.safe_load(RULES.read_text(encoding="utf-8"))["groups"]
    return [rule for group in groups for rule in group["rules"]]


def queries() -> Iterator[tuple[str, str]]:
    """Yield where each query stands, and the query as Prometheus gets it."""
    for rule in rules():
        yield rule["alert"], rule["expr"]
    for panel in dashboard().panels:
        for target in panel.targets:
            query = target.expr.replace("$__rate_interval", "5m").replace("$instance", ".*")
            yield panel.title, query


def named_families(query: str) -> set[str]:
    """Return the families of Firebell that a query names."""
    names = re.findall(r"\bfirebell_[a-z_]+", query)
    return {re.sub(r"_(total|bucket|count|sum)$", "", name) for name in names}
