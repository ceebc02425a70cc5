"""Slice declaration: the overview of one service."""

from typing import TYPE_CHECKING

from firebell.kit.slice import Slice

if TYPE_CHECKING:
    from fastapi import APIRouter


def _routers() -> list["APIRouter"]:
    from firebell.service_overview import api, web

    return [web.router, api.router]


SLICE = Slice(
    "service_overview",
    routers=_routers,
)
