"""The only list of the slices: tables, routers, timers, composers, subscriptions, commands and navigation come from it.

Order matters twice: an earlier slice's routes match first (handoffs and workload live below /oncall, tasks and
posts below /incidents),
and `must` handlers of one event run in the order of their slices.
"""

from typing import TYPE_CHECKING

from firebell.account import slice as account
from firebell.action_items import slice as action_items
from firebell.alert_audit import slice as alert_audit
from firebell.alerts import slice as alerts
from firebell.anomalies import slice as anomalies
from firebell.audiences import slice as audiences
from firebell.catalog import slice as catalog
from firebell.chat import slice as chat
from firebell.comms import slice as comms
from firebell.dashboard import slice as dashboard
from firebell.digests import slice as digests
from firebell.drills import slice as drills
from firebell.handbook import slice as handbook
from firebell.handoffs import slice as handoffs
from firebell.heartbeats import slice as heartbeats
from firebell.inbound_mail import slice as inbound_mail
from firebell.incident_tasks import slice as incident_tasks
from firebell.incidents import slice as incidents
from firebell.integration_setup import slice as integration_setup
from firebell.kit.slice import Command, Slice, unique
from firebell.metrics import slice as metrics
from firebell.monitoring import slice as monitoring
from firebell.notify import slice as notify
from firebell.oncall import slice as oncall
from firebell.opsgenie import slice as opsgenie
from firebell.paging import slice as paging
from firebell.people import slice as people
from firebell.postmortems import slice as postmortems
from firebell.readiness import slice as readiness
from firebell.regulatory import slice as regulatory
from firebell.replies import slice as replies
from firebell.response import slice as response
from firebell.retention import slice as retention
from firebell.routing import slice as routing
from firebell.runbooks import slice as runbooks
from firebell.saved_views import slice as saved_views
from firebell.search import slice as search
from firebell.self_watch import slice as self_watch
from firebell.service_overview import slice as service_overview
from firebell.setup import slice as setup
from firebell.status_copies import slice as status_copies
from firebell.status_pages import slice as status_pages
from firebell.subscribers import slice as subscribers
from firebell.undo import slice as undo
from firebell.webhooks import slice as webhooks
from firebell.workload import slice as workload

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fastapi import APIRouter

    from firebell.kit.jobs.pruning import Retention


def _offline_routers() -> list["APIRouter"]:
    from firebell import offline

    return [offline.router]


def _kit_retentions() -> "Sequence[Retention]":
    from firebell.kit.jobs import retention_store

    return retention_store.RETENTIONS


KIT = Slice(
    "kit",
    tables=("schema_migration", "setting", "audit", "due", "outbox", "retention_run"),
    kept={
        "schema_migration": "One row for each migration.",
        "setting": "One row for each setting.",
        "due": "A timer is deleted when it has run.",
        "retention_run": "One row for each table.",
    },
    retentions=_kit_retentions,
    functions=("schedule_timers", "timer_kinds"),
)
HEALTH_CHECK = Slice("health_check", tables=("write_probe",), kept={"write_probe": "It has one row."})
SERVER = Slice(
    "server",
    commands=(
        Command("serve", "Run Firebell: web and worker in one process.", "firebell.commands.serve", rank=10),
        Command("work", "Run only the worker.", "firebell.commands.serve", rank=20),
        Command(
            "migrate",
            "Update the database to this version's schema.",
            "firebell.commands.serve",
            rank=30,
        ),
        Command(
            "doctor",
            "Check that everything paging needs is working.",
            "firebell.commands.doctor",
            rank=40,
        ),
        Command("demo", "Run a live demo organization.", "firebell.commands.demo", rank=50),
        Command("login", "Sign in and save credentials.", "firebell.commands.login", rank=70),
    ),
)
OFFLINE = Slice("offline", routers=_offline_routers)

SLICES = (
    KIT,
    people.SLICE,
    notify.SLICE,
    handbook.SLICE,
    saved_views.SLICE,
    catalog.SLICE,
    runbooks.SLICE,
    alerts.SLICE,
    heartbeats.SLICE,
    inbound_mail.SLICE,
    handoffs.SLICE,
    workload.SLICE,
    oncall.SLICE,
    paging.SLICE,
    replies.SLICE,
    opsgenie.SLICE,
    incident_tasks.SLICE,
    action_items.SLICE,
    comms.SLICE,
    incidents.SLICE,
    postmortems.SLICE,
    regulatory.SLICE,
    response.SLICE,
    status_copies.SLICE,
    status_pages.SLICE,
    audiences.SLICE,
    subscribers.SLICE,
    webhooks.SLICE,
    chat.SLICE,
    drills.SLICE,
    readiness.SLICE,
    integration_setup.SLICE,
    service_overview.SLICE,
    routing.SLICE,
    alert_audit.SLICE,
    anomalies.SLICE,
    metrics.SLICE,
    monitoring.SLICE,
    self_watch.SLICE,
    digests.SLICE,
    search.SLICE,
    account.SLICE,
    undo.SLICE,
    retention.SLICE,
    setup.SLICE,
    dashboard.SLICE,
    OFFLINE,
    HEALTH_CHECK,
    SERVER,
)


def retentions() -> list["Retention"]:
    """Return how long the rows of tables are kept."""
    return [retention for each in SLICES for retention in each.retentions()]


def owners() -> dict[str, str]:
    """Return the slice that owns each table and view; raise DeclarationError if two slices claim one."""
    return unique(
        "table", ((each.name, name, each.name) for each in SLICES for name in (*each.tables, *each.views))
    )


def function_owners() -> dict[str, str]:
    """Return the slice of each function of the database; raise DeclarationError if two slices claim one."""
    return unique("function", ((each.name, name, each.name) for each in SLICES for name in each.functions))
