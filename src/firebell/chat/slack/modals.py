"""The forms of Slack: from an intent to a view, and from a submitted view back to an intent (pure; spec 8.7)."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from firebell.channels.callbacks import instant_of
from firebell.chat.intents import button_values
from firebell.chat.intents.model import (
    AddEntry,
    ChangeRole,
    ChangeSeverity,
    ChatTarget,
    DismissIncident,
    ForcePhase,
    Intent,
    JoinRoom,
    OpenModal,
    PageSomeone,
    ResolveIncident,
    SubmitDeclaration,
    suggested_type,
)
from firebell.chat.intents.status_texts import heading
from firebell.chat.slack import limits
from firebell.chat.slack.payloads import at, text_at
from firebell.chat.slack.reply_blocks import plain_text
from firebell.chat.slack.text import clip
from firebell.incidents.model import (
    ENTRY_KINDS,
    ROLE_NAMES,
    TYPE_NAMES,
    Incident,
    IncidentRole,
    IncidentType,
    Phase,
)
from firebell.incidents.severity import ANSWERS, FACTS, QUESTIONS, Severity, asked, suggest, typed_answers

View = dict[str, Any]
PREFIX = "fb_"
DECLARE = "fb_declare"
SERVICES_ACTION, TARGET_ACTION = "services", "target"
_SEVERITIES = {f"sev{level}": f"SEV{level}: {clip(facts.meaning, 60)}" for level, facts in FACTS.items()}
_ANSWER_LABELS = {"yes": "Yes", "no": "No", "unknown": "Not known"}
_TITLES = {
    "update": ("Post update", "Update", "What we know, what we do, what comes next."),
    "note": ("Add note", "Note", "What happened, or what you see."),
    "finding": ("Add finding", "Finding", "What you found out."),
    "decision": ("Record decision", "Decision", "What was decided, and why."),
    "mitigation": ("Record mitigation", "Mitigation", "What was done to reduce the impact."),
}
_OPTIONS = {
    "command": "I’ll be commander",
    "private": "Private: only those involved see it",
    "drill": "This is a drill",
}


@dataclass(frozen=True, slots=True)
class DeclareForm:
    """The state of the form that declares; `answers` holds only questions that were answered."""

    title: str = ""
    answers: Mapping[str, bool | None] = field(default_factory=dict)
    severity: int | None = None
    services: Sequence[tuple[str, str]] = ()
    summary: str = ""
    command: bool = False
    drill: bool = False
    page: int | None = None
    incident_type: IncidentType = IncidentType.OPERATIONAL
    private: bool = False


def option(value: str, label: str) -> dict[str, Any]:
    """Return an option of a selection."""
    return {"text": plain_text(label, limits.OPTION_TEXT), "value": clip(value, limits.OPTION_TEXT)}


def labeled(
    name: str, label: str, element: dict[str, Any], *, optional: bool = False, live: bool = False
) -> View:
    """Return a labeled input; a `live` one is sent with each change."""
    block: View = {
        "type": "input",
        "block_id": name,
        "label": plain_text(label, limits.INPUT_LABEL),
        "element": {"action_id": name, **element},
        "optional": optional,
    }
    return {**block, "dispatch_action": True} if live else block


def text_input(most: int, initial: str = "", *, multiline: bool = False, hint: str = "") -> dict[str, Any]:
    """Return a text field of at most `most` characters."""
    element: dict[str, Any] = {"type": "plain_text_input", "max_length": most, "multiline": multiline}
    element |= {"initial_value": clip(initial, most)} if initial else {}
    return element | ({"placeholder": plain_text(hint, limits.PLACEHOLDER)} if hint else {})


def _choice(kind: str, options: Sequence[dict[str, Any]], chosen: str | None) -> dict[str, Any]:
    element: dict[str, Any] = {"type": kind, "options": list(options)}
    initial = next((option for option in options if option["value"] == chosen), None)
    return {**element, "initial_option": initial} if initial else element


def _view(name: str, title: str, submit: str, blocks: Sequence[View], metadata: Mapping[str, Any]) -> View:
    return {
        "type": "modal",
        "callback_id": f"{PREFIX}{name}",
        "title": plain_text(title, limits.VIEW_TITLE),
        "submit": plain_text(submit, limits.VIEW_TITLE),
        "close": plain_text("Cancel", limits.VIEW_TITLE),
        "private_metadata": json.dumps({k: v for k, v in metadata.items() if v is not None}),
        "blocks": list(blocks),
    }


def opened_form(intent: OpenModal) -> DeclareForm:
    """Return the declaration form as it opens."""
    return DeclareForm(
        title=intent.title,
        severity=intent.severity,
        page=intent.page,
        incident_type=suggested_type(intent),
        private=intent.private,
    )


def view_for(intent: OpenModal, draft: str = "", similar: Sequence[Incident] = ()) -> View | None:
    """Return the form that an intent asks for, None for an incident's without one.

    `draft` is the first text of an update, `similar` has what a declaration may duplicate.
    """
    metadata = {"i": intent.incident, "p": intent.page}
    if intent.name == "declare":
        return declare_view(opened_form(intent), similar)
    if intent.name == "page":
        return _page_view(intent, metadata)
    if intent.incident is None:
        return None
    ref = f"INC-{intent.incident}"
    if intent.name in _TITLES:
        title, label, hint = _TITLES[intent.name]
        element = text_input(limits.INPUT_TEXT, draft, multiline=True, hint=hint)
        return _view(
            intent.name, title, "Add to timeline", [labeled("text", f"{label}, {ref}", element)], metadata
        )
    if intent.name == "severity":
        return _severity_view(intent, ref, metadata)
    if intent.name == "role":
        return _role_view(ref, metadata)
    if intent.name == "resolve":
        text = labeled(
            "text", f"What ended the impact of {ref}?", text_input(1000, multiline=True), optional=True
        )
        return _view("resolve", "Resolve incident", "Resolve", [text], metadata)
    if intent.name == "dismiss":
        reason = labeled("reason", f"Why is {ref} a false alarm?", text_input(1000, multiline=True))
        return _view("dismiss", "Dismiss incident", "Dismiss", [reason], metadata)
    phase = intent.name.removeprefix("force-")
    if phase != intent.name and phase in set(Phase):
        label = f"Reason to skip the check of {ref}"
        reason = labeled("reason", label, text_input(1000, multiline=True))
        return _view(intent.name, "Skip a check", f"Move to {phase}", [reason], metadata)
    return None


def _severity_view(intent: OpenModal, ref: str, metadata: Mapping[str, Any]) -> View:
    options = [option(value, label) for value, label in _SEVERITIES.items()]
    chosen = None if intent.severity is None else f"sev{intent.severity}"
    blocks = [
        labeled("severity", f"Severity of {ref}", _choice("static_select", options, chosen)),
        labeled("reason", "Reason", text_input(1000, hint="Required to lower the severity."), optional=True),
    ]
    return _view("severity", "Change severity", "Change severity", blocks, metadata)


def _role_view(ref: str, metadata: Mapping[str, Any]) -> View:
    options = [option(role, name) for role, name in ROLE_NAMES.items()]
    release = option("release", "Release my role, without a successor")
    blocks = [
        labeled("role", f"Role in {ref}", _choice("static_select", options, None)),
        labeled("user", "Person", {"type": "users_select"}, optional=True),
        labeled("release", "Release", {"type": "checkboxes", "options": [release]}, optional=True),
    ]
    return _view("role", "Assign role", "Assign role", blocks, metadata)


def _page_view(intent: OpenModal, metadata: Mapping[str, Any]) -> View:
    user = {"type": "users_select"}
    name = ""
    if intent.target is not None:
        user |= {"initial_user": intent.target.value} if intent.target.kind == "user" else {}
        name = intent.target.value if intent.target.kind == "name" else ""
    target: dict[str, Any] = {"type": "external_select", "min_query_length": 0}
    if name:
        target["initial_option"] = option(name, name)
    blocks = [
        labeled("user", "Person", user, optional=True),
        labeled(TARGET_ACTION, "Or a team, schedule, service or policy", target, optional=True),
        labeled("text", "Message", text_input(1000, multiline=True, hint="Why you need help.")),
    ]
    return _view("page", "Page someone", "Page", blocks, metadata)


def questions_on_path(answers: Mapping[str, bool | None]) -> list[int]:
    """Return the questions that a form shows: those answered on the path, and the next one."""
    shown = []
    for index in asked(answers):
        shown.append(index)
        if QUESTIONS[index].name not in answers:
            break
    return shown


def _answer_word(answers: Mapping[str, bool | None], name: str) -> str | None:
    if name not in answers:
        return None
    return next(word for word, answer in ANSWERS.items() if answer is answers[name])


def verdict_line(form: DeclareForm) -> str:
    """Return what the answers say: the severity, what it means, and why."""
    if form.severity is not None:
        level = Severity(form.severity)
        return f"SEV{level}: {FACTS[level].response}. You selected it."
    verdict = suggest(form.answers)
    if verdict is None:
        return "Answer the first question, or select a severity."
    provisional = " (provisional)" if verdict.provisional else ""
    because = " ".join(verdict.path)
    return f"SEV{verdict.severity}{provisional}: {FACTS[verdict.severity].response}.\n{because}"


def _similar_blocks(similar: Sequence[Incident]) -> list[View]:
    """Return the incidents that may be the same, each with a button that joins it instead."""
    return [
        {
            "type": "section",
            "block_id": f"similar-{incident.id}",
            "text": plain_text(
                f"{heading(incident)}, {incident.phase}. Is it the same?", limits.SECTION_TEXT
            ),
            "accessory": {
                "type": "button",
                "text": plain_text("Join instead", limits.BUTTON),
                "action_id": f"{button_values.RUN}_join",
                "value": button_values.encode(JoinRoom(incident.id), incident.declared_at),
            },
        }
        for incident in similar
    ]


def declare_view(form: DeclareForm, similar: Sequence[Incident] = ()) -> View:
    """Return the form that declares, with the severity that its answers give and incidents that may be the same."""
    answers = [option(word, label) for word, label in _ANSWER_LABELS.items()]
    questions = [
        labeled(
            QUESTIONS[index].name,
            QUESTIONS[index].text,
            _choice("radio_buttons", answers, _answer_word(form.answers, QUESTIONS[index].name)),
            optional=True,
            live=True,
        )
        for index in questions_on_path(form.answers)
    ]
    severities = [option(value, label) for value, label in _SEVERITIES.items()]
    types = [option(value, label) for value, label in TYPE_NAMES.items()]
    chosen = None if form.severity is None else f"sev{form.severity}"
    services: dict[str, Any] = {"type": "multi_external_select", "min_query_length": 0}
    if form.services:
        services["initial_options"] = [option(*service) for service in form.services]
    marked = [option(name, label) for name, label in _OPTIONS.items() if getattr(form, name)]
    checkboxes: dict[str, Any] = {
        "type": "checkboxes",
        "options": [option(name, label) for name, label in _OPTIONS.items()],
    }
    if marked:
        checkboxes["initial_options"] = marked
    verdict = {
        "type": "section",
        "block_id": "verdict",
        "text": plain_text(verdict_line(form), limits.SECTION_TEXT),
    }
    blocks = [
        labeled("title", "What are people seeing?", text_input(200, form.title)),
        *_similar_blocks(similar),
        *questions,
        verdict,
        labeled(
            "severity", "Severity", _choice("static_select", severities, chosen), optional=True, live=True
        ),
        labeled(SERVICES_ACTION, "Services", services, optional=True),
        labeled("type", "Type", _choice("static_select", types, form.incident_type), optional=True),
        labeled("summary", "Summary", text_input(3000, form.summary, multiline=True), optional=True),
        labeled("options", "Options", checkboxes, optional=True),
    ]
    return _view("declare", "Declare an incident", "Declare", blocks, {"p": form.page})


def read_declare(view: Any) -> DeclareForm:
    """Return the state of a form that declares, from what Slack posts of it."""
    values = at(view, "state", "values")

    def chosen(name: str) -> str:
        return text_at(values, name, name, "selected_option", "value")

    def several(name: str) -> list[tuple[str, str]]:
        options = at(values, name, name, "selected_options")
        return [
            (text_at(option, "value"), text_at(option, "text", "text"))
            for option in (options if isinstance(options, list) else [])
            if text_at(option, "value") and text_at(option, "text", "text")
        ]

    answers = typed_answers({q.name: chosen(q.name) for q in QUESTIONS})
    marked = {value for value, _ in several("options")}
    severity, kind = chosen("severity"), chosen("type")
    return DeclareForm(
        title=text_at(values, "title", "title", "value"),
        answers=answers,
        severity=int(severity[3]) if severity in _SEVERITIES else None,
        services=several(SERVICES_ACTION)[:100],
        summary=text_at(values, "summary", "summary", "value"),
        command="command" in marked,
        drill="drill" in marked,
        page=number(metadata(view), "p"),
        incident_type=IncidentType(kind) if kind in set(IncidentType) else IncidentType.OPERATIONAL,
        private="private" in marked,
    )


def metadata(view: Any) -> dict[str, Any]:
    """Return what a view carries for us, nothing if it cannot be read."""
    try:
        value = json.loads(text_at(view, "private_metadata"))
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def named_at(view: Any) -> datetime | None:
    """Return the timestamp that a view carries, or None for a view from an earlier release."""
    return instant_of(metadata(view).get(button_values.NAMED_AT))


def stamped(view: View, at: datetime) -> View:
    """Return a view with a timestamp: when it was opened, or that of the button that opened it."""
    carried = metadata(view) | button_values.stamp(at)
    return {**view, "private_metadata": json.dumps(carried)}


def number(values: Mapping[str, Any], name: str) -> int | None:
    """Return an id of the metadata, or None."""
    value = values.get(name)
    is_id = isinstance(value, int) and not isinstance(value, bool) and 0 < value < 10**18
    return value if is_id else None


@dataclass(frozen=True, slots=True)
class FieldErrors:
    """What is wrong in a submitted form, by the block that shows it."""

    by_block: Mapping[str, str]


def submitted(view: Any) -> Intent | FieldErrors | None:
    """Return what a submitted form asks for, what is wrong in it, or None if it is not ours."""
    name = text_at(view, "callback_id").removeprefix(PREFIX)
    if name == "declare":
        return _declaration(read_declare(view))
    values = at(view, "state", "values")
    incident = number(metadata(view), "i")
    if name == "page":
        return _page_request(values, incident)
    text = text_at(values, "text", "text", "value").strip()
    if incident is None:
        return None
    reason = text_at(values, "reason", "reason", "value").strip()
    if name in ENTRY_KINDS:
        return AddEntry(incident, name, text) if text else FieldErrors({"text": "Enter a text."})
    if name == "severity":
        severity = text_at(values, "severity", "severity", "selected_option", "value")
        if severity not in _SEVERITIES:
            return FieldErrors({"severity": "Select a severity."})
        return ChangeSeverity(incident, int(severity[3]), reason)
    if name == "role":
        return _role_change(values, incident)
    if name == "resolve":
        return ResolveIncident(incident, text)
    if name == "dismiss":
        return DismissIncident(incident, reason) if reason else FieldErrors({"reason": "Enter a reason."})
    phase = name.removeprefix("force-")
    if phase != name and phase in set(Phase):
        if not reason:
            return FieldErrors({"reason": "Enter a reason."})
        return ForcePhase(incident, Phase(phase), reason)
    return None


def _declaration(form: DeclareForm) -> Intent | FieldErrors:
    if not form.title.strip():
        return FieldErrors({"title": "Enter a title."})
    if form.severity is None and not form.answers:
        return FieldErrors({QUESTIONS[0].name: "Answer this question, or select a severity."})
    services = tuple(int(value) for value, _ in form.services if value.isascii() and value.isdecimal())
    return SubmitDeclaration(
        form.title,
        form.severity,
        dict(form.answers),
        tuple(i for i in services if 0 < i < 10**18),
        form.summary,
        form.page,
        form.command,
        form.drill,
        form.incident_type,
        form.private,
    )


def _role_change(values: Any, incident: int) -> Intent | FieldErrors:
    role = text_at(values, "role", "role", "selected_option", "value")
    if role not in set(IncidentRole):
        return FieldErrors({"role": "Select a role."})
    user = text_at(values, "user", "user", "selected_user")
    if at(values, "release", "release", "selected_options"):
        if user:
            return FieldErrors({"user": "Clear the person, or don’t release the role."})
        return ChangeRole(incident, IncidentRole(role), "drop")
    if not user:
        return ChangeRole(incident, IncidentRole(role), "take")
    return ChangeRole(incident, IncidentRole(role), "give", ChatTarget("user", user))


def _page_request(values: Any, incident: int | None) -> Intent | FieldErrors:
    user = text_at(values, "user", "user", "selected_user")
    name = text_at(values, TARGET_ACTION, TARGET_ACTION, "selected_option", "value").strip()
    text = text_at(values, "text", "text", "value").strip()
    if bool(user) == bool(name):
        return FieldErrors({"target": "Choose either a person or a team, schedule, service or policy."})
    if not text:
        return FieldErrors({"text": "Enter a message."})
    target = ChatTarget("user", user) if user else ChatTarget("name", name)
    return PageSomeone(target, text, incident)


def notice_view(title: str, text: str, url: str = "") -> View:
    """Return a view that only says something."""
    blocks: list[View] = [{"type": "section", "text": plain_text(text, limits.SECTION_TEXT)}]
    if url:
        button = {
            "type": "button",
            "text": plain_text("Open room", limits.BUTTON),
            "action_id": "fb_open_0",
            "url": url,
        }
        blocks.append({"type": "actions", "elements": [button]})
    return {
        "type": "modal",
        "title": plain_text(title, limits.VIEW_TITLE),
        "close": plain_text("Close", limits.VIEW_TITLE),
        "blocks": blocks,
    }
