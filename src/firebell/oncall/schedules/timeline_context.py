"""What the on-call page and the page of one schedule share: the view options and the timeline."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from fastapi import Request

from firebell.kit.db.database import Tx
from firebell.kit.localtime import format_range, format_short, to_instant
from firebell.kit.text import to_wall
from firebell.kit.web import html
from firebell.oncall.checks.rules import CHECKS_HORIZON
from firebell.oncall.model import Cover, Schedule
from firebell.oncall.rota import timeline_grid
from firebell.oncall.rota.shifts import gaps
from firebell.oncall.schedules import queries
from firebell.oncall.swaps.web import FORMER_MEMBER
from firebell.people import actions as people
from firebell.people.model import Person


@dataclass(frozen=True, slots=True)
class TimelineView:
    """The view options of the URL: day, week or month, around which day, in which time zone, without layers."""

    view: str
    at: str
    tz: str
    brief: bool

    @staticmethod
    def of(request: Request, me: Person) -> "TimelineView":
        """Return the options of the URL; invalid ones become the current week in the person's time zone."""
        view, tz = request.query_params.get("view", ""), request.query_params.get("tz", "")
        return TimelineView(
            view if view in timeline_grid.VIEWS else "week",
            request.query_params.get("at", ""),
            tz if tz in html.time_zones() else me.tz,
            bool(request.query_params.get("brief")),
        )


def picture(options: TimelineView, now: datetime) -> timeline_grid.ShownDays:
    """Return the days to show."""
    at = to_instant(to_wall(options.at, "at"), options.tz) if options.at else now
    return timeline_grid.picture(options.view, at, options.tz, now)


async def context(
    tx: Tx,
    schedules: Sequence[Schedule],
    cover_requests: Sequence[Cover],
    me: Person,
    options: TimelineView,
    now: datetime,
    *,
    more: Collection[int] = (),
) -> dict[str, Any]:
    """Return the template context of the timeline, with the names of its people and of `more`."""
    tz = options.tz
    shown_days = picture(options, now)
    person_ids = {u for s in schedules for u in s.people} | {c.requester for c in cover_requests} | {*more}
    people_by_id = await people.people_by_id(tx, [*person_ids])

    def name(user: int) -> str:
        return people_by_id[user].name if user in people_by_id else FORMER_MEMBER

    def when(start: datetime, end: datetime) -> str:
        begins, ends = (
            start > shown_days.start - timeline_grid.SHIFT_END_SEARCH,
            end < shown_days.end + timeline_grid.SHIFT_END_SEARCH,
        )
        if begins and ends:
            return format_range(start, end, tz)
        if begins:
            return f"from {format_short(start, tz, now)}"
        return f"until {format_short(end, tz, now)}" if ends else "all the time"

    step = timedelta(days=timeline_grid.VIEWS[options.view])
    return {
        "nav": "oncall",
        "live": "oncall",
        "view": options.view,
        "brief": options.brief,
        "tz": tz,
        "zones_here": list(dict.fromkeys([me.tz, *(s.tz for s in schedules), "UTC", tz])),
        "shown_days": shown_days,
        "at": options.at,
        "earlier": (shown_days.days[0] - step).date().isoformat(),
        "later": (shown_days.days[0] + step).date().isoformat(),
        "schedules": [
            {
                "s": s,
                "rows": timeline_grid.rows(s, shown_days)[: 1 if options.brief else None],
                **_agenda(timeline_grid.agenda(s, shown_days, tz, name, now), folded=len(schedules) > 1),
                "gaps": gaps(s, now, now + CHECKS_HORIZON),
            }
            for s in schedules
        ],
        "asked_of_me": cover_requests,
        "schedule_names": await queries.names_by_id(tx, [c.schedule_id for c in cover_requests]),
        "name": name,
        "when": when,
        "today": now.astimezone(ZoneInfo(tz)).date(),
    }


def _agenda(days: Sequence[timeline_grid.Day], *, folded: bool) -> dict[str, Any]:
    """Return the days of an agenda; with `folded`, later days are separate and their gaps still visible."""
    near, later = timeline_grid.near(days) if folded else (days, [])
    return {
        "near": near,
        "later": later,
        "later_gaps": [shift for _, shifts in later for shift in shifts if shift[2] == timeline_grid.NO_ONE],
    }
