"""What people, teams, sign-in and contact methods add to the product."""

from typing import TYPE_CHECKING

from firebell.kit.slice import Command, NavItem, Section, Slice

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fastapi import APIRouter

    from firebell.kit.jobs.timers import Handler


def _routers() -> list["APIRouter"]:
    from firebell.people import (
        api,
        audit_web,
        contact_method_api,
        contact_method_web,
        key_api,
        key_web,
        person_web,
        profile_web,
        session_api,
        sign_in_web,
        team_web,
        verification_api,
        verification_web,
    )

    return [
        sign_in_web.router,
        profile_web.router,
        contact_method_web.router,
        verification_web.router,
        key_web.router,
        person_web.router,
        team_web.router,
        audit_web.router,
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
