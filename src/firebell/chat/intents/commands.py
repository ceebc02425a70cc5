"""The grammar of the commands of every chat: text to an intent (spec 8.5; pure).

`parse` accepts any text and never raises. Only exact verbs and their aliases act; a word that is nearly a verb is
offered, not executed.
"""

import re
import unicodedata
from collections.abc import Callable, Iterable
from datetime import datetime

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
    OpenModal,
    PageSomeone,
    PublishUpdate,
    ReopenIncident,
    ResolveIncident,
    ResolvePage,
    ShowHelp,
    ShowOnCall,
    ShowRoles,
    ShowStatus,
    ShowSummary,
    SnoozePage,
    TaskChange,
    UnpublishUpdate,
    Usage,
)
from firebell.incidents.model import IncidentRole

INCIDENT, PAGE = "incident", "page"
"""The commands, whatever a workspace calls them."""
PUBLIC_OPTION = "--public"
"""Before the text of an update: customers read it on status pages."""
MAX_SNOOZE_MINUTES = 24 * 60
TOKEN = re.compile(r"⟦(user|group|channel):([^|⟦⟧]*)\|([^⟦⟧]*)⟧")
"""A reference of the chat; an adapter replaces brackets that a person typed, so no one can forge one."""
ROLES = {
    "ic": IncidentRole.COMMANDER,
    "commander": IncidentRole.COMMANDER,
    "lead": IncidentRole.COMMANDER,
    "comms": IncidentRole.COMMS,
    "sme": IncidentRole.SME,
    "expert": IncidentRole.SME,
    "scribe": IncidentRole.SCRIBE,
    "responder": IncidentRole.RESPONDER,
}
_CONNECTORS = {"because", "as", "-", "–", "—", ":"}
_NUMBER = r"[1-9][0-9]{0,17}"
_INCIDENT_REF = re.compile(rf"inc-({_NUMBER})", re.IGNORECASE | re.ASCII)
_PAGE_REF = re.compile(rf"(?:pg-)?({_NUMBER})", re.IGNORECASE | re.ASCII)
_SEVERITY = re.compile(r"(?:sev|p)([0-3])", re.IGNORECASE | re.ASCII)
_DURATION = re.compile(r"([0-9]{1,4})([mhd])", re.IGNORECASE | re.ASCII)
_DUE = re.compile(
    r"\s(?:due|by)\s+([0-9]{4}-[0-9]{2}-[0-9]{2}(?:\s[0-9]{2}:[0-9]{2})?|[0-9]{1,4}[mhd])$",
    re.IGNORECASE | re.ASCII,
)
_TASK_CHANGE = re.compile(rf"(done|move|reopen|take)\s+#?({_NUMBER})", re.IGNORECASE | re.ASCII)
_TASK_ASSIGNED = re.compile(rf"assign\s+#?({_NUMBER})\s+(?:to\s+)?(?=⟦user:)", re.IGNORECASE | re.ASCII)
_NEAR_DISTANCE, _NEAR_LENGTH, _NEAR_LONGEST = 2, 3, 20
_CATCH_UP = {"catch me up", "what's up", "what’s up", "status"}
_IN_CHARGE = {"who is ic", "who is in charge", "who’s in charge", "who's in charge"}
_ON_CALL = re.compile(r"who(?: is|'s|’s) on call(?: for (\S+))?")


def clean(text: str) -> str:
    """Return text in NFC, trimmed, with control and format characters other than newline and tab as spaces."""
    text = unicodedata.normalize("NFC", text)
    return "".join(
        c if c in "\n\t" or not unicodedata.category(c).startswith("C") else " " for c in text
    ).strip()


def parse(command: str, text: str, room: int | None) -> Intent:
    """Return what a person wants; `room` is the number of the incident whose channel they are in."""
    text = clean(text)
    return _parse_page(text) if command == PAGE else _parse_incident(text, room)


def parse_mention(text: str, room: int | None) -> Intent:
    """Return what a person wants who mentions Firebell: the same commands, and a few questions."""
    text = clean(text)
    question = text.casefold().rstrip("?!. ")
    if question in _CATCH_UP:
        return ShowSummary(room) if room else Usage("which", question)
    if question in _IN_CHARGE:
        return ShowRoles(room) if room else Usage("which", question)
    if match := _ON_CALL.fullmatch(question):
        return ShowOnCall(match[1] or "")
    intent = _parse_incident(text, room)
    is_unknown = isinstance(intent, Usage) and intent.reason == "unknown"
    return ShowHelp(INCIDENT) if is_unknown or isinstance(intent, OpenModal) else intent


def near(word: str, candidates: Iterable[str]) -> tuple[str, ...]:
    """Return up to three candidates that differ from a word by two letters at most, nearest first."""
    word = word.casefold()
    if not _NEAR_LENGTH <= len(word) <= _NEAR_LONGEST:
        return ()
    distances = sorted((_distance(word, each), each) for each in set(candidates) if each != word)
    return tuple(each for distance, each in distances if distance <= _NEAR_DISTANCE)[:3]


def plain(text: str) -> str:
    """Return text with the tokens of the chat as names."""
    return TOKEN.sub(lambda m: f"{'#' if m[1] == 'channel' else '@'}{(m[3] or m[2]).lstrip('@#')}", text)


def _distance(one: str, other: str) -> int:
    """Return how many letters must change, appear or disappear to turn one word into the other."""
    row = list(range(len(other) + 1))
    for i, a in enumerate(one, 1):
        previous, row[0] = row[0], i
        for j, b in enumerate(other, 1):
            previous, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, previous + (a != b))
    return row[-1]


def _split(text: str) -> tuple[str, str]:
    """Return the first word and the rest."""
    word, *rest = text.split(None, 1) or [""]
    return word, rest[0] if rest else ""


def _severity(word: str) -> int | None:
    match = _SEVERITY.fullmatch(word)
    return int(match[1]) if match else None


def _page_number(word: str) -> int | None:
    match = _PAGE_REF.fullmatch(word)
    return int(match[1]) if match else None


def _user(text: str) -> tuple[ChatTarget | None, str]:
    """Return the user at the beginning of a text, None if there is none, and what follows."""
    match = TOKEN.match(text)
    if match is None or match[1] != "user":
        return None, text
    return ChatTarget("user", match[2], match[3]), text[match.end() :].strip()


def _target(text: str) -> tuple[ChatTarget | None, str]:
    """Return the user, group or name at the beginning of a text, None for anything else, and what follows."""
    if match := TOKEN.match(text):
        target = ChatTarget(match[1], match[2], match[3]) if match[1] in ("user", "group") else None
        return target, text[match.end() :].strip()
    word, rest = _split(text)
    # an at sign without a token is a user that the chat does not know
    return (None, text) if word.startswith(("@", "⟦")) else (ChatTarget("name", word), rest)


def _parse_incident(text: str, room: int | None) -> Intent:
    word, rest = _split(text)
    if not word:
        return ShowStatus(room) if room else OpenModal("declare")
    may_declare = room is None
    if word.casefold().startswith("inc-"):
        match = _INCIDENT_REF.fullmatch(word)
        if match is None:
            return Usage("which", word)
        room, may_declare = int(match[1]), False
        word, rest = _split(rest)
        if not word:
            return ShowStatus(room)
    if (severity := _severity(word)) is not None:
        return _set_severity(room, severity, rest) if room else OpenModal("declare", None, rest, severity)
    if (verb := _INCIDENT_VERBS.get(word.casefold())) is not None:
        return verb(room, rest)
    if may_declare and rest:
        return OpenModal("declare", title=text)
    return Usage("unknown", word, near(word, _INCIDENT_VERBS), rest)


def _declare(_room: int | None, rest: str) -> Intent:
    word, title = _split(rest)
    severity = _severity(word)
    if severity is None:
        return OpenModal("declare", title=rest)
    return DeclareIncident(severity, title) if title else OpenModal("declare", severity=severity)


_RoomVerb = Callable[[int | None, str], Intent]


def _entry(kind: str) -> _RoomVerb:
    def verb(room: int | None, rest: str) -> Intent:
        if room is None:
            return Usage("which", kind)
        return AddEntry(room, kind, rest) if rest else OpenModal(kind, room)

    return verb


def _update(room: int | None, rest: str) -> Intent:
    word, text = _split(rest)
    return _publish(room, text) if word == PUBLIC_OPTION else _entry("update")(room, rest)


def _publish(room: int | None, rest: str) -> Intent:
    if room is None:
        return Usage("which", "public")
    return PublishUpdate(room, rest) if rest else Usage("public-text", "public")


def _change_severity(room: int | None, rest: str) -> Intent:
    if room is None:
        return Usage("which", "severity")
    if not rest:
        return OpenModal("severity", room)
    word, reason = _split(rest)
    severity = int(word) if word in ("0", "1", "2", "3") else _severity(word)
    return Usage("severity", word) if severity is None else _set_severity(room, severity, reason)


def _set_severity(room: int, severity: int, rest: str) -> ChangeSeverity:
    word, reason = _split(rest)
    return ChangeSeverity(room, severity, reason if word.casefold() in _CONNECTORS else rest)


def _role(room: int | None, rest: str) -> Intent:
    if room is None:
        return Usage("which", "role")
    if not rest:
        return OpenModal("role", room)
    word, rest = _split(rest)
    role = ROLES.get(word.casefold())
    if role is None:
        return Usage("role", word)
    word, more = _split(rest)
    change = word.casefold()
    if change in ("", "take", "drop"):
        return Usage("extra", more) if more else ChangeRole(room, role, change or "take")
    return _give_to(room, role, more if change == "give" else rest)


def _give_to(room: int, role: IncidentRole, rest: str) -> Intent:
    word, more = _split(rest)
    user, extra = _user(more if word.casefold() == "to" else rest)
    if user is None:
        return Usage("who", rest)
    return Usage("extra", extra) if extra else ChangeRole(room, role, "give", user)


def _of_role(change: str) -> _RoomVerb:
    def verb(room: int | None, rest: str) -> Intent:
        if room is None:
            return Usage("which", change)
        word, more = _split(rest)
        role = ROLES.get(word.casefold())
        if role is None:
            return Usage("role", word)
        if change == "give":
            return _give_to(room, role, more)
        return Usage("extra", more) if more else ChangeRole(room, role, change)

    return verb


def _page_for(room: int | None, rest: str) -> Intent:
    if room is None:
        return Usage("which", "page")
    if not rest:
        return OpenModal("page", room)
    target, text = _target(rest)
    return Usage("who", rest) if target is None else PageSomeone(target, text, room)


def _task(room: int | None, rest: str) -> Intent:
    if room is None:
        return Usage("which", "task")
    if not rest:
        return OpenModal("task", room)
    if match := _TASK_CHANGE.fullmatch(rest):
        return ChangeTask(room, int(match[2]), TaskChange(match[1].casefold()))
    if match := _TASK_ASSIGNED.match(rest):
        user, extra = _user(rest[match.end() :])
        return Usage("extra", extra) if extra else ChangeTask(room, int(match[1]), TaskChange.ASSIGN, user)
    text, owner, due = rest, None, ""
    users = [match for match in TOKEN.finditer(text) if match[1] == "user"]
    if len(users) == 1:
        match = users[0]
        remaining = f"{text[: match.start()].rstrip()} {text[match.end() :].lstrip()}".strip()
        if remaining:
            text, owner = remaining, ChatTarget("user", match[2], match[3])
    if (match_due := _DUE.search(text)) and _is_due(match_due[1]) and text[: match_due.start()].strip():
        text, due = text[: match_due.start()].strip(), match_due[1]
    return AddTask(room, text, owner, due)


def _is_due(text: str) -> bool:
    if match := _DURATION.fullmatch(text):
        return int(match[1]) > 0
    try:
        datetime.fromisoformat(" ".join(text.split()))
    except ValueError:
        return False
    return True


def _with_text(make: Callable[[int, str], Intent], name: str, modal: str = "") -> _RoomVerb:
    def verb(room: int | None, rest: str) -> Intent:
        if room is None:
            return Usage("which", name)
        return OpenModal(modal, room) if modal and not rest else make(room, rest)

    return verb


def _alone(make: Callable[[int], Intent], name: str) -> _RoomVerb:
    def verb(room: int | None, rest: str) -> Intent:
        if room is None:
            return Usage("which", name)
        return Usage("extra", rest) if rest else make(room)

    return verb


def _join(room: int | None, rest: str) -> Intent:
    if not rest:
        return JoinRoom(room) if room else Usage("which", "join")
    match = re.fullmatch(rf"(?:inc-)?({_NUMBER})", rest, re.IGNORECASE | re.ASCII)
    return JoinRoom(int(match[1])) if match else Usage("which", rest)


def _link(_room: int | None, rest: str) -> Intent:
    return Usage("extra", rest) if rest else LinkAccount()


def _aliases(*verbs: tuple[str, _RoomVerb]) -> dict[str, _RoomVerb]:
    return {alias: verb for names, verb in verbs for alias in names.split()}


_INCIDENT_VERBS = _aliases(
    ("declare new open report", _declare),
    ("update up", _update),
    ("public publish", _publish),
    ("unpublish", _alone(UnpublishUpdate, "unpublish")),
    ("note timeline", _entry("note")),
    ("finding", _entry("finding")),
    ("decision decided", _entry("decision")),
    ("mitigation fix", _entry("mitigation")),
    ("private", lambda _, rest: OpenModal("declare", title=rest, private=True)),
    ("task todo", _task),
    ("tasks", _alone(ListTasks, "tasks")),
    ("severity sev", _change_severity),
    ("role", _role),
    ("take", _of_role("take")),
    ("drop", _of_role("drop")),
    ("give", _of_role("give")),
    ("page", _page_for),
    ("resolve resolved", _with_text(ResolveIncident, "resolve")),
    ("close", _with_text(CloseIncident, "close")),
    ("reopen", _alone(ReopenIncident, "reopen")),
    ("dismiss", _with_text(DismissIncident, "dismiss", "dismiss")),
    ("status", _alone(ShowStatus, "status")),
    ("summary catchup", _alone(ShowSummary, "summary")),
    ("join", _join),
    ("list", lambda _, rest: ListIncidents(rest)),
    ("link", _link),
    ("help ?", lambda _, rest: ShowHelp(INCIDENT, rest)),
)


def _parse_page(text: str) -> Intent:
    word, rest = _split(text)
    if not word:
        return OpenModal("page")
    if (verb := _PAGE_VERBS.get(word.casefold())) is not None:
        return verb(rest)
    if _page_number(word) is not None:
        return Usage("verb", word)
    target, message = _target(text)
    if target is None:
        return Usage("who", text)
    return PageSomeone(target, message) if message else OpenModal("page", target=target)


def _of_page(make: Callable[[int | None], Intent]) -> Callable[[str], Intent]:
    def verb(rest: str) -> Intent:
        number = _page_number(rest)
        return Usage("page", rest) if rest and number is None else make(number)

    return verb


def _page_and_text(rest: str) -> tuple[int | None, str]:
    word, text = _split(rest)
    number = _page_number(word)
    return (None, rest) if number is None else (number, text)


def _snooze(rest: str) -> Intent:
    number, text = _page_and_text(rest)
    match = _DURATION.fullmatch(text)
    if match is None or match[2].casefold() == "d":
        return Usage("how-long", text)
    minutes = int(match[1]) * (60 if match[2].casefold() == "h" else 1)
    return SnoozePage(number, minutes) if 0 < minutes <= MAX_SNOOZE_MINUTES else Usage("how-long", text)


def _note_page(rest: str) -> Intent:
    number, text = _page_and_text(rest)
    return NotePage(number, text) if text else Usage("text", "note")


def _list_pages(rest: str) -> Intent:
    return ListPages(rest.casefold()) if rest.casefold() in ("", "mine", "team") else Usage("extra", rest)


def _who(rest: str) -> Intent:
    word, more = _split(rest)
    return Usage("extra", more) if more else ShowOnCall(word)


_PAGE_VERBS: dict[str, Callable[[str], Intent]] = {
    "ack": _of_page(AckPage),
    "list": _list_pages,
    "ls": _list_pages,
    "resolve": lambda rest: ResolvePage(*_page_and_text(rest)),
    "escalate": _of_page(EscalatePage),
    "snooze": _snooze,
    "note": _note_page,
    "who": _who,
    "oncall": _who,
    "help": lambda rest: ShowHelp(PAGE, rest),
}
PAGE_VERBS = tuple(_PAGE_VERBS)
