"""Slice declaration: drills."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from firebell.kit.slice import Command, Slice, Subscriptions

if TYPE_CHECKING:
    from fastapi import APIRouter

    from firebell.catalog.uses import UseSource
    from firebell.kit.jobs.timers import Handler


def _routers() -> list["APIRouter"]:
    from firebell.drills import api, web

    return [web.router, api.router]


def _timers() -> Mapping[str, "Handler"]:
    from firebell.drills import timers

    return timers.HANDLERS


def _subscriptions() -> Subscriptions:
    from firebell.drills import running, sandbox_guards
    from firebell.incidents.model import (
        DrillPaged,
        IncidentDeclared,
        PhaseChanged,
        RoleChanged,
        SeverityChanged,
    )
    from firebell.paging.model import ManualPageStarted
    from firebell.people.model import PersonLeft
    from firebell.runbooks.model import RunbookStepped

    return Subscriptions(
        must={
            IncidentDeclared: (sandbox_guards.attach_incident,),
            ManualPageStarted: (sandbox_guards.confine_page,),
            DrillPaged: (sandbox_guards.confine_incident_page,),
            RoleChanged: (sandbox_guards.refuse_outsiders,),
            RunbookStepped: (sandbox_guards.refuse_commands,),
            PersonLeft: (sandbox_guards.decline_for_leaver,),
        },
        then={
            IncidentDeclared: {"pause_drills": running.pause_for_real_incident},
            SeverityChanged: {"pause_drills_when_raised": running.pause_for_real_incident},
            PhaseChanged: {"pause_drills_when_reopened": running.pause_for_real_incident},
        },
        while_rows={
            "pause_drills": "drill",
            "pause_drills_when_raised": "drill",
            "pause_drills_when_reopened": "drill",
        },
    )


def _service_uses() -> list["UseSource"]:
    from firebell.drills import service_uses

    return [service_uses.uses]


SLICE = Slice(
    "drills",
    tables=(
        "drill",
        "drill_participant",
        "drill_inject",
        "drill_observation",
        "drill_tray_post",
        "drill_verdict",
    ),
    kept={
        "drill": "A few a month, kept as evidence of practice.",
        "drill_participant": "Kept with its drill.",
        "drill_inject": "Kept with its drill.",
        "drill_observation": "Kept with its drill, at most 500 for each.",
        "drill_tray_post": "Kept with its drill, at most 200 for each.",
        "drill_verdict": "Kept with its drill.",
    },
    routers=_routers,
    service_uses=_service_uses,
    timers=_timers,
    subscriptions=_subscriptions,
    commands=(
        Command(
            "drill", "Plan, run and score drills; check scenario files.", "firebell.commands.drill", rank=124
        ),
    ),
)
