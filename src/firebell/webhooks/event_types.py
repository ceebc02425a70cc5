"""The types of events that endpoints can choose from, and the version of their bodies (pure)."""

from collections.abc import Iterable
from dataclasses import dataclass

from firebell.kit.errors import Invalid

VERSION = "1"
"""The version of the bodies; it changes only if a field is removed or gets another meaning."""
TEST = "webhook.test"


@dataclass(frozen=True, slots=True)
class EventType:
    """A type of event; `group` is the heading under which people choose it."""

    name: str
    summary: str
    group: str


EVENT_TYPES = (
    EventType("alert_group.opened", "A group of alerts opened and pages.", "Alert groups"),
    EventType("alert_group.acknowledged", "The page of a group was acknowledged.", "Alert groups"),
    EventType("alert_group.resolved", "All alerts of a group are resolved.", "Alert groups"),
    EventType("page.triggered", "A page began, or pages again.", "Pages"),
    EventType("page.acknowledged", "Someone acknowledged a page, or joined.", "Pages"),
    EventType("page.escalated", "Another level was notified, or a level again.", "Pages"),
    EventType("page.snoozed", "Someone snoozed a page.", "Pages"),
    EventType("page.resolved", "A page was resolved.", "Pages"),
    EventType("page.exhausted", "No one acknowledged a page at any level.", "Pages"),
    EventType("incident.declared", "An incident was declared.", "Incidents"),
    EventType("incident.phase_changed", "An incident moved to another phase.", "Incidents"),
    EventType("incident.severity_changed", "The severity of an incident changed.", "Incidents"),
    EventType("incident.role_changed", "Someone got or lost a role.", "Incidents"),
    EventType("incident.update_posted", "Someone posted an update.", "Incidents"),
    EventType("incident.merged", "An incident was merged into another.", "Incidents"),
    EventType("incident.closed", "An incident was closed.", "Incidents"),
    EventType(
        "incident.postmortem_published", "A post-mortem, or a revision of it, was published.", "Learning"
    ),
    EventType("action_item.created", "An action item was added.", "Learning"),
    EventType("action_item.done", "An action item was done.", "Learning"),
    EventType("schedule.changed", "A change of a schedule changes who will be on call.", "On call"),
    EventType("schedule.on_call_changed", "A shift began or ended.", "On call"),
    EventType("maintenance_window.scheduled", "Maintenance was scheduled.", "Maintenance and silences"),
    EventType("maintenance_window.started", "Maintenance started.", "Maintenance and silences"),
    EventType("maintenance_window.updated", "Maintenance changed.", "Maintenance and silences"),
    EventType("maintenance_window.completed", "Maintenance was completed.", "Maintenance and silences"),
    EventType("maintenance_window.canceled", "Maintenance was canceled.", "Maintenance and silences"),
    EventType("silence.created", "A silence was created.", "Maintenance and silences"),
    EventType("silence.changed", "A silence was changed.", "Maintenance and silences"),
    EventType("silence.expired", "A silence ended.", "Maintenance and silences"),
)
PAGE_TYPES = {
    "triggered": "page.triggered",
    "again": "page.triggered",
    "acked": "page.acknowledged",
    "joined": "page.acknowledged",
    "level": "page.escalated",
    "snoozed": "page.snoozed",
    "resolved": "page.resolved",
    "exhausted": "page.exhausted",
}
"""The type of event of each kind of entry in the log of a page; other kinds are no events."""
NAMES = frozenset(each.name for each in EVENT_TYPES)


def groups() -> dict[str, list[EventType]]:
    """Return the types by heading, in order."""
    by_group: dict[str, list[EventType]] = {}
    for each in EVENT_TYPES:
        by_group.setdefault(each.group, []).append(each)
    return by_group


def checked(names: Iterable[str]) -> tuple[str, ...]:
    """Return types in their order, each once, and none for all of them; raise `Invalid` for one that does not exist."""
    wanted = set(names)
    if unknown := sorted(wanted - NAMES):
        raise Invalid(
            f"There is no event type {unknown[0][:80]!r}.",
            fields={"types": "Choose from the list; 'firebell webhook types' shows it."},
        )
    if wanted == NAMES:
        return ()
    return tuple(each.name for each in EVENT_TYPES if each.name in wanted)
