"""Slice declaration: heartbeats."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from firebell.kit.slice import FEW, Command, NavItem, Section, Slice

if TYPE_CHECKING:
    from fastapi import APIRouter

    from firebell.catalog.uses import UseSource
    from firebell.kit.jobs.pruning import Retention
    from firebell.kit.jobs.timers import Handler


def _routers() -> list["APIRouter"]:
    from firebell.heartbeats import api, web

    return [web.router, api.router]


def _timers() -> Mapping[str, "Handler"]:
    from firebell.heartbeats import timers

    return timers.HANDLERS


def _retentions() -> "Sequence[Retention]":
    from firebell.heartbeats import retention_store

    return retention_store.RETENTIONS


def _service_uses() -> list["UseSource"]:
    from firebell.heartbeats import service_uses

    return [service_uses.uses]


SLICE = Slice(
    "heartbeats",
    tables=("heartbeat", "heartbeat_ping", "heartbeat_reception"),
    kept={"heartbeat": FEW, "heartbeat_reception": "One row."},
    retentions=_retentions,
    routers=_routers,
    timers=_timers,
    service_uses=_service_uses,
    commands=(
        Command("heartbeat", "Watch that jobs report in time.", "firebell.commands.heartbeat", rank=95),
    ),
    navigation=(
        NavItem(Section.PREPARE, 35, "/heartbeats", "timer", "Heartbeats", "heartbeats", "heartbeat.read"),
    ),
)
