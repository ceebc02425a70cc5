"""The timeline of an incident as Markdown (pure)."""

from collections.abc import Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

from firebell.incidents.model import Incident
from firebell.incidents.timeline.entry_history import EntryView
from firebell.kit.markdown import line


def markdown(incident: Incident, entries: Sequence[EntryView], tz: str) -> str:
    """Return the timeline as a Markdown list by day, oldest entry first, with struck entries marked as such.

    Times are in the time zone `tz`, which the heading names.
    """
    zone = ZoneInfo(tz)
    lines = [f"# {incident.ref}: {line(incident.title)}", "", f"Times are in {tz}."]
    day = None
    for view in entries:
        local = view.entry.effective_at.astimezone(zone)
        if local.date() != day:
            day = local.date()
            lines += ["", f"## {local:%A} {local.day} {local:%B %Y}", ""]
        lines.append(_item(view, local))
    return "\n".join(lines) + "\n"


def _item(view: EntryView, local: datetime) -> str:
    entry = view.entry
    kind = f" ({entry.kind})" if view.is_written and entry.kind != "note" else ""
    moment = f" ★ {line(entry.key_moment)}:" if entry.key_moment else ""
    text = line(entry.text)
    if view.struck:
        text = f"~~{text}~~ struck by {line(view.struck.actor)}: {line(view.struck.text)}"
    files = "".join(f" [{line(file.name)}]" for file in view.attachments)
    edited = f" (edited by {line(view.versions[-1].actor)})" if view.version > 1 else ""
    return f"- **{local:%H:%M}** {line(entry.actor)}{kind}:{moment} {text}{edited}{files}"
