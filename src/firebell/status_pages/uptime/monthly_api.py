"""The API of uptimes by month."""

from fractions import Fraction
from typing import Annotated

from fastapi import Query
from pydantic import Field

from firebell.kit.web import api
from firebell.kit.web.api import ApiOutput, Text, problems
from firebell.people.permissions import Verb
from firebell.people.unit_of_work import Work, work
from firebell.status_pages import actions, queries
from firebell.status_pages.model import ComponentStatus
from firebell.status_pages.uptime import daily as uptime
from firebell.status_pages.uptime.monthly import DEFAULT_MONTHS, MAX_MONTHS, MonthUptime, ReportedGroup

router = api.router("status pages")

Reader = Annotated[Work, work(Verb.STATUS_PAGE_READ)]
Months = Annotated[int, Query(ge=1, le=MAX_MONTHS, description="the current month and those before it")]
Share = Annotated[float | None, Field(description="from 0 to 1; null without data")]
ShareText = Annotated[str, Field(description="as the page shows it, rounded down", examples=["99.95%"])]


class MonthUptimeShown(ApiOutput):
    """The uptime of a component in a month; `seconds` are those of each status."""

    month: Annotated[str, Field(examples=["2026-11"])]
    uptime: Share
    text: ShareText
    is_whole: Annotated[
        bool, Field(description="false if the month is not over, or began before the component's first day")
    ]
    seconds: dict[str, int]


class ComponentUptimeShown(ApiOutput):
    """A component with its uptime in all months together, and in each."""

    id: int
    name: str
    group_id: int | None
    uptime: Share
    text: ShareText
    months: list[MonthUptimeShown]


class MeanShown(ApiOutput):
    """The mean uptime of the components of a group in a month."""

    month: str
    uptime: Share
    text: ShareText


class GroupUptimeShown(ApiOutput):
    """A group with the mean uptime of its components in all months together, and in each."""

    id: int
    name: str
    component_count: int
    uptime: Share
    text: ShareText
    months: list[MeanShown]


class UptimeReportShown(ApiOutput):
    """Uptime by calendar month in the zone of the page, oldest first, with the weights of the page in percent."""

    tz: str
    partial_weight: int
    degraded_weight: int
    months: list[str]
    components: list[ComponentUptimeShown]
    groups: list[GroupUptimeShown]


@router.get("/status-pages/{slug}/uptime", summary="Get the uptime by month", responses=problems(404, 422))
async def show_monthly_uptime(w: Reader, slug: Text, months: Months = DEFAULT_MONTHS) -> UptimeReportShown:
    page = await actions.status_page(w.tx, slug)
    report = await queries.uptime_report(w.tx, page, months, w.now)
    return UptimeReportShown(
        tz=page.tz,
        partial_weight=page.partial_weight,
        degraded_weight=page.degraded_weight,
        months=[str(month) for month in report.months],
        components=[
            ComponentUptimeShown(
                id=each.component.id,
                name=each.component.name,
                group_id=each.component.group_id,
                uptime=_share(each.uptime),
                text=uptime.shown(each.uptime),
                months=[_month(month) for month in each.months],
            )
            for each in report.components
        ],
        groups=[shown for each in report.groups if (shown := _group(each))],
    )


def _month(reported: MonthUptime) -> MonthUptimeShown:
    return MonthUptimeShown(
        month=str(reported.month),
        uptime=_share(reported.uptime),
        text=uptime.shown(reported.uptime),
        is_whole=reported.is_whole,
        seconds={status.code: reported.seconds[status] for status in ComponentStatus},
    )


def _group(reported: ReportedGroup) -> GroupUptimeShown | None:
    if reported.group is None:
        return None
    months = [each.month for each in reported.components[0].months]
    return GroupUptimeShown(
        id=reported.group.id,
        name=reported.group.name,
        component_count=len(reported.components),
        uptime=_share(reported.mean),
        text=uptime.shown(reported.mean),
        months=[
            MeanShown(month=str(month), uptime=_share(mean), text=uptime.shown(mean))
            for month, mean in zip(months, reported.means, strict=True)
        ],
    )


def _share(value: Fraction | None) -> float | None:
    return None if value is None else float(value)
