"""Slice declaration: post-mortems."""

from typing import TYPE_CHECKING

from firebell.kit.slice import Command, NavItem, Section, Slice, Subscriptions

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fastapi import APIRouter

    from firebell.kit.jobs.pruning import Retention


def _routers() -> list["APIRouter"]:
    from firebell.postmortems import api, web
    from firebell.postmortems.editing import api as editing_api
    from firebell.postmortems.editing import comment_api
    from firebell.postmortems.editing import web as editing_web

    return [editing_web.router, web.router, editing_api.router, comment_api.router, api.router]


def _retentions() -> "Sequence[Retention]":
    from firebell.postmortems.editing import presence_store, version_store

    return (presence_store.RETENTION, version_store.RETENTION)


def _subscriptions() -> Subscriptions:
    from firebell.incidents.model import IncidentClosed
    from firebell.postmortems import actions

    return Subscriptions(then={IncidentClosed: {"draft_postmortem": actions.draft_for}})


SLICE = Slice(
    "postmortems",
    tables=(
        "postmortem",
        "postmortem_comment",
        "postmortem_incident",
        "postmortem_presence",
        "postmortem_review",
        "postmortem_version",
    ),
    views={
        "incident_postmortem": "Incidents are listed with, and filtered by, the state of their post-mortem."
    },
    kept={
        "postmortem": "A post-mortem is kept with its incident.",
        "postmortem_comment": "Comments are kept with their post-mortem.",
        "postmortem_incident": "What a post-mortem is about is kept with it.",
        "postmortem_review": "Reviews are kept with their post-mortem.",
    },
    retentions=_retentions,
    routers=_routers,
    subscriptions=_subscriptions,
    commands=(
        Command("postmortem", "Read and write post-mortems.", "firebell.commands.postmortem", rank=128),
    ),
    navigation=(
        NavItem(Section.LEARN, 20, "/post-mortems", "file-pen-line", "Post-mortems", name="postmortems"),
    ),
)
