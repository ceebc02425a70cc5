"""Slice declaration: tasks of incidents."""

from typing import TYPE_CHECKING

from firebell.kit.slice import IncidentPart, Slice

if TYPE_CHECKING:
    from fastapi import APIRouter

    from firebell.incidents.actions import ConditionSource


def _routers() -> list["APIRouter"]:
    from firebell.incident_tasks import api, web

    return [web.router, api.router]


def _incident_parts() -> list[IncidentPart]:
    from firebell.incident_tasks import incident_part

    return [incident_part.PART]


def _closing_conditions() -> list["ConditionSource"]:
    from firebell.incident_tasks import queries

    return [queries.closing_conditions]


SLICE = Slice(
    "incident_tasks",
    tables=("incident_task",),
    kept={"incident_task": "A task is kept with its incident."},
    routers=_routers,
    incident_parts=_incident_parts,
    closing_conditions=_closing_conditions,
)
