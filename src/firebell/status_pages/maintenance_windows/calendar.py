"""The maintenance of a status page as an iCalendar file ([spec 7.6](docs/spec/7-comms.md)) (pure).

The library is imported on first use: it takes a tenth of the time that a start takes to import everything.
"""

from collections.abc import Sequence
from datetime import timedelta
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from firebell.kit import public_markdown
from firebell.status_pages.maintenance_windows.model import Maintenance, MaintenanceStage

if TYPE_CHECKING:
    from icalendar import Event

REFRESH = timedelta(hours=1)


def calendar(page_name: str, windows: Sequence[Maintenance], url: str) -> str:
    """Return the calendar; `url` is the address of the page.

    Each window keeps its UID, and its SEQUENCE grows with each change; a canceled one has STATUS:CANCELLED.
    """
    from icalendar import Calendar, vText

    ical = Calendar()
    ical.add("prodid", "-//Firebell//Maintenance//EN")
    ical.add("version", "2.0")
    ical.add("method", "PUBLISH")
    # the library does not know the type of these properties, so it would not escape them
    ical.add("name", vText(f"{page_name} maintenance"))
    ical.add("x-wr-calname", vText(f"{page_name} maintenance"))
    ical.add("refresh-interval", REFRESH, parameters={"VALUE": "DURATION"})
    host = urlsplit(url).hostname or "localhost"
    for window in windows:
        ical.add_component(_event(window, url, host))
    text: str = ical.to_ical().decode()
    return text


def _event(window: Maintenance, url: str, host: str) -> "Event":
    from icalendar import Event

    event = Event()
    event.add("uid", f"{window.public_id}@{host}")
    event.add("dtstamp", window.changed_at)
    event.add("created", window.published_at)
    event.add("last-modified", window.changed_at)
    event.add("sequence", window.version)
    event.add("dtstart", window.scheduled_for)
    event.add("dtend", window.scheduled_until)
    event.add("summary", window.name)
    event.add("description", public_markdown.to_plain(window.updates[-1].body))
    event.add("url", f"{url}/maintenance/{window.public_id}")
    is_cancelled = window.stage is MaintenanceStage.CANCELLED
    event.add("status", "CANCELLED" if is_cancelled else "CONFIRMED")
    event.add("transp", "TRANSPARENT")
    return event
