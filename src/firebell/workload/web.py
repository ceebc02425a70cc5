"""The monthly workload, pay and rates on the web."""

from datetime import date
from typing import Any
from zoneinfo import ZoneInfo

from fastapi import Response

from firebell.kit.calendar_periods import next_month
from firebell.kit.errors import FirebellError, Invalid
from firebell.kit.localtime import to_instant
from firebell.kit.text import to_wall
from firebell.kit.web import flash, html, routing
from firebell.oncall.model import Schedule
from firebell.oncall.rota.fairness import HourClass
from firebell.oncall.schedules import queries as oncall
from firebell.paging.model import NIGHT_LIMIT_PAGES
from firebell.people import actions as people
from firebell.people import permissions, route_access
from firebell.people.permissions import Verb
from firebell.people.unit_of_work import CurrentVisit, Visit
from firebell.workload import actions, monthly_report, pay
from firebell.workload.api import attachment
from firebell.workload.call_measures import nights_of
from firebell.workload.model import Rates, WorkloadReport, WorkShare

router = routing.html_router()


async def _report(visit: Visit, month: str) -> tuple[WorkloadReport, dict[str, Any]]:
    """Return the report of the team to show, and the context its page needs."""
    asked = visit.request.query_params.get("team", "")
    rights = visit.rights
    manages = permissions.allows(rights, Verb.PAY_READ)
    fits = await actions.fits(visit.tx)
    team = await actions.team_shown(visit.tx, visit.person, asked, whole=fits)
    # people see their own pay whichever team is shown
    also = () if manages else (visit.person.id,)
    full_report = await actions.report(visit.tx, actions.month_named(month, visit.now), visit.now, team, also)
    teams = [(t.slug, t.name) for t in await people.teams(visit.tx)]
    report = actions.seen_by(full_report, visit.person.id, rights)
    return report, {**_months(report), "team": team, "all_teams": teams, "fits": fits}


def _months(report: WorkloadReport) -> dict[str, Any]:
    following = next_month(report.month)
    return {
        "nav": "oncall",
        "live": "oncall",
        "r": report,
        "month": f"{report.month:%Y-%m}",
        "first": monthly_report.FIRST_MONTH,
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


def _teams(report: WorkloadReport) -> list[WorkShare]:
    """Return the teams with several schedules: with one, the schedule's own table says the same."""
    team_ids = [s.of.team_id for s in report.schedules if isinstance(s.of, Schedule)]
    return [team for team in report.teams if team_ids.count(team.of.id) > 1]


@router.get("/oncall/load", dependencies=route_access.needs(Verb.WORKLOAD_READ))
async def load(
    visit: CurrentVisit, month: str = "", schedule: str = "", start: str = "", end: str = ""
) -> Response:
    report, page_context = await _report(visit, month)
    error: FirebellError | None = None
    free = None
    if schedule:
        try:
            starts = to_instant(to_wall(start, "start"), visit.person.tz)
            ends = to_instant(to_wall(end, "end"), visit.person.tz)
            one = await oncall.by_slug(visit.tx, schedule)
            free = await actions.could_cover(visit.tx, one, starts, ends, visit.now)
        except FirebellError as refusal:
            error = refusal
    tomorrow = visit.now.astimezone(ZoneInfo(visit.person.tz)).date().isoformat()
    context = {
        **page_context,
        "findings": await actions.fatigue(visit.tx, report),
        "teams": _teams(report),
        "nights_of": nights_of,
        "night_limit": NIGHT_LIMIT_PAGES,
        "free": free,
        "error": error,
        "schedules": [
            (s.of.slug, s.of.name)
            for s in report.schedules
            if isinstance(s.of, Schedule) and s.of.archived_at is None
        ],
        "schedule": schedule,
        "start": start or f"{tomorrow}T18:00",
        "end": end or f"{tomorrow}T22:00",
    }
    return await html.render(visit.request, "workload/workload.html", context)


@router.get("/oncall/pay", dependencies=route_access.needs(Verb.WORKLOAD_READ))
async def paid(visit: CurrentVisit, month: str = "") -> Response:
    _, page_context = await _report(visit, month)
    context = {**page_context, "classes": list(HourClass)}
    return await html.render(visit.request, "workload/pay.html", context)


@router.get("/oncall/pay.csv", dependencies=route_access.needs(Verb.WORKLOAD_READ))
async def paid_csv(visit: CurrentVisit, month: str = "", bom: str = "") -> Response:
    slug = visit.request.query_params.get("team", "")
    team = await people.team_by_slug(visit.tx, slug) if slug else None
    report = await actions.report(visit.tx, actions.month_named(month, visit.now), visit.now, team)
    return attachment(actions.seen_by(report, visit.person.id, visit.rights), bom=bool(bom))


async def _rates(visit: Visit, fields: dict[str, str], error: FirebellError | None = None) -> Response:
    rate_periods = await actions.all_rate_periods(visit.tx)
    context = {
        "nav": "oncall",
        "fields": fields,
        "rate_periods": rate_periods,
        "present": actions.month_named("", visit.now),
        "first": monthly_report.FIRST_MONTH,
        "error": error,
    }
    return await html.render(visit.request, "workload/rates.html", context)


@router.get("/oncall/pay/rates", dependencies=route_access.needs(Verb.PAY_READ))
async def rates(visit: CurrentVisit, month: str = "") -> Response:
    chosen = actions.month_named(month, visit.now)
    rate_period = await actions.rate_period(visit.tx, chosen)
    fields = pay.to_json(rate_period.dated_rates.rates if rate_period else Rates()) | {
        "month": f"{chosen:%Y-%m}"
    }
    return await _rates(visit, fields)


@router.post("/oncall/pay/rates", dependencies=route_access.needs(Verb.PAY_RATES_WRITE))
async def set_rates(visit: CurrentVisit) -> Response:
    filled = {k: v for k, v in visit.values.items() if k != "csrf"}
    fields = pay.to_json(Rates()) | {"month": f"{visit.now:%Y-%m}"} | filled
    try:
        month = actions.month_named(fields["month"], visit.now)
        async with visit.tx.savepoint():
            new, past = pay.checked(fields), bool(fields.get("past"))
            await actions.set_rates(visit.tx, visit.actor, new, visit.now, month=month, past=past)
    except Invalid as error:
        return await _rates(visit, fields, error)
    text = f"Pay rates from {month:%B %Y} saved."
    return flash.redirect(visit.request, f"/oncall/pay/rates?month={month:%Y-%m}", text)
