"""Slice declaration: routing."""

from typing import TYPE_CHECKING

from firebell.kit.slice import AlertPart, Command, Slice

if TYPE_CHECKING:
    from fastapi import APIRouter


def _routers() -> list["APIRouter"]:
    from firebell.routing import alert_bulk_api, alert_bulk_web, api, web

    return [alert_bulk_web.router, web.router, alert_bulk_api.router, api.router]


def _alert_parts() -> list[AlertPart]:
    from firebell.routing import alert_part

    return [alert_part.PART]


SLICE = Slice(
    "routing",
    routers=_routers,
    alert_parts=_alert_parts,
    commands=(
        Command(
            "routing", "Show, test, preview and change routing rules.", "firebell.commands.routing", rank=95
        ),
    ),
)
