"""The on-call report over JSON and CSV, its pay rates, and who could cover."""

from datetime import date, datetime, timedelta
from typing import Annotated

from fastapi import Query, Response
from pydantic import BeforeValidator, Field, WithJsonSchema

from firebell.kit.db.database import Tx
from firebell.kit.findings import Finding
from firebell.kit.web import api
from firebell.kit.web.api import (
    ApiInput,
    ApiOutput,
    Instant,
    QueryBool,
    StrictBool,
    Text,
    matching,
    problems,
)
from firebell.kit.web.file_names import disposition
from firebell.oncall.rota.fairness import HourClass, Load
from firebell.oncall.schedules import queries as oncall
from firebell.people import actions as people
from firebell.people.authentication import Caller
from firebell.people.permissions import Verb
from firebell.people.unit_of_work import Work, work
from firebell.workload import actions, monthly_report, pay
from firebell.workload.call_measures import nights_of
from firebell.workload.csv_export import csv_report
from firebell.workload.model import Earned, PersonRow, RatePeriod, Rates, WorkloadReport, WorkShare

router = api.router("on-call reports")

Reader = Annotated[Work, work(Verb.WORKLOAD_READ)]
PayReader = Annotated[Work, work(Verb.PAY_READ)]
Responder = Annotated[Work, work(Verb.PAY_RATES_WRITE)]


def _month(value: object) -> date:
    return monthly_report.month_of(value if isinstance(value, str) else "")


_PATTERN = r"^(197[1-9]|19[89]\d|2[01]\d{2})-(0[1-9]|1[0-2])$"
OneMonth = Annotated[
    date | None,
    BeforeValidator(_month),
    WithJsonSchema({"type": "string", "pattern": _PATTERN, "examples": ["2026-11"]}),
]
Month = Annotated[OneMonth, Query(description="default: the current month")]
OneTeam = Annotated[Text, Query(description="a team's slug; default: all teams")]
Decimals = Annotated[str, Field(examples=["12.50"])]
"""An amount or a number of hours as text, so that no digits are lost."""


class LoadShown(ApiOutput):
    """Hours as text with two decimals; a weekend hour can also be a night hour."""

    hours: Decimals
    nights: int
    weekend_hours: Decimals
    holiday_hours: Decimals
    shifts: int


class RowShown(LoadShown):
    """One person's month. `pages` counts distinct high-urgency pages that reached them while on call.

    `interrupted_hours` are clock hours in which one did, `worst_week_hours` the most of them in an ISO week.
    """

    id: int
    name: str
    zone: str
    pages: int
    night_pages: int
    worst_night: int
    nights_over_two: int
    worst_shift: int
    median_shift: float
    interrupted_hours: int
    worst_week_hours: int
    incidents_per_shift: Annotated[
        float, Field(description="per 12 hours on call, over the last four weeks of the month")
    ]
    hours_compared: str
    nights_compared: str


class NightsShown(ApiOutput):
    """The pages in each night on call; a night counts once for each person on call, without pages too."""

    nights: int
    median_pages: float
    most_pages: int
    at_limit: Annotated[int, Field(description="nights with three pages or more")]
    at_limit_low: Annotated[float | None, Field(description="95% interval of the share, from 0 to 1")]
    at_limit_high: float | None


class ShareShown(ApiOutput):
    """How people shared one schedule or team."""

    slug: str
    name: str
    nights_on_call: NightsShown
    people: list[RowShown]


class LineShown(ApiOutput):
    """Hours paid at one rate; each hour counts once."""

    hour_class: HourClass
    hours: Decimals
    rate: Decimals
    amount: Decimals


class TimeOffShown(ApiOutput):
    """Time off proposed after a night with a SEV0 or SEV1 page."""

    night: date
    pages: list[str]
    severity: int
    hours: Decimals


class EarnedShown(RowShown):
    """One person over all schedules, with their pay."""

    email: str
    lines: list[LineShown]
    stipend: Decimals
    total: Decimals
    time_off: list[TimeOffShown]


class FatigueFindingShown(ApiOutput):
    """Someone who had too many pages (F-NIGHT or F-FATIGUE), or a team with too much noise (F-FATIGUE)."""

    id: str
    code: str
    person_id: Annotated[int | None, Field(description="null for a finding about a team")]
    team_id: int | None
    message: str
    advice: str


class ReportShown(ApiOutput):
    """A month, up to now; managers and admins see all `people`, others only themselves.

    `rates_since` is the month from which its rates apply, null if none were set by then.
    """

    month: str
    until: datetime
    currency: str
    rates_since: str | None
    schedules: list[ShareShown]
    teams: list[ShareShown]
    people: list[EarnedShown]
    findings: list[FatigueFindingShown]


class Amounts(ApiOutput):
    """Pay per hour of each class and per shift; amounts as text."""

    currency: str
    weekday: Decimals
    night: Decimals
    weekend: Decimals
    holiday: Decimals
    per_shift: Decimals
    rest_hours: Decimals
    country: str
    subdivision: str


class RatesShown(Amounts):
    """The rates of a month: they apply from month `since`, up to but not including month `until`.

    `since` is null if none were set by then; nothing is paid.
    """

    since: str | None
    until: str | None
    set_at: datetime | None
    set_by: str | None


class TermShown(RatesShown):
    """Rates that were set; `replaced` if others were set for the same month later."""

    replaced: bool


Amount = Annotated[
    Text,
    Field(max_length=20, examples=["12.50"]),
    matching(r"^(1000000(\.0{1,4})?|[0-9]{1,6}(\.[0-9]{1,4})?)$"),
]
RestHours = Annotated[
    Text,
    Field(max_length=20, examples=["4"]),
    matching(r"^(24(\.0{1,4})?|(1?[0-9]|2[0-3])(\.[0-9]{1,4})?)$"),
]


class NewRates(ApiInput):
    """Pay rates from a month on, until the next month with rates; omitted amounts are 0."""

    month: Annotated[OneMonth, Field(description="first month; default: the current month")] = None
    past: Annotated[StrictBool, Field(description="allow changes to the pay of past months")] = False
    currency: Annotated[Text, Field(min_length=3, max_length=3, examples=["EUR"]), matching("^[A-Za-z]{3}$")]
    weekday: Amount = "0"
    night: Amount = "0"
    weekend: Amount = "0"
    holiday: Amount = "0"
    per_shift: Amount = "0"
    rest_hours: RestHours = "4"
    country: Annotated[Text, Field(max_length=2, examples=["SE"]), matching("^([A-Za-z]{2})?$")] = ""
    subdivision: Annotated[Text, Field(max_length=3), matching("^[A-Za-z0-9]{0,3}$")] = ""


class FreeShown(LoadShown):
    """Someone who could cover, and their workload within 30 days of now."""

    id: int
    name: str
    email: str


def _hours(length: timedelta) -> str:
    return f"{pay.hours(length):.2f}"


def _load(load: Load, nights: int) -> dict[str, object]:
    return {
        "hours": _hours(load.hours),
        "nights": nights,
        "weekend_hours": _hours(load.weekend_hours),
        "holiday_hours": _hours(load.holiday_hours),
        "shifts": load.shifts,
    }


def _row(row: PersonRow) -> dict[str, object]:
    return {
        **_load(row.load, row.nights),
        "id": row.person.id,
        "name": row.person.name,
        "zone": row.person.tz,
        "pages": row.calls.pages,
        "night_pages": row.calls.night_pages,
        "worst_night": row.calls.worst_night,
        "nights_over_two": row.calls.over,
        "worst_shift": row.calls.worst_shift,
        "median_shift": row.calls.median_shift,
        "interrupted_hours": row.calls.interrupted_hours,
        "worst_week_hours": row.calls.worst_week_hours,
        "incidents_per_shift": round(row.calls.incidents_per_shift, 2),
        "hours_compared": row.hours_compared,
        "nights_compared": row.nights_compared,
    }


def _share(share: WorkShare) -> ShareShown:
    rows = [RowShown.model_validate(_row(row)) for row in share.rows]
    nights = nights_of(share.rows)
    low, high = nights.interval or (None, None)
    on_call = NightsShown(
        nights=nights.nights,
        median_pages=nights.median,
        most_pages=nights.worst,
        at_limit=nights.at_limit,
        at_limit_low=low,
        at_limit_high=high,
    )
    return ShareShown(slug=share.of.slug, name=share.of.name, nights_on_call=on_call, people=rows)


def _finding(finding: Finding) -> FatigueFindingShown:
    kind, _, subject_id = finding.subject.partition(":")
    return FatigueFindingShown(
        id=finding.id,
        code=finding.code,
        person_id=int(subject_id) if kind == "person" else None,
        team_id=int(subject_id) if kind == "team" else None,
        message=finding.message,
        advice=finding.advice,
    )


def _earned(earned: Earned, rates: Rates) -> EarnedShown:
    lines = [
        LineShown(
            hour_class=x.hour_class,
            hours=_hours(x.length),
            rate=f"{rates.of(x.hour_class):f}",
            amount=f"{x.amount:f}",
        )
        for x in earned.pay.lines
    ]
    rest = [
        TimeOffShown(night=t.night, pages=list(t.pages), severity=t.severity, hours=f"{t.hours:f}")
        for t in earned.time_off
    ]
    return EarnedShown.model_validate(
        {
            **_row(earned.row),
            "email": earned.row.person.email,
            "lines": lines,
            "stipend": f"{earned.pay.stipend:f}",
            "total": f"{earned.pay.total:f}",
            "time_off": rest,
        }
    )


async def _report(tx: Tx, caller: Caller, month: date | None, slug: str, now: datetime) -> WorkloadReport:
    team = await people.team_by_slug(tx, slug) if slug else None
    report = await actions.report(tx, month or actions.month_named("", now), now, team)
    return actions.seen_by(report, caller.person_id, caller.rights)


@router.get(
    "/reports/on-call", summary="Get the hours, nights, pages and pay of a month", responses=problems(404)
)
async def get_report(w: Reader, month: Month = None, team: OneTeam = "") -> ReportShown:
    report = await _report(w.tx, w.caller, month, team, w.now)
    return ReportShown(
        month=f"{report.month:%Y-%m}",
        until=report.until,
        currency=report.rates.currency,
        rates_since=f"{report.dated_rates.month:%Y-%m}" if report.dated_rates else None,
        schedules=[_share(s) for s in report.schedules],
        teams=[_share(s) for s in report.teams],
        people=[_earned(e, report.rates) for e in report.people],
        findings=[_finding(each) for each in await actions.fatigue(w.tx, report)],
    )


@router.get(
    "/reports/on-call.csv",
    summary="Get a month by person as CSV (RFC 4180)",
    response_class=Response,
    responses={
        200: {"content": {"text/csv": {"schema": {"type": "string"}}}, "description": "One row per person"},
        **problems(404),
    },
)
async def get_report_csv(
    w: Reader,
    month: Month = None,
    team: OneTeam = "",
    bom: Annotated[QueryBool, Query(description="start with a byte order mark, for Excel")] = False,
) -> Response:
    report = await _report(w.tx, w.caller, month, team, w.now)
    return attachment(report, bom=bom)


def attachment(report: WorkloadReport, *, bom: bool) -> Response:
    """Return a report as a CSV download."""
    name = f"on-call-{report.month:%Y-%m}.csv"
    headers = {"Content-Disposition": disposition(name), "Cache-Control": "no-store"}
    return Response(csv_report(report, bom=bom), media_type="text/csv", headers=headers)


def _rates(rate_period: RatePeriod | None) -> dict[str, object]:
    dated_rates = rate_period.dated_rates if rate_period else None
    return {
        **pay.to_json(dated_rates.rates if dated_rates else Rates()),
        "since": f"{dated_rates.month:%Y-%m}" if dated_rates else None,
        "until": f"{rate_period.until:%Y-%m}" if rate_period and rate_period.until else None,
        "set_at": dated_rates.set_at if dated_rates else None,
        "set_by": dated_rates.set_by if dated_rates else None,
    }


@router.get("/reports/on-call/rates", summary="Get the pay rates of a month (managers and admins)")
async def get_rates(w: PayReader, month: Month = None) -> RatesShown:
    rate_period = await actions.rate_period(w.tx, month or actions.month_named("", w.now))
    return RatesShown.model_validate(_rates(rate_period))


@router.get(
    "/reports/on-call/rates/all",
    summary="List all pay rates ever set, latest month first (managers and admins)",
)
async def list_rates(w: PayReader) -> list[TermShown]:
    rate_periods = await actions.all_rate_periods(w.tx)
    return [TermShown.model_validate({**_rates(t), "replaced": t.replaced}) for t in rate_periods]


@router.put(
    "/reports/on-call/rates",
    summary="Set the pay rates from a month on; earlier months keep theirs (managers and admins)",
)
async def set_rates(w: Responder, body: NewRates) -> RatesShown:
    amounts = body.model_dump(exclude={"month", "past"})
    new = pay.checked(amounts)
    saved = await actions.set_rates(w.tx, w.actor, new, w.now, month=body.month, past=body.past)
    return RatesShown.model_validate(_rates(saved))


@router.get(
    "/schedules/{slug}/free",
    summary="List available team members, lightest workload first",
    responses=problems(404),
)
async def list_free(
    w: Reader,
    slug: Text,
    start: Annotated[Instant, Query(alias="from")],
    end: Annotated[Instant, Query(alias="to", description="at most 35 days later")],
) -> list[FreeShown]:
    schedule = await oncall.by_slug(w.tx, slug)
    available = await actions.could_cover(w.tx, schedule, start, end, w.now)
    return [
        FreeShown.model_validate(
            {**_load(load, len(load.nights)), "id": p.id, "name": p.name, "email": p.email}
        )
        for p, load in available
    ]
