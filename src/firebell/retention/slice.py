"""Slice declaration: retention."""

from typing import TYPE_CHECKING

from firebell.kit.slice import Command, SettingsGroup, SettingsTab, Slice

if TYPE_CHECKING:
    from fastapi import APIRouter


def _routers() -> list["APIRouter"]:
    from firebell.retention import api, web

    return [web.router, api.router]


SLICE = Slice(
    "retention",
    routers=_routers,
    commands=(Command("retention", "Show how long data is kept.", "firebell.commands.retention", rank=210),),
    settings_tabs=(
        SettingsTab(
            SettingsGroup.ORGANIZATION, 90, "/settings/retention", "Retention", "retention", "audit.read"
        ),
    ),
)
