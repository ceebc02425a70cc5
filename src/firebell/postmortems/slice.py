"""Slice declaration: post-mortems."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from firebell.kit.slice import (
    Command,
    Composer,
    IncidentChecks,
    IncidentPart,
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
    from firebell.postmortems.editing import action_api, comment_api, timeline_api, timeline_web
    from firebell.postmortems.editing import api as editing_api
    from firebell.postmortems.editing import web as editing_web
    from firebell.postmortems.export import api as export_api
    from firebell.postmortems.external import api as external_api
    from firebell.postmortems.external import web as external_web
    from firebell.postmortems.meeting import api as meeting_api
    from firebell.postmortems.meeting import web as meeting_web
    from firebell.postmortems.near_misses import api as near_miss_api
    from firebell.postmortems.near_misses import web as near_miss_web
    from firebell.postmortems.postmortem_list import api as list_api
    from firebell.postmortems.postmortem_list import web as list_web
    from firebell.postmortems.progress import api as progress_api
    from firebell.postmortems.publication import api as publication_api
    from firebell.postmortems.publication import web as publication_web
    from firebell.postmortems.reader_feedback import api as reader_api
    from firebell.postmortems.reader_feedback import web as reader_web
    from firebell.postmortems.reminders import api as author_api
    from firebell.postmortems.reminders import web as author_web
    from firebell.postmortems.review import api as review_api
    from firebell.postmortems.several_incidents import api as several_api
    from firebell.postmortems.similar import api as similar_api

    return [
        publication_web.router,
        external_web.router,
        export_api.page_router,
        list_web.router,
        near_miss_web.router,
        meeting_web.router,
        timeline_web.router,
        editing_web.router,
        author_web.router,
        reader_web.router,
        web.router,
        list_api.router,
        progress_api.router,
        similar_api.router,
        near_miss_api.router,
        meeting_api.router,
        several_api.router,
        blameless_api.router,
        author_api.router,
        reader_api.router,
        timeline_api.router,
        editing_api.router,
        comment_api.router,
        *(review_api.router, publication_api.router, external_api.router, export_api.router),
        *(publication_api.settings_router, external_api.settings_router),
        action_api.router,
        api.router,
    ]


def _timers() -> Mapping[str, "Handler"]:
    from firebell.postmortems.postmortem_list import timers as list_timers
    from firebell.postmortems.publication import timers as publication_timers
    from firebell.postmortems.reminders import timers as reminder_timers
    from firebell.postmortems.similar import timers as similar_timers

    modules = (list_timers, publication_timers, reminder_timers, similar_timers)
    return {kind: handler for module in modules for kind, handler in module.HANDLERS.items()}


def _composers() -> Mapping[str, Composer]:
    from firebell.postmortems.progress import reminder_messages
    from firebell.postmortems.publication import actions as publication
    from firebell.postmortems.publication import messages as publication_messages
    from firebell.postmortems.reminders import actions
    from firebell.postmortems.review import actions as review
    from firebell.postmortems.review import messages as review_messages

    return {
        actions.SUBJECT_KIND: Composer(reminder_messages.compose, topic="pm"),
        review.REVIEW_SUBJECT: Composer(review_messages.compose, topic="pm"),
        publication.PUBLISHED_SUBJECT: Composer(publication_messages.compose, topic="pm"),
    }


def _retentions() -> "Sequence[Retention]":
    from firebell.postmortems.editing import presence_store, version_store
    from firebell.postmortems.publication import mail_store

    return (presence_store.RETENTION, version_store.RETENTION, mail_store.RETENTION)


def _incident_checks() -> list[IncidentChecks]:
    from firebell.postmortems.checks import queries
    from firebell.postmortems.meeting import queries as meeting_queries

    return [queries.load_findings, meeting_queries.load_findings]


def _incident_parts() -> list[IncidentPart]:
    from firebell.postmortems.similar import incident_part

    return [incident_part.PART]


def _subscriptions() -> Subscriptions:
    from firebell.incidents.model import EntryAdded, IncidentClosed
    from firebell.postmortems import actions
    from firebell.postmortems.model import ComparedEntryAdded
    from firebell.postmortems.similar import profiling as similar

    return Subscriptions(
        must={EntryAdded: (similar.report_compared_entry,)},
        then={
            IncidentClosed: {"draft_postmortem": actions.draft_for},
            ComparedEntryAdded: {"profile_incident": similar.profile_after_entry},
        },
    )


SLICE = Slice(
    "postmortems",
    tables=(
        "document_term",
        "incident_profile",
        "meeting_attendee",
        "near_miss",
        "parked_question",
        "postmortem",
        "postmortem_acknowledgment",
        "postmortem_comment",
        "postmortem_distribution",
        "postmortem_external",
        "postmortem_external_version",
        "postmortem_incident",
        "postmortem_mail",
        "postmortem_meeting",
        "postmortem_presence",
        "postmortem_reader",
        "postmortem_reminder",
        "postmortem_review",
        "postmortem_reviewer",
        "postmortem_search",
        "postmortem_version",
        "term_frequency",
    ),
    views={
        "incident_postmortem": "Incidents are listed with, and filtered by, the state of their post-mortem."
    },
    kept={
        "document_term": "The terms of an incident are kept with it.",
        "incident_profile": "What an incident is compared by is kept with it.",
        "meeting_attendee": "Who took part is kept with the meeting, as evidence.",
        "near_miss": "A near miss is kept with its document.",
        "parked_question": "What is left for later is kept with its meeting.",
        "postmortem": "A post-mortem is kept with its incident.",
        "postmortem_acknowledgment": "Why a problem was accepted is kept with its post-mortem.",
        "postmortem_comment": "Comments are kept with their post-mortem.",
        "postmortem_distribution": "Who gets a post-mortem is kept with it.",
        "postmortem_external": "The version for customers is kept with its post-mortem.",
        "postmortem_external_version": "What was written for customers is kept as evidence.",
        "postmortem_incident": "What a post-mortem is about is kept with it.",
        "postmortem_meeting": "Meetings are kept with their post-mortem, as evidence.",
        "postmortem_reader": "One row for each reader of a published post-mortem.",
        "postmortem_search": "The words of a post-mortem are kept with it.",
        "postmortem_reminder": "That a reminder was sent is kept with its post-mortem, so that none is sent twice.",
        "postmortem_review": "Reviews are kept with their post-mortem.",
        "postmortem_reviewer": "Whom a review was asked of is kept with its post-mortem.",
        "term_frequency": "Terms are counted again each night, and those that no incident has are deleted.",
    },
    retentions=_retentions,
    routers=_routers,
    timers=_timers,
    composers=_composers,
    subscriptions=_subscriptions,
    incident_checks=_incident_checks,
    incident_parts=_incident_parts,
    commands=(
        Command("near-miss", "Report and read near misses.", "firebell.commands.near_miss", rank=129),
        Command("postmortem", "Read and write post-mortems.", "firebell.commands.postmortem", rank=128),
    ),
    settings_tabs=(
        SettingsTab(
            SettingsGroup.INCIDENTS,
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
