"""Slice declaration: writing about incidents to everyone at once."""

from collections.abc import Mapping
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

    from firebell.kit.jobs.timers import Handler

WITH_INCIDENT = "It is kept with its incident, as evidence of what was sent."


def _routers() -> list["APIRouter"]:
    from firebell.comms import api, settings_api, settings_web, web
    from firebell.comms.first_update import api as first_update_api
    from firebell.comms.first_update import web as first_update_web

    return [
        *(first_update_web.router, web.router, settings_web.router),
        *(first_update_api.router, api.router, settings_api.router),
    ]


def _timers() -> Mapping[str, "Handler"]:
    from firebell.comms import timers
    from firebell.comms.first_update import publication

    return {**timers.HANDLERS, publication.FIRST_UPDATE_TIMER: publication.run_rules}


def _subscriptions() -> Subscriptions:
    from firebell.chat.model import PublicUpdateUndone, PublicUpdateWritten
    from firebell.comms import approvals, chat_updates
    from firebell.comms.first_update import publication
    from firebell.incidents.model import EntryAdded, IncidentDeclared

    return Subscriptions(
        must={
            IncidentDeclared: (publication.begin,),
            EntryAdded: (publication.check, approvals.check_waiting),
            PublicUpdateWritten: (chat_updates.publish_written,),
            PublicUpdateUndone: (chat_updates.undo_published,),
        }
    )


def _incident_parts() -> list[IncidentPart]:
    from firebell.comms import incident_part

    return [incident_part.PART]


SLICE = Slice(
    "comms",
    tables=(
        *("comms_post", "comms_delivery", "comms_approval"),
        *("first_update_rule", "first_update_progress", "first_update_claim"),
    ),
    kept={
        "first_update_rule": FEW,
        "first_update_progress": WITH_INCIDENT,
        "first_update_claim": WITH_INCIDENT,
        "comms_post": WITH_INCIDENT,
        "comms_delivery": WITH_INCIDENT,
        "comms_approval": WITH_INCIDENT,
    },
    routers=_routers,
    timers=_timers,
    subscriptions=_subscriptions,
    incident_parts=_incident_parts,
    commands=(
        Command(
            "comms",
            "Check the tone of texts, and publish updates everywhere.",
            "firebell.commands.comms",
            rank=123,
        ),
    ),
    navigation=(NavItem(Section.MORE, 42, "/settings/comms", "megaphone", "Tone check and approval"),),
    settings_tabs=(
        SettingsTab(SettingsGroup.INCIDENTS, 40, "/settings/comms", "Updates", "comms", "status_page.read"),
    ),
)
