"""Slice declaration: tasks of incidents."""

from typing import TYPE_CHECKING

from firebell.kit.slice import Command, IncidentPart, NavItem, Section, Slice, Subscriptions

if TYPE_CHECKING:
    from fastapi import APIRouter

    from firebell.incidents.actions import ConditionSource


def _routers() -> list["APIRouter"]:
    from firebell.incident_tasks import api, list_api, list_web, web

    return [list_web.router, web.router, list_api.router, api.router]


def _subscriptions() -> Subscriptions:
    from firebell.incident_tasks import actions
    from firebell.incidents.model import IncidentMerged

    return Subscriptions(must={IncidentMerged: (actions.merge_tasks,)})


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
    subscriptions=_subscriptions,
    incident_parts=_incident_parts,
    closing_conditions=_closing_conditions,
    commands=(
        Command(
            "task",
            "List tasks and the ticket queue; finish, move and assign.",
            "firebell.commands.task",
            rank=121,
        ),
    ),
    navigation=(NavItem(Section.MAIN, 40, "/tasks", "list-checks", "Tasks", name="tasks"),),
)
