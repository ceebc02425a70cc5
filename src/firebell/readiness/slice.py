"""Slice declaration: readiness."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from firebell.kit.slice import Command, NavItem, Section, Slice

if TYPE_CHECKING:
    from fastapi import APIRouter

    from firebell.kit.jobs.timers import Handler


def _routers() -> list["APIRouter"]:
    from firebell.readiness import api, review_api, review_web, web

    return [review_web.router, web.router, review_api.router, api.router]


def _timers() -> Mapping[str, "Handler"]:
    from firebell.readiness import timers

    return timers.HANDLERS


SLICE = Slice(
    "readiness",
    tables=("readiness_day", "readiness_waiver", "quarter_signature", "metric_reader"),
    kept={
        "readiness_day": "One row a day, for the curve of the score.",
        "readiness_waiver": "Few, and kept as evidence.",
        "quarter_signature": "One row for each team and quarter, kept as evidence.",
        "metric_reader": "One row for each person.",
    },
    routers=_routers,
    timers=_timers,
    commands=(
        Command(
            "readiness",
            "Show the 16 items of readiness; waive one; sign a quarter.",
            "firebell.commands.readiness",
            rank=125,
        ),
    ),
    navigation=(
        NavItem(
            Section.PREPARE,
            50,
            "/readiness",
            "shield-check",
            "Readiness",
            name="readiness",
            verb="readiness.read",
        ),
    ),
)
