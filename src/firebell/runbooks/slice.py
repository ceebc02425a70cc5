"""Slice declaration: runbooks."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from firebell.kit.slice import FEW, Command, IncidentPart, NavItem, Section, Slice

if TYPE_CHECKING:
    from fastapi import APIRouter

    from firebell.kit.jobs.pruning import Retention
    from firebell.kit.jobs.timers import Handler


def _routers() -> list["APIRouter"]:
    from firebell.runbooks import api, history_api, history_web, web
    from firebell.runbooks.runs import api as run_api
    from firebell.runbooks.runs import web as run_web
    from firebell.runbooks.sources import api as source_api
    from firebell.runbooks.sources import web as source_web
    from firebell.runbooks.sources import webhook

    # the addresses of runbooks have a parameter where those of runs and sources have a word
    return [
        run_web.router,
        source_web.router,
        webhook.router,
        source_api.router,
        history_web.router,
        web.router,
        run_api.router,
        history_api.router,
        api.router,
    ]


def _timers() -> Mapping[str, "Handler"]:
    from firebell.runbooks.runs import timers

    return timers.HANDLERS


def _retentions() -> "Sequence[Retention]":
    from firebell.runbooks.runs import event_store

    return event_store.RETENTIONS


def _incident_parts() -> list[IncidentPart]:
    from firebell.runbooks.runs import incident_part

    return [incident_part.PART]


_RUN_TABLES = ("runbook_run", "runbook_step", "runbook_run_event", "runbook_text")

SLICE = Slice(
    "runbooks",
    tables=(
        "runbook",
        "runbook_source",
        "runbook_scenario",
        "rule_file",
        "runbook_version",
        *_RUN_TABLES,
        "runbook_run_output",
    ),
    kept={
        "runbook": FEW,
        "runbook_source": FEW,
        "runbook_scenario": FEW,
        "rule_file": FEW,
        "runbook_version": "What a runbook said explains what was done by it.",
        **dict.fromkeys(_RUN_TABLES, "What was done in an incident, and by which text, is kept with it."),
    },
    retentions=_retentions,
    routers=_routers,
    timers=_timers,
    incident_parts=_incident_parts,
    commands=(
        Command(
            "runbook",
            "Run runbooks, check them, and manage the library.",
            "firebell.commands.runbook",
            rank=170,
        ),
    ),
    navigation=(NavItem(Section.PREPARE, 40, "/runbooks", "list-checks", "Runbooks", name="runbooks"),),
)
