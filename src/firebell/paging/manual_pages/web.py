"""The form that pages someone by hand."""

import secrets
from typing import Any

from fastapi import Response

from firebell.kit import undo
from firebell.kit.db.database import Tx
from firebell.kit.errors import FirebellError, Invalid
from firebell.kit.references import parse_ref
from firebell.kit.text import to_id
from firebell.kit.web import flash, html, routing
from firebell.oncall.schedules import queries as oncall
from firebell.paging import actions
from firebell.paging.manual_pages import actions as manual
from firebell.paging.manual_pages import page_tests
from firebell.paging.model import ManualTarget, ManualTargetKind
from firebell.paging.policies.dry_run import PlannedLevel, dry_run, offset
from firebell.people import actions as people
from firebell.people import route_access
from firebell.people.permissions import Verb
from firebell.people.queries import choosable
from firebell.people.unit_of_work import CurrentVisit, Visit

router = routing.html_router()

Options = list[tuple[str, str]]
_SCHEDULES_WITH_NAMES = 100
"""Number of schedules up to which the form names the people on call."""


def parse_target(text: str) -> ManualTarget | None:
    """Return a target such as `schedule:3`, None for other text."""
    kind, _, number = text.partition(":")
    target_id = to_id(number)
    if kind not in list(ManualTargetKind) or target_id is None:
        return None
    return ManualTarget(ManualTargetKind(kind), target_id)


async def _options(
    visit: Visit, chosen: ManualTarget | None, search: str
) -> tuple[list[tuple[str, Options]], Any]:
    """Return the possible targets by kind, as (value, label), and the choice of people."""
    tx, now = visit.tx, visit.now
    names = await oncall.names_by_id(tx)
    on_call: dict[int, tuple[int, ...]] = {}
    if len(names) <= _SCHEDULES_WITH_NAMES:
        schedules = await oncall.schedules_by_id(tx, list(names), since=now)
        on_call = {i: oncall.users_at(schedule, now) for i, schedule in schedules.items()}
    people_by_id = await people.people_by_id(tx, [i for ids in on_call.values() for i in ids])

    def schedule_label(schedule_id: int) -> str:
        if schedule_id not in on_call:
            return names[schedule_id]
        holders = ", ".join(people_by_id[i].name for i in on_call[schedule_id] if i in people_by_id)
        return f"{names[schedule_id]} ({holders or 'no one'} now)"

    chosen_people = [chosen.id] if chosen and chosen.kind is ManualTargetKind.PERSON else []
    choice = await choosable(tx, people_by_id, search, chosen=chosen_people)
    options = [
        ("On call", [(f"schedule:{i}", schedule_label(i)) for i in names]),
        ("Escalation policies", [(f"policy:{p.id}", p.name) for p in await actions.policies(tx)]),
        ("Teams", [(f"team:{t.id}", f"Everyone in {t.name}") for t in await people.teams(tx)]),
        ("People", [(f"person:{i}", name) for i, name in choice.options]),
    ]
    return options, choice


async def _reach(tx: Tx, target: ManualTarget | None, visit: Visit) -> list[PlannedLevel]:
    """Return whom a page for this target would notify when; empty without a target or for a deleted one."""
    if target is None:
        return []
    try:
        resolved = await manual.resolve_target(tx, target)
    except FirebellError:
        return []
    return await dry_run(tx, resolved.plan, resolved.team_id or 0, visit.now, policy_id=resolved.policy_id)


async def _form(visit: Visit, values: dict[str, str], error: FirebellError | None) -> Response:
    target = parse_target(values.get("target", ""))
    search = values.get("with") or visit.request.query_params.get("with", "")
    options, choice = await _options(visit, target, search)
    context = {
        "nav": "pages",
        "values": {"key": secrets.token_urlsafe(18), **values},
        "options": options,
        "others": choice,
        "reach": await _reach(visit.tx, target, visit),
        "offset": offset,
        "limit": manual.LIMIT,
        "asks_again": bool(error and "again" in error.fields),
        "error": error,
    }
    return await html.render(visit.request, "paging/new_page.html", context)


@router.get("/pages/new", dependencies=route_access.needs(Verb.PAGE_START))
async def page_form(visit: CurrentVisit, target: str = "", incident: str = "", text: str = "") -> Response:
    return await _form(visit, {"target": target, "incident": incident, "text": text}, None)


@router.post("/pages/new", dependencies=route_access.needs(Verb.PAGE_START))
async def start_page(visit: CurrentVisit, preview: str = "") -> Response:
    values = visit.values
    if preview:
        return await _form(visit, values, None)
    incident = values.get("incident", "")
    try:
        target = parse_target(values.get("target", ""))
        if target is None:
            raise Invalid("No one is selected.", fields={"target": "Select whom to page."})
        async with visit.tx.savepoint():
            page = await manual.request_manual_page(
                visit.tx,
                visit.actor,
                target,
                values.get("text", ""),
                visit.now,
                incident_id=parse_ref("INC", incident) if incident else None,
                key=values.get("key", ""),
                confirmed=bool(values.get("again")),
            )
    except FirebellError as error:
        return await _form(visit, values, error)
    offer = await undo.offer(
        visit.tx, visit.ctx.signer, visit.actor, "page.manual", visit.now, within=manual.UNDO_WITHIN
    )
    return flash.redirect(visit.request, f"/pages/{page.ref}", f"{page.plan.name} paged.", offer)


@router.post("/pages/test", dependencies=route_access.needs(Verb.PAGE_RESPOND))
async def start_test_page(visit: CurrentVisit) -> Response:
    page = await page_tests.start_test_page(visit.tx, visit.actor, visit.now)
    text = "Paging you. Each message and its delivery status are listed here."
    return flash.redirect(visit.request, f"/pages/{page.ref}", text)
