"""Slice declaration: writing about incidents to everyone at once."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from firebell.kit.slice import Command, IncidentPart, NavItem, Section, SettingsGroup, SettingsTab, Slice

if TYPE_CHECKING:
    from fastapi import APIRouter

    from firebell.kit.jobs.timers import Handler

WITH_INCIDENT = "It is kept with its incident, as evidence of what was sent."


def _routers() -> list["APIRouter"]:
    from firebell.comms import api, settings_api, settings_web, web

    return [web.router, settings_web.router, api.router, settings_api.router]


def _timers() -> Mapping[str, "Handler"]:
    from firebell.comms import timers

    return timers.HANDLERS


def _incident_parts() -> list[IncidentPart]:
    from firebell.comms import incident_part

    return [incident_part.PART]


SLICE = Slice(
    "comms",
    tables=("comms_post", "comms_delivery", "comms_approval"),
    kept={
        "comms_post": WITH_INCIDENT,
        "comms_delivery": WITH_INCIDENT,
        "comms_approval": WITH_INCIDENT,
    },
    routers=_routers,
    timers=_timers,
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
        SettingsTab(
            SettingsGroup.ORGANIZATION, 40, "/settings/comms", "Updates", "comms", "status_page.read"
        ),
    ),
)
