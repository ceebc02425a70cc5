"""The screen of one page, and the acknowledgment link in messages."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from fastapi import Request, Response
from fastapi.responses import PlainTextResponse

from firebell.alerts import actions as alerts
from firebell.kit.db.database import Tx
from firebell.kit.db.events import Actor
from firebell.kit.errors import Gone, Invalid, NotFound
from firebell.kit.findings import Finding
from firebell.kit.localtime import format_local, format_short
from firebell.kit.references import parse_ref
from firebell.kit.slice import PagePart
from firebell.kit.text import to_number
from firebell.kit.web import flash, html, routing, transaction
from firebell.kit.web.filters import to_one_of
from firebell.paging import actionable_votes, actions, alert_design, queries, snooze_times
from firebell.paging.acknowledgment import links as ack_links
from firebell.paging.model import UNANSWERED, AckResult, PageState
from firebell.people import actions as people
from firebell.people import route_access
from firebell.people.permissions import Verb
from firebell.people.unit_of_work import CurrentVisit, Visit
from firebell.runbooks import actions as runbooks

router = routing.html_router()


async def page_detail(tx: Tx, page_id: int, public_url: str, now: datetime) -> dict[str, Any]:
    """Return the template context of one page; raise `NotFound`."""
    page = await actions.page(tx, page_id)
    (details,) = await queries.page_details(tx, [page], now, alerts_each=50)
    persons = {p.id: p.name for p in await people.people(tx)}
    started = page.due_at
    if page.state is PageState.TRIGGERED and page.level >= 0 and page.due_at:
        started = page.due_at - timedelta(seconds=page.plan.levels[page.level].ack_within_s)
    span = (page.due_at - started).total_seconds() if page.due_at and started else 0
    passed = (now - started).total_seconds() / span * 100 if span and started else 0
    return {
        "v": details,
        "log": await actions.log(tx, page_id),
        "deliveries": await actions.deliveries(tx, page_id),
        "persons": persons,
        "changes": await alerts.changes_before(tx, page.service_id, page.triggered_at),
        "passed": passed,
        "runbooks": await runbooks.suggestions(tx, [(details.service, details.alerts)], public_url),
    }


@router.get("/p/{ref}", dependencies=route_access.needs(Verb.PAGE_READ))
async def short(ref: str) -> Response:
    return html.redirect(f"/pages/PG-{parse_ref('PG', ref)}")


@router.get("/pages/{ref}", dependencies=route_access.needs(Verb.PAGE_READ))
async def detail(visit: CurrentVisit, ref: str) -> Response:
    page_id = parse_ref("PG", ref)
    context = await page_detail(visit.tx, page_id, visit.ctx.public_url, visit.now)
    page_votes = await actionable_votes.votes(visit.tx, page_id, visit.person.id)
    design: list[Finding] = []
    if context["v"].page.state is PageState.RESOLVED:
        has_runbook = runbooks.has_own(context["runbooks"])
        design = alert_design.findings(f"PG-{page_id}", context["v"].alerts, has_runbook=has_runbook)
    parts: Sequence[PagePart] = visit.request.app.state.page_parts
    context |= {
        "parts": [(part.template, await part.load(visit.tx, context["v"].page, visit.now)) for part in parts],
        "snooze_ends": snooze_times.ends(visit.now, visit.person.tz),
        "votes": page_votes,
        "design": design,
        "nav": "pages",
        "live": ",".join(["pages", *actions.live_topics([page_id])]),
    }
    return await html.render(visit.request, "paging/page.html", context, kept_offline=True)


@router.get("/pages/{ref}/more", dependencies=route_access.needs(Verb.PAGE_RESPOND))
async def more(visit: CurrentVisit, ref: str) -> Response:
    """Show the actions of a phone's sheet, for browsers without JavaScript."""
    page_id = parse_ref("PG", ref)
    page = await actions.page(visit.tx, page_id)
    (details,) = await queries.page_details(visit.tx, [page], visit.now, alerts_each=50)
    context = {
        "v": details,
        "nav": "pages",
        "live": ",".join(actions.live_topics([page_id])),
        "snooze_ends": snooze_times.ends(visit.now, visit.person.tz),
    }
    return await html.render(visit.request, "paging/page_actions.html", context)


def _snooze_end(visit: Visit) -> datetime:
    """Return the end of a snooze: the instant that was chosen, or after some minutes."""
    if chosen := visit.text("until"):
        try:
            until = datetime.fromisoformat(chosen)
        except ValueError:
            until = datetime.min  # noqa: DTZ901 - refused below
        if until.tzinfo is None:
            raise Invalid("This is not a time.", fields={"until": "Use one such as 2026-11-25T08:00+01:00."})
        return until
    minutes = to_number(visit.form.get("minutes", 30), "minutes", least=1, most=1440, unit="minutes")
    return visit.now + timedelta(minutes=minutes)


@router.post("/pages/{ref}/{what}", dependencies=route_access.needs(Verb.PAGE_RESPOND))
async def act(visit: CurrentVisit, ref: str, what: str) -> Response:
    page_id = parse_ref("PG", ref)
    match what:
        case "ack":
            result = await actions.ack(visit.tx, visit.actor, page_id, visit.now)
            text = f"PG-{page_id} was {result.already}." if result.already else f"PG-{page_id} acknowledged."
            if result.renewed:
                text = f"You are still on PG-{page_id}."
            if result.missing:
                text = f"You acknowledged PG-{page_id}. {result.waits_for}"
        case "unack":
            was = (await actions.page(visit.tx, page_id)).state
            page = await actions.unacknowledge(
                visit.tx, visit.actor, page_id, visit.now, position=visit.text("position")
            )
            text = f"You withdrew the acknowledgment of PG-{page_id}."
            if was is PageState.ACKED and page.plan.levels and page.due_at == visit.now:
                text += f" Level {page.level + 2} is notified again."
        case "resolve":
            await actions.resolve(visit.tx, visit.actor, page_id, visit.now)
            text = f"PG-{page_id} resolved."
        case "escalate":
            await actions.escalate(visit.tx, visit.actor, page_id, visit.now)
            text = f"PG-{page_id} escalated to the next level."
        case "snooze":
            until = _snooze_end(visit)
            await actions.snooze(visit.tx, visit.actor, page_id, until, visit.now)
            text = f"PG-{page_id} snoozed until {format_short(until, visit.person.tz, visit.now)}."
        case "note":
            await actions.add_note(visit.tx, visit.actor, page_id, visit.text("text"), visit.now)
            text = f"Note added to PG-{page_id}."
        case "vote":
            is_actionable = to_one_of(visit.text("actionable"), "actionable", ("yes", "no")) == "yes"
            await actionable_votes.vote(visit.tx, visit.actor, page_id, is_actionable, visit.now)
            text = f"You said that PG-{page_id} was {'' if is_actionable else 'not '}actionable."
        case _:
            raise NotFound(f"Unknown action: {what}.")
    return flash.redirect(visit.request, html.local(visit.form, f"/pages/PG-{page_id}"), text)


@router.get("/ack/{token}", dependencies=route_access.public("The signed link grants access."))
async def ack_form(request: Request, token: str) -> Response:
    """Show the page and a button; opening the link changes nothing (spec 2.1)."""
    return await _by_link(request, token, None)


@router.post("/ack/{token}", dependencies=route_access.public("The signed link grants access."))
async def ack_by_link(request: Request, token: str) -> Response:
    ctx = html.ctx(request)
    now = transaction.now(request)
    link = ack_links.read(ctx, token, now)
    # a notification has room for one sentence
    wants_text = request.headers.get("accept") == "text/plain"
    async with ctx.db.tx() as tx:
        person = await ack_links.holder(tx, link)
        page = await actions.page(tx, link.page_id)
        if not await ack_links.use(tx, link, now):
            result_text = "This link has already been used. Nothing changed."
        elif page.state is PageState.RESOLVED:
            result_text = "This page is already resolved. Nothing changed."
        else:
            result = await actions.ack(tx, Actor("link", person.name, person.id), page.id, now)
            result_text = _acknowledged(result, person.tz)
    return PlainTextResponse(result_text) if wants_text else await _by_link(request, token, result_text)


def _acknowledged(result: AckResult, tz: str) -> str:
    """Return what an acknowledgment did, in a sentence."""
    if result.missing:
        return f"Acknowledged. {result.waits_for}"
    if result.already is None:
        return "Acknowledged. Escalation stopped."
    if result.renewed and result.page.due_at:
        return f"Renewed until {format_local(result.page.due_at, tz)}."
    return f"This page was {result.already}."


async def _by_link(request: Request, token: str, result_text: str | None) -> Response:
    ctx = html.ctx(request)
    now = transaction.now(request)
    try:
        link = ack_links.read(ctx, token, now)
        async with ctx.db.tx() as tx:
            person = await ack_links.holder(tx, link)
            page = await actions.page(tx, link.page_id)
            (details,) = await queries.page_details(tx, [page], now, alerts_each=10)
            is_used = await ack_links.is_used(tx, link)
    except (Invalid, Gone) as error:
        context: dict[str, Any] = {"error": error, "v": None, "notice": None, "person": None}
        return await html.render(request, "paging/ack.html", context)
    waits = page.state in UNANSWERED and person.id in page.acks
    is_theirs = page.state is PageState.ACKED and person.id in details.owner_ids
    context = {
        "error": None,
        "v": details,
        "notice": result_text,
        "person": person,
        "tz": person.tz,
        "may_acknowledge": not is_used
        and not is_theirs
        and not waits
        and page.state is not PageState.RESOLVED,
        "may_renew": not is_used and is_theirs and page.due_at is not None,
    }
    return await html.render(request, "paging/ack.html", context)
