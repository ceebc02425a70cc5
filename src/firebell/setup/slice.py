"""Slice declaration: the first run."""

from typing import TYPE_CHECKING

from firebell.kit.slice import Slice

if TYPE_CHECKING:
    from fastapi import APIRouter


def _routers() -> list["APIRouter"]:
    from firebell.setup import web

    return [web.router]


SLICE = Slice(
    "setup",
    routers=_routers,
)
