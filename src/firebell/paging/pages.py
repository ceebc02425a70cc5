"""The inbox, the page, and the link in a message."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from fastapi import Request, Response

from firebell.alerts import actions as alerts
from firebell.kit import flash, html, routing
from firebell.kit.db import Tx
from firebell.kit.errors import Gone, Invalid, NotFound
from firebell.kit.events import Actor
from firebell.kit.refs import number
from firebell.kit.text import to_number
from firebell.oncall import actions as oncall
from firebell.paging import actions, ledger, links, listing, view
from firebell.paging.model import OPEN, PageState
from firebell.people import access
from firebell.people import actions as people
from firebell.people.permissions import Verb

router = routing.pages()

LISTED = 100
"""Number of pages that the inbox shows at once."""
TABS = {
    "open": ("Open", tuple(OPEN)),
    "waiting": ("Needs a human", (PageState.TRIGGERED, PageState.EXHAUSTED)),
    "acked": ("Acknowledged", (PageState.ACKED,)),
    "snoozed": ("Snoozed", (PageState.SNOOZED,)),
    "resolved": ("Resolved", (PageState.RESOLVED,)),
}


@router.get("/pages", dependencies=access.needs(Verb.PAGE_READ))
async def inbox(
    request: Request, state: str = "open", q: str = "", show: str = "", before: str = "", after: str = ""
) -> Response:
    me = await access.signed_in(request)
    ctx = html.ctx(request)
    tab = state if state in TABS else "open"
    start = html.address("/pages", state=tab, q=q)
    async with ctx.db.tx() as tx:
        stretch = await _stretch(tx, TABS[tab][1], q.strip(), before, after, ctx.clock.now())
        if stretch is None:
            return html.to(start)
        listed = await view.views(tx, stretch.pages, ctx.clock.now())
        chosen = None
        if stretch.pages:
            wanted = number("PG", show) if show else stretch.pages[0].id
            chosen = await _detail(tx, wanted, ctx.clock.now())
        counts = await actions.counts(tx)
        shifts = [] if stretch.pages else await oncall.shifts_of(tx, me.id, ctx.clock.now())
    totals = {name: sum(counts.get(s, 0) for s in states) for name, (_, states) in TABS.items()}
    context = {
        "nav": "pages",
        "live": "pages" + (f",pg-{chosen['v'].page.id}" if chosen else ""),
        "tab": tab,
        "tabs": TABS,
        "totals": totals,
        "q": q,
        "here": html.address(
            "/pages", state=tab, q=q, before=before, after=after, show=chosen["v"].page.ref if chosen else ""
        ),
        "newer": html.address("/pages", state=tab, q=q, after=stretch.newer) if stretch.newer else "",
        "older": html.address("/pages", state=tab, q=q, before=stretch.older) if stretch.older else "",
        "views": listed,
        "chosen": chosen,
        "next_shift": _next_shift(shifts, me.tz, ctx.clock.now()),
    }
    return await html.page(request, "paging/inbox.html", context)


async def _stretch(
    tx: Tx, states: Sequence[str], words: str, before: str, after: str, now: datetime
) -> listing.Listing | None:
    """Return the stretch that an address names; None when it is empty, or reaches the start of the list."""
    place = listing.parse(after or before)
    if place is None:
        asked = bool(after or before)
        return None if asked else await view.listed(tx, states=states, words=words, limit=LISTED, now=now)
    try:
        stretch = await view.listed(
            tx, states=states, words=words, place=place, newer=bool(after), limit=LISTED, now=now
        )
    except Invalid:
        return None
    return stretch if stretch.pages and (stretch.newer or not after) else None


def _next_shift(shifts: list[oncall.Shift], tz: str, now: datetime) -> str:
    if not shifts:
        return ""
    first = shifts[0]
    if first.start <= now:
        return f"You are on call for {first.schedule.name} until {html.wall(first.end, tz, now)}."
    return f"Your next shift is {first.schedule.name}, {html.wall(first.start, tz, now)}."


async def _detail(tx: Tx, page_id: int, now: datetime) -> dict[str, Any]:
    page = await actions.page(tx, page_id)
    (found,) = await view.views(tx, [page], now, alerts_each=50)
    persons = {p.id: p.name for p in await people.people(tx)}
    runbook = next((a.links["runbook"] for a in found.alerts if a.links.get("runbook")), "")
    started = page.due_at
    if page.state is PageState.TRIGGERED and page.level >= 0 and page.due_at:
        started = page.due_at - timedelta(seconds=page.plan.levels[page.level].ack_within_s)
    span = (page.due_at - started).total_seconds() if page.due_at and started else 0
    passed = (now - started).total_seconds() / span * 100 if span and started else 0
    return {
        "v": found,
        "log": await actions.log(tx, page_id),
        "deliveries": await ledger.of_page(tx, page_id),
        "persons": persons,
        "changes": await alerts.changes_before(tx, page.service_id, page.triggered_at),
        "passed": passed,
        "runbook": runbook or (found.service.runbook_url if found.service else ""),
    }


@router.get("/p/{ref}", dependencies=access.needs(Verb.PAGE_READ))
async def short(ref: str) -> Response:
    return html.to(f"/pages/PG-{number('PG', ref)}")


@router.get("/pages/{ref}", dependencies=access.needs(Verb.PAGE_READ))
async def detail(request: Request, ref: str) -> Response:
    await access.signed_in(request)
    ctx, page_id = html.ctx(request), number("PG", ref)
    async with ctx.db.tx() as tx:
        context = await _detail(tx, page_id, ctx.clock.now())
    live = f"pages,pg-{page_id}"
    return await html.page(request, "paging/page.html", {**context, "nav": "pages", "live": live})


@router.post("/pages/{ref}/{what}", dependencies=access.needs(Verb.PAGE_RESPOND))
async def act(request: Request, ref: str, what: str) -> Response:
    form, me = await access.form(request), await access.signed_in(request)
    ctx, page_id, actor = html.ctx(request), number("PG", ref), access.actor_of(me)
    now = ctx.clock.now()
    async with ctx.db.tx() as tx:
        match what:
            case "ack":
                already = (await actions.ack(tx, actor, page_id, now)).already
                text = f"PG-{page_id} was {already}." if already else f"PG-{page_id} acknowledged."
            case "resolve":
                await actions.resolve(tx, actor, page_id, now)
                text = f"PG-{page_id} resolved."
            case "escalate":
                await actions.escalate(tx, actor, page_id, now)
                text = f"PG-{page_id} escalated to the next level."
            case "snooze":
                minutes = to_number(form.get("minutes", 30), "minutes", least=1, most=1440, unit="minutes")
                until = now + timedelta(minutes=minutes)
                await actions.snooze(tx, actor, page_id, until, now)
                text = f"PG-{page_id} snoozed until {html.wall(until, me.tz, now)}."
            case "note":
                await actions.add_note(tx, actor, page_id, str(form.get("text", "")), now)
                text = f"Note added to PG-{page_id}."
            case _:
                raise NotFound(f"{what!r} is nothing that can be done with a page.")
    return flash.redirect(request, html.local(form, f"/pages/PG-{page_id}"), text)


@router.get("/ack/{token}", dependencies=access.public("The signed link is the right."))
async def ack_form(request: Request, token: str) -> Response:
    """Show the page and a button; opening the link changes nothing (spec 2.1)."""
    return await _by_link(request, token, None)


@router.post("/ack/{token}", dependencies=access.public("The signed link is the right."))
async def ack_by_link(request: Request, token: str) -> Response:
    ctx = html.ctx(request)
    now = ctx.clock.now()
    link = links.read(ctx, token, now)
    async with ctx.db.tx() as tx:
        person = await links.holder(tx, link)
        page = await actions.page(tx, link.page_id)
        if not await actions.use_link(tx, link.id, now):
            said = "This link was used before; nothing was changed now."
        elif page.state is PageState.RESOLVED:
            said = "It was already resolved; nothing was changed."
        else:
            result = await actions.ack(tx, Actor("link", person.name, person.id), page.id, now)
            said = f"It was {result.already}." if result.already else "You have it. Nobody else is paged."
    return await _by_link(request, token, said)


async def _by_link(request: Request, token: str, said: str | None) -> Response:
    ctx = html.ctx(request)
    now = ctx.clock.now()
    try:
        link = links.read(ctx, token, now)
        async with ctx.db.tx() as tx:
            person = await links.holder(tx, link)
            page = await actions.page(tx, link.page_id)
            (found,) = await view.views(tx, [page], now, alerts_each=10)
    except (Invalid, Gone) as error:
        context: dict[str, Any] = {"error": error, "v": None, "said": None, "person": None}
        return await html.page(request, "paging/ack.html", context, error.status)
    context = {"error": None, "v": found, "said": said, "person": person, "tz": person.tz}
    return await html.page(request, "paging/ack.html", context)
