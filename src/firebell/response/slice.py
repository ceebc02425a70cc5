"""Slice declaration: the response to incidents."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from firebell.kit.slice import (
    FEW,
    Command,
    DeclarationPlan,
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

    from firebell.kit.jobs.timers import Handler


def _routers() -> list["APIRouter"]:
    from firebell.response import api, matrix_rows_web, settings_api, settings_web, web

    return [settings_web.router, matrix_rows_web.router, web.router, settings_api.router, api.router]


def _timers() -> Mapping[str, "Handler"]:
    from firebell.response import timers

    return timers.HANDLERS


def _subscriptions() -> Subscriptions:
    from firebell.incidents import model as incidents
    from firebell.oncall.model import ScheduleDeleted
    from firebell.response import reactions, settings_actions

    return Subscriptions(
        must={
            incidents.IncidentDeclared: (reactions.begin_response,),
            incidents.EntryAdded: (reactions.join_levels_off_hours,),
            incidents.SeverityChanged: (reactions.follow_severity,),
            incidents.SeverityConfirmed: (reactions.follow_confirmation,),
            incidents.RoleChanged: (reactions.follow_role,),
            incidents.IncidentMerged: (reactions.merge_requests,),
            incidents.PhaseChanged: (reactions.follow_phase,),
            ScheduleDeleted: (settings_actions.refuse_deletion_while_used,),
        }
    )


def _incident_parts() -> list[IncidentPart]:
    from firebell.response import incident_part

    return [incident_part.PART]


def _declaration_plans() -> list[DeclarationPlan]:
    from firebell.response import preview

    return [preview.what_happens_next]


SLICE = Slice(
    "response",
    tables=(
        *("response_version", "response_draft", "response_incident", "response_step", "response_page"),
        *("response_post", "expertise_request"),
    ),
    kept={
        "response_version": "An incident names the version it was declared under.",
        "response_draft": FEW,
        "response_incident": "A response is kept with its incident, as evidence.",
        "response_step": "What was asked and done is kept with its incident, as evidence.",
        "response_page": "It ends with its page.",
        "response_post": "What was posted is kept with its incident, as evidence.",
        "expertise_request": "A request is kept with its incident, as evidence.",
    },
    routers=_routers,
    timers=_timers,
    subscriptions=_subscriptions,
    incident_parts=_incident_parts,
    declaration_plans=_declaration_plans,
    commands=(
        Command(
            "response",
            "Show, export and import the response by severity.",
            "firebell.commands.response",
            rank=122,
        ),
    ),
    navigation=(NavItem(Section.MORE, 40, "/settings/response", "siren", "Response by severity"),),
    settings_tabs=(
        SettingsTab(
            SettingsGroup.INCIDENTS, 30, "/settings/response", "Response", "response", "response.read"
        ),
    ),
)
