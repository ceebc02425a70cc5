"""The commands of the palette, with synonyms to find them by (pure)."""

from collections.abc import Callable
from dataclasses import dataclass

from firebell.kit.search_terms import Terms
from firebell.people.permissions import Verb


@dataclass(frozen=True, slots=True)
class PaletteCommand:
    """A command of the palette; `keywords` are synonyms, `keys` its shortcut, `verb` the permission it needs."""

    label: str
    path: str
    icon: str
    keywords: str = ""
    keys: tuple[str, ...] = ()
    verb: Verb | None = None

    @property
    def text(self) -> str:
        """The text that a query is matched against."""
        return f"{self.label} {self.keywords}"


_ONCALL = "on-call oncall on call duty rota roster rotation shift schedule"
COMMANDS = (
    PaletteCommand(
        "Declare incident",
        "/incidents/new",
        "siren",
        "open start create new report outage emergency sev major page",
        ("D",),
        Verb.INCIDENT_DECLARE,
    ),
    PaletteCommand(
        "Acknowledge pages",
        "/pages?state=waiting",
        "bell-ring",
        "ack acknowledgment acknowledgement take respond answer waiting firing unacknowledged alerts",
        verb=Verb.PAGE_RESPOND,
    ),
    PaletteCommand(
        "Page someone",
        "/pages/new",
        "phone-call",
        "call wake notify alarm person team schedule on-call expert help now",
        verb=Verb.PAGE_START,
    ),
    PaletteCommand("See who is on call", "/oncall", "calendar-range", f"{_ONCALL} now today", ("G", "S")),
    PaletteCommand(
        "Create override",
        "/oncall",
        "calendar-range",
        f"{_ONCALL} add cover substitute replace swap take over new",
        verb=Verb.OVERRIDE_WRITE,
    ),
    PaletteCommand(
        "Swap shifts, take time off",
        "/oncall/me",
        "user-round-check",
        f"{_ONCALL} my shifts trade cover vacation holiday leave absence sick pto",
    ),
    PaletteCommand(
        "Create schedule",
        "/oncall/new",
        "plus",
        f"{_ONCALL} add new",
        verb=Verb.SCHEDULE_WRITE,
    ),
    PaletteCommand(
        "Create escalation policy",
        "/escalation/new",
        "plus",
        "add new escalate level responders chain",
        verb=Verb.POLICY_WRITE,
    ),
    PaletteCommand(
        "Send test notification",
        "/settings/contact",
        "phone-call",
        "test alert page message verify contact methods phone email webhook ntfy push how i am reached",
    ),
    PaletteCommand(
        "Verify contact method",
        "/settings/contact",
        "shield-check",
        "enter code confirm phone email webhook ntfy address reached",
    ),
    PaletteCommand(
        "Send test alert",
        "/services",
        "boxes",
        "integration key source curl webhook event try",
        verb=Verb.INTEGRATION_READ,
    ),
    PaletteCommand(
        "Create service",
        "/services",
        "plus",
        "add new integration component system",
        verb=Verb.SERVICE_WRITE,
    ),
    PaletteCommand(
        "Create runbook",
        "/runbooks/new",
        "plus",
        "add new write playbook procedure",
        verb=Verb.RUNBOOK_WRITE,
    ),
    PaletteCommand("Go to pages", "/pages", "bell-ring", "inbox alarms notifications open", ("G", "P")),
    PaletteCommand("Go to incidents", "/incidents", "flame", "outages open", ("G", "I")),
    PaletteCommand("Go to escalation policies", "/escalation", "list-tree", "escalate levels", ("G", "E")),
    PaletteCommand("Go to services", "/services", "boxes", "integrations keys catalog"),
    PaletteCommand("Go to runbooks", "/runbooks", "list-checks", "playbooks procedures"),
    PaletteCommand(
        "Go to post-mortems",
        "/post-mortems",
        "file-pen-line",
        "postmortem review retrospective rca learn",
        ("G", "M"),
    ),
    PaletteCommand(
        "Go to the handbook", "/handbook", "book-open", "help guide documentation practice", ("G", "B")
    ),
    PaletteCommand(
        "Choose a severity",
        "/handbook/references/severity-classification",
        "book-open",
        "handbook sev how bad decide classify classification",
    ),
    PaletteCommand(
        "See incident roles",
        "/handbook/references/incident-roles",
        "book-open",
        "handbook who does what commander scribe comms lead subject matter expert",
    ),
    PaletteCommand(
        "Edit message templates", "/handbook/templates", "message-square", "words texts update wording"
    ),
    PaletteCommand("Search alerts", "/alerts", "history", "events received payload find"),
    PaletteCommand("See handoffs", "/oncall/handoffs", "repeat", "hand over handover shift change"),
    PaletteCommand(
        "See on-call load and pay", "/oncall/load", "gauge", f"{_ONCALL} workload compensation hours report"
    ),
    PaletteCommand(
        "Set quiet hours and notification rules", "/settings/contact", "bell-off", "do not disturb sleep"
    ),
    PaletteCommand(
        "Subscribe to my calendar", "/settings/calendars", "calendar-range", "ical feed ics export import"
    ),
    PaletteCommand(
        "Create API key", "/settings/keys", "key-round", "add new token cli secret", verb=Verb.API_KEY_CREATE
    ),
    PaletteCommand(
        "See active sessions",
        "/settings/sessions",
        "smartphone",
        "where i am signed in log out sign out devices",
    ),
    PaletteCommand(
        "Add person",
        "/settings/people",
        "user-round-plus",
        "people invite user member",
        verb=Verb.PERSON_WRITE,
    ),
    PaletteCommand(
        "Edit teams and fallback responders",
        "/settings/teams",
        "users",
        "create team members catch-all last resort",
        verb=Verb.TEAM_WRITE,
    ),
    PaletteCommand(
        "Open the audit log",
        "/settings/audit",
        "shield-check",
        "history changes who did",
        verb=Verb.AUDIT_READ,
    ),
    PaletteCommand(
        "View data retention",
        "/settings/retention",
        "history",
        "delete old data how long kept prune storage disk",
        verb=Verb.AUDIT_READ,
    ),
    PaletteCommand("Go to home", "/", "house", "start dashboard overview", ("G", "H")),
    PaletteCommand(
        "Open settings", "/settings", "settings", "profile password theme dark time zone preferences"
    ),
)


def allowed(may: Callable[[Verb], bool]) -> list[PaletteCommand]:
    """Return the commands that someone may use, in order."""
    return [command for command in COMMANDS if command.verb is None or may(command.verb)]


def search(terms: Terms, may: Callable[[Verb], bool]) -> list[PaletteCommand]:
    """Return the commands that match every word, best label first."""
    matches = [command for command in allowed(may) if terms.match(command.text)]
    return sorted(matches, key=lambda command: terms.rank(command.label))
