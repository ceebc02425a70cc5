"""The page of uptimes by month, and its file."""

from collections.abc import Iterator, Sequence

from fastapi import Response

from firebell.kit.spreadsheet import to_csv
from firebell.kit.text import to_number
from firebell.kit.web import html, routing
from firebell.kit.web.file_names import disposition
from firebell.people import route_access
from firebell.people.permissions import Verb
from firebell.people.unit_of_work import CurrentVisit, Visit
from firebell.status_pages import actions, queries
from firebell.status_pages.model import ComponentStatus, StatusPage
from firebell.status_pages.uptime import daily as uptime
from firebell.status_pages.uptime.monthly import DEFAULT_MONTHS, MAX_MONTHS, UptimeReport

router = routing.html_router()

_OPTIONS = (3, 6, DEFAULT_MONTHS, MAX_MONTHS)
_HEAD = (
    "group",
    "component",
    "month",
    "is_whole",
    "uptime_percent",
    *(f"{s.code}_s" for s in ComponentStatus),
)


async def _report(visit: Visit, slug: str, text: str) -> tuple[StatusPage, UptimeReport, int]:
    page = await actions.status_page(visit.tx, slug)
    months = to_number(text, "months", least=1, most=MAX_MONTHS) if text else DEFAULT_MONTHS
    return page, await queries.uptime_report(visit.tx, page, months, visit.now), months


@router.get("/status-pages/{slug}/uptime", dependencies=route_access.needs(Verb.STATUS_PAGE_READ))
async def show_monthly_uptime(visit: CurrentVisit, slug: str, months: str = "") -> Response:
    page, report, count = await _report(visit, slug, months)
    context = {
        "nav": "status-pages",
        "live": actions.topic(page),
        "page": page,
        "report": report,
        "months": count,
        "month_options": sorted({*_OPTIONS, count}),
        "shown": uptime.shown,
    }
    return await html.render(visit.request, "status_pages/monthly_uptime.html", context)


@router.get("/status-pages/{slug}/uptime.csv", dependencies=route_access.needs(Verb.STATUS_PAGE_READ))
async def export_monthly_uptime(visit: CurrentVisit, slug: str, months: str = "") -> Response:
    page, report, _ = await _report(visit, slug, months)
    headers = {**html.HEADERS, "Content-Disposition": disposition(f"uptime-{page.slug}.csv")}
    return Response(to_csv([_HEAD, *_rows(report)]), headers=headers, media_type="text/csv")


def _rows(report: UptimeReport) -> Iterator[Sequence[object]]:
    for group in report.groups:
        for reported in group.components:
            for month in reported.months:
                yield (
                    group.group.name if group.group else "",
                    reported.component.name,
                    month.month,
                    "yes" if month.is_whole else "no",
                    "" if month.uptime is None else uptime.shown(month.uptime).removesuffix("%"),
                    *(month.seconds[status] for status in ComponentStatus),
                )
