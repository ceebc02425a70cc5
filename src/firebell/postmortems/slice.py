"""Slice declaration: post-mortems."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from firebell.kit.slice import (
    Command,
    Composer,
    IncidentChecks,
    NavItem,
    Section,
    SettingsGroup,
    SettingsTab,
    Slice,
    Subscriptions,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fastapi import APIRouter

    from firebell.kit.jobs.pruning import Retention
    from firebell.kit.jobs.timers import Handler


def _routers() -> list["APIRouter"]:
    from firebell.postmortems import api, web
    from firebell.postmortems.blameless import api as blameless_api
    from firebell.postmortems.editing import api as editing_api
    from firebell.postmortems.editing import comment_api
    from firebell.postmortems.editing import web as editing_web
    from firebell.postmortems.export import api as export_api
    from firebell.postmortems.external import api as external_api
    from firebell.postmortems.external import web as external_web
    from firebell.postmortems.publication import api as publication_api
    from firebell.postmortems.publication import web as publication_web
    from firebell.postmortems.reminders import api as author_api
    from firebell.postmortems.review import api as review_api

    return [
        publication_web.router,
        external_web.router,
        export_api.page_router,
        editing_web.router,
        web.router,
        blameless_api.router,
        author_api.router,
        editing_api.router,
        comment_api.router,
        *(review_api.router, publication_api.router, external_api.router, export_api.router),
        *(publication_api.settings_router, external_api.settings_router),
        api.router,
    ]


def _timers() -> Mapping[str, "Handler"]:
    from firebell.postmortems.publication import timers as publication_timers
    from firebell.postmortems.reminders import timers

    return {**timers.HANDLERS, **publication_timers.HANDLERS}


def _composers() -> Mapping[str, Composer]:
    from firebell.postmortems.publication import actions as publication
    from firebell.postmortems.publication import messages as publication_messages
    from firebell.postmortems.reminders import actions, messages
    from firebell.postmortems.review import actions as review
    from firebell.postmortems.review import messages as review_messages

    return {
        actions.SUBJECT_KIND: Composer(messages.compose, topic="pm"),
        review.REVIEW_SUBJECT: Composer(review_messages.compose, topic="pm"),
        publication.PUBLISHED_SUBJECT: Composer(publication_messages.compose, topic="pm"),
    }


def _retentions() -> "Sequence[Retention]":
    from firebell.postmortems.editing import presence_store, version_store
    from firebell.postmortems.publication import mail_store

    return (presence_store.RETENTION, version_store.RETENTION, mail_store.RETENTION)


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
        "postmortem_acknowledgment",
        "postmortem_comment",
        "postmortem_distribution",
        "postmortem_external",
        "postmortem_external_version",
        "postmortem_incident",
        "postmortem_mail",
        "postmortem_presence",
        "postmortem_reminder",
        "postmortem_review",
        "postmortem_reviewer",
        "postmortem_version",
    ),
    views={
        "incident_postmortem": "Incidents are listed with, and filtered by, the state of their post-mortem."
    },
    kept={
        "postmortem": "A post-mortem is kept with its incident.",
        "postmortem_acknowledgment": "Why a problem was accepted is kept with its post-mortem.",
        "postmortem_comment": "Comments are kept with their post-mortem.",
        "postmortem_distribution": "Who gets a post-mortem is kept with it.",
        "postmortem_external": "The version for customers is kept with its post-mortem.",
        "postmortem_external_version": "What was written for customers is kept as evidence.",
        "postmortem_incident": "What a post-mortem is about is kept with it.",
        "postmortem_reminder": "That a reminder was sent is kept with its post-mortem, so that none is sent twice.",
        "postmortem_review": "Reviews are kept with their post-mortem.",
        "postmortem_reviewer": "Whom a review was asked of is kept with its post-mortem.",
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
    settings_tabs=(
        SettingsTab(
            SettingsGroup.ORGANIZATION,
            76,
            "/settings/post-mortems",
            "Post-mortems",
            "post-mortems",
            "incident_settings.write",
        ),
    ),
    navigation=(
        NavItem(Section.LEARN, 20, "/post-mortems", "file-pen-line", "Post-mortems", name="postmortems"),
    ),
)
