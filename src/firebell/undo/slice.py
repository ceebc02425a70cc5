"""Slice declaration: undo of removals."""

from typing import TYPE_CHECKING

from firebell.kit.slice import Command, Slice

if TYPE_CHECKING:
    from fastapi import APIRouter


def _routers() -> list["APIRouter"]:
    from firebell.undo import api, web

    return [web.router, api.router]


SLICE = Slice(
    "undo",
    routers=_routers,
    commands=(Command("undo", "Undo what you just removed.", "firebell.commands.undo", rank=210),),
)
