"""Slice declaration: saved views of lists."""

from typing import TYPE_CHECKING

from firebell.kit.slice import FEW, Command, Slice

if TYPE_CHECKING:
    from fastapi import APIRouter


def _routers() -> list["APIRouter"]:
    from firebell.saved_views import api, web

    return [web.router, api.router]


SLICE = Slice(
    "saved_views",
    tables=("saved_view",),
    kept={"saved_view": FEW},
    routers=_routers,
    commands=(Command("view", "Manage saved views of lists.", "firebell.commands.view", rank=94),),
)
