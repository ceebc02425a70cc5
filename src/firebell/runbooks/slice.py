"""Slice declaration: runbooks."""

from typing import TYPE_CHECKING

from firebell.kit.slice import FEW, Command, NavItem, Section, Slice

if TYPE_CHECKING:
    from fastapi import APIRouter


def _routers() -> list["APIRouter"]:
    from firebell.runbooks import api, history_api, history_web, web
    from firebell.runbooks.sources import api as source_api
    from firebell.runbooks.sources import web as source_web
    from firebell.runbooks.sources import webhook

    # the addresses of runbooks have a parameter where those of sources have a word
    return [
        source_web.router,
        webhook.router,
        source_api.router,
        history_web.router,
        web.router,
        history_api.router,
        api.router,
    ]


SLICE = Slice(
    "runbooks",
    tables=("runbook", "runbook_source", "runbook_version"),
    kept={
        "runbook": FEW,
        "runbook_source": FEW,
        "runbook_version": "What a runbook said explains what was done by it.",
    },
    routers=_routers,
    commands=(
        Command(
            "runbook", "Check runbooks offline and manage the library.", "firebell.commands.runbook", rank=170
        ),
    ),
    navigation=(NavItem(Section.PREPARE, 40, "/runbooks", "list-checks", "Runbooks", name="runbooks"),),
)
