"""What people, teams, sign-in and contact methods add to the product."""

from typing import TYPE_CHECKING

from firebell.kit.slice import Command, NavItem, Section, Slice

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fastapi import APIRouter

    from firebell.kit.jobs.timers import Handler


def _routers() -> list["APIRouter"]:
    from firebell.people import (
        admin_web,
        api,
        contact_method_api,
        key_api,
        session_api,
        verification_api,
        verification_web,
        web,
    )

    return [
        web.router,
        verification_web.router,
        admin_web.router,
        api.router,
        contact_method_api.router,
        verification_api.router,
        key_api.router,
        session_api.router,
    ]


def _timers() -> "Mapping[str, Handler]":
    from firebell.people import timers

    return timers.HANDLERS


SLICE = Slice(
    "people",
    tables=(
        "person",
        "team",
        "team_member",
        "catch_all",
        "contact_method",
        "contact_code",
        "notification_rule",
        "session",
        "api_key",
        "quiet_hours",
        "person_gone",
        "sign_in_limit",
    ),
    routers=_routers,
    timers=_timers,
    commands=(Command("contact", "Manage your contact methods.", "firebell.commands.contact", rank=150),),
    navigation=(
        NavItem(Section.FOOT, 10, "/settings", "settings", "Settings", name="settings"),
        NavItem(Section.MORE, 60, "/settings/contact", "phone-call", "Notifications"),
    ),
)
