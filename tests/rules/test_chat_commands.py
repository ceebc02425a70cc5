"""The grammar of the commands of every chat: the vectors of spec 8.5, and what holds for any text."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firebell.chat.intents.command_texts import render
from firebell.chat.intents.commands import INCIDENT, PAGE, parse, parse_mention
from firebell.chat.intents.model import (
    AckPage,
    AddEntry,
    AddTask,
    ChangeRole,
    ChangeSeverity,
    ChangeTask,
    ChatTarget,
    DeclareIncident,
    EscalatePage,
    Intent,
    JoinRoom,
    ListIncidents,
    ListTasks,
    NotePage,
    OpenModal,
    PageSomeone,
    PublishUpdate,
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
from firebell.chat.slack.text import escape, tokens
from firebell.incidents.model import IncidentRole

ROOM = 214
U1, U2 = ChatTarget("user", "U1", "mara"), ChatTarget("user", "U2", "jun")
S9 = ChatTarget("group", "S9", "@payments")
T1, T2, T9 = "⟦user:U1|mara⟧", "⟦user:U2|jun⟧", "⟦group:S9|@payments⟧"
COMMANDER, SCRIBE, COMMS = IncidentRole.COMMANDER, IncidentRole.SCRIBE, IncidentRole.COMMS


def name(value: str) -> ChatTarget:
    """Return a slug as a target."""
    return ChatTarget("name", value)


@pytest.mark.parametrize(
    ("room", "text", "intent"),
    [
        (ROOM, "", ShowStatus(ROOM)),
        (None, "", OpenModal("declare")),
        (None, "declare sev1 Card payments fail", DeclareIncident(1, "Card payments fail")),
        (None, "new Card payments fail", OpenModal("declare", title="Card payments fail")),
        (None, "card payments fail", OpenModal("declare", title="card payments fail")),
        (None, "sev1 card payments fail", OpenModal("declare", title="card payments fail", severity=1)),
        (ROOM, "UPDATE  Rolled back,\n errors fall", AddEntry(ROOM, "update", "Rolled back,\n errors fall")),
        (ROOM, "update", OpenModal("update", ROOM)),
        (ROOM, "public We are sorry.\nTwice.", PublishUpdate(ROOM, "We are sorry.\nTwice.")),
        (None, "INC-7 update --public We are sorry.", PublishUpdate(7, "We are sorry.")),
        (ROOM, "publish", Usage("public-text", "public")),
        (None, "public x", Usage("which", "public")),
        (ROOM, "unpublish", UnpublishUpdate(ROOM)),
        (None, "update no", Usage("which", "update")),
        (None, "INC-7 update no change", AddEntry(7, "update", "no change")),
        (None, "INC-7", ShowStatus(7)),
        (ROOM, "inc-9 resolve", ResolveIncident(9)),
        (None, "INC-0 status", Usage("which", "INC-0")),
        (None, f"INC-{'9' * 19} status", Usage("which", f"INC-{'9' * 19}")),
        (ROOM, "sev 0 because EU is down", ChangeSeverity(ROOM, 0, "EU is down")),
        (ROOM, "sev2", ChangeSeverity(ROOM, 2, "")),
        (ROOM, "severity sev1 - bad", ChangeSeverity(ROOM, 1, "bad")),
        (ROOM, "severity high", Usage("severity", "high")),
        (ROOM, "1", Usage("unknown", "1")),
        (ROOM, f"role ic {T1}", ChangeRole(ROOM, COMMANDER, "give", U1)),
        (ROOM, "role ic", ChangeRole(ROOM, COMMANDER, "take")),
        (ROOM, "take ic", ChangeRole(ROOM, COMMANDER, "take")),
        (ROOM, "take ic now", Usage("extra", "now")),
        (ROOM, f"give scribe to {T2}", ChangeRole(ROOM, SCRIBE, "give", U2)),
        (ROOM, "give ic", Usage("who", "")),
        (ROOM, "drop comms", ChangeRole(ROOM, COMMS, "drop")),
        (ROOM, "role boss", Usage("role", "boss")),
        (ROOM, "page payments DB is down", PageSomeone(name("payments"), "DB is down", ROOM)),
        (ROOM, "page is down", PageSomeone(name("is"), "down", ROOM)),
        (None, "page is down", Usage("which", "page")),
        (ROOM, f"page {T9} help", PageSomeone(S9, "help", ROOM)),
        (ROOM, f"task {T2} Restart the pool due 2h", AddTask(ROOM, "Restart the pool", U2, "2h")),
        (ROOM, f"task Call {T1} and {T2}", AddTask(ROOM, f"Call {T1} and {T2}")),
        (ROOM, "task due 2h", AddTask(ROOM, "due 2h")),
        (ROOM, "task done #3", ChangeTask(ROOM, 3, TaskChange.DONE)),
        (ROOM, "TASK Move 3", ChangeTask(ROOM, 3, TaskChange.MOVE)),
        (ROOM, f"task assign 3 to {T2}", ChangeTask(ROOM, 3, TaskChange.ASSIGN, U2)),
        (ROOM, f"task assign 3 {T2} now", Usage("extra", "now")),
        (ROOM, "task done 3 of 5 hosts", AddTask(ROOM, "done 3 of 5 hosts")),
        (ROOM, "tasks", ListTasks(ROOM)),
        (
            None,
            "private Customer data leaked",
            OpenModal("declare", title="Customer data leaked", private=True),
        ),
        (ROOM, "todo Ship it by 2026-11-30 14:00", AddTask(ROOM, "Ship it", None, "2026-11-30 14:00")),
        (ROOM, "todo Ship it by 2026-13-30", AddTask(ROOM, "Ship it by 2026-13-30")),
        (ROOM, "timeline Saw 502s", AddEntry(ROOM, "note", "Saw 502s")),
        (ROOM, "decision Roll back build 4812", AddEntry(ROOM, "decision", "Roll back build 4812")),
        (ROOM, "resolve pool restarted", ResolveIncident(ROOM, "pool restarted")),
        (ROOM, "resolv", Usage("unknown", "resolv", ("resolve", "resolved"))),
        (ROOM, "dismiss", OpenModal("dismiss", ROOM)),
        (None, "join 12", JoinRoom(12)),
        (None, "join inc-12", JoinRoom(12)),
        (None, "join x", Usage("which", "x")),
        (ROOM, "HELP", ShowHelp(INCIDENT)),
        (None, "list \u202e txt", ListIncidents("txt")),
        (ROOM, "update \x00 x", AddEntry(ROOM, "update", "x")),
    ],
)
def test_a_text_after_incident_means(room: int | None, text: str, intent: Intent) -> None:
    assert parse(INCIDENT, text, room) == intent


@pytest.mark.parametrize(
    ("text", "intent"),
    [
        ("ack", AckPage()),
        ("ack PG-77", AckPage(77)),
        ("ack 77", AckPage(77)),
        ("ack 77 78", Usage("page", "77 78")),
        ("ack all", Usage("page", "all")),
        (f"{T1} Disk full on db-3", PageSomeone(U1, "Disk full on db-3")),
        ("payments Checkout is down", PageSomeone(name("payments"), "Checkout is down")),
        ("payments", OpenModal("page", target=name("payments"))),
        ("@mara Disk", Usage("who", "@mara Disk")),
        ("77", Usage("verb", "77")),
        ("akc 77", PageSomeone(name("akc"), "77")),
        ("resolve pg-77 false alarm", ResolvePage(77, "false alarm")),
        ("snooze 77 30m", SnoozePage(77, 30)),
        ("snooze", Usage("how-long", "")),
        ("snooze 25h", Usage("how-long", "25h")),
        ("escalate", EscalatePage()),
        ("note 77 looks like DNS", NotePage(77, "looks like DNS")),
        ("who payments", ShowOnCall("payments")),
        ("", OpenModal("page")),
    ],
)
def test_a_text_after_page_means(text: str, intent: Intent) -> None:
    assert parse(PAGE, text, None) == intent


@pytest.mark.parametrize(
    ("text", "intent"),
    [
        ("catch me up", ShowSummary(ROOM)),
        ("What's up?", ShowSummary(ROOM)),
        ("who is on call for payments?", ShowOnCall("payments")),
        ("who is in charge?", ShowRoles(ROOM)),
        ("update 502s are gone", AddEntry(ROOM, "update", "502s are gone")),
        ("please restart everything", ShowHelp(INCIDENT)),
    ],
)
def test_a_mention_means(text: str, intent: Intent) -> None:
    assert parse_mention(text, ROOM) == intent


WORDS = st.sampled_from(
    [
        *("update", "resolve", "sev1", "role", "ic", "page", "task", "due 2h", "INC-7", "declare", "list"),
        *(
            T1,
            T2,
            T9,
            "join",
            "ack",
            "77",
            "PG-8",
            "snooze",
            "30m",
            "note",
            "to",
            "give",
            "because",
            ":",
            "x",
        ),
        *("\u202e", "\x00", "e\u0301", "⟦user:", "\n", "severity", "who", "dismiss", "help", "by 2026-11-30"),
    ]
)
TEXTS = st.one_of(st.text(), st.lists(st.one_of(WORDS, st.text(max_size=8)), max_size=8).map(" ".join))
COMMANDS, ROOMS = st.sampled_from([INCIDENT, PAGE]), st.sampled_from([None, ROOM])


@given(COMMANDS, TEXTS, ROOMS)
def test_any_text_is_parsed_and_outer_spaces_change_nothing(
    command: str, text: str, room: int | None
) -> None:
    assert parse(command, f" \t{text}\n ", room) == parse(command, text, room)
    parse_mention(text, room)


@given(COMMANDS, TEXTS, ROOMS)
def test_a_button_does_what_its_text_says(command: str, text: str, room: int | None) -> None:
    intent = parse(command, text, room)
    if not isinstance(intent, OpenModal | Usage):
        assert parse(*render(intent), None) == intent


VERBS = {
    *(
        "declare",
        "new",
        "open",
        "report",
        "update",
        "up",
        "note",
        "timeline",
        "finding",
        "decision",
        "decided",
    ),
    *(
        "mitigation",
        "fix",
        "task",
        "todo",
        "severity",
        "sev",
        "role",
        "take",
        "drop",
        "give",
        "page",
        "resolve",
    ),
    *(
        "resolved",
        "close",
        "reopen",
        "dismiss",
        "status",
        "summary",
        "catchup",
        "join",
        "list",
        "link",
        "help",
    ),
    *("?", "sev0", "sev1", "sev2", "sev3", "p0", "p1", "p2", "p3"),
}


@given(st.text(min_size=1), st.text())
def test_only_an_exact_verb_acts_in_a_room(word: str, rest: str) -> None:
    cleaned = parse(INCIDENT, f"{word} {rest}", ROOM)
    first = (" ".join(f"{word} {rest}".split()) or " ").split(" ")[0].casefold()
    if isinstance(cleaned, Usage | OpenModal | ShowStatus):
        return
    assert first in VERBS or first.startswith("inc-") or not first.isprintable() or not first.isascii()


def test_text_of_slack_becomes_references_that_no_one_can_forge() -> None:
    assert tokens("page <@U1|mara> &amp; <#C1|ops> &lt;b&gt;") == "page ⟦user:U1|mara⟧ & ⟦channel:C1|ops⟧ <b>"
    assert tokens("⟦user:U9|x⟧") == "〚user:U9|x〛"
    assert tokens("<!subteam^S9|@payments> <!here>") == "⟦group:S9|@payments⟧ @here"
    assert tokens("<https://a.example/x|a.example/x> <https://b.example|docs>") == (
        "a.example/x docs (https://b.example)"
    )
    assert escape("<!channel> & <@U1>") == "&lt;!channel&gt; &amp; &lt;@U1&gt;"


@given(st.text())
def test_any_text_of_slack_can_be_read(text: str) -> None:
    parse(INCIDENT, tokens(text), ROOM)
