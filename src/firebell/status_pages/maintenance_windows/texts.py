"""The texts that maintenance publishes when no one writes one, with times in the time zone of the page (pure)."""

from collections.abc import Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

from firebell.handbook import templates
from firebell.kit.intervals import Pair
from firebell.status_pages.maintenance_windows.lifecycle import Change
from firebell.status_pages.maintenance_windows.model import Maintenance, MaintenanceStage


def window_text(planned: Pair, tz: str) -> str:
    """Return an interval with its days and zone, such as Sun 29 Nov 02:00–04:00 CET.

    If the clocks change in between, both times have their zone: Sun 25 Oct 02:30 CEST – 02:15 CET.
    """
    zone = ZoneInfo(tz)
    first, last = (at.astimezone(zone) for at in planned)
    day = "" if first.date() == last.date() else f"{_day(last)} "
    if first.utcoffset() != last.utcoffset():
        return f"{_day(first)} {first:%H:%M} {_offset(first)} – {day}{last:%H:%M} {_offset(last)}"
    separator = f" – {day}" if day else "–"
    return f"{_day(first)} {first:%H:%M}{separator}{last:%H:%M} {_zone(last, tz)}"


def instant_text(at: datetime, tz: str) -> str:
    """Return an instant with its day and zone, such as Sun 29 Nov 04:00 CET."""
    local = at.astimezone(ZoneInfo(tz))
    return f"{_day(local)} {local:%H:%M} {_zone(local, tz)}"


def _day(local: datetime) -> str:
    return f"{local:%a} {local.day} {local:%b}"


def _zone(local: datetime, tz: str) -> str:
    """Return the abbreviation of a zone, its name if it has none."""
    return name if (name := f"{local:%Z}").isalpha() else tz


def _offset(local: datetime) -> str:
    """Return the abbreviation of a zone, its distance from UTC if it has none."""
    return name if (name := f"{local:%Z}").isalpha() else f"UTC{local:%z}"


def default_text(window: Maintenance, change: Change, stage: MaintenanceStage, tz: str) -> str:
    """Return what a change publishes by default; the window has the times after the change, `stage` as well."""
    if change is Change.START:
        return (
            f"The maintenance has started. We expect to finish by {instant_text(window.scheduled_until, tz)}."
        )
    if change is Change.POSTPONE:
        return f"The maintenance is postponed to {window_text(window.planned, tz)}."
    if change is Change.EXTEND:
        return f"The maintenance now ends at {instant_text(window.scheduled_until, tz)}."
    if change is Change.CANCEL:
        is_early = stage is MaintenanceStage.COMPLETED
        return "The maintenance ended early." if is_early else "The maintenance is canceled."
    if stage is MaintenanceStage.VERIFYING:
        return "The work is done. We are checking that everything works."
    return "The maintenance is complete."


def filled(body: str, names: Sequence[str], planned: Pair, tz: str) -> str:
    """Return a text whose slots are filled with what is known of a window; the others stay visible."""
    zone = ZoneInfo(tz)
    first, last = (at.astimezone(zone) for at in planned)
    offsets = [f" {_offset(at)}" if first.utcoffset() != last.utcoffset() else "" for at in (first, last)]
    end_day = "" if last.date() == first.date() else f"{_day(last)} "
    slots = {
        "services": ", ".join(names),
        "date": f"{_day(first)} {first:%Y}",
        "impact_start": f"{first:%H:%M}{offsets[0]}",
        "impact_end": f"{end_day}{last:%H:%M}{offsets[1]}",
        "tz": tz,
    }
    return templates.fill(body, slots)
