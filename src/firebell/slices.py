"""The only list of the slices: tables, routers, timers, composers, subscriptions, commands and navigation come from it.

Order matters twice: an earlier slice's routes match first (handoffs and workload live below /oncall),
and `must` handlers of one event run in the order of their slices.
"""

from typing import TYPE_CHECKING

from firebell.alerts import slice as alerts
from firebell.catalog import slice as catalog
from firebell.dashboard import slice as dashboard
from firebell.handbook import slice as handbook
from firebell.handoffs import slice as handoffs
from firebell.incidents import slice as incidents
from firebell.kit.slice import Command, Slice, unique
from firebell.notify import slice as notify
from firebell.oncall import slice as oncall
from firebell.paging import slice as paging
from firebell.people import slice as people
from firebell.postmortems import slice as postmortems
from firebell.runbooks import slice as runbooks
from firebell.search import slice as search
from firebell.service_overview import slice as service_overview
from firebell.setup import slice as setup
from firebell.workload import slice as workload

if TYPE_CHECKING:
    from fastapi import APIRouter


def _account_routers() -> list["APIRouter"]:
    from firebell import deactivation, sessions_web, undo_api, undoing

    return [sessions_web.router, deactivation.router, undoing.router, undo_api.router]


def _offline_routers() -> list["APIRouter"]:
    from firebell import offline

    return [offline.router]


KIT = Slice("kit", tables=("schema_migration", "setting", "audit", "due", "outbox"))
HEALTH_CHECK = Slice("health_check", tables=("write_probe",))
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
ACCOUNT = Slice(
    "account",
    routers=_account_routers,
    commands=(
        Command("session", "List and end your browser sessions.", "firebell.commands.session", rank=200),
        Command("undo", "Undo what you just removed.", "firebell.commands.undo", rank=210),
    ),
)
OFFLINE = Slice("offline", routers=_offline_routers)

SLICES = (
    KIT,
    people.SLICE,
    notify.SLICE,
    handbook.SLICE,
    catalog.SLICE,
    runbooks.SLICE,
    alerts.SLICE,
    handoffs.SLICE,
    workload.SLICE,
    oncall.SLICE,
    paging.SLICE,
    incidents.SLICE,
    postmortems.SLICE,
    service_overview.SLICE,
    search.SLICE,
    ACCOUNT,
    setup.SLICE,
    dashboard.SLICE,
    OFFLINE,
    HEALTH_CHECK,
    SERVER,
)


def owners() -> dict[str, str]:
    """Return the slice that owns each table and view; raise DeclarationError if two slices claim one."""
    return unique(
        "table", ((each.name, name, each.name) for each in SLICES for name in (*each.tables, *each.views))
    )


def function_owners() -> dict[str, str]:
    """Return the slice of each function of the database; raise DeclarationError if two slices claim one."""
    return unique("function", ((each.name, name, each.name) for each in SLICES for name in each.functions))
