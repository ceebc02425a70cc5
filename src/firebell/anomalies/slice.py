"""Slice declaration: anomalies of alert counts."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from firebell.kit.slice import Command, Slice

if TYPE_CHECKING:
    from fastapi import APIRouter

    from firebell.catalog.uses import UseSource
    from firebell.kit.jobs.pruning import Retention
    from firebell.kit.jobs.timers import Handler


def _routers() -> list["APIRouter"]:
    from firebell.anomalies import api, web

    return [web.router, api.router]


def _timers() -> Mapping[str, "Handler"]:
    from firebell.anomalies import timers

    return timers.HANDLERS


def _retentions() -> "Sequence[Retention]":
    from firebell.anomalies import count_store, store

    return (*store.RETENTIONS, *count_store.RETENTIONS)


def _service_uses() -> list["UseSource"]:
    from firebell.anomalies import service_uses

    return [service_uses.uses]


SLICE = Slice(
    "anomalies",
    tables=("anomaly", "anomaly_count", "anomaly_detector", "anomaly_gap", "anomaly_progress"),
    kept={
        "anomaly_detector": "One row for each service or rule that was ever watched.",
        "anomaly_progress": "One row.",
    },
    retentions=_retentions,
    routers=_routers,
    service_uses=_service_uses,
    timers=_timers,
    commands=(
        Command(
            "anomaly",
            "Watch for unusual numbers of alerts: test, accept, turn off.",
            "firebell.commands.anomaly",
            rank=132,
        ),
    ),
)
