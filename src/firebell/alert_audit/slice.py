"""Slice declaration: the quarterly audit of alert rules."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from firebell.kit.slice import Command, Slice

if TYPE_CHECKING:
    from fastapi import APIRouter

    from firebell.kit.jobs.timers import Handler


def _routers() -> list["APIRouter"]:
    from firebell.alert_audit import api, web

    return [web.router, api.router]


def _timers() -> Mapping[str, "Handler"]:
    from firebell.alert_audit import timers

    return timers.HANDLERS


SLICE = Slice(
    "alert_audit",
    tables=("alert_audit", "alert_audit_rule"),
    kept={
        "alert_audit": "One row for each team and quarter, kept as evidence.",
        "alert_audit_rule": "At most 200 rows for each audit, kept with it.",
    },
    routers=_routers,
    timers=_timers,
    commands=(
        Command(
            "alert-audit",
            "Show alert audits, decide on their rules, and sign them.",
            "firebell.commands.alert_audit",
            rank=131,
        ),
    ),
)
