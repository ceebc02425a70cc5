"""Slice declaration: incidents."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from firebell.kit.slice import (
    FEW,
    Command,
    IncidentPart,
    NavItem,
    Section,
    SettingsGroup,
    SettingsTab,
    Slice,
    Subscriptions,
)

if TYPE_CHECKING:
    from fastapi import APIRouter

    from firebell.catalog.uses import UseSource
    from firebell.incidents.closing.condition_sources import ConditionSource
    from firebell.kit.jobs.pruning import Retention
    from firebell.kit.jobs.timers import Handler


def _routers() -> list["APIRouter"]:
    from firebell.incidents import api, details_web, visibility_api, web
    from firebell.incidents.canvas import api as canvas_api
    from firebell.incidents.canvas import web as canvas_web
    from firebell.incidents.checks import api as check_api
    from firebell.incidents.checks import web as check_web
    from firebell.incidents.closing import api as closing_api
    from firebell.incidents.closing import web as closing_web
    from firebell.incidents.custom_fields import api as field_api
    from firebell.incidents.custom_fields import web as field_web
    from firebell.incidents.declaration_rules import api as rule_api
    from firebell.incidents.declaration_rules import web as rule_web
    from firebell.incidents.declaring import (
        backfilling_api,
        backfilling_web,
        reporting_api,
        reporting_web,
        similar_api,
    )
    from firebell.incidents.declaring import web as declare_web
    from firebell.incidents.incident_list import export_web
    from firebell.incidents.incident_list import web as list_web
    from firebell.incidents.messages import api as message_api
    from firebell.incidents.messages import web as message_web
    from firebell.incidents.relations import api as relation_api
    from firebell.incidents.roles import handover_api, handover_web
    from firebell.incidents.severity_changes import api as severity_api
    from firebell.incidents.severity_changes import web as severity_web
    from firebell.incidents.timeline import api as timeline_api
    from firebell.incidents.timeline import web as timeline_web

    # web and api come last: their addresses with a parameter would hide those of the others
    modules = (
        *(message_web, closing_web, details_web, reporting_web, backfilling_web, rule_web, field_web),
        *(list_web, export_web),
        *(timeline_web, check_web, handover_web, canvas_web, severity_web, declare_web, web),
        *(rule_api, field_api, reporting_api, visibility_api, relation_api, backfilling_api),
        *(closing_api, timeline_api, check_api, handover_api),
        *(similar_api, canvas_api, severity_api, message_api, api),
    )
    return [module.router for module in modules]


def _timers() -> Mapping[str, "Handler"]:
    from firebell.incidents import timers

    return timers.HANDLERS


def _subscriptions() -> Subscriptions:
    from firebell.incidents import actions
    from firebell.paging.model import ManualPageStarted, PageAcknowledged
    from firebell.people.model import AccountRoleChanged, PersonLeft
    from firebell.runbooks.model import RunbookStepped

    return Subscriptions(
        must={ManualPageStarted: (actions.link_manual_page,)},
        then={
            PageAcknowledged: {"triage_incident": actions.triage_incidents_of_page},
            PersonLeft: {"end_roles_of_leaver": actions.end_lost_roles_of},
            AccountRoleChanged: {"end_roles_of_viewer": actions.end_lost_roles_of},
            RunbookStepped: {"record_runbook_step": actions.record_runbook_step},
        },
    )


def _retentions() -> "Sequence[Retention]":
    from firebell.incidents.timeline import store as timeline_store

    return timeline_store.RETENTIONS


def _incident_parts() -> list[IncidentPart]:
    from firebell.incidents.relations import incident_part as relation_part

    return [relation_part.PART]


def _closing_conditions() -> list["ConditionSource"]:
    from firebell.incidents.custom_fields import actions as field_actions

    return [field_actions.closing_conditions]


_TABLES = (
    *("incident", "incident_service", "incident_page", "incident_role", "timeline_entry"),
    *("incident_transition", "incident_baseline", "customer_report", "incident_relation"),
    *("timeline_change", "check_waiver", "role_offer", "declaration_rule_page"),
    *("incident_field_value", "incident_final_facts", "closing_watch"),
)


def _service_uses() -> list["UseSource"]:
    from firebell.incidents import service_uses

    return [service_uses.uses]


SLICE = Slice(
    "incidents",
    tables=(*_TABLES, "attachment", "declaration_rule", "incident_field"),
    views={
        "page_incident": "An alert and a page are shown with their incidents.",
        "private_incident": "Alerts, pages and runs are shown without the private incidents of others.",
    },
    kept={
        **dict.fromkeys(_TABLES, "An incident is kept, with everything that is known about it."),
        "declaration_rule": FEW,
        "incident_field": FEW,
    },
    retentions=_retentions,
    subscriptions=_subscriptions,
    closing_conditions=_closing_conditions,
    routers=_routers,
    timers=_timers,
    incident_parts=_incident_parts,
    service_uses=_service_uses,
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
    settings_tabs=(
        SettingsTab(
            SettingsGroup.INCIDENTS,
            60,
            "/settings/declaration-rules",
            "Declaration rules",
            "rules",
            "incident.read",
        ),
        SettingsTab(
            SettingsGroup.INCIDENTS,
            70,
            "/settings/incident-fields",
            "Fields",
            "fields",
            "incident.read",
        ),
    ),
)
