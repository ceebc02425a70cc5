"""What is wrong with the calendars that a schedule takes in, as findings of the schedule (pure)."""

from collections.abc import Iterator, Sequence
from datetime import datetime

from firebell.oncall.calendars.model import Import
from firebell.oncall.findings import Finding, Fix, Level

_FIX = Fix("calendars", "Look at the calendars", {})


def faults(imports: Sequence[Import], now: datetime) -> Iterator[Finding]:
    """Return S-ICAL-STALE for a calendar that fails for hours, S-ICAL-USER for shifts that name nobody."""
    for calendar in imports:
        if calendar.stale(now):
            text = f"{calendar.name} cannot be read for hours: its last good copy decides. {calendar.error}"
            yield Finding(
                f"S-ICAL-STALE:{calendar.id}", "S-ICAL-STALE", Level.ERROR, text, None, None, (), _FIX
            )
        if ahead := [stray for stray in calendar.unmatched if stray.end > now]:
            count = "1 shift names" if len(ahead) == 1 else f"{len(ahead)} shifts name"
            text = f"{calendar.name}: {count} nobody who is known here; what lies below answers."
            start, end = ahead[0].start, ahead[0].end
            yield Finding(
                f"S-ICAL-USER:{calendar.id}", "S-ICAL-USER", Level.WARNING, text, start, end, (), _FIX
            )
