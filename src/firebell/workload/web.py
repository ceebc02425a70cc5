"""The monthly workload, pay and rates on the web."""

from datetime import date
from typing import Any
from zoneinfo import ZoneInfo

from fastapi import Request, Response

from firebell.kit.errors import FirebellError, Invalid
from firebell.kit.localtime import to_instant
from firebell.kit.text import to_wall
from firebell.kit.web import flash, html, routing
from firebell.oncall.model import Schedule
from firebell.oncall.rota.fairness import HourClass
from firebell.oncall.schedules import queries as oncall
from firebell.people import access, permissions
from firebell.people import actions as people
from firebell.people.model import Person
from firebell.people.permissions import Verb
from firebell.workload import actions, measurement, pay
from firebell.workload.api import attachment
from firebell.workload.model import Rates, Report, Share

router = routing.html_router()


async def _report(request: Request, me: Person, month: str) -> tuple[Report, dict[str, Any]]:
    """Return the report of the team to show, and the context its page needs."""
    ctx, asked = html.ctx(request), request.query_params.get("team", "")
    now, rights = ctx.clock.now(), access.rights_of(me)
    manages = permissions.allows(rights, Verb.PAY_READ)
    async with ctx.db.tx() as tx:
        fits = await actions.fits(tx)
        team = await actions.team_shown(tx, me, asked, whole=fits)
        # people see their own pay whichever team is shown
        also = () if manages else (me.id,)
        full_report = await actions.report(tx, actions.month_named(month, now), now, team, also)
        teams = [(t.slug, t.name) for t in await people.teams(tx)]
    report = actions.seen_by(full_report, me.id, rights)
    return report, {**_months(report), "team": team, "all_teams": teams, "fits": fits}


def _months(report: Report) -> dict[str, Any]:
    following = measurement.following(report.month)
    return {
        "nav": "oncall",
        "live": "oncall",
        "r": report,
        "month": f"{report.month:%Y-%m}",
        "first": measurement.FIRST_MONTH,
        "earlier": f"{_before(report.month):%Y-%m}",
        "later": f"{following:%Y-%m}" if following <= report.until.date() else "",
        "hours": lambda length: f"{pay.hours(length):,.1f}".removesuffix(".0"),
    }


def _before(month: date) -> date:
    return (
        month.replace(year=month.year - 1, month=12)
        if month.month == 1
        else month.replace(month=month.month - 1)
    )


def _teams(report: Report) -> list[Share]:
    """Return the teams with several schedules: with one, the schedule's own table says the same."""
    team_ids = [s.of.team_id for s in report.schedules if isinstance(s.of, Schedule)]
    return [team for team in report.teams if team_ids.count(team.of.id) > 1]


@router.get("/oncall/load", dependencies=access.needs(Verb.WORKLOAD_READ))
async def load(
    request: Request, month: str = "", schedule: str = "", start: str = "", end: str = ""
) -> Response:
    me = await access.signed_in(request)
    ctx = html.ctx(request)
    report, page_context = await _report(request, me, month)
    now = ctx.clock.now()
    error: FirebellError | None = None
    free = None
    if schedule:
        try:
            a, b = to_instant(to_wall(start, "start"), me.tz), to_instant(to_wall(end, "end"), me.tz)
            async with ctx.db.tx() as tx:
                free = await actions.could_cover(tx, await oncall.by_slug(tx, schedule), a, b, now)
        except FirebellError as refusal:
            error = refusal
    tomorrow = now.astimezone(ZoneInfo(me.tz)).date().isoformat()
    context = {
        **page_context,
        "teams": _teams(report),
        "free": free,
        "error": error,
        "errors": error.fields if error else {},
        "schedules": [
            (s.of.slug, s.of.name)
            for s in report.schedules
            if isinstance(s.of, Schedule) and s.of.archived_at is None
        ],
        "schedule": schedule,
        "start": start or f"{tomorrow}T18:00",
        "end": end or f"{tomorrow}T22:00",
    }
    return await html.render(request, "workload/load.html", context, error.status if error else 200)


@router.get("/oncall/pay", dependencies=access.needs(Verb.WORKLOAD_READ))
async def paid(request: Request, month: str = "") -> Response:
    me = await access.signed_in(request)
    _, page_context = await _report(request, me, month)
    context = {**page_context, "classes": list(HourClass)}
    return await html.render(request, "workload/pay.html", context)


@router.get("/oncall/pay.csv", dependencies=access.needs(Verb.WORKLOAD_READ))
async def paid_csv(request: Request, month: str = "", bom: str = "") -> Response:
    me = await access.signed_in(request)
    ctx, slug = html.ctx(request), request.query_params.get("team", "")
    now = ctx.clock.now()
    async with ctx.db.tx() as tx:
        team = await people.team_by_slug(tx, slug) if slug else None
        report = await actions.report(tx, actions.month_named(month, now), now, team)
    return attachment(actions.seen_by(report, me.id, access.rights_of(me)), bom=bool(bom))


async def _rates(request: Request, given: dict[str, str], error: FirebellError | None = None) -> Response:
    ctx = html.ctx(request)
    async with ctx.db.tx() as tx:
        rate_periods = await actions.all_rate_periods(tx)
    context = {
        "nav": "oncall",
        "given": given,
        "rate_periods": rate_periods,
        "present": actions.month_named("", ctx.clock.now()),
        "first": measurement.FIRST_MONTH,
        "error": error,
        "errors": error.fields if error else {},
    }
    return await html.render(request, "workload/rates.html", context, error.status if error else 200)


@router.get("/oncall/pay/rates", dependencies=access.needs(Verb.PAY_READ))
async def rates(request: Request, month: str = "") -> Response:
    ctx = html.ctx(request)
    chosen = actions.month_named(month, ctx.clock.now())
    async with ctx.db.tx() as tx:
        rate_period = await actions.rate_period(tx, chosen)
    given = pay.to_json(rate_period.dated_rates.rates if rate_period else Rates()) | {
        "month": f"{chosen:%Y-%m}"
    }
    return await _rates(request, given)


@router.post("/oncall/pay/rates", dependencies=access.needs(Verb.PAY_RATES_WRITE))
async def set_rates(request: Request) -> Response:
    form, me = await access.form(request), await access.signed_in(request)
    ctx = html.ctx(request)
    now = ctx.clock.now()
    filled = {k: str(v) for k, v in form.items() if k != "csrf"}
    given = pay.to_json(Rates()) | {"month": f"{now:%Y-%m}"} | filled
    try:
        month = actions.month_named(given["month"], now)
        async with ctx.db.tx() as tx:
            new, past = pay.checked(given), bool(given.get("past"))
            await actions.set_rates(tx, access.actor_of(me), new, now, month=month, past=past)
    except Invalid as error:
        return await _rates(request, given, error)
    text = f"Pay rates from {month:%B %Y} saved."
    return flash.redirect(request, f"/oncall/pay/rates?month={month:%Y-%m}", text)
