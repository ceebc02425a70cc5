"""Slice declaration: subscribers of status pages."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from firebell.kit.slice import IncidentChecks, Slice, Subscriptions

if TYPE_CHECKING:
    from fastapi import APIRouter

    from firebell.kit.jobs.pruning import Retention


def _routers() -> list["APIRouter"]:
    from firebell.subscribers import api, web
    from firebell.subscribers.mail_events import api as mail_event_api
    from firebell.subscribers.mail_events import hook_web as mail_event_hook_web
    from firebell.subscribers.sms_events import callback_web as sms_callback_web
    from firebell.subscribers.subscribing import confirmation_code_web, public_web

    return [
        *(public_web.router, confirmation_code_web.router, web.router, api.router),
        *(mail_event_hook_web.router, mail_event_api.router, sms_callback_web.router),
    ]


def _subscriptions() -> Subscriptions:
    from firebell.replies.model import PublicTextReceived
    from firebell.status_pages.model import (
        ComponentGroupRemoved,
        MaintenanceChanged,
        UpdatePublished,
        UpdateRecalled,
    )
    from firebell.subscribers.broadcasts import actions as broadcasts
    from firebell.subscribers.broadcasts import maintenance_broadcasts
    from firebell.subscribers.sms_events import actions as sms_actions
    from firebell.subscribers.subscribing import actions as subscribing

    return Subscriptions(
        must={
            UpdatePublished: (broadcasts.announce_update,),
            UpdateRecalled: (broadcasts.recall_update,),
            MaintenanceChanged: (maintenance_broadcasts.announce_maintenance,),
            ComponentGroupRemoved: (subscribing.follow_components,),
            PublicTextReceived: (sms_actions.receive_text,),
        }
    )


def _retentions() -> "Sequence[Retention]":
    from firebell.subscribers import retention_store

    return retention_store.RETENTIONS


def _incident_checks() -> list[IncidentChecks]:
    from firebell.subscribers import queries

    return [queries.load_findings]


SLICE = Slice(
    "subscribers",
    tables=(
        *("subscriber", "subscriber_delivery", "subscriber_suppression", "subscription_request"),
        *("subscription_mail", "status_broadcast", "mail_event", "subscriber_sms_pace"),
    ),
    kept={
        "subscriber_suppression": "An address that refused a mail is never written to again; only its HMAC is kept.",
        "subscriber_sms_pace": "One row.",
    },
    retentions=_retentions,
    routers=_routers,
    subscriptions=_subscriptions,
    incident_checks=_incident_checks,
)
