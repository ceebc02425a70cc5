"""Slice declaration: metrics."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from firebell.kit.slice import Command, IncidentChecks, NavItem, Section, Slice, Subscriptions

if TYPE_CHECKING:
    from fastapi import APIRouter

    from firebell.kit.jobs.pruning import Retention


def _routers() -> list["APIRouter"]:
    from firebell.metrics import api, explore_web, web
    from firebell.metrics.business_impact import api as impact_api
    from firebell.metrics.business_impact import web as impact_web
    from firebell.metrics.learning_loop import api as learning_loop_api
    from firebell.metrics.learning_loop import web as learning_loop_web
    from firebell.metrics.review import api as review_api
    from firebell.metrics.review import web as review_web
    from firebell.metrics.team_rates import api as rate_api

    # first, or their addresses would be taken for slugs of metrics
    before = [review_web.router, review_api.router, explore_web.router]
    return [
        *before,
        *(web.router, api.router, learning_loop_web.router, learning_loop_api.router),
        *(impact_web.router, impact_api.router, rate_api.router),
    ]


def _incident_checks() -> list[IncidentChecks]:
    from firebell.metrics import incident_checks

    return [incident_checks.load_findings]


def _retentions() -> "Sequence[Retention]":
    from firebell.metrics.facts import store as fact_store

    return fact_store.RETENTIONS


def _subscriptions() -> Subscriptions:
    from firebell.incidents.model import IncidentMerged
    from firebell.metrics.business_impact import actions

    return Subscriptions(must={IncidentMerged: (actions.move_merged,)})


SLICE = Slice(
    "metrics",
    tables=(
        "incident_fact",
        "incident_fact_service",
        "incident_fact_person",
        "page_fact",
        "page_month",
        "metric_progress",
        "business_impact",
        "team_cost_rate",
    ),
    views={"counted_page": "The workload compares the noise of teams with the limit of fatigue."},
    kept={
        "incident_fact": "A fact is kept with its incident.",
        "incident_fact_service": "A fact is kept with its incident.",
        "incident_fact_person": "A fact is kept with its incident.",
        "team_cost_rate": "At most one row per team.",
        "business_impact": "At most one row per incident, kept as long as the incident.",
        "page_month": "One row for each month with pages.",
        "metric_progress": "One row.",
    },
    retentions=_retentions,
    routers=_routers,
    incident_checks=_incident_checks,
    subscriptions=_subscriptions,
    commands=(
        Command(
            "metrics",
            "Show and export metrics, and compute them again.",
            "firebell.commands.metrics",
            rank=130,
        ),
    ),
    navigation=(
        NavItem(Section.LEARN, 27, "/metrics", "chart-line", "Metrics", name="metrics", verb="metrics.read"),
    ),
)
