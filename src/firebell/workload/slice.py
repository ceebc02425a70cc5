"""Slice declaration: the reports on on-call load and pay."""

from typing import TYPE_CHECKING

from firebell.kit.slice import NavItem, Section, Slice

if TYPE_CHECKING:
    from fastapi import APIRouter


def _routers() -> list["APIRouter"]:
    from firebell.workload import api, web

    return [web.router, api.router]


SLICE = Slice(
    "workload",
    tables=("pay_rates",),
    kept={"pay_rates": "Past months are paid by them."},
    routers=_routers,
    navigation=(NavItem(Section.MORE, 50, "/oncall/load", "gauge", "On-call workload and pay"),),
)
