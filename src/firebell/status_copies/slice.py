"""Slice declaration: copies of status pages on Statuspage.io and Instatus."""

from typing import TYPE_CHECKING

from firebell.kit.slice import FEW, IncidentChecks, Slice, Subscriptions

if TYPE_CHECKING:
    from fastapi import APIRouter

PUBLISHED = "One row for what was published, which is never deleted."
THEIRS = "One row for what the remote page has; replaced by each comparison."


def _routers() -> list["APIRouter"]:
    from firebell.status_copies import api, web

    return [web.router, api.router]


def _subscriptions() -> Subscriptions:
    from firebell.status_copies import reactions
    from firebell.status_pages.model import MaintenanceChanged, UpdatePublished

    return Subscriptions(
        then={
            UpdatePublished: {"queue_status_copies": reactions.queue_update},
            MaintenanceChanged: {"queue_maintenance_copies": reactions.queue_update},
        }
    )


def _incident_checks() -> list[IncidentChecks]:
    from firebell.status_copies import incident_checks

    return [incident_checks.load_findings]


SLICE = Slice(
    "status_copies",
    tables=(
        *("status_copy", "status_copy_component", "status_copy_remote_component", "status_copy_incident"),
        *("status_copy_step", "status_copy_difference", "status_copy_rate"),
    ),
    kept={
        "status_copy": FEW,
        "status_copy_component": FEW,
        "status_copy_remote_component": THEIRS,
        "status_copy_incident": PUBLISHED,
        "status_copy_step": PUBLISHED,
        "status_copy_difference": THEIRS,
        "status_copy_rate": "One row for each API key.",
    },
    routers=_routers,
    subscriptions=_subscriptions,
    incident_checks=_incident_checks,
)
