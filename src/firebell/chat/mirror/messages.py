"""The messages of the mirror, without the markup of any chat (pure)."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import msgspec

from firebell.chat.adapter_base.message_model import Button, Content, Link, Quote, clip
from firebell.chat.facts import EntryFact, IncidentFacts, PageFacts, Someone
from firebell.chat.intents.button_values import stamp
from firebell.incidents.model import Phase
from firebell.kit.durations import duration
from firebell.kit.localtime import to_local
from firebell.kit.text import plural

INCIDENT, PAGE = "incident", "page"
"""The commands whose words the buttons carry."""
ENTRY_MAX_CHARS = 2_900
TEMPLATE_MAX_CHARS = 2_500
"""Longest update template that the pinned summary shows; a longer one is a message of its own."""
_DIGEST_LINE_MAX_CHARS = 280
_LISTED_RUNBOOKS = 3
_LISTED_ALERTS = 3
_KIND_LABELS = {
    "update": "Update",
    "finding": "Finding",
    "decision": "Decision",
    "mitigation": "Mitigation",
    "note": "Note",
    "struck": "Struck",
}
_PHASE_LABELS = {
    Phase.DECLARED: "Declared",
    Phase.INVESTIGATING: "Investigating",
    Phase.MITIGATING: "Mitigating",
    Phase.MONITORING: "Resolved, monitoring",
    Phase.CLOSED: "Closed",
    Phase.REVIEWED: "Reviewed",
    Phase.DISMISSED: "Dismissed",
}


def clock(at: datetime, tz: str) -> str:
    """Return the local time of an instant, such as 14:02."""
    return f"{to_local(at, tz):%H:%M}"


def clock_with_zone(at: datetime, tz: str) -> str:
    """Return the local time of an instant with its zone, such as 14:02 CET: readers may be anywhere."""
    return f"{at.astimezone(ZoneInfo(tz)):%H:%M %Z}"


def phase_label(phase: Phase) -> str:
    """Return the phase in words; a phase that is not known here is its own name."""
    return _PHASE_LABELS.get(phase, str(phase).capitalize())


def _value(began_at: datetime, **values: int | str) -> str:
    """Return the value of a button about something that began then; it stays the same in each edit of its message."""
    return msgspec.json.encode(values | stamp(began_at)).decode()


def _form(name: str, facts: IncidentFacts) -> str:
    """Return the value of a button that opens a form about an incident."""
    return _value(facts.declared_at, m=name, i=facts.id)


def _command(text: str, facts: IncidentFacts) -> str:
    """Return the value of a button that runs a command about an incident."""
    return _value(facts.declared_at, c=INCIDENT, t=text)


def _name(someone: Someone | None) -> str:
    return someone.name if someone else "Not assigned"


def severity_label(facts: IncidentFacts) -> str:
    """Return the severity, marked if it is provisional or a drill."""
    marks = [*(["provisional"] if facts.provisional else []), *(["drill"] if facts.drill else [])]
    return f"SEV{facts.severity}" + (f" ({', '.join(marks)})" if marks else "")


def _next_update(facts: IncidentFacts) -> str:
    return clock_with_zone(facts.update_due_at, facts.tz) if facts.update_due_at else "None due"


def summary(facts: IncidentFacts, war_room_url: str = "") -> Content:
    """Return the pinned summary of a room: all that a person who just joined must know."""
    status = (
        f"{severity_label(facts)} · {phase_label(facts.phase)} since {clock(facts.phase_since, facts.tz)}"
    )
    buttons = (
        Button("Update", "fb_run_update", _form("update", facts), style="primary"),
        Button("Severity", "fb_run_severity", _form("severity", facts)),
        Button("Roles", "fb_run_roles", _form("role", facts)),
        Button("Task", "fb_run_task", _form("task", facts)),
        Button("Page someone", "fb_run_page", _form("page", facts)),
        Button("Resolve", "fb_run_resolve", _form("resolve", facts)),
    )
    return Content(
        text=f"{facts.ref} {severity_label(facts)}: {facts.title}",
        title=facts.title,
        status=status,
        paragraphs=(facts.meaning,) if facts.meaning else (),
        fields=(
            ("Commander", _name(facts.commander)),
            ("Comms lead", _name(facts.comms)),
            ("Impact", clip(facts.impact, 500) or "Not described"),
            ("Services", ", ".join(facts.services) or "None named"),
            ("Next update", _next_update(facts)),
        ),
        quote=update_template_quote(facts) if len(facts.template) <= TEMPLATE_MAX_CHARS else None,
        links=(
            Link("Room", facts.url),
            *([Link("War room", war_room_url)] if war_room_url else []),
            *(Link(label, url) for label, url in facts.runbooks[:_LISTED_RUNBOOKS]),
            Link("How we work", f"{facts.base_url}/handbook"),
        ),
        buttons=buttons if facts.is_open else (Button("Open room", "fb_open", url=facts.url),),
        footer=facts.ref,
    )


def update_template_quote(facts: IncidentFacts) -> Quote | None:
    """Return the filled template of the next update."""
    return Quote(facts.template, "Update template") if facts.template and facts.is_open else None


def update_template(facts: IncidentFacts) -> Content:
    """Return an update template that is too long for the summary as a message of its own."""
    return Content(
        text="Update template", quote=Quote(clip(facts.template, ENTRY_MAX_CHARS), "Update template")
    )


def topic(facts: IncidentFacts) -> str:
    """Return the topic of a room."""
    parts = [severity_label(facts), str(facts.phase)]
    parts += [f"IC {facts.commander.name}" if facts.commander else "no commander"]
    if facts.update_due_at and facts.is_open:
        parts += [f"next update {clock_with_zone(facts.update_due_at, facts.tz)}"]
    return clip(" · ".join([*parts, facts.ref]), 250)


def purpose(facts: IncidentFacts) -> str:
    """Return the purpose of a room."""
    return clip(f"{facts.ref}: {facts.title}", 240)


def _line(entry: EntryFact, tz: str) -> str:
    text = " ".join(entry.text.split())
    return clip(f"{clock(entry.at, tz)} {entry.actor}: {text}", _DIGEST_LINE_MAX_CHARS)


def entry(entry: EntryFact, tz: str) -> Content:
    """Return one timeline entry."""
    label = _KIND_LABELS.get(entry.kind, "")
    footer = " · ".join([clock(entry.at, tz), entry.actor, *([label] if label else [])])
    text = entry.text if label else f"{entry.actor} {entry.text}"
    return Content(
        text=clip(f"{entry.actor}: {entry.text}", ENTRY_MAX_CHARS),
        paragraphs=(clip(text, ENTRY_MAX_CHARS),),
        footer=footer,
    )


def entries_digest(entries: Sequence[EntryFact], tz: str, *, late: bool) -> Content:
    """Return several timeline entries as one message, oldest first, ten lines a paragraph."""
    lines = [_line(one, tz) for one in entries]
    first, last = clock(entries[0].at, tz), clock(entries[-1].at, tz)
    heading = f"While chat was unavailable, {first}–{last}" if late else ""
    paragraphs = tuple("\n".join(lines[i : i + 10]) for i in range(0, len(lines), 10))
    return Content(
        text=clip(heading or lines[0], ENTRY_MAX_CHARS), title=heading, paragraphs=paragraphs, footer=""
    )


def announcement(facts: IncidentFacts, room_name: str, room_url: str) -> Content:
    """Return the one message about an incident in an announcement channel."""
    if not facts.is_open:
        length = duration((facts.closed_at or facts.phase_since) - facts.declared_at)
        status = f"{severity_label(facts)} · {phase_label(facts.phase)} after {length}"
    else:
        commander = f"commander {facts.commander.name}" if facts.commander else "no commander yet"
        status = f"{severity_label(facts)} · {phase_label(facts.phase)} · {commander}"
    return Content(
        text=f"{facts.ref} {severity_label(facts)}: {facts.title}",
        title=facts.title,
        status=status,
        paragraphs=(clip(facts.impact, 1_000),) if facts.impact and facts.is_open else (),
        quote=Quote(clip(facts.last_update, 1_500)) if facts.last_update else None,
        links=(
            Link(facts.ref, facts.url),
            *([Link(f"#{room_name}" if room_name else "Channel", room_url)] if room_url else []),
        ),
        buttons=(
            (Button("Join room", "fb_run_join", _command(f"join {facts.ref}", facts)),)
            if facts.is_open
            else ()
        ),
    )


def requested_post(facts: IncidentFacts, reason: str, room_name: str, room_url: str) -> Content:
    """Return the message that a step of the response asked for: the announcement, and why it is there."""
    content = announcement(facts, room_name, room_url)
    return replace(content, paragraphs=(reason, *content.paragraphs))


def announced_update(entry: EntryFact, tz: str) -> Content:
    """Return an update as a reply to the announcement."""
    return Content(
        text=clip(entry.text, ENTRY_MAX_CHARS),
        paragraphs=(clip(entry.text, ENTRY_MAX_CHARS),),
        footer=f"{clock_with_zone(entry.at, tz)} · {entry.actor}",
    )


def lost_room(facts: IncidentFacts) -> Content:
    """Return the question that is asked when a person archived or deleted the room of an open incident."""
    return Content(
        text=f"The channel of {facts.ref} was archived or deleted.",
        paragraphs=("The channel was archived or deleted while the incident is open.",),
        buttons=(Button("Create channel", "fb_open", url=facts.url),),
        links=(Link(facts.ref, facts.url),),
    )


def update_reminder(
    facts: IncidentFacts, due_at: datetime, *, overdue: bool, mentions: tuple[str, ...]
) -> Content:
    """Return the reminder of an update, at 80% and at 100% of its interval."""
    at = clock_with_zone(due_at, facts.tz)
    text = f"The update was due at {at}." if overdue else f"The next update is due at {at}."
    unchanged = _command(f"{facts.ref} update Nothing changed.", facts)
    return Content(
        text=text,
        paragraphs=(text,),
        buttons=(
            Button("Update", "fb_run_update", _form("update", facts), style="primary"),
            Button("Nothing changed", "fb_run_unchanged", unchanged),
        ),
        mentions=mentions,
    )


def reminder_done(facts: IncidentFacts, due_at: datetime) -> Content:
    """Return what a reminder says once the update was posted."""
    text = f"The update due at {clock_with_zone(due_at, facts.tz)} was posted."
    return Content(text=text, paragraphs=(text,))


def missing_roles(facts: IncidentFacts) -> Content:
    """Return the reminder that roles are overdue, with the ways to fill them."""
    names = clip(" or ".join(facts.late_roles), 500)
    text = f"No one is {names.lower()} yet. Every SEV{facts.severity} needs one."
    return Content(
        text=text,
        paragraphs=(text,),
        buttons=(
            Button("Take a role", "fb_run_roles", _form("role", facts), style="primary"),
            Button("Page someone", "fb_run_page", _form("page", facts)),
        ),
    )


def roles_filled() -> Content:
    """Return what the reminder of roles says once they are filled."""
    text = "All required roles are filled."
    return Content(text=text, paragraphs=(text,))


def closing_poll(facts: IncidentFacts, stable_for: timedelta) -> Content:
    """Return the question whether a stable incident is over."""
    text = f"Stable for {duration(stable_for)}. Is the incident over?"
    return Content(
        text=text,
        paragraphs=(text,),
        buttons=(
            Button("Close incident", "fb_run_close", _command(f"{facts.ref} close", facts), style="primary"),
            Button("Still happening", "fb_run_update", _form("update", facts), style="danger"),
        ),
    )


def closing_poll_done(facts: IncidentFacts) -> Content:
    """Return what the closing poll says once it is decided."""
    text = f"{facts.ref} is {phase_label(facts.phase).lower()}."
    return Content(text=text, paragraphs=(text,))


def closed(facts: IncidentFacts) -> Content:
    """Return the last message of a room: how long it took, and what follows."""
    length = duration((facts.closed_at or facts.phase_since) - facts.declared_at)
    text = f"Closed after {length}."
    if facts.postmortem_published:
        text = f"{text} The post-mortem is published."
    elif facts.postmortem_due_at:
        due = facts.postmortem_due_at.astimezone(ZoneInfo(facts.tz))
        text = f"{text} The post-mortem is due on {due.day} {due:%b} at {due:%H:%M} {due:%Z}."
    return Content(
        text=text,
        paragraphs=(text,),
        links=(
            Link("Post-mortem", f"{facts.base_url}/post-mortems/{facts.ref}"),
            Link("Timeline", facts.url),
        ),
    )


def postmortem_published(facts: IncidentFacts) -> Content:
    """Return the message of a room that its post-mortem is published."""
    text = f"The post-mortem of {facts.ref} is published."
    link = Link("Read it", f"{facts.base_url}/post-mortems/{facts.ref}")
    return Content(text=text, paragraphs=(text,), links=(link,))


def page_message(page: PageFacts) -> Content:
    """Return the message about a page in a team's channel: at most four buttons are in sight."""
    value = _value(page.triggered_at, p=page.id, v=page.version)
    snooze = _value(page.triggered_at, c=PAGE, t=f"snooze {page.ref} 30m")
    severity = f"SEV{page.severity}" if page.severity is not None else page.urgency
    confirm_escalate = "Page the next level now?"
    confirm_resolve = "Resolve this page?" if page.severity in (0, 1) else ""
    resolve = Button("Resolve", "fb_page_resolve", value, confirm=confirm_resolve)
    escalate = Button("Escalate", "fb_page_escalate", value, confirm=confirm_escalate)
    declare = Button("Declare incident", "fb_page_declare", value)
    menu: tuple[Button, ...] = (
        Button("Snooze 30 min", "fb_run", snooze),
        Button("Open page", "fb_open", url=page.url),
    )
    fields: tuple[tuple[str, str], ...] = ()
    buttons: tuple[Button, ...] = ()
    match page.state:
        case "resolved":
            took = duration(page.resolved_at - page.triggered_at) if page.resolved_at else ""
            status = f"{severity} · Resolved" + (f" after {took}" if took else "")
            menu = ()
        case "acked" | "snoozed":
            who = ", ".join(page.owners) or "someone"
            at = f" {clock(page.acked_at, page.tz)}" if page.acked_at else ""
            word = "Snoozed" if page.state == "snoozed" else "Acknowledged"
            status = f"{severity} · {word} by {who}{at}"
            buttons = (resolve, escalate, *([] if page.incident_ref else [declare]))
        case _:
            status = f"{severity} · {_acks_so_far(page)}"
            next_at = f", next {clock(page.next_level_at, page.tz)}" if page.next_level_at else ""
            level = f"{page.level + 1} of {page.levels}{next_at}" if page.level >= 0 else "Not started"
            fields = (
                ("Service", page.service or "None"),
                ("Since", clock_with_zone(page.triggered_at, page.tz)),
                ("On call", ", ".join(page.on_call) or "No one"),
                ("Level", level),
            )
            acknowledge = Button("Acknowledge", "fb_page_ack", value, style="primary")
            buttons = (acknowledge, escalate, resolve, *([] if page.incident_ref else [declare]))
    alerts = "\n".join(clip(alert, 300) for alert in page.alerts[:_LISTED_ALERTS])
    links = [Link(page.ref, page.url)]
    links += (
        [Link(page.incident_ref, f"{page.base_url}/incidents/{page.incident_ref}")]
        if page.incident_ref
        else []
    )
    links += [Link("Runbook", page.runbook_url)] if page.runbook_url else []
    return Content(
        text=f"{page.ref} {severity}: {page.title}",
        title=page.title,
        status=status,
        fields=fields,
        quote=Quote(alerts) if alerts and page.state not in ("resolved",) else None,
        links=tuple(links),
        buttons=buttons,
        menu=menu,
    )


def _acks_so_far(page: PageFacts) -> str:
    """Return how many have acknowledged a page that still escalates, and who."""
    if not page.acks:
        return "Not acknowledged"
    by = f" by {', '.join(page.owners)}" if page.owners else ""
    return f"{page.acks} of {page.acks_required} acknowledgments{by}"


def storm(pages: Sequence[PageFacts], base_url: str) -> Content:
    """Return the one message that stands for many pages of a storm."""
    acked = sum(page.state in ("acked", "snoozed") for page in pages)
    resolved = sum(page.state == "resolved" for page in pages)
    worst = min(pages, key=lambda page: (9 if page.severity is None else page.severity, page.id))
    text = f"{plural(len(pages), 'page')}, {acked} acknowledged, {resolved} resolved"
    return Content(
        text=text,
        title=text,
        paragraphs=(f"Most severe: {clip(worst.title, 300)} ({worst.ref})",),
        links=(Link("All pages", f"{base_url}/pages"),),
    )
