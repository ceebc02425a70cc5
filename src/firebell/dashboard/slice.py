"""Slice declaration: the home page."""

from typing import TYPE_CHECKING

from firebell.kit.slice import NavItem, Section, Slice

if TYPE_CHECKING:
    from fastapi import APIRouter


def _routers() -> list["APIRouter"]:
    from firebell.dashboard import web

    return [web.router]


SLICE = Slice(
    "dashboard",
    routers=_routers,
    navigation=(NavItem(Section.MAIN, 10, "/", "house", "Home", name="home", tab=("home",)),),
)
