"""The dialogs of Mattermost: from an intent to a dialog, and from what was entered to an intent (pure)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from firebell.chat.adapter_base.message_model import clip
from firebell.chat.intents.model import (
    AddEntry,
    AddTask,
    ChangeRole,
    ChangeSeverity,
    ChatTarget,
    DismissIncident,
    ForcePhase,
    Intent,
    OpenModal,
    PageSomeone,
    ResolveIncident,
    SubmitDeclaration,
    suggested_type,
)
from firebell.incidents.model import (
    ENTRY_KINDS,
    ROLE_NAMES,
    TYPE_NAMES,
    IncidentRole,
    IncidentType,
    Phase,
)
from firebell.incidents.severity import FACTS, QUESTIONS, typed_answers

Dialog = dict[str, Any]
Element = dict[str, Any]
TITLE_MAX_BYTES = LABEL_MAX_BYTES = 24
HELP_MAX_BYTES = TEXT_MAX_CHARS = 150
AREA_MAX_CHARS = 3_000
CONFIRM = "confirm"
"""The dialog that asks whether a button is meant; what it does is in its state."""
_SEVERITIES = {f"sev{level}": f"SEV{level}: {facts.meaning}" for level, facts in FACTS.items()}
_ANSWER_LABELS = {"yes": "Yes", "no": "No", "unknown": "Not known"}
_QUESTION_LABELS = ("Down or data at risk", "Major part degraded", "Workaround", "Customers affected")
_ENTRY_TITLES = {
    "update": ("Post update", "What we know, what we do, what comes next."),
    "note": ("Add note", "What happened, or what you see."),
    "finding": ("Add finding", "What you found out."),
    "decision": ("Record decision", "What was decided, and why."),
    "mitigation": ("Record mitigation", "What was done to reduce the impact."),
}


@dataclass(frozen=True, slots=True)
class DialogErrors:
    """What is wrong in a dialog, by the field that shows it."""

    by_field: Mapping[str, str]


def clip_bytes(text: str, limit: int) -> str:
    """Return text within a number of UTF-8 bytes, which is how the server measures dialogs."""
    if len(text.encode()) <= limit:
        return text
    return f"{text.encode()[: limit - 3].decode(errors='ignore').rstrip()}…"


def _element(kind: str, name: str, label: str, *, hint: str = "", optional: bool = False) -> Element:
    return {
        "type": kind,
        "name": name,
        "display_name": clip_bytes(label, LABEL_MAX_BYTES),
        "help_text": clip_bytes(hint, HELP_MAX_BYTES),
        "optional": optional,
    }


def _line(name: str, label: str, initial: str = "", **more: Any) -> Element:
    default = clip_bytes(initial, TEXT_MAX_CHARS)
    return {**_element("text", name, label, **more), "max_length": TEXT_MAX_CHARS, "default": default}


def _area(name: str, label: str, initial: str = "", **more: Any) -> Element:
    default = clip_bytes(initial, AREA_MAX_CHARS)
    return {**_element("textarea", name, label, **more), "max_length": AREA_MAX_CHARS, "default": default}


def _choice(kind: str, name: str, label: str, options: Mapping[str, str], **more: Any) -> Element:
    initial = more.pop("initial", "")
    return {
        **_element(kind, name, label, **more),
        "options": [{"text": clip(text, 100), "value": value} for value, text in options.items()],
        "default": initial if initial in options else "",
    }


def _person(name: str, label: str, initial: str = "", **more: Any) -> Element:
    return {**_element("select", name, label, **more), "data_source": "users", "default": initial}


def _flag(name: str, label: str, text: str, *, is_set: bool = False) -> Element:
    return {
        **_element("bool", name, label, optional=True),
        "placeholder": text,
        "default": "true" if is_set else "",
    }


def _dialog(
    name: str, title: str, submit: str, elements: Sequence[Element], introduction: str = ""
) -> Dialog:
    return {
        "callback_id": name,
        "title": clip_bytes(title, TITLE_MAX_BYTES),
        "introduction_text": introduction,
        "elements": list(elements),
        "submit_label": submit,
        "notify_on_cancel": False,
    }


def confirm_dialog(question: str) -> Dialog:
    """Return the dialog that asks before a button acts."""
    return _dialog(CONFIRM, "Are you sure?", "Yes", [], question)


def dialog_for(intent: OpenModal, services: Sequence[tuple[int, str]] = ()) -> Dialog | None:
    """Return the dialog that an intent asks for, None if the chat has none for it."""
    if intent.name == "declare":
        return _declare(intent, services)
    if intent.name == "page":
        return _page(intent)
    if intent.incident is None:
        return None
    about = f"INC-{intent.incident}"
    match intent.name:
        case "severity":
            chosen = "" if intent.severity is None else f"sev{intent.severity}"
            elements = [
                _choice("select", "severity", "Severity", _SEVERITIES, initial=chosen),
                _area("reason", "Reason", hint="Required to lower the severity.", optional=True),
            ]
            return _dialog("severity", "Change severity", "Change severity", elements, about)
        case "role":
            roles = {str(role): name for role, name in ROLE_NAMES.items()}
            elements = [
                _choice("select", "role", "Role", roles),
                _person("user", "Person", hint="Leave blank to take it yourself.", optional=True),
            ]
            return _dialog("role", "Assign role", "Assign role", elements, about)
        case "task":
            elements = [
                _line("text", "Task"),
                _person("user", "Assignee", optional=True),
                _line("due", "Due", hint="Such as 2h or 2026-11-30 14:00.", optional=True),
            ]
            return _dialog("task", "Add task", "Add task", elements, about)
        case "resolve":
            ended = _area("text", "What ended the impact?", optional=True)
            return _dialog("resolve", "Resolve incident", "Resolve", [ended], about)
        case "dismiss":
            reason = _area("reason", "Reason", hint="Why this is a false alarm.")
            return _dialog("dismiss", "Dismiss incident", "Dismiss", [reason], about)
        case name if name in _ENTRY_TITLES:
            title, hint = _ENTRY_TITLES[name]
            return _dialog(name, title, "Add to timeline", [_area("text", "Text", hint=hint)], about)
    phase = intent.name.removeprefix("force-")
    if phase != intent.name and phase in set(Phase):
        reason = _area("reason", "Reason", hint="Why the check may be skipped.")
        return _dialog(intent.name, "Skip a check", "Skip check", [reason], about)
    return None


def _declare(intent: OpenModal, services: Sequence[tuple[int, str]]) -> Dialog:
    types = {str(kind): name for kind, name in TYPE_NAMES.items()}
    chosen = "" if intent.severity is None else f"sev{intent.severity}"
    elements = [
        _line("title", "Title", intent.title, hint="What are people seeing?"),
        *(
            _choice("radio", question.name, label, _ANSWER_LABELS, hint=question.text, optional=True)
            for question, label in zip(QUESTIONS, _QUESTION_LABELS, strict=True)
        ),
        _choice(
            "select",
            "severity",
            "Severity",
            _SEVERITIES,
            initial=chosen,
            hint="Leave blank to take the one that your answers give.",
            optional=True,
        ),
        _choice("select", "type", "Type", types, initial=suggested_type(intent), optional=True),
        _area("summary", "Summary", optional=True),
        _flag("command", "Commander", "I’ll be commander"),
        _flag("private", "Private", "Only those involved see it", is_set=intent.private),
        _flag("drill", "Drill", "This is a drill"),
    ]
    if services:
        options = {str(number): name for number, name in services}
        elements.insert(6, _choice("select", "service", "Service", options, optional=True))
    return _dialog("declare", "Declare an incident", "Declare", elements)


def _page(intent: OpenModal) -> Dialog:
    target = intent.target
    user = target.value if target and target.kind == "user" else ""
    name = target.value if target and target.kind == "name" else ""
    elements = [
        _person("user", "Person", user, optional=True),
        _line(
            "target",
            "Team or schedule",
            name,
            hint="Or a service or policy, by its short name.",
            optional=True,
        ),
        _area("text", "Message", hint="Why you need help."),
    ]
    return _dialog("page", "Page someone", "Page", elements)


def submitted(name: str, intent: OpenModal, values: Mapping[str, Any]) -> Intent | DialogErrors | None:
    """Return what a submitted dialog asks for, what is wrong in it, or None if it is not ours."""
    if name == "declare":
        return _declaration(intent, values)
    if name == "page":
        return _page_request(intent, values)
    if intent.incident is None:
        return None
    text, reason = _text(values, "text"), _text(values, "reason")
    match name:
        case "severity":
            severity = _text(values, "severity")
            if severity not in _SEVERITIES:
                return DialogErrors({"severity": "Select a severity."})
            return ChangeSeverity(intent.incident, int(severity[3]), reason)
        case "role":
            role, user = _text(values, "role"), _text(values, "user")
            if role not in set(IncidentRole):
                return DialogErrors({"role": "Select a role."})
            given = ChatTarget("user", user) if user else None
            return ChangeRole(intent.incident, IncidentRole(role), "give" if user else "take", given)
        case "task":
            owner = _text(values, "user")
            target = ChatTarget("user", owner) if owner else None
            return AddTask(intent.incident, text, target, _text(values, "due"))
        case "resolve":
            return ResolveIncident(intent.incident, text)
        case "dismiss":
            return _with_reason(reason, DismissIncident(intent.incident, reason))
    if name in ENTRY_KINDS:
        return AddEntry(intent.incident, name, text) if text else DialogErrors({"text": "Enter a text."})
    phase = name.removeprefix("force-")
    if phase != name and phase in set(Phase):
        return _with_reason(reason, ForcePhase(intent.incident, Phase(phase), reason))
    return None


def _with_reason(reason: str, intent: Intent) -> Intent | DialogErrors:
    return intent if reason else DialogErrors({"reason": "Enter a reason."})


def _declaration(intent: OpenModal, values: Mapping[str, Any]) -> Intent | DialogErrors:
    title, severity, service = _text(values, "title"), _text(values, "severity"), _text(values, "service")
    answers = typed_answers({question.name: _text(values, question.name) for question in QUESTIONS})
    if not title:
        return DialogErrors({"title": "Enter a title."})
    if severity not in _SEVERITIES and not answers:
        return DialogErrors({QUESTIONS[0].name: "Answer this question, or select a severity."})
    is_id = service.isascii() and service.isdecimal() and len(service) < 19
    kind = _text(values, "type")
    return SubmitDeclaration(
        title=title,
        severity=int(severity[3]) if severity in _SEVERITIES else None,
        answers=answers,
        service_ids=(int(service),) if is_id else (),
        summary=_text(values, "summary"),
        page=intent.page,
        command=values.get("command") is True,
        drill=values.get("drill") is True,
        incident_type=IncidentType(kind) if kind in set(IncidentType) else suggested_type(intent),
        # a dialog from an earlier release doesn't ask
        private=values.get("private", intent.private) is True,
    )


def _page_request(intent: OpenModal, values: Mapping[str, Any]) -> Intent | DialogErrors:
    user, name, text = (_text(values, field) for field in ("user", "target", "text"))
    if bool(user) == bool(name):
        return DialogErrors({"target": "Choose either a person or a team or schedule."})
    if not text:
        return DialogErrors({"text": "Enter a message."})
    target = ChatTarget("user", user) if user else ChatTarget("name", name)
    return PageSomeone(target, text, intent.incident)


def _text(values: Mapping[str, Any], name: str) -> str:
    value = values.get(name)
    return value.strip() if isinstance(value, str) else ""
