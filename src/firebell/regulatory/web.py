"""The clocks of one incident, and the register of all."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

from fastapi import Response

from firebell.incidents import actions as incidents
from firebell.kit.errors import FirebellError
from firebell.kit.localtime import to_instant
from firebell.kit.references import parse_ref
from firebell.kit.spreadsheet import to_csv
from firebell.kit.text import to_wall
from firebell.kit.web import flash, html, routing
from firebell.kit.web.file_names import disposition
from firebell.people import route_access
from firebell.people.permissions import Verb
from firebell.people.unit_of_work import CurrentVisit, Visit
from firebell.regulatory import actions, queries, rules, store, wording
from firebell.regulatory.drafts import queries as draft_queries
from firebell.regulatory.drafts.template_files import template_of
from firebell.regulatory.model import (
    ACTIVE,
    STOPPED,
    SUBMITTED,
    Answer,
    Clock,
    FactDefinition,
    FactType,
    IncidentFacts,
    State,
)
from firebell.regulatory.queries import IncidentClocks, Setup

router = routing.html_router()

TABS: Mapping[str, tuple[str, frozenset[State]]] = {
    "running": ("Running", ACTIVE),
    "undecided": ("Not decided", frozenset({State.UNDECIDED})),
    "done": ("Submitted", frozenset({State.MET})),
    "late": ("Late", frozenset({State.LATE, State.OVERDUE})),
    "all": ("All", frozenset(State) - {State.WAITING}),
}
CSV_HEAD = (
    *("incident", "title", "severity", "regime", "obligation", "article", "recipient", "state"),
    *("starts_on", "started_at", "due_at", "submitted_at", "reason", "recorded_by"),
)


def shared_context(current: Setup, today: date) -> dict[str, Any]:
    """Return what every page with clocks needs."""
    on = [applied.regime for applied in current.shipped if applied.settings.is_on]
    return {
        "label": lambda fact: wording.fact_label(fact, current.definitions),
        "limits": lambda obligation: wording.limits_text(obligation, current.definitions),
        "excluded": lambda clock: wording.excluded_text(clock, current.definitions),
        "state_labels": wording.STATE_LABELS,
        "hues": wording.STATE_HUES,
        "rules_version": max((regime.version for regime in on), default=None),
        "review_by": min((regime.review_by for regime in on), default=None),
        "today": today,
        "is_chosen": current.is_chosen,
    }


def facts_shown(current: Setup, one: IncidentClocks) -> list[FactDefinition]:
    """Return the facts that are recorded, that have a default, or that would decide or start a clock now."""
    recorded = {record.fact for record in one.facts.records}
    asked = {
        clock.missing[0]
        for clock in one.clocks
        if clock.missing and (clock.state is State.UNDECIDED or len(clock.missing) == 1)
    }
    started = {clock.start.fact for clock in one.clocks if clock.start}
    return [
        definition
        for fact, definition in current.definitions.items()
        if definition.type is not FactType.INCIDENT and fact in recorded | asked | started
    ]


async def _render(
    visit: Visit, ref: str, fields: Mapping[str, str], error: FirebellError | None = None
) -> Response:
    incident = await incidents.incident(visit.tx, parse_ref("INC", ref))
    current = await queries.setup(visit.tx)
    records = (await store.facts(visit.tx, [incident.id]))[incident.id]
    one = queries.incident_clocks(current, incident, records, visit.now)
    shown = facts_shown(current, one)
    drafts = await draft_queries.drafts_of(visit.tx, visit.actor, incident)
    context = {
        **shared_context(current, visit.now.date()),
        "nav": "incidents",
        "live": f"inc-{incident.id}",
        "i": incident,
        "one": one,
        "facts": shown,
        "others": [
            (fact, definition.label)
            for fact, definition in current.definitions.items()
            if definition.type is not FactType.INCIDENT and definition not in shown
        ],
        "latest": rules.latest(records),
        "history": list(reversed(records)),
        "starts": {fact: _default_start(one.facts, current, fact) for fact in current.definitions},
        "fields": fields,
        "error": error,
        "submitted": SUBMITTED,
        "stopped": STOPPED,
        "sees_drafts": drafts is not None,
        "drafts": {draft.obligation: draft for draft in drafts or ()},
        "has_template": lambda obligation: template_of(obligation) is not None,
    }
    return await html.render(visit.request, "regulatory/clocks.html", context)


def _default_start(facts: IncidentFacts, current: Setup, fact: str) -> datetime | None:
    return facts.detected_at if current.definitions[fact].has_default else None


@router.get("/incidents/{ref}/clocks", dependencies=route_access.needs(Verb.REGULATORY_READ))
async def clocks(visit: CurrentVisit, ref: str) -> Response:
    return await _render(visit, ref, {})


@router.post("/incidents/{ref}/clocks/facts", dependencies=route_access.needs(Verb.REGULATORY_RECORD))
async def record_fact(visit: CurrentVisit, ref: str) -> Response:
    fields = visit.values
    incident_id = parse_ref("INC", ref)
    answer = Answer(fields["answer"]) if fields.get("answer") in list(Answer) else Answer.YES
    try:
        wall = to_wall(fields["at"], "at") if fields.get("at") and answer is Answer.YES else None
        async with visit.tx.savepoint():
            await actions.record_fact(
                visit.tx,
                visit.actor,
                incident_id,
                fields.get("fact", ""),
                answer,
                visit.now,
                effective_at=to_instant(wall, visit.person.tz) if wall else None,
                reason=fields.get("reason", ""),
            )
    except FirebellError as error:
        if not error.fields:
            raise
        return await _render(visit, ref, fields, error)
    return flash.redirect(visit.request, f"/incidents/INC-{incident_id}/clocks", "Fact recorded.")


@router.get("/clocks", dependencies=route_access.needs(Verb.REGULATORY_READ))
async def register(visit: CurrentVisit, state: str = "running") -> Response:
    tab = state if state in TABS else "running"
    listed = await queries.register(visit.tx, visit.now)
    shown = [(one, _in_tab(one, tab)) for one in listed]
    owed = sorted((clock for one in listed for clock in one.owed), key=_due_order)
    context = {
        **shared_context(await queries.setup(visit.tx), visit.now.date()),
        "nav": "clocks",
        "live": "incidents",
        "tab": tab,
        "tabs": {name: label for name, (label, _) in TABS.items()},
        "counts": {name: sum(len(_in_tab(one, name)) for one in listed) for name in TABS},
        "listed": [(one, chosen) for one, chosen in shown if chosen],
        "owed": owed,
        "running_in": [one for one in listed if one.owed],
    }
    return await html.render(visit.request, "regulatory/register.html", context)


def _due_order(clock: Clock) -> datetime:
    return clock.due_at or datetime.max.replace(tzinfo=UTC)


def _in_tab(one: IncidentClocks, tab: str) -> list[Clock]:
    """Return the clocks of a tab; what applies to no incident at all is left out."""
    return [
        clock
        for clock in one.in_states(*TABS[tab][1])
        if clock.state is not State.NOT_APPLICABLE or clock.excluded_by
    ]


@router.get("/clocks.csv", dependencies=route_access.needs(Verb.REGULATORY_READ))
async def export(visit: CurrentVisit) -> Response:
    """Export the register, one row per clock, with what was decided not to apply and why."""
    listed = await queries.register(visit.tx, visit.now)
    rows: list[Sequence[object]] = [CSV_HEAD]
    for one in listed:
        latest = rules.latest(one.facts.records)
        for clock in _in_tab(one, "all"):
            excluding = latest.get(clock.excluded_by)
            rows.append(_row(one, replace(clock, record=clock.record or excluding)))
    headers = {**html.HEADERS, "Content-Disposition": disposition("regulatory-register.csv")}
    return Response(to_csv(rows), headers=headers, media_type="text/csv")


def _instant(at: datetime | None) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}" if at else ""


def _row(one: IncidentClocks, clock: Clock) -> Sequence[object]:
    is_submitted = clock.state in (State.MET, State.LATE)
    return (
        one.incident.ref,
        one.incident.title,
        f"SEV{one.incident.severity}",
        clock.applied.regime.name,
        clock.id,
        clock.obligation.article,
        clock.recipient,
        clock.state,
        clock.start.fact if clock.start else clock.excluded_by,
        _instant(clock.start.at if clock.start else None),
        _instant(clock.due_at),
        _instant(clock.record.effective_at) if clock.record and is_submitted else "",
        clock.record.reason if clock.record else "",
        clock.record.actor if clock.record else "",
    )
