"""Slice declaration: monitoring."""

from typing import TYPE_CHECKING

from firebell.kit.slice import Slice

if TYPE_CHECKING:
    from fastapi import APIRouter


def _routers() -> list["APIRouter"]:
    from firebell.monitoring import web

    return [web.router]


SLICE = Slice("monitoring", routers=_routers)
