"""Slice declaration: services."""

from typing import TYPE_CHECKING

from firebell.kit.slice import FEW, Command, NavItem, Section, Slice

if TYPE_CHECKING:
    from fastapi import APIRouter

    from firebell.catalog.uses import UseSource


def _routers() -> list["APIRouter"]:
    from firebell.catalog import api

    return [api.router]


def _service_uses() -> list["UseSource"]:
    from firebell.catalog import deletion

    return [deletion.dependents]


SLICE = Slice(
    "catalog",
    tables=("service", "service_dependency"),
    kept={"service": FEW, "service_dependency": FEW},
    functions=("lock_services",),
    routers=_routers,
    service_uses=_service_uses,
    commands=(
        Command(
            "service", "Manage services and their integration keys.", "firebell.commands.service", rank=160
        ),
    ),
    navigation=(NavItem(Section.PREPARE, 30, "/services", "boxes", "Services", name="services"),),
)
