"""Slice declaration: the handbook and its templates."""

from typing import TYPE_CHECKING

from firebell.kit.slice import FEW, Command, NavItem, Section, Slice

if TYPE_CHECKING:
    from fastapi import APIRouter


def _routers() -> list["APIRouter"]:
    from firebell.handbook import api, template_web, web

    return [template_web.router, web.router, api.router]


SLICE = Slice(
    "handbook",
    tables=("own_template",),
    kept={"own_template": FEW},
    routers=_routers,
    commands=(
        Command("template", "Manage message templates.", "firebell.commands.template", rank=180),
        Command(
            "handbook",
            "Read the incident management handbook, offline.",
            "firebell.commands.handbook",
            rank=190,
        ),
    ),
    navigation=(NavItem(Section.LEARN, 10, "/handbook", "book-open", "Handbook", name="handbook"),),
)
