"""Slice declaration: audiences, customers and what they are sent."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from firebell.kit.slice import (
    FEW,
    Command,
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
    from firebell.kit.jobs.pruning import Retention
    from firebell.kit.jobs.timers import Handler


def _routers() -> list["APIRouter"]:
    from firebell.audiences import api, web
    from firebell.audiences.customers import api as customer_api
    from firebell.audiences.customers import web as customer_web
    from firebell.audiences.settings import web as settings_web

    return [web.router, settings_web.router, customer_web.router, api.router, customer_api.router]


def _timers() -> Mapping[str, "Handler"]:
    from firebell.audiences import timers

    return timers.HANDLERS


def _subscriptions() -> Subscriptions:
    from firebell.audiences import reminding
    from firebell.incidents.model import EntryAdded, IncidentDeclared

    return Subscriptions(
        must={IncidentDeclared: (reminding.begin_clocks,), EntryAdded: (reminding.check_clocks,)}
    )


def _incident_parts() -> list[IncidentPart]:
    from firebell.audiences import incident_part

    return [incident_part.PART]


def _incident_checks() -> list[IncidentChecks]:
    from firebell.audiences import incident_part

    return [incident_part.load_findings]


def _retentions() -> "Sequence[Retention]":
    from firebell.audiences.posts import delivery_store

    return delivery_store.RETENTIONS


def _service_uses() -> list["UseSource"]:
    from firebell.audiences import service_uses

    return [service_uses.uses]


SLICE = Slice(
    "audiences",
    tables=(
        *("audience_version", "audience_incident", "audience_post", "audience_text", "audience_delivery"),
        *("customer", "customer_scope", "customer_contact"),
    ),
    kept={
        "audience_version": "An incident names the version it was declared under.",
        "audience_incident": "One row for each incident.",
        "audience_post": "A post is kept with its incident, as evidence.",
        "audience_text": "A text is kept with its incident, as evidence.",
        "customer": FEW,
        "customer_scope": FEW,
        "customer_contact": "A contact is kept until someone deletes or erases it.",
    },
    retentions=_retentions,
    routers=_routers,
    service_uses=_service_uses,
    timers=_timers,
    subscriptions=_subscriptions,
    incident_parts=_incident_parts,
    incident_checks=_incident_checks,
    commands=(
        Command(
            "audience",
            "Show what audiences are due, and send posts to them.",
            "firebell.commands.audience",
            rank=126,
        ),
        Command(
            "customer",
            "List, import, export and erase customers and their contacts.",
            "firebell.commands.customer",
            rank=127,
        ),
    ),
    navigation=(
        NavItem(Section.TELL, 15, "/customers", "users", "Customers", "customers", "customer.read"),
        NavItem(Section.MORE, 45, "/settings/audiences", "megaphone", "Audiences", verb="audience.read"),
    ),
)
