"""Slice declaration: action items."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from firebell.kit.slice import (
    FEW,
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

    from firebell.kit.jobs.pruning import Retention
    from firebell.kit.jobs.timers import Handler


def _routers() -> list["APIRouter"]:
    from firebell.action_items import api, completion_api, web
    from firebell.action_items.prevention_questions import api as prevention_question_api
    from firebell.action_items.settings import api as settings_api
    from firebell.action_items.settings import web as settings_web
    from firebell.action_items.trackers import api as tracker_api
    from firebell.action_items.trackers import (
        authorization_web,
        connection_test_web,
        hook_web,
        link_api,
        link_web,
    )
    from firebell.action_items.trackers import web as tracker_web

    return [
        *(
            settings_web.router,
            link_web.router,
            connection_test_web.router,
            authorization_web.router,
            tracker_web.router,
            hook_web.router,
        ),
        web.router,
        *(link_api.router, tracker_api.router, api.router),
        *(completion_api.router, prevention_question_api.router, settings_api.router),
    ]


def _timers() -> Mapping[str, "Handler"]:
    from firebell.action_items import timers

    return timers.HANDLERS


def _subscriptions() -> Subscriptions:
    from firebell.action_items import actions
    from firebell.action_items.model import ActionItemChanged
    from firebell.action_items.prevention_questions import actions as prevention_question_actions
    from firebell.action_items.trackers import reactions as trackers
    from firebell.incidents.model import IncidentClosed, IncidentDeclared, IncidentMerged
    from firebell.people.model import PersonLeft

    return Subscriptions(
        must={IncidentMerged: (actions.merge_items,), PersonLeft: (actions.reassign_items,)},
        then={
            IncidentDeclared: {"ask_about_action_items": prevention_question_actions.ask_after_event},
            IncidentClosed: {"ask_about_items_again": prevention_question_actions.ask_after_event},
            ActionItemChanged: {"sync_with_trackers": trackers.queue_sync},
        },
        while_rows={
            "ask_about_action_items": "action_item",
            "ask_about_items_again": "action_item",
            "sync_with_trackers": "tracker",
        },
    )


def _incident_parts() -> list[IncidentPart]:
    from firebell.action_items import incident_part

    return [incident_part.PART]


def _incident_checks() -> list[IncidentChecks]:
    from firebell.action_items import incident_part

    return [incident_part.load_findings]


def _retentions() -> "Sequence[Retention]":
    from firebell.action_items.trackers import credential_store, link_store

    return (*link_store.RETENTIONS, *credential_store.RETENTIONS)


SLICE = Slice(
    "action_items",
    tables=(
        *("action_item", "action_event", "action_question"),
        *("tracker", "tracker_link", "tracker_user", "tracker_hook_delivery", "tracker_rate"),
        "tracker_authorization",
    ),
    retentions=_retentions,
    kept={
        "action_item": "An action item is kept with its incident.",
        "action_event": "The history of an item is kept with it, as evidence.",
        "action_question": "An answer is kept with its incident, as evidence.",
        "tracker": FEW,
        "tracker_link": "A link is kept with its item.",
        "tracker_user": "One row for each person in a tracker.",
        "tracker_rate": "Two rows for each token.",
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
        Command(
            "tracker",
            "Connect issue trackers, check them, and sync action items.",
            "firebell.commands.tracker",
            rank=123,
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
            SettingsGroup.INCIDENTS,
            75,
            "/settings/action-items",
            "Action items",
            "action-items",
            "incident_settings.write",
        ),
        SettingsTab(
            SettingsGroup.INCIDENTS,
            76,
            "/settings/trackers",
            "Trackers",
            "trackers",
            "tracker.read",
        ),
    ),
)
