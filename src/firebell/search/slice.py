"""Slice declaration: search."""

from typing import TYPE_CHECKING

from firebell.kit.slice import Command, NavItem, Section, Slice

if TYPE_CHECKING:
    from fastapi import APIRouter


def _routers() -> list["APIRouter"]:
    from firebell.search import api, web

    return [web.router, api.router]


SLICE = Slice(
    "search",
    routers=_routers,
    commands=(
        Command(
            "search", "Search people, services, incidents and more.", "firebell.commands.search", rank=80
        ),
    ),
    navigation=(NavItem(Section.MORE, 10, "/search", "search", "Search"),),
)
