"""The screen of readiness."""

from datetime import datetime, timedelta
from functools import partial
from typing import Any

from fastapi import Response

from firebell.kit.errors import FirebellError, Invalid
from firebell.kit.localtime import to_instant
from firebell.kit.spreadsheet import to_csv
from firebell.kit.text import plural
from firebell.kit.web import flash, html, routing
from firebell.people import permissions, route_access
from firebell.people.permissions import Rights, Verb
from firebell.people.unit_of_work import CurrentVisit, Visit
from firebell.readiness import actions, queries
from firebell.readiness.chart import chart
from firebell.readiness.model import PHASES, Assessment, Item, ItemState

router = routing.html_router()

GLYPHS = {
    ItemState.MET: "ok",
    ItemState.EXPIRING: "warn",
    ItemState.MISSING: "late",
    ItemState.WAIVED: "idle",
}
VERBS = {
    "/settings/chat": Verb.CHAT_WRITE,
    "/settings/people": Verb.PERSON_WRITE,
    "/drills/new": Verb.DRILL_RUN,
}
"""What the pages to which items link require, where not everyone may open them."""
CSV_HEAD = ("item", "name", "state", "since", "valid_until", "condition", "have", "need", "ok")


def title_of(assessed: Assessment) -> str:
    """Return the finding of the screen, such as Two items are missing."""
    missing, soon = assessed.count(ItemState.MISSING), assessed.count(ItemState.EXPIRING)
    parts = [f"{plural(missing, 'item')} {'is' if missing == 1 else 'are'} missing"] if missing else []
    if soon:
        verb = "expires" if soon == 1 else "expire"
        parts.append(f"{soon} {verb} soon" if parts else f"{plural(soon, 'item')} {verb} soon")
    return ", ".join(parts) or "All items are proved"


@router.get("/readiness", dependencies=route_access.needs(Verb.READINESS_READ))
async def readiness(visit: CurrentVisit) -> Response:
    return await _readiness(visit)


def _opens(rights: Rights, link: str) -> bool:
    """Return True if someone with these rights may open the page of a link."""
    verb = VERBS.get(link.partition("?")[0])
    return verb is None or permissions.allows(rights, verb)


async def _readiness(visit: Visit, error: FirebellError | None = None, item_id: str = "") -> Response:
    days = await queries.history(visit.tx, visit.now)
    assessed = await queries.current(visit.tx, days, visit.now)
    context: dict[str, Any] = {
        "nav": "readiness",
        "live": "readiness",
        "assessed": assessed,
        "title": title_of(assessed),
        "phases": [
            (number, name, [item for item in assessed.items if item.checkpoint.phase == number])
            for number, name in PHASES
        ],
        "glyphs": GLYPHS,
        "ends": ends,
        "opens": partial(_opens, visit.rights),
        "chart": chart(days),
        "days": days,
        "lost": queries.lost_findings(days),
        "error": error,
        "wrong_item": item_id,
        "values": visit.values,
    }
    return await html.render(visit.request, "readiness/readiness.html", context)


def ends(item: Item, now: datetime) -> str:
    """Return until when an item holds: rolling for a proof of a week or less, for good without an end."""
    if item.state is ItemState.WAIVED and item.waiver:
        return f"{plural(max(0, (item.waiver.until - now).days), 'day')} left"
    if item.state is ItemState.MISSING:
        return ""
    condition = item.first_to_expire
    if item.valid_until is None or condition is None:
        return "for good"
    left = item.valid_until - now
    if item.state is ItemState.EXPIRING:
        return (
            f"expires in {left.days} d"
            if left.days
            else f"expires in {max(1, int(left.total_seconds() // 3600))} h"
        )
    if condition.window is not None and condition.window <= timedelta(days=7):
        return "rolling"
    return f"until {item.valid_until.day} {item.valid_until:%b %Y}"


@router.post("/readiness/check", dependencies=route_access.needs(Verb.READINESS_READ))
async def check(visit: CurrentVisit) -> Response:
    assessed, before = await actions.check_now(visit.tx, visit.actor, visit.now)
    change = "" if before is None else f", {before} before" if before != assessed.score else ", as before"
    return flash.redirect(visit.request, "/readiness", f"Checked. The score is {assessed.score}{change}.")


@router.post("/readiness/{item_id}/waive", dependencies=route_access.needs(Verb.READINESS_WAIVE))
async def waive(visit: CurrentVisit, item_id: str) -> Response:
    try:
        async with visit.tx.savepoint():
            until = _until(visit)
            await actions.waive_item(visit.tx, visit.actor, item_id, visit.text("reason"), until, visit.now)
    except Invalid as error:
        return await _readiness(visit, error, item_id)
    return flash.redirect(visit.request, "/readiness", "Waived. It is outside the score.")


def _until(visit: Visit) -> datetime:
    """Return the end of the day of the form in the person's time zone."""
    try:
        day = datetime.strptime(visit.text("until"), "%Y-%m-%d")  # noqa: DTZ007 - a wall time
    except ValueError:
        raise Invalid("The day is missing.", fields={"until": "Enter a day within 180 days."}) from None
    return to_instant(day + timedelta(days=1), visit.person.tz)


@router.post("/readiness/{item_id}/unwaive", dependencies=route_access.needs(Verb.READINESS_WAIVE))
async def unwaive(visit: CurrentVisit, item_id: str) -> Response:
    await actions.end_waiver(visit.tx, visit.actor, item_id, visit.now)
    return flash.redirect(visit.request, "/readiness", "The item counts again.")


@router.get("/readiness.csv", dependencies=route_access.needs(Verb.READINESS_READ))
async def report(visit: CurrentVisit) -> Response:
    """Export each condition of each item."""
    days = await queries.history(visit.tx, visit.now)
    assessed = await queries.current(visit.tx, days, visit.now)
    rows = [
        (
            *(item.id, item.checkpoint.name, item.state, item.since or ""),
            item.valid_until.isoformat() if item.valid_until else "",
            *(condition.text, condition.have, condition.need, "yes" if condition.ok else "no"),
        )
        for item in assessed.items
        for condition in item.conditions
    ]
    return html.download(to_csv([CSV_HEAD, *rows]).encode(), "readiness.csv")
