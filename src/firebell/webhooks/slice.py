"""Slice declaration: webhooks to other systems about every change of state."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from firebell.kit.slice import FEW, Command, SettingsGroup, SettingsTab, Slice, Subscriptions

if TYPE_CHECKING:
    from fastapi import APIRouter

    from firebell.catalog.uses import UseSource
    from firebell.kit.jobs.pruning import Retention


def _routers() -> list["APIRouter"]:
    from firebell.webhooks import api, web
    from firebell.webhooks.deliveries import api as delivery_api

    return [web.router, delivery_api.router, api.router]


def _retentions() -> "Sequence[Retention]":
    from firebell.webhooks import change_store
    from firebell.webhooks.deliveries import log_store

    return [*change_store.RETENTIONS, *log_store.RETENTIONS]


def _subscriptions() -> Subscriptions:
    from firebell.action_items.model import ActionItemChanged
    from firebell.alerts.model import SilencesChanged
    from firebell.handoffs.model import OnCallChanged
    from firebell.incidents import model as incidents
    from firebell.oncall.model import ScheduleChanged
    from firebell.paging.model import PagesChanged
    from firebell.postmortems.model import PostmortemPublished
    from firebell.status_pages.model import MaintenanceChanged
    from firebell.webhooks import recording

    recorded = (
        *(incidents.IncidentDeclared, incidents.PhaseChanged, incidents.SeverityChanged),
        *(incidents.RoleChanged, incidents.UpdatePosted, incidents.IncidentMerged, incidents.IncidentClosed),
        *(PostmortemPublished, ActionItemChanged, ScheduleChanged, OnCallChanged),
        *(MaintenanceChanged, SilencesChanged),
    )
    return Subscriptions(
        must={
            PagesChanged: (recording.record_pages,),
            **dict.fromkeys(recorded, (recording.record,)),
        },
        while_rows=dict.fromkeys((recording.record_pages, recording.record), "webhook_endpoint"),
    )


def _service_uses() -> list["UseSource"]:
    from firebell.webhooks import service_uses

    return [service_uses.uses]


SLICE = Slice(
    "webhooks",
    tables=(
        *("webhook_endpoint", "webhook_change", "webhook_event"),
        *("webhook_delivery", "webhook_attempt"),
    ),
    kept={"webhook_endpoint": FEW},
    retentions=_retentions,
    routers=_routers,
    service_uses=_service_uses,
    subscriptions=_subscriptions,
    commands=(
        Command(
            "webhook",
            "Send events to other systems, and replay deliveries.",
            "firebell.commands.webhook",
            rank=235,
        ),
    ),
    settings_tabs=(
        SettingsTab(
            SettingsGroup.ORGANIZATION,
            77,
            "/settings/webhooks",
            "Webhooks",
            "webhooks",
            "webhook.read",
        ),
    ),
)
