"""What people, teams, sign-in and contact methods add to the product."""

from typing import TYPE_CHECKING

from firebell.kit.slice import FEW, Command, NavItem, Section, SettingsGroup, SettingsTab, Slice

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fastapi import APIRouter

    from firebell.kit.jobs.pruning import Retention


def _routers() -> list["APIRouter"]:
    from firebell.people import api, person_web, profile_web, time_zones_web
    from firebell.people.api_keys import api as key_api
    from firebell.people.api_keys import web as key_web
    from firebell.people.audit_log import web as audit_web
    from firebell.people.contact_methods import (
        address_link_api,
        message_settings_api,
        message_settings_web,
        webhook_secret_api,
    )
    from firebell.people.contact_methods import web as contact_method_web
    from firebell.people.sessions import api as session_api
    from firebell.people.sign_in import web as sign_in_web
    from firebell.people.teams import web as team_web
    from firebell.people.verification import api as verification_api
    from firebell.people.verification import web as verification_web

    return [
        sign_in_web.router,
        profile_web.router,
        contact_method_web.router,
        verification_web.router,
        message_settings_web.router,
        key_web.router,
        person_web.router,
        team_web.router,
        audit_web.router,
        time_zones_web.router,
        api.router,
        address_link_api.router,
        message_settings_api.router,
        webhook_secret_api.router,
        verification_api.router,
        key_api.router,
        session_api.router,
    ]


def _retentions() -> "Sequence[Retention]":
    from firebell.people import submitted_form_store
    from firebell.people.verification import retention as verification_retention

    return (*verification_retention.RETENTIONS, *submitted_form_store.RETENTIONS)


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
        "submitted_form",
    ),
    kept={
        "person": "Names are shown wherever someone acted; a person is deactivated.",
        "team": FEW,
        "team_member": FEW,
        "catch_all": FEW,
        "notification_rule": FEW,
        "quiet_hours": FEW,
        "person_gone": "When someone left decides what they are asked and paid for.",
        "api_key": "Few; a revoked key stays in the list of keys.",
        "session": "Ended sessions are deleted at each sign-in.",
        "sign_in_limit": "Budgets that are full again are deleted at each failed sign-in.",
    },
    retentions=_retentions,
    routers=_routers,
    commands=(Command("contact", "Manage your contact methods.", "firebell.commands.contact", rank=150),),
    navigation=(
        NavItem(Section.FOOT, 10, "/settings", "settings", "Settings", name="settings"),
        NavItem(Section.MORE, 60, "/settings/contact", "phone-call", "Notifications"),
    ),
    settings_tabs=(
        SettingsTab(SettingsGroup.YOU, 10, "/settings", "Profile", "profile"),
        SettingsTab(SettingsGroup.YOU, 20, "/settings/contact", "Notifications", "contact"),
        SettingsTab(SettingsGroup.YOU, 40, "/settings/keys", "API keys", "keys"),
        SettingsTab(SettingsGroup.ORGANIZATION, 10, "/settings/people", "People", "people", "person.write"),
        SettingsTab(SettingsGroup.ORGANIZATION, 20, "/settings/teams", "Teams", "teams", "team.write"),
        SettingsTab(SettingsGroup.ORGANIZATION, 80, "/settings/audit", "Audit log", "audit", "audit.read"),
    ),
)
