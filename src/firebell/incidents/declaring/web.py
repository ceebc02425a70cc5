"""The form that declares an incident, with its questions about the severity."""

import itertools
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from fastapi import Response
from markupsafe import Markup

from firebell.catalog import actions as catalog
from firebell.catalog.queries import offer_services
from firebell.handbook import actions as handbook
from firebell.incidents import actions
from firebell.incidents.declaring.dependency_hints import dependency_hints
from firebell.incidents.declaring.similar_queries import similar_incidents
from firebell.incidents.details_web import incident_type
from firebell.incidents.incident_list import store as list_store
from firebell.incidents.messages.queries import severities
from firebell.incidents.model import OPEN, TYPE_NAMES, Incident, IncidentFilter, Sort
from firebell.incidents.roles.rules import can_hold_roles
from firebell.incidents.severity import FACTS, QUESTIONS, Severity, parse, suggest, typed_answers
from firebell.kit.db.database import Tx
from firebell.kit.errors import FirebellError, Invalid
from firebell.kit.references import parse_ref
from firebell.kit.slice import DeclarationHint, DeclarationPlan
from firebell.kit.text import to_choices, to_id
from firebell.kit.web import flash, html, routing
from firebell.paging import actions as paging
from firebell.paging.model import OPEN as OPEN_PAGES
from firebell.people import route_access
from firebell.people.permissions import Verb
from firebell.people.unit_of_work import CurrentVisit, Visit

router = routing.html_router()

_SEVERITY_CHAPTER = "references/severity-classification.md"
INCIDENTS_OFFERED = 3
"""Number of open incidents that the form offers to join, most severe first."""


@dataclass(frozen=True, slots=True)
class QuestionText:
    """A question of the decision tree, in the words of the handbook."""

    name: str
    text: str
    help: str


@cache
def _questions() -> list[QuestionText]:
    rows = handbook.table(_SEVERITY_CHAPTER, "The decision tree")[1:]
    return [QuestionText(q.name, row[0], row[1]) for q, row in zip(QUESTIONS, rows, strict=True)]


@cache
def _verdicts() -> Markup:
    """Return the suggested severity for each of the 81 combinations of answers, as JSON by their initials."""
    verdicts = {}
    for letters in itertools.product("ynu", repeat=len(QUESTIONS)):
        answers = {q.name: {"y": True, "n": False}.get(a) for q, a in zip(QUESTIONS, letters, strict=True)}
        if verdict := suggest(answers):
            verdicts["".join(letters)] = {
                "severity": int(verdict.severity),
                "path": verdict.path,
                "provisional": verdict.provisional,
            }
    return Markup(json.dumps(verdicts).replace("<", "\\u003c"))  # noqa: S704 - our own texts, angle brackets escaped


async def _declare_form(
    visit: Visit, page: str, values: dict[str, Any], error: FirebellError | None
) -> Response:
    search = values.get("find", "").strip()
    origin = await paging.page(visit.tx, parse_ref("PG", page)) if page else None
    chosen = values.get("services", [origin.service_id] if origin else [])
    open_pages = await paging.pages(visit.tx, states=OPEN_PAGES)
    paging_ids = [p.service_id for p in open_pages if p.service_id]
    offered = await offer_services(visit.tx, paging_ids, search, chosen=[i for i in chosen if i])
    open_incidents = IncidentFilter(phases=tuple(OPEN), drill=False)
    ongoing = await list_store.incidents(visit.tx, open_incidents, Sort.SEVEREST, limit=INCIDENTS_OFFERED)
    origins = {p.ref: p.title for p in ([origin] if origin else []) + open_pages if p.subject_kind == "group"}
    severity_texts = severities(await handbook.all_templates(visit.tx))
    verdict = suggest(typed_answers(values))
    chosen_severity = parse(values.get("severity", ""))
    if chosen_severity is None and verdict:
        chosen_severity = verdict.severity
    plans: Sequence[DeclarationPlan] = visit.request.app.state.declaration_plans
    planned = [await plan(visit.tx, visit.now, visit.person.tz) for plan in plans]
    context = {
        "nav": "incidents",
        "page": origin,
        "planned": {level: [line for each in planned for line in each[level]] for level in Severity},
        "offered": offered,
        "search": search,
        "ongoing": ongoing,
        "pages": [(ref, f"{ref} {title}") for ref, title in origins.items()],
        "similar": await _similar(visit, values.get("title", ""), values, chosen),
        "questions": _questions(),
        "facts": [(level, fact, severity_texts[level]) for level, fact in FACTS.items()],
        "verdict": verdict,
        "severity": chosen_severity,
        "verdicts": _verdicts(),
        "values": {
            "title": origin.title if origin else "",
            "drill": "yes" if origin and origin.plan.is_drill else "",
            **values,
        },
        "chosen": chosen,
        **await _hints(visit, [i for i in chosen if i], values.get("also", ())),
        "types": [(str(t), name) for t, name in TYPE_NAMES.items()],
        "error": error,
    }
    return await html.render(visit.request, "incidents/declare.html", context)


async def _hints(visit: Visit, service_ids: Sequence[int], also: Sequence[int]) -> dict[str, Any]:
    """Return what the form shows about the dependencies of the selected services."""
    hints: Sequence[DeclarationHint] = visit.request.app.state.declaration_hints
    affected = [*service_ids, *also]
    return {
        "near": await dependency_hints(visit.tx, service_ids),
        "also": also,
        "hints": [line for hint in hints for line in await hint(visit.tx, affected, visit.now)],
    }


async def _similar(
    visit: Visit, title: str, values: Mapping[str, Any], service_ids: Sequence[int | None]
) -> list[Incident]:
    """Return the incidents that the form's title may mean."""
    ids = [i for i in service_ids if i is not None]
    answered = bool(typed_answers(values))
    return await similar_incidents(visit.tx, title, visit.now, answered=answered, service_ids=ids)


@router.get("/incidents/new", dependencies=route_access.needs(Verb.INCIDENT_DECLARE))
async def declare_form(visit: CurrentVisit, page: str = "", drill: str = "") -> Response:
    return await _declare_form(visit, page, {"drill": drill} if drill else {}, None)


@router.post("/incidents/new", dependencies=route_access.needs(Verb.INCIDENT_DECLARE))
async def declare(visit: CurrentVisit, preview: str = "") -> Response:
    page = visit.text("page")
    values: dict[str, Any] = {
        name: value for name, value in visit.values.items() if name not in ("service", "also")
    }
    services = [i for i in map(to_id, visit.form.getlist("service")) if i is not None]
    values["also"] = [i for i in map(to_id, visit.form.getlist("also")) if i is not None]
    if preview:  # the title or the services changed
        context = {
            "similar": await _similar(visit, values.get("title", ""), values, services),
            **await _hints(visit, services, values["also"]),
        }
        return await html.render(visit.request, "incidents/declare_preview.html", context)
    if values.get("look"):  # the search for a service, or Enter in a field
        return await _declare_form(visit, page, {**values, "services": services}, None)
    try:
        chosen = [*visit.form.getlist("service"), *visit.form.getlist("also")]
        services = list(dict.fromkeys(to_choices(chosen, "service")))
        async with visit.tx.savepoint():
            if search := values.get("find", "").strip():
                services.append(await _searched(visit.tx, search))
            incident = await actions.declare(
                visit.tx,
                visit.actor,
                title=values.get("title", ""),
                severity=parse(values.get("severity", "")),
                answers=typed_answers(values),
                cap_unknown=True,
                service_ids=services,
                page_id=parse_ref("PG", page) if page else None,
                summary=values.get("summary", ""),
                commander_id=visit.person.id
                if values.get("command") and can_hold_roles(visit.person)
                else None,
                drill=bool(values.get("drill")),
                page_in_drill=bool(values.get("page_in_drill")),
                incident_type=incident_type(values.get("type", "")),
                private=bool(values.get("private")),
                now=visit.now,
            )
    except Invalid as error:
        return await _declare_form(visit, page, {**values, "services": services}, error)
    return flash.redirect(visit.request, f"/incidents/{incident.ref}", f"{incident.ref} declared.")


async def _searched(tx: Tx, search: str) -> int:
    """Return the id of the service with exactly this name; raise `Invalid` to show the matches."""
    service = await catalog.service_by_name_or_slug(tx, search)
    if service is None:
        raise Invalid(
            "No service has exactly this name.",
            fields={"find": "Select a service below, or leave the search blank."},
        )
    return service.id
