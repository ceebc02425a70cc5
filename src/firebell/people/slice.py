"""What people, teams, sign-in and contact methods add to the product."""

from typing import TYPE_CHECKING

from firebell.kit.slice import Command, NavItem, Section, Slice

if TYPE_CHECKING:
    from fastapi import APIRouter


def _routers() -> list["APIRouter"]:
    from firebell.people import admin_web, api, contact_api, key_api, session_api, web

    return [web.router, admin_web.router, api.router, contact_api.router, key_api.router, session_api.router]


SLICE = Slice(
    "people",
    tables=(
        "person",
        "team",
        "team_member",
        "catch_all",
        "contact_method",
        "notification_rule",
        "session",
        "api_key",
        "quiet_hours",
        "person_gone",
        "sign_in_limit",
    ),
    routers=_routers,
    commands=(Command("contact", "Manage your contact methods.", "firebell.commands.contact", rank=150),),
    navigation=(
        NavItem(Section.FOOT, 10, "/settings", "settings", "Settings", name="settings"),
        NavItem(Section.MORE, 60, "/settings/contact", "phone-call", "Notifications"),
    ),
)
