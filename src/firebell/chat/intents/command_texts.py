"""Intents as commands that a person can copy: the inverse of `commands.parse` (pure)."""

from firebell.chat.intents.commands import INCIDENT, PAGE
from firebell.chat.intents.model import (
    AckPage,
    AddEntry,
    AddTask,
    ChangeRole,
    ChangeSeverity,
    ChangeTask,
    ChatTarget,
    CloseIncident,
    DeclareIncident,
    DismissIncident,
    EscalatePage,
    Intent,
    JoinRoom,
    LinkAccount,
    ListIncidents,
    ListPages,
    ListTasks,
    NotePage,
    PageSomeone,
    PublishUpdate,
    ReopenIncident,
    ResolveIncident,
    ResolvePage,
    ShowHelp,
    ShowOnCall,
    ShowStatus,
    ShowSummary,
    SnoozePage,
    UnpublishUpdate,
)


def render(intent: Intent) -> tuple[str, str]:
    """Return the command and the text that `parse` reads as this intent; raise `ValueError` for one without."""
    if isinstance(intent, PageSomeone) and intent.incident is None:
        return PAGE, f"{_token(intent.target)} {intent.text}".rstrip()
    for render_one, command in ((_incident, INCIDENT), (_page, PAGE)):
        if (text := render_one(intent)) is not None:
            return command, text.rstrip()
    if isinstance(intent, ShowHelp):
        return intent.command, f"help {intent.verb}".rstrip()
    raise ValueError(f"{type(intent).__name__} is not a command.")


def _token(target: ChatTarget) -> str:
    if target.kind == "name":
        return target.value
    return f"⟦{target.kind}:{target.value}|{target.label}⟧"


def _incident(intent: Intent) -> str | None:
    match intent:
        case DeclareIncident(severity, title):
            return f"declare sev{severity} {title}"
        case AddEntry(incident, kind, text):
            return f"INC-{incident} {kind} {text}"
        case PublishUpdate(incident, text):
            return f"INC-{incident} public {text}"
        case UnpublishUpdate(incident):
            return f"INC-{incident} unpublish"
        case ChangeSeverity(incident, severity, reason):
            return f"INC-{incident} sev{severity}" + (f" : {reason}" if reason else "")
        case ChangeRole(incident, role, change, user):
            return f"INC-{incident} {change} {role}" + (f" to {_token(user)}" if user else "")
        case PageSomeone(target, text, incident):
            return f"INC-{incident} page {_token(target)} {text}"
        case AddTask(incident, text, owner, due):
            owned = f"{_token(owner)} {text}" if owner else text
            return f"INC-{incident} task {owned}" + (f" due {due}" if due else "")
        case ChangeTask(incident, task, change, user):
            return f"INC-{incident} task {change} #{task}" + (f" to {_token(user)}" if user else "")
        case ListTasks(incident):
            return f"INC-{incident} tasks"
        case ResolveIncident(incident, text):
            return f"INC-{incident} resolve {text}"
        case CloseIncident(incident, text):
            return f"INC-{incident} close {text}"
        case ReopenIncident(incident):
            return f"INC-{incident} reopen"
        case DismissIncident(incident, reason):
            return f"INC-{incident} dismiss {reason}"
        case ShowStatus(incident):
            return f"INC-{incident} status"
        case ShowSummary(incident):
            return f"INC-{incident} summary"
        case JoinRoom(incident):
            return f"join INC-{incident}"
        case ListIncidents(search):
            return f"list {search}"
        case LinkAccount():
            return "link"
        case _:
            return None


def _page(intent: Intent) -> str | None:
    match intent:
        case AckPage(page):
            return f"ack {_reference(page)}"
        case ResolvePage(page, text):
            return f"resolve {_reference(page)} {text}"
        case EscalatePage(page):
            return f"escalate {_reference(page)}"
        case SnoozePage(page, minutes):
            return f"snooze {_reference(page)} {minutes}m"
        case NotePage(page, text):
            return f"note {_reference(page)} {text}"
        case ListPages(whose):
            return f"list {whose}"
        case ShowOnCall(slug):
            return f"who {slug}"
        case _:
            return None


def _reference(page: int | None) -> str:
    return f"PG-{page}" if page else ""
