"""Slice declaration: chats."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from firebell.kit.slice import Command, IncidentPart, Slice, Subscriptions

if TYPE_CHECKING:
    from fastapi import APIRouter

    from firebell.kit.jobs.retention import Retention


def _routers() -> list["APIRouter"]:
    from firebell.chat import api, web

    return [web.router, api.router]


def _subscriptions() -> Subscriptions:
    from firebell.chat import reactions
    from firebell.incidents.model import EntryAdded

    return Subscriptions(then={EntryAdded: {"mirror_incident": reactions.mirror_incident}})


def _retentions() -> "Sequence[Retention]":
    from firebell.chat import retention_store

    return retention_store.RETENTIONS


def _incident_parts() -> list[IncidentPart]:
    from firebell.chat import incident_part

    return [incident_part.PART]


SLICE = Slice(
    "chat",
    tables=("chat_account", "chat_room", "chat_object", "chat_want"),
    kept={
        "chat_account": "A setting.",
        "chat_room": "A channel is kept with its incident.",
    },
    retentions=_retentions,
    routers=_routers,
    subscriptions=_subscriptions,
    incident_parts=_incident_parts,
    commands=(
        Command(
            "chat",
            "Connect chats, print the manifest, and retry what could not be sent.",
            "firebell.commands.chat",
            rank=126,
        ),
    ),
)
