"""Slice declaration: handoffs."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from firebell.kit.slice import NavItem, Section, Slice, Subscriptions

if TYPE_CHECKING:
    from fastapi import APIRouter

    from firebell.kit.jobs.pruning import Retention
    from firebell.kit.jobs.timers import Handler


def _routers() -> list["APIRouter"]:
    from firebell.handoffs import api, web

    return [web.router, api.router]


def _timers() -> Mapping[str, "Handler"]:
    from firebell.handoffs import timers

    return timers.HANDLERS


def _retentions() -> "Sequence[Retention]":
    from firebell.handoffs import retention_store

    return retention_store.RETENTIONS


def _subscriptions() -> Subscriptions:
    from firebell.handoffs import hidden_incidents, shift_notifications
    from firebell.incidents.model import IncidentBecamePrivate, PagesHidden
    from firebell.oncall.model import ShiftsChanged

    return Subscriptions(
        must={
            ShiftsChanged: (shift_notifications.sweep_changed,),
            IncidentBecamePrivate: (hidden_incidents.redact_incident,),
            PagesHidden: (hidden_incidents.redact_pages,),
        }
    )


SLICE = Slice(
    "handoffs",
    tables=(
        "handoff",
        "handoff_ack",
        "shift_told",
    ),
    kept={"shift_told": "One row for each schedule."},
    retentions=_retentions,
    routers=_routers,
    timers=_timers,
    subscriptions=_subscriptions,
    navigation=(NavItem(Section.MORE, 40, "/oncall/handoffs", "repeat", "Handoffs"),),
)
