"""Slice declaration: the guided set-up and the tests of integrations."""

from typing import TYPE_CHECKING

from firebell.kit.slice import Command, Slice

if TYPE_CHECKING:
    from fastapi import APIRouter


def _routers() -> list["APIRouter"]:
    from firebell.integration_setup import api, web

    return [web.router, api.router]


SLICE = Slice(
    "integration_setup",
    routers=_routers,
    commands=(
        Command(
            "integration",
            "Follow and test the set-up of integrations.",
            "firebell.commands.integration",
            rank=91,
        ),
    ),
)
