"""Slice declaration: public status pages."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from firebell.kit.slice import (
    FEW,
    Command,
    DeclarationHint,
    IncidentChecks,
    IncidentPart,
    NavItem,
    Section,
    Slice,
    Subscriptions,
)

if TYPE_CHECKING:
    from fastapi import APIRouter

    from firebell.catalog.uses import UseSource
    from firebell.incidents.actions import ConditionSource
    from firebell.kit.jobs.timers import Handler

PUBLISHED = "Nothing published is ever deleted."


def _routers() -> list["APIRouter"]:
    from firebell.status_pages import api, web
    from firebell.status_pages.hosting import api as hosting_api
    from firebell.status_pages.hosting import web as hosting_web
    from firebell.status_pages.maintenance import api as maintenance_api
    from firebell.status_pages.maintenance import web as maintenance_web
    from firebell.status_pages.part_translations import api as part_translation_api
    from firebell.status_pages.part_translations import web as part_translation_web
    from firebell.status_pages.past_status import api as relabeling_api
    from firebell.status_pages.past_status import web as relabeling_web
    from firebell.status_pages.public import embed_api
    from firebell.status_pages.publishing import api as publishing_api
    from firebell.status_pages.publishing import web as publishing_web
    from firebell.status_pages.signing import api as signing_api
    from firebell.status_pages.signing import web as signing_web
    from firebell.status_pages.uptime import monthly_api as monthly_uptime_api
    from firebell.status_pages.uptime import monthly_web as monthly_uptime_web

    return [
        *(maintenance_web.router, publishing_web.router, web.router, hosting_web.router),
        *(relabeling_web.router, relabeling_api.router, signing_web.router, signing_api.router),
        *(maintenance_api.router, embed_api.router, api.router, publishing_api.router, hosting_api.router),
        *(part_translation_web.router, part_translation_api.router),
        *(monthly_uptime_web.router, monthly_uptime_api.router),
    ]


def _timers() -> Mapping[str, "Handler"]:
    from firebell.status_pages.maintenance import timers
    from firebell.status_pages.reminders import reminding

    return {**timers.HANDLERS, reminding.REMINDER_TIMER: reminding.run_reminders}


def _subscriptions() -> Subscriptions:
    from firebell.incidents.model import EntryAdded, IncidentDeclared, IncidentMerged
    from firebell.postmortems.model import ExternalPostmortemPublished
    from firebell.status_pages.publishing import continuing, external_postmortem
    from firebell.status_pages.reminders import reminding

    return Subscriptions(
        must={
            IncidentMerged: (continuing.continue_merged,),
            IncidentDeclared: (reminding.begin,),
            EntryAdded: (reminding.check,),
            ExternalPostmortemPublished: (external_postmortem.publish,),
        }
    )


def _incident_parts() -> list[IncidentPart]:
    from firebell.status_pages import incident_part

    return [incident_part.PART]


def _declaration_hints() -> list[DeclarationHint]:
    from firebell.status_pages import declaration_hints

    return [declaration_hints.components_affected]


def _closing_conditions() -> list["ConditionSource"]:
    from firebell.status_pages import incident_part

    return [incident_part.closing_conditions]


def _incident_checks() -> list[IncidentChecks]:
    from firebell.status_pages.truthfulness import queries as truthfulness_queries

    return [truthfulness_queries.load_findings]


def _service_uses() -> list["UseSource"]:
    from firebell.status_pages import service_uses

    return [service_uses.uses]


SLICE = Slice(
    "status_pages",
    tables=(
        *("status_page", "status_component_group", "status_component", "status_component_service"),
        *("public_incident", "public_update", "public_update_version"),
        *("status_page_access", "status_feed_key", "status_page_host"),
        *("status_page_theme", "status_page_mirror"),
        *("maintenance", "maintenance_series", "status_page_embed_origin"),
        *("status_relabeling", "public_update_translation", "status_page_signing_key"),
    ),
    views={
        "incident_public_postmortem": "The document of an incident says where customers read about it.",
        "incident_status_post": "The document of an incident says when its first post was published.",
    },
    kept={
        "status_page": FEW,
        "status_component_group": FEW,
        "status_component": FEW,
        "status_component_service": FEW,
        "status_page_access": FEW,
        "status_feed_key": FEW,
        "status_page_host": FEW,
        "status_page_theme": FEW,
        "status_page_mirror": FEW,
        "public_incident": PUBLISHED,
        "public_update": PUBLISHED,
        "public_update_version": PUBLISHED,
        "maintenance": PUBLISHED,
        "maintenance_series": PUBLISHED,
        "status_page_embed_origin": FEW,
        "status_relabeling": PUBLISHED,
        "public_update_translation": PUBLISHED,
        "status_page_signing_key": PUBLISHED,
    },
    routers=_routers,
    timers=_timers,
    subscriptions=_subscriptions,
    incident_parts=_incident_parts,
    declaration_hints=_declaration_hints,
    closing_conditions=_closing_conditions,
    incident_checks=_incident_checks,
    service_uses=_service_uses,
    commands=(
        Command(
            "statuspage", "Show status pages and publish on them.", "firebell.commands.statuspage", rank=124
        ),
        Command(
            "maintenance",
            "Schedule maintenance on a status page, and run it.",
            "firebell.commands.maintenance",
            rank=125,
        ),
    ),
    navigation=(NavItem(Section.TELL, 10, "/status-pages", "globe", "Status pages", name="status-pages"),),
)
