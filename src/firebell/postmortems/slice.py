"""Slice declaration: post-mortems."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from firebell.kit.slice import Command, Composer, IncidentChecks, NavItem, Section, Slice, Subscriptions

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fastapi import APIRouter

    from firebell.kit.jobs.pruning import Retention
    from firebell.kit.jobs.timers import Handler


def _routers() -> list["APIRouter"]:
    from firebell.postmortems import api, web
    from firebell.postmortems.blameless import api as blameless_api
    from firebell.postmortems.editing import action_api, comment_api
    from firebell.postmortems.editing import api as editing_api
    from firebell.postmortems.editing import web as editing_web
    from firebell.postmortems.reminders import api as author_api
    from firebell.postmortems.reminders import web as author_web

    return [
        editing_web.router,
        author_web.router,
        web.router,
        blameless_api.router,
        author_api.router,
        editing_api.router,
        comment_api.router,
        action_api.router,
        api.router,
    ]


def _timers() -> Mapping[str, "Handler"]:
    from firebell.postmortems.reminders import timers

    return timers.HANDLERS


def _composers() -> Mapping[str, Composer]:
    from firebell.postmortems.reminders import actions, messages

    return {actions.SUBJECT_KIND: Composer(messages.compose, topic="pm")}


def _retentions() -> "Sequence[Retention]":
    from firebell.postmortems.editing import presence_store, version_store

    return (presence_store.RETENTION, version_store.RETENTION)


def _incident_checks() -> list[IncidentChecks]:
    from firebell.postmortems.checks import queries

    return [queries.load_findings]


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
        "postmortem_reminder",
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
        "postmortem_reminder": "That a reminder was sent is kept with its post-mortem, so that none is sent twice.",
        "postmortem_review": "Reviews are kept with their post-mortem.",
    },
    retentions=_retentions,
    routers=_routers,
    timers=_timers,
    composers=_composers,
    subscriptions=_subscriptions,
    incident_checks=_incident_checks,
    commands=(
        Command("postmortem", "Read and write post-mortems.", "firebell.commands.postmortem", rank=128),
    ),
    navigation=(
        NavItem(Section.LEARN, 20, "/post-mortems", "file-pen-line", "Post-mortems", name="postmortems"),
    ),
)
