"""Slice declaration: runbooks."""

from typing import TYPE_CHECKING

from firebell.kit.slice import FEW, Command, NavItem, Section, Slice

if TYPE_CHECKING:
    from fastapi import APIRouter


def _routers() -> list["APIRouter"]:
    from firebell.runbooks import api, web

    return [web.router, api.router]


SLICE = Slice(
    "runbooks",
    tables=("runbook",),
    kept={"runbook": FEW},
    routers=_routers,
    commands=(
        Command(
            "runbook",
            "Run runbooks, check them offline and manage the library.",
            "firebell.commands.runbook",
            rank=170,
        ),
    ),
    navigation=(NavItem(Section.PREPARE, 40, "/runbooks", "list-checks", "Runbooks", name="runbooks"),),
)
