"""The commands of the palette, with synonyms to find them by (pure)."""

from collections.abc import Callable
from dataclasses import dataclass

from firebell.kit.search_terms import Terms
from firebell.people.permissions import Verb


@dataclass(frozen=True, slots=True)
class Command:
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
    Command(
        "Declare incident",
        "/incidents/new",
        "siren",
        "open start create new report outage emergency sev major page",
        ("D",),
        Verb.INCIDENT_DECLARE,
    ),
    Command(
        "Acknowledge pages",
        "/pages?state=waiting",
        "bell-ring",
        "ack acknowledgement take respond answer waiting triggered firing unacknowledged alerts",
        verb=Verb.PAGE_RESPOND,
    ),
    Command("See who is on call", "/oncall", "calendar-range", f"{_ONCALL} now today", ("G", "S")),
    Command(
        "Create override",
        "/oncall",
        "calendar-range",
        f"{_ONCALL} add cover substitute replace swap take over new",
        verb=Verb.OVERRIDE_WRITE,
    ),
    Command(
        "Swap shifts, take time off",
        "/oncall/me",
        "user-round-check",
        f"{_ONCALL} my shifts trade cover vacation holiday leave absence sick pto",
    ),
    Command(
        "Create schedule",
        "/oncall/new",
        "plus",
        f"{_ONCALL} add new",
        verb=Verb.SCHEDULE_WRITE,
    ),
    Command(
        "Create escalation policy",
        "/escalation/new",
        "plus",
        "add new escalate level responders chain",
        verb=Verb.POLICY_WRITE,
    ),
    Command(
        "Send test notification",
        "/settings/contact",
        "phone-call",
        "test alert page message verify contact methods phone email webhook ntfy push how i am reached",
    ),
    Command(
        "Verify contact method",
        "/settings/contact",
        "shield-check",
        "enter code confirm phone email webhook ntfy address reached",
    ),
    Command(
        "Send test alert",
        "/services",
        "boxes",
        "integration key source curl webhook event try",
        verb=Verb.INTEGRATION_READ,
    ),
    Command(
        "Create service",
        "/services",
        "plus",
        "add new integration component system",
        verb=Verb.SERVICE_WRITE,
    ),
    Command(
        "Create runbook",
        "/runbooks/new",
        "plus",
        "add new write playbook procedure",
        verb=Verb.RUNBOOK_WRITE,
    ),
    Command("Go to pages", "/pages", "bell-ring", "inbox alarms notifications open", ("G", "P")),
    Command("Go to incidents", "/incidents", "flame", "outages open", ("G", "I")),
    Command("Go to escalation policies", "/escalation", "list-tree", "escalate levels", ("G", "E")),
    Command("Go to services", "/services", "boxes", "integrations keys catalog"),
    Command("Go to runbooks", "/runbooks", "list-checks", "playbooks procedures"),
    Command(
        "Go to post-mortems",
        "/post-mortems",
        "file-pen-line",
        "postmortem review retrospective rca learn",
        ("G", "M"),
    ),
    Command("Go to the handbook", "/handbook", "book-open", "help guide documentation practice", ("G", "B")),
    Command(
        "Choose a severity",
        "/handbook/references/severity-classification",
        "book-open",
        "handbook sev how bad decide classify classification",
    ),
    Command(
        "See incident roles",
        "/handbook/references/incident-roles",
        "book-open",
        "handbook who does what commander scribe comms lead subject matter expert",
    ),
    Command("Edit message templates", "/handbook/templates", "message-square", "words texts update wording"),
    Command("Search alerts", "/alerts", "history", "events received payload find"),
    Command("See handoffs", "/oncall/handoffs", "repeat", "hand over handover shift change"),
    Command(
        "See on-call load and pay", "/oncall/load", "gauge", f"{_ONCALL} workload compensation hours report"
    ),
    Command(
        "Set quiet hours and notification rules", "/settings/contact", "bell-off", "do not disturb sleep"
    ),
    Command(
        "Subscribe to my calendar", "/settings/calendars", "calendar-range", "ical feed ics export import"
    ),
    Command(
        "Create API key", "/settings/keys", "key-round", "add new token cli secret", verb=Verb.API_KEY_CREATE
    ),
    Command(
        "See active sessions",
        "/settings/sessions",
        "smartphone",
        "where i am signed in log out sign out devices",
    ),
    Command(
        "Add person",
        "/settings/people",
        "user-round-plus",
        "people invite user member",
        verb=Verb.PERSON_WRITE,
    ),
    Command(
        "Edit teams and fallback responders",
        "/settings/teams",
        "users",
        "create team members catch-all last resort",
        verb=Verb.TEAM_WRITE,
    ),
    Command(
        "Open the audit log",
        "/settings/audit",
        "shield-check",
        "history changes who did",
        verb=Verb.AUDIT_READ,
    ),
    Command("Go to home", "/", "house", "start dashboard overview", ("G", "H")),
    Command("Open settings", "/settings", "settings", "profile password theme dark time zone preferences"),
)


def allowed(may: Callable[[Verb], bool]) -> list[Command]:
    """Return the commands that someone may use, in order."""
    return [command for command in COMMANDS if command.verb is None or may(command.verb)]


def search(terms: Terms, may: Callable[[Verb], bool]) -> list[Command]:
    """Return the commands that match every word, best label first."""
    matches = [command for command in allowed(may) if terms.match(command.text)]
    return sorted(matches, key=lambda command: terms.rank(command.label))
