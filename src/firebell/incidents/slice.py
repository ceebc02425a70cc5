"""Slice declaration: incidents."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from firebell.kit.slice import FEW, Command, IncidentPart, NavItem, Section, Slice, Subscriptions

if TYPE_CHECKING:
    from fastapi import APIRouter

    from firebell.incidents.closing_registry import ConditionSource
    from firebell.kit.jobs.timers import Handler


def _routers() -> list["APIRouter"]:
    from firebell.incidents import (
        api,
        closing_api,
        closing_web,
        details_web,
        field_api,
        field_web,
        list_web,
        message_api,
        message_web,
        reporting_api,
        rule_api,
        rule_web,
        web,
    )

    return [
        *(message_web.router, closing_web.router, details_web.router, rule_web.router),
        *(field_web.router, field_api.router),
        *(list_web.router, web.router, rule_api.router),
        *(reporting_api.router, closing_api.router, api.router, message_api.router),
    ]


def _timers() -> Mapping[str, "Handler"]:
    from firebell.incidents import timers

    return timers.HANDLERS


def _subscriptions() -> Subscriptions:
    from firebell.incidents import actions
    from firebell.paging.model import PageAcknowledged

    return Subscriptions(then={PageAcknowledged: {"triage_incident": actions.triage_incidents_of_page}})


def _incident_parts() -> list[IncidentPart]:
    from firebell.incidents import relation_part

    return [relation_part.PART]


def _closing_conditions() -> list["ConditionSource"]:
    from firebell.incidents import field_actions

    return [field_actions.closing_conditions]


_TABLES = (
    *("incident", "incident_service", "incident_page", "incident_role", "timeline_entry"),
    *("incident_transition", "incident_baseline", "customer_report", "incident_relation"),
    *("declaration_rule_page", "incident_field_value"),
)

SLICE = Slice(
    "incidents",
    tables=(*_TABLES, "declaration_rule", "incident_field"),
    views={
        "page_incident": "An alert and a page are shown with their incidents.",
        "private_incident": "An alert and a page are shown without the private incidents of others.",
    },
    kept={
        **dict.fromkeys(_TABLES, "An incident is kept, with everything that is known about it."),
        "declaration_rule": FEW,
        "incident_field": FEW,
    },
    subscriptions=_subscriptions,
    incident_parts=_incident_parts,
    closing_conditions=_closing_conditions,
    routers=_routers,
    timers=_timers,
    commands=(
        Command(
            "classify", "Find the severity of an incident, offline.", "firebell.commands.classify", rank=60
        ),
        Command("declare", "Declare an incident.", "firebell.commands.declare", rank=110),
        Command(
            "rule",
            "List, try, create and remove rules that declare incidents.",
            "firebell.commands.rule",
            rank=115,
        ),
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
