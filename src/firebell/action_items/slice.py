"""Slice declaration: action items."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from firebell.kit.slice import (
    Command,
    IncidentChecks,
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
    from firebell.action_items import api, completion_api, question_api, settings_api, settings_web, web

    modules = (settings_web, web, api, completion_api, question_api, settings_api)
    return [module.router for module in modules]


def _timers() -> Mapping[str, "Handler"]:
    from firebell.action_items import timers

    return timers.HANDLERS


def _subscriptions() -> Subscriptions:
    from firebell.action_items import actions, question_actions
    from firebell.incidents.model import IncidentClosed, IncidentDeclared, IncidentMerged
    from firebell.people.model import PersonLeft

    return Subscriptions(
        must={IncidentMerged: (actions.merge_items,), PersonLeft: (actions.reassign_items,)},
        then={
            IncidentDeclared: {"ask_about_action_items": question_actions.ask_after_event},
            IncidentClosed: {"ask_about_items_again": question_actions.ask_after_event},
        },
        while_rows={"ask_about_action_items": "action_item", "ask_about_items_again": "action_item"},
    )


def _incident_parts() -> list[IncidentPart]:
    from firebell.action_items import incident_part

    return [incident_part.PART]


def _incident_checks() -> list[IncidentChecks]:
    from firebell.action_items import incident_part

    return [incident_part.load_findings]


SLICE = Slice(
    "action_items",
    tables=("action_item", "action_event", "action_question"),
    kept={
        "action_item": "An action item is kept with its incident.",
        "action_event": "The history of an item is kept with it, as evidence.",
        "action_question": "An answer is kept with its incident, as evidence.",
    },
    routers=_routers,
    timers=_timers,
    subscriptions=_subscriptions,
    incident_parts=_incident_parts,
    incident_checks=_incident_checks,
    commands=(
        Command(
            "action",
            "List action items; add, accept, move, finish and drop them.",
            "firebell.commands.action",
            rank=122,
        ),
    ),
    navigation=(
        NavItem(
            Section.LEARN,
            25,
            "/actions",
            "circle-check-big",
            "Action items",
            name="actions",
            verb="action_item.read",
        ),
    ),
    settings_tabs=(
        SettingsTab(
            SettingsGroup.ORGANIZATION,
            75,
            "/settings/action-items",
            "Action items",
            "action-items",
            "incident_settings.write",
        ),
    ),
)
