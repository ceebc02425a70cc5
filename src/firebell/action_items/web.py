"""The screens of action items: the board, the list, one item, and their forms."""

from collections.abc import Mapping
from datetime import date
from typing import Any

from fastapi import Response

from firebell.action_items import actions, completion_rate, form_values, list_store, queries
from firebell.action_items.list_address import BOARD, DUE_NAMES, LIST, STATE_TABS, Query, resolve
from firebell.action_items.model import (
    KIND_NAMES,
    STATE_NAMES,
    STRENGTH_NAMES,
    EvidenceKind,
    ItemFilter,
    ItemState,
    Priority,
)
from firebell.action_items.prevention_questions import actions as prevention_question_actions
from firebell.action_items.prevention_questions.actions import ANSWER_NAMES
from firebell.action_items.settings import actions as settings
from firebell.action_items.trackers import queries as trackers
from firebell.action_items.working_days import default_due, local_day
from firebell.incidents import actions as incidents
from firebell.kit.db.database import Tx
from firebell.kit.errors import FirebellError, NotFound
from firebell.kit.references import parse_ref
from firebell.kit.spreadsheet import to_csv
from firebell.kit.text import plural, to_choice, to_id
from firebell.kit.web import flash, html, routing
from firebell.people import actions as people
from firebell.people import route_access
from firebell.people.permissions import Verb
from firebell.people.queries import choosable
from firebell.people.unit_of_work import CurrentVisit, Visit

router = routing.html_router()

LISTED = 100
"""Number of items on one screen of the list."""
OVERDUE_SHOWN = 10
"""Number of overdue items above the board."""
CSV_ROWS = 10_000
CSV_HEAD = (
    *("item", "title", "state", "kind", "strength", "priority", "owner", "accepted", "team", "incident"),
    *("due", "overdue_days", "moved", "created_on", "done_on", "without_evidence", "dropped_reason"),
    *("risk_accepted_by", "evidence"),
)
NAMES: Mapping[str, Any] = {
    "states": STATE_NAMES,
    "kinds": KIND_NAMES,
    "strengths": STRENGTH_NAMES,
    "priorities": {priority: f"Priority {int(priority)}" for priority in Priority},
    "answers": ANSWER_NAMES,
    "evidence_kinds": {kind: kind.capitalize() for kind in EvidenceKind},
}


async def _choices(tx: Tx, person_id: int, chosen: int | None = None) -> dict[str, Any]:
    """Return the people and teams that forms offer."""
    ids = [chosen] if chosen else []
    others = await choosable(tx, [person_id, *ids], chosen=ids, verb=Verb.ACTION_ITEM_WRITE)
    teams = await people.teams(tx)
    return {"others": others, "team_options": [(team.id, team.name) for team in teams], "teams": teams}


@router.get("/actions", dependencies=route_access.needs(Verb.ACTION_ITEM_READ))
async def action_items(
    visit: CurrentVisit,
    view: str = BOARD,
    state: str = "",
    team: str = "",
    owner: str = "",
    incident: str = "",
    kind: str = "",
    priority: str = "",
    due: str = "",
    group: str = "",
    q: str = "",
    after: str = "",
) -> Response:
    view = LIST if view == LIST else BOARD
    query = Query(view, state if view == LIST else "", team, owner, incident, kind, priority, due, group, q)
    return await _list(visit, query, to_id(after))


async def _list(
    visit: Visit, query: Query, after: int | None = None, error: FirebellError | None = None
) -> Response:
    tx, me = visit.tx, visit.person
    today = local_day(visit.now, me.tz)
    wanted = await resolve(tx, query, me.id)
    choices = await _choices(tx, me.id)
    chosen_owner = (await people.people_by_id(tx, [wanted.owner_id])) if wanted.owner_id else {}
    context: dict[str, Any] = {
        **NAMES,
        **choices,
        "team_options": [(team.slug, team.name) for team in choices["teams"]],
        "owner_name": next((person.name for person in chosen_owner.values()), ""),
        "nav": "actions",
        "live": "actions",
        "query": query,
        "today": today,
        "error": error,
        "numbers": await queries.numbers(tx, wanted, visit.now, today),
        "target": completion_rate.TARGET,
        "state_tabs": STATE_TABS,
        "due_names": DUE_NAMES,
        "soonest": await _soonest(tx, today),
    }
    if query.view == BOARD:
        columns = await queries.board(tx, wanted, today)
        late = await queries.overdue(tx, wanted, today, OVERDUE_SHOWN)
        asked = await queries.unanswered(tx, 1)
        items = [item for column in columns for item in column.items] + late
        context |= {"columns": columns, "column_names": queries.COLUMN_NAMES, "late": late, "asked": asked}
    else:
        listed = await list_store.by_due(tx, wanted, today, LISTED + 1, after)
        items = listed[:LISTED]
        more = items[-1].id if len(listed) > LISTED else None
        context["older"] = query.url(after=more) if more else ""
    named = await queries.names(tx, items)
    context["names"] = named
    context["item_links"] = await trackers.links_of(tx, [item.id for item in items])
    if query.view == LIST:
        context["groups"] = queries.grouped(items, query.grouping, named, today)
    return await html.render(visit.request, "action_items/items.html", context)


async def _soonest(tx: Tx, today: date) -> date:
    """Return the due day that a form for a later day suggests."""
    return default_due(await settings.load(tx), Priority.P1, today)


@router.get("/actions.csv", dependencies=route_access.needs(Verb.ACTION_ITEM_READ))
async def export(
    visit: CurrentVisit,
    state: str = "",
    team: str = "",
    owner: str = "",
    incident: str = "",
    kind: str = "",
    priority: str = "",
    due: str = "",
    q: str = "",
) -> Response:
    """Export the items of the list with the same parameters, at most 10,000."""
    query = Query(LIST, state, team, owner, incident, kind, priority, due, "", q)
    today = local_day(visit.now, visit.person.tz)
    wanted = await resolve(visit.tx, query, visit.person.id)
    items = await list_store.by_due(visit.tx, wanted, today, CSV_ROWS)
    named = await queries.names(visit.tx, items)
    rows = [
        (
            *(item.ref, item.title, item.state, item.kind, item.strength, int(item.priority)),
            *(named.owner(item), "yes" if item.is_accepted else "no", named.team(item)),
            f"INC-{item.incident_id}" if item.incident_id else "",
            *(item.due, item.overdue_days(today), item.moved, item.created_at.date(), item.done_on or ""),
            "yes" if item.lacks_evidence else "no",
            *(item.dropped_reason, item.risk_accepted_by, " ".join(e.url for e in item.evidence)),
        )
        for item in items
    ]
    return html.download(to_csv([CSV_HEAD, *rows]).encode(), "action-items.csv")


@router.get("/actions/new", dependencies=route_access.needs(Verb.ACTION_ITEM_WRITE))
async def new(visit: CurrentVisit, incident: str = "", title: str = "", quote: str = "") -> Response:
    return await _new(visit, {"incident": incident, "title": title, "quote": quote})


async def _new(visit: Visit, values: Mapping[str, str], error: FirebellError | None = None) -> Response:
    today = local_day(visit.now, visit.person.tz)
    working = await settings.load(visit.tx)
    context = {
        **NAMES,
        **await _choices(visit.tx, visit.person.id),
        "nav": "actions",
        "values": values,
        "error": error,
        "due_days": {int(p): days for p, days in working.due_days.items()},
        "today": today,
    }
    return await html.render(visit.request, "action_items/new.html", context)


@router.post("/actions/new", dependencies=route_access.needs(Verb.ACTION_ITEM_WRITE))
async def add(visit: CurrentVisit) -> Response:
    try:
        async with visit.tx.savepoint():
            item = await actions.add_item(
                visit.tx, visit.actor, visit.text("title"), visit.now, **form_values.new_item(visit)
            )
    except FirebellError as error:
        return await _new(visit, visit.values, error)
    return flash.redirect(visit.request, f"/actions/{item.ref}", f"{item.ref} added.")


@router.post("/incidents/{ref}/actions", dependencies=route_access.needs(Verb.ACTION_ITEM_WRITE))
async def add_to_incident(visit: CurrentVisit, ref: str) -> Response:
    incident = await incidents.incident(visit.tx, parse_ref("INC", ref))
    values = {**form_values.new_item(visit), "incident_id": incident.id}
    item = await actions.add_item(visit.tx, visit.actor, visit.text("title"), visit.now, **values)
    url = html.local(visit.values, f"/incidents/{incident.ref}")
    return flash.redirect(visit.request, url, f"{item.ref} added.")


@router.post(
    "/incidents/{ref}/action-questions/{item}", dependencies=route_access.needs(Verb.ACTION_ITEM_WRITE)
)
async def answer(visit: CurrentVisit, ref: str, item: str) -> Response:
    incident_id, item_id = parse_ref("INC", ref), parse_ref("ACT", item)
    given = form_values.answer(visit.text("answer"))
    await prevention_question_actions.answer_question(
        visit.tx, visit.actor, incident_id, item_id, given, visit.now
    )
    url = html.local(visit.values, f"/incidents/INC-{incident_id}")
    return flash.redirect(visit.request, url, "Answer saved.")


@router.post("/actions/bulk", dependencies=route_access.needs(Verb.ACTION_ITEM_WRITE))
async def change_many(visit: CurrentVisit) -> Response:
    ids = [parse_ref("ACT", str(ref)) for ref in visit.form.getlist("ref")]
    back = html.local(visit.values, "/actions?view=list")
    at = (visit.tx, visit.actor, ids)
    try:
        async with visit.tx.savepoint():
            match visit.text("do"):
                case "due":
                    day = form_values.required_day(visit.text("due"))
                    items = await actions.set_due_of_many(*at, day, visit.text("reason"), visit.now)
                    text = f"Due day of {plural(len(items), 'action item')} changed."
                case "assign":
                    owner_id = form_values.required_owner(visit.text("owner"))
                    items = await actions.assign_many(*at, owner_id, visit.now)
                    text = f"{plural(len(items), 'action item')} assigned."
                case "drop":
                    items = await actions.drop_many(*at, visit.text("drop_reason"), visit.now)
                    text = f"{plural(len(items), 'action item')} dropped."
                case other:
                    raise NotFound(f"Unknown action: {other[:40]}.")
    except FirebellError as error:
        return await _list(visit, Query(LIST), error=error)
    return flash.redirect(visit.request, back, text)


@router.get("/actions/{ref}", dependencies=route_access.needs(Verb.ACTION_ITEM_READ))
async def action_item(visit: CurrentVisit, ref: str) -> Response:
    return await item_page(visit, parse_ref("ACT", ref))


async def item_page(
    visit: Visit, item_id: int, error: FirebellError | None = None, what: str = ""
) -> Response:
    """Return the page of an item, with what was wrong with the form `what`."""
    tx, me = visit.tx, visit.person
    item = await actions.item(tx, item_id)
    today = local_day(visit.now, me.tz)
    history = await actions.events(tx, item.id)
    owner_ids = {value for e in history if e.field == "owner_id" for value in (e.old, e.new) if value}
    people_by_id = await people.people_by_id(tx, [int(value) for value in owner_ids])
    duplicates = await list_store.newest(tx, ItemFilter(duplicate_of=item.id), today, LISTED)
    links, linkable = await trackers.links_and_linkable(tx, item.id)
    context = {
        **NAMES,
        **await _choices(tx, me.id, item.owner_id),
        "nav": "actions",
        "live": "actions",
        "act": item,
        "names": await queries.names(tx, [item]),
        "today": today,
        "events": list(reversed(history)),
        "people_names": {str(i): person.name for i, person in people_by_id.items()},
        "asked": await queries.questions_of_item(tx, item.id),
        "duplicates": duplicates,
        "item_links": links,
        "tracker_options": [(tracker.id, tracker.name) for tracker in linkable],
        "error": error,
        "what": what,
        "values": visit.values,
        "soonest": await _soonest(tx, max(today, item.due)),
    }
    return await html.render(visit.request, "action_items/item.html", context)


@router.post("/actions/{ref}/{what}", dependencies=route_access.needs(Verb.ACTION_ITEM_WRITE))
async def change(visit: CurrentVisit, ref: str, what: str) -> Response:
    item_id = parse_ref("ACT", ref)
    await actions.item(visit.tx, item_id)
    try:
        async with visit.tx.savepoint():
            text = await _change(visit, item_id, what)
    except FirebellError as error:
        if isinstance(error, NotFound) and what not in _VERBS:
            raise
        return await item_page(visit, item_id, error, what)
    url = html.local(visit.values, f"/actions/ACT-{item_id}")
    return flash.redirect(visit.request, url, text)


_VERBS = {
    "accept": "accepted",
    "assign": "assigned",
    "due": "moved",
    "edit": "saved",
    "start": "started",
    "stop": "moved back to open",
    "done": "done",
    "drop": "dropped",
    "duplicate": "marked as a duplicate",
    "reopen": "reopened",
}
_STATES = {
    "start": ItemState.IN_PROGRESS,
    "stop": ItemState.OPEN,
    "done": ItemState.DONE,
    "drop": ItemState.DROPPED,
    "duplicate": ItemState.DUPLICATE,
    "reopen": ItemState.OPEN,
}


async def _change(visit: Visit, item_id: int, what: str) -> str:
    """Run the action of a form and return what it says afterwards."""
    at = (visit.tx, visit.actor, item_id)
    match what:
        case "accept":
            item = await actions.accept_item(*at, visit.now)
        case "assign":
            owner_id = to_choice(visit.values.get("owner"), "owner")
            item = await actions.assign_item(*at, owner_id, visit.now, note=visit.text("note"))
        case "due":
            day = form_values.required_day(visit.text("due"))
            item = await actions.set_due(*at, day, visit.now, reason=visit.text("reason"))
        case "edit":
            item = await actions.change_item(*at, form_values.changes(visit), visit.now)
        case _ if what in _STATES:
            duplicate_of = visit.text("duplicate_of").strip()
            item = await actions.set_item_state(
                *at,
                _STATES[what],
                visit.now,
                reason=visit.text("reason"),
                evidence=form_values.evidence(visit),
                accepts_risk="accepts_risk" in visit.values,
                duplicate_of=parse_ref("ACT", duplicate_of) if duplicate_of else None,
            )
        case _:
            raise NotFound(f"Unknown action: {what[:40]}.")
    return f"{item.ref} {_VERBS[what]}."
