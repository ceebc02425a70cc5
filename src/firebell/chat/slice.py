"""Slice declaration: chats."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from firebell.kit.slice import FEW, Command, IncidentPart, SettingsGroup, SettingsTab, Slice, Subscriptions

if TYPE_CHECKING:
    from fastapi import APIRouter

    from firebell.catalog.uses import UseSource
    from firebell.kit.jobs.pruning import Retention


def _routers() -> list["APIRouter"]:
    from firebell.chat import api, web
    from firebell.chat.linked_users import api as users_api
    from firebell.chat.linked_users import web as link_web
    from firebell.chat.mattermost import hook_web as mattermost_web
    from firebell.chat.microsoft_teams import hook_web as teams_web
    from firebell.chat.slack import hook_web as slack_web
    from firebell.chat.slack import settings_web, test_message_api

    return [
        settings_web.router,
        web.router,
        slack_web.router,
        mattermost_web.router,
        teams_web.router,
        link_web.router,
        api.router,
        users_api.router,
        test_message_api.router,
    ]


def _subscriptions() -> Subscriptions:
    from firebell.chat.linked_users import linking
    from firebell.chat.mirror import reactions
    from firebell.incidents.model import EntryAdded
    from firebell.people.model import PersonLeft
    from firebell.postmortems.model import PostmortemPublished

    return Subscriptions(
        must={PersonLeft: (linking.end_links,)},
        then={
            EntryAdded: {"mirror_incident": reactions.mirror_incident},
            PostmortemPublished: {"mirror_published": reactions.mirror_incident},
        },
        while_rows={"mirror_incident": "chat_account", "mirror_published": "chat_account"},
    )


def _retentions() -> "Sequence[Retention]":
    from firebell.chat import retention_store
    from firebell.chat.mirror import call_count_store
    from firebell.chat.received import store as inbound_store
    from firebell.chat.slack import install_store

    return [
        *inbound_store.RETENTIONS,
        *retention_store.RETENTIONS,
        *install_store.RETENTIONS,
        *call_count_store.RETENTIONS,
    ]


def _incident_parts() -> list[IncidentPart]:
    from firebell.chat.mirror import incident_part

    return [incident_part.PART]


def _service_uses() -> list["UseSource"]:
    from firebell.chat import service_uses

    return [service_uses.uses]


SLICE = Slice(
    "chat",
    tables=(
        *("chat_account", "chat_room", "chat_object", "chat_want"),
        *("chat_user", "chat_seen", "chat_inbox", "chat_capture", "chat_install", "chat_calls"),
    ),
    views={"chat_channel": "A step of the escalation matrix posts in a channel."},
    kept={
        "chat_account": FEW,
        "chat_room": "A channel is kept with its incident.",
        "chat_user": "One row for each user of a connected workspace who acted.",
        "chat_capture": "A captured message is kept with its incident.",
    },
    retentions=_retentions,
    routers=_routers,
    service_uses=_service_uses,
    subscriptions=_subscriptions,
    incident_parts=_incident_parts,
    commands=(
        Command(
            "chat",
            "Connect chats, and retry what was not sent.",
            "firebell.commands.chat",
            rank=126,
        ),
    ),
    settings_tabs=(
        SettingsTab(SettingsGroup.ORGANIZATION, 50, "/settings/chat", "Chat", "chat", "chat.write"),
    ),
)
