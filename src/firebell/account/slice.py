"""Slice declaration: sessions and deactivation."""

from typing import TYPE_CHECKING

from firebell.kit.slice import Command, SettingsGroup, SettingsTab, Slice

if TYPE_CHECKING:
    from fastapi import APIRouter


def _routers() -> list["APIRouter"]:
    from firebell.account import deactivation_web, sessions_web

    return [sessions_web.router, deactivation_web.router]


SLICE = Slice(
    "account",
    routers=_routers,
    commands=(
        Command("session", "List and end your browser sessions.", "firebell.commands.session", rank=200),
    ),
    settings_tabs=(SettingsTab(SettingsGroup.YOU, 50, "/settings/sessions", "Sessions", "sessions"),),
)
