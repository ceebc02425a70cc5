"""Slice declaration: post-mortems."""

from typing import TYPE_CHECKING

from firebell.kit.slice import NavItem, Section, Slice, Subscriptions

if TYPE_CHECKING:
    from fastapi import APIRouter


def _routers() -> list["APIRouter"]:
    from firebell.postmortems import api, web

    return [web.router, api.router]


def _subscriptions() -> Subscriptions:
    from firebell.incidents.model import IncidentClosed
    from firebell.postmortems import actions

    return Subscriptions(then={IncidentClosed: {"draft_postmortem": actions.draft_for}})


SLICE = Slice(
    "postmortems",
    tables=("postmortem",),
    views={
        "incident_postmortem": "Incidents are listed with, and filtered by, the state of their post-mortem."
    },
    kept={"postmortem": "A post-mortem is kept with its incident."},
    routers=_routers,
    subscriptions=_subscriptions,
    navigation=(
        NavItem(Section.LEARN, 20, "/post-mortems", "file-pen-line", "Post-mortems", name="postmortems"),
    ),
)
