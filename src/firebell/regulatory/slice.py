"""Slice declaration: regulatory clocks."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from firebell.kit.slice import (
    Command,
    Composer,
    IncidentChecks,
    IncidentPart,
    NavItem,
    Section,
    Slice,
    Subscriptions,
)

if TYPE_CHECKING:
    from fastapi import APIRouter

    from firebell.kit.jobs.timers import Handler


def _routers() -> list["APIRouter"]:
    from firebell.regulatory import api, web
    from firebell.regulatory.drafts import api as draft_api
    from firebell.regulatory.drafts import web as draft_web
    from firebell.regulatory.regimes import api as regime_api
    from firebell.regulatory.regimes import contract_api
    from firebell.regulatory.regimes import web as regime_web

    return [
        *(regime_web.router, web.router, draft_web.router),
        *(regime_api.router, contract_api.router, api.router, draft_api.router),
    ]


def _timers() -> Mapping[str, "Handler"]:
    from firebell.regulatory import timers

    return timers.HANDLERS


def _composers() -> Mapping[str, Composer]:
    from firebell.regulatory import messages, reminding

    return {
        reminding.SUBJECT_KIND: Composer(messages.compose, topic="inc", incidents_of=messages.incidents_of)
    }


def _subscriptions() -> Subscriptions:
    from firebell.incidents.model import IncidentDeclared, IncidentMerged, SeverityChanged
    from firebell.regulatory import actions

    return Subscriptions(
        must={IncidentMerged: (actions.merge_facts,)},
        then={
            IncidentDeclared: {"start_regulatory_clocks": actions.start_clocks},
            SeverityChanged: {"check_regulatory_clocks": actions.start_clocks},
        },
    )


def _incident_parts() -> list[IncidentPart]:
    from firebell.regulatory import incident_part

    return [incident_part.PART]


def _incident_checks() -> list[IncidentChecks]:
    from firebell.regulatory import incident_part

    return [incident_part.load_findings]


SLICE = Slice(
    "regulatory",
    tables=(
        *("regulatory_fact", "regulatory_regime", "regulatory_contract", "regulatory_reminder"),
        *("regulatory_draft", "regulatory_draft_answer"),
    ),
    kept={
        "regulatory_fact": "A fact is kept with its incident, as evidence.",
        "regulatory_regime": "A setting.",
        "regulatory_contract": "A setting.",
        "regulatory_draft": "A notification is kept with its incident, as evidence.",
        "regulatory_draft_answer": "What was written into a notification is kept with it, as evidence.",
        "regulatory_reminder": "A reminder is kept with its incident, as evidence.",
    },
    routers=_routers,
    timers=_timers,
    composers=_composers,
    subscriptions=_subscriptions,
    incident_parts=_incident_parts,
    incident_checks=_incident_checks,
    commands=(
        Command(
            "regime",
            "Show regulatory regimes, and turn them on and off.",
            "firebell.commands.regime",
            rank=125,
        ),
    ),
    navigation=(NavItem(Section.TELL, 20, "/clocks", "scale", "Regulatory", name="clocks"),),
)
