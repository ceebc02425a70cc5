"""Slice declaration: incidents and pages in chats."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from firebell.kit.slice import FEW, Slice, Subscriptions

if TYPE_CHECKING:
    from fastapi import APIRouter

    from firebell.kit.jobs.retention import Retention


def _routers() -> list["APIRouter"]:
    from firebell.chat import link_web, users_api
    from firebell.chat.slack import web as slack_web

    return [slack_web.router, link_web.router, users_api.router]


def _retentions() -> "Sequence[Retention]":
    from firebell.chat import inbound_store

    return inbound_store.RETENTIONS


def _subscriptions() -> Subscriptions:
    from firebell.chat import linking
    from firebell.people.model import PersonLeft

    return Subscriptions(must={PersonLeft: (linking.end_links,)})


SLICE = Slice(
    "chat",
    tables=("chat_account", "chat_room", "chat_user", "chat_seen", "chat_inbox", "chat_capture"),
    kept={
        "chat_account": FEW,
        "chat_room": "A room is kept with its incident.",
        "chat_user": "One row for each user of a connected workspace who acted.",
        "chat_capture": "A captured message is kept with its incident.",
    },
    retentions=_retentions,
    routers=_routers,
    subscriptions=_subscriptions,
)
