"""Slice declaration: alerts."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from firebell.kit.slice import FEW, Command, Composer, NavItem, Section, Slice, Subscriptions

if TYPE_CHECKING:
    from fastapi import APIRouter

    from firebell.catalog.uses import UseSource
    from firebell.kit.jobs.pruning import Retention
    from firebell.kit.jobs.timers import Handler


def _routers() -> list["APIRouter"]:
    from firebell.alerts import api, web
    from firebell.alerts.change_events import api as change_event_api
    from firebell.alerts.inhibition import api as inhibition_api
    from firebell.alerts.inhibition import web as inhibition_web
    from firebell.alerts.integrations import api as integration_api
    from firebell.alerts.silences import api as silence_api
    from firebell.alerts.silences import web as silence_web

    return [
        *(web.router, silence_web.router, inhibition_web.router),
        *(
            api.router,
            integration_api.router,
            silence_api.router,
            inhibition_api.router,
            change_event_api.router,
        ),
    ]


def _timers() -> Mapping[str, "Handler"]:
    from firebell.alerts import timers

    return timers.HANDLERS


def _retentions() -> "Sequence[Retention]":
    from firebell.alerts import retention_store

    return retention_store.RETENTIONS


def _composers() -> Mapping[str, Composer]:
    from firebell.alerts import notifications

    return {notifications.SOURCE: Composer(notifications.compose_source)}


def _subscriptions() -> Subscriptions:
    from firebell.alerts import notifications
    from firebell.alerts.model import ConfirmationRequested, UnreadableMessageReceived

    return Subscriptions(
        then={
            ConfirmationRequested: {"notify_confirmation_asked": notifications.confirmation_asked},
            UnreadableMessageReceived: {"tell_source_broken": notifications.source_broken},
        }
    )


def _service_uses() -> list["UseSource"]:
    from firebell.alerts import service_uses

    return [service_uses.uses]


SLICE = Slice(
    "alerts",
    tables=(
        "integration",
        "event",
        "seen_event",
        "alert_group",
        "alert",
        "alert_count",
        "alert_mute",
        "muted_alert",
        "routing_version",
        "inhibition_rule",
        "inhibition_source",
        "change_event",
        "alert_expiry",
        "expiring_source",
    ),
    kept={
        "alert_expiry": "A row is deleted when its alert has ended.",
        "expiring_source": "One row for each integration.",
        "integration": "Few; a revoked key names the source of its alerts.",
        "muted_alert": "Deleted with its alert.",
        "routing_version": "One row for each time that someone saved the routing rules.",
        "inhibition_rule": FEW,
        "inhibition_source": "A row is deleted when its alert no longer fires.",
    },
    retentions=_retentions,
    functions=(
        "insert_messages",
        "receive_messages",
        "alert_services",
        "insert_groups",
        "insert_alerts",
        "count_alerts",
        "save_batch",
        "store_new_alerts",
    ),
    routers=_routers,
    timers=_timers,
    composers=_composers,
    subscriptions=_subscriptions,
    service_uses=_service_uses,
    commands=(
        Command("alert", "Send and list alerts.", "firebell.commands.alert", rank=90),
        Command("silence", "Keep alerts from paging for a while.", "firebell.commands.silence", rank=92),
        Command(
            "inhibition",
            "Keep alerts from paging while one that explains them fires.",
            "firebell.commands.inhibition",
            rank=93,
        ),
    ),
    navigation=(NavItem(Section.LEARN, 30, "/alerts", "history", "Alerts", name="alerts"),),
)
