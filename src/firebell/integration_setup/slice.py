"""Slice declaration: the guided setup and the tests of integrations."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from firebell.kit.slice import Command, Slice

if TYPE_CHECKING:
    from fastapi import APIRouter

    from firebell.kit.jobs.timers import Handler


def _routers() -> list["APIRouter"]:
    from firebell.integration_setup import api, web

    return [web.router, api.router]


def _timers() -> Mapping[str, "Handler"]:
    from firebell.integration_setup import timers

    return timers.HANDLERS


SLICE = Slice(
    "integration_setup",
    timers=_timers,
    routers=_routers,
    commands=(
        Command(
            "integration",
            "Follow and test the setup of integrations.",
            "firebell.commands.integration",
            rank=91,
        ),
    ),
)
