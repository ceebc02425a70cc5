"""Slice declaration: incidents."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from firebell.kit.slice import FEW, Command, NavItem, Section, Slice, Subscriptions

if TYPE_CHECKING:
    from fastapi import APIRouter

    from firebell.kit.jobs.timers import Handler


def _routers() -> list["APIRouter"]:
    from firebell.incidents import (
        api,
        export_web,
        list_web,
        message_web,
        saved_view_api,
        saved_view_web,
        similar_api,
        web,
    )

    return [
        message_web.router,
        list_web.router,
        export_web.router,
        saved_view_web.router,
        web.router,
        similar_api.router,
        saved_view_api.router,
        api.router,
    ]


def _timers() -> Mapping[str, "Handler"]:
    from firebell.incidents import timers

    return timers.HANDLERS


def _subscriptions() -> Subscriptions:
    from firebell.incidents import actions
    from firebell.paging.model import ManualPageStarted

    return Subscriptions(must={ManualPageStarted: (actions.link_manual_page,)})


SLICE = Slice(
    "incidents",
    tables=(
        "incident",
        "incident_service",
        "incident_page",
        "incident_role",
        "timeline_entry",
        "saved_view",
    ),
    views={"page_incident": "An alert and a page are shown with their incidents."},
    kept=dict.fromkeys(
        ("incident", "incident_service", "incident_page", "incident_role", "timeline_entry"),
        "An incident is kept, with everything that is known about it.",
    )
    | {"saved_view": FEW},
    routers=_routers,
    timers=_timers,
    subscriptions=_subscriptions,
    commands=(
        Command(
            "classify", "Find the severity of an incident, offline.", "firebell.commands.classify", rank=60
        ),
        Command("declare", "Declare an incident.", "firebell.commands.declare", rank=110),
        Command(
            "incident",
            "Run incidents: roles, updates, phases and post-mortems.",
            "firebell.commands.incident",
            rank=120,
        ),
    ),
    navigation=(
        NavItem(
            Section.MAIN,
            30,
            "/incidents",
            "flame",
            "Incidents",
            name="incidents",
            count="live_incidents",
            tab=("incidents", "room"),
        ),
        NavItem(Section.MORE, 20, "/incidents/new", "siren", "Declare an incident", verb="incident.declare"),
    ),
)
