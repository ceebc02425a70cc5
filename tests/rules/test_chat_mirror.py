"""Applying a plan and planning again gives nothing, whatever happened before."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from firebell.chat.adapter_base.operations import Desired, Op, OpKind
from firebell.chat.facts import EntryFact, IncidentFacts, Someone
from firebell.chat.mirror import desired_state, room_members
from firebell.chat.mirror import plan as mirror_plan
from firebell.chat.model import (
    CAPABILITIES,
    Account,
    AccountSettings,
    AccountState,
    AnnouncementRule,
    ChatKind,
    ChatObject,
    ObjectState,
    Room,
    RoomState,
)
from firebell.incidents.model import Phase

NOW = datetime(2026, 11, 24, 2, 30, tzinfo=UTC)
MARA, JUN = Someone(1, "Mara", "mara@example.org"), Someone(2, "Jun", "jun@example.org")
FACTS = IncidentFacts(
    id=7,
    title="Card payments fail",
    severity=1,
    provisional=False,
    meaning="Major degradation",
    phase=Phase.INVESTIGATING,
    phase_since=NOW - timedelta(minutes=2),
    drill=False,
    private=False,
    declared_at=NOW - timedelta(minutes=5),
    declared_on=date(2026, 11, 24),
    closed_at=None,
    update_due_at=NOW + timedelta(minutes=25),
    update_from=NOW - timedelta(minutes=5),
    stable_since=None,
    impact="18% of checkouts",
    commander=MARA,
    comms=None,
    services=("checkout",),
    service_ids=frozenset({3}),
    team_ids=frozenset({4}),
    runbooks=(("Runbook: checkout", "https://runbooks.example.org/checkout"),),
    template="What we know: ...",
    last_update="",
    url="https://firebell.example.org/incidents/INC-7",
    base_url="https://firebell.example.org",
    tz="Europe/Stockholm",
    invited=(MARA, JUN),
    entries=(),
    updates=(),
)
RULES = (AnnouncementRule("C1"), AnnouncementRule("C2", severities=(0,)))


def account(kind: ChatKind = ChatKind.SLACK) -> Account:
    scopes = ("groups:write",)
    settings = AccountSettings(rules=RULES)
    return Account(1, kind, "T1", "Kestrel", "http", "U0", scopes, AccountState.OK, settings=settings)


def entries(count: int, *, at: datetime = NOW, origin: str = "") -> tuple[EntryFact, ...]:
    return tuple(EntryFact(n, at, "note", "Mara", f"seen {n}", origin) for n in range(1, count + 1))


class Chat:
    """A chat that does what it is told, without faults."""

    def __init__(self, kind: ChatKind = ChatKind.SLACK) -> None:
        self.account = account(kind)
        self.can = CAPABILITIES[kind]
        self.room: Room | None = None
        self.actual: dict[str, ChatObject] = {}
        self.made: list[Op] = []

    def desired(self, facts: IncidentFacts, now: datetime) -> Desired:
        members = {
            person.id: self.actual[key].ts
            for person in facts.invited
            if (key := room_members.member_key(person.id)) in self.actual
        }
        return desired_state.incident(
            facts, self.account, self.can, self.room, members, list(self.actual), now
        )

    def plan(self, facts: IncidentFacts, now: datetime) -> mirror_plan.Plan:
        return mirror_plan.plan(self.desired(facts, now), self.actual, self.room, self.can, now)

    def apply(self, ops: tuple[Op, ...], now: datetime) -> None:
        for op in ops:
            assert mirror_plan.ready(op, self.actual, self.room), op
            self.made.append(op)
            if op.kind is OpKind.CREATE_ROOM:
                self.room = Room(1, 1, 7, "C9", "incident", RoomState.OPEN)
            if op.kind is OpKind.ARCHIVE and self.room:
                self.room = replace(self.room, state=RoomState.ARCHIVED)
            for key, shown in zip(op.keys, op.hashes, strict=True):
                before = self.actual.get(key, ChatObject(key, "inc-7", ObjectState.NONE))
                new_id = {OpKind.POST: str(len(self.made)), OpKind.FIND_MEMBER: f"U-{key}"}.get(op.kind)
                self.actual[key] = replace(
                    before,
                    state=ObjectState.SENT,
                    channel=op.channel or "C9",
                    ts=new_id or before.ts,
                    part_of=None if key == op.key else op.key,
                    sent_hash=mirror_plan.REMOVED if op.kind is OpKind.DELETE else shown,
                    sent_urgent=op.urgent,
                    sent_at=now,
                )

    def settle(self, facts: IncidentFacts, now: datetime) -> datetime:
        """Apply plans until nothing is left, letting time pass where the plan says so."""
        for _ in range(30):
            plan = self.plan(facts, now)
            if plan.ops:
                self.apply(plan.ops, now)
            elif plan.next_at and plan.next_at - now <= timedelta(minutes=11):
                now = plan.next_at
            else:
                break
        return now

    def count(self, kind: OpKind) -> int:
        return sum(op.kind is kind for op in self.made)


def texts(chat: Chat) -> str:
    return "".join(str(op.content) for op in chat.made)


changes = st.lists(
    st.one_of(
        st.builds(lambda n: ("severity", n), st.integers(0, 3)),
        st.builds(
            lambda p: ("phase", p), st.sampled_from((Phase.MITIGATING, Phase.MONITORING, Phase.INVESTIGATING))
        ),
        st.builds(lambda t: ("title", t), st.text(min_size=1, max_size=50)),
        st.builds(lambda p: ("commander", p), st.sampled_from((None, MARA, JUN))),
        st.builds(lambda n: ("entries", entries(n)), st.integers(0, 30)),
        st.builds(lambda n: ("updates", entries(n)), st.integers(0, 10)),
        st.builds(lambda b: ("private", b), st.booleans()),
        st.builds(lambda t: ("impact", t), st.text(max_size=50)),
    ),
    max_size=12,
)


@given(changes, st.sampled_from(list(ChatKind)))
def test_a_plan_that_was_applied_leaves_nothing_to_do(
    history: list[tuple[str, object]], kind: ChatKind
) -> None:
    chat, facts, now = Chat(kind), FACTS, NOW
    for name, value in history:
        facts = replace(facts, **{name: value})  # type: ignore[arg-type] # fields of the facts
        now = chat.settle(facts, now + timedelta(seconds=1))

        assert chat.plan(facts, now).ops == ()


@given(changes)
def test_what_is_shown_in_the_end_does_not_depend_on_the_way_there(history: list[tuple[str, object]]) -> None:
    # once a room exists it stays, whatever the severity is then
    facts = replace(FACTS, is_requested=True)
    step_by_step = Chat()
    now = step_by_step.settle(facts, NOW)
    for name, value in history:
        if name == "private":
            continue
        facts = replace(facts, **{name: value})  # type: ignore[arg-type] # fields of the facts
        step_by_step.apply(step_by_step.plan(facts, now).ops, now)
    now = step_by_step.settle(facts, now)
    at_once = Chat()
    at_once.settle(facts, now)

    for key, thing in at_once.actual.items():
        if not key.startswith("inc-7/ann@C2"):
            assert step_by_step.actual[key].sent_hash == thing.sent_hash, key


def test_25_entries_are_three_messages_and_three_are_three() -> None:
    chat = Chat()
    now = chat.settle(FACTS, NOW)
    many = chat.plan(replace(FACTS, entries=entries(25, at=now)), now).ops
    few = chat.plan(replace(FACTS, entries=entries(3, at=now)), now).ops

    assert [len(op.keys) for op in many] == [10, 10, 5]
    assert [len(op.keys) for op in few] == [1, 1, 1]


def test_late_entries_are_one_digest_that_says_so() -> None:
    chat = Chat()
    now = chat.settle(FACTS, NOW)
    (op,) = chat.plan(replace(FACTS, entries=entries(80, at=now - timedelta(minutes=20))), now).ops

    assert len(op.keys) == 80
    assert op.content
    assert op.content.title.startswith("While chat was unavailable")


def test_a_corrected_line_edits_its_digest() -> None:
    chat = Chat()
    now = chat.settle(FACTS, NOW)
    before = entries(7, at=now)
    now = chat.settle(replace(FACTS, entries=before), now)
    corrected = (*before[:4], replace(before[4], text="corrected"), *before[5:])
    (op,) = chat.plan(replace(FACTS, entries=corrected), now).ops

    assert op.kind is OpKind.EDIT
    assert len(op.keys) == 7
    assert "corrected" in str(op.content)


def test_an_entry_from_the_room_is_not_echoed_into_it() -> None:
    chat = Chat()
    now = chat.settle(FACTS, NOW)

    assert chat.plan(replace(FACTS, entries=entries(3, at=now, origin="C9")), now).ops == ()
    assert len(chat.plan(replace(FACTS, entries=entries(3, at=now, origin="C8")), now).ops) == 3


def test_a_title_that_changes_twice_in_ten_minutes_is_one_rename() -> None:
    chat = Chat()
    now = chat.settle(FACTS, NOW)
    for title in ("Cards fail", "Cards fail everywhere"):
        now += timedelta(minutes=2)
        chat.apply(chat.plan(replace(FACTS, title=title), now).ops, now)
    chat.settle(replace(FACTS, title="Cards fail everywhere"), now)

    assert chat.count(OpKind.RENAME) == 1


def test_a_private_incident_is_announced_nowhere() -> None:
    chat = Chat()
    chat.settle(replace(FACTS, private=True), NOW)

    assert not any(op.channel in ("C1", "C2") for op in chat.made)
    assert not any("Card payments" in str(op.value) for op in chat.made if op.kind is OpKind.PURPOSE)


def test_announcements_of_an_incident_that_became_private_are_deleted() -> None:
    chat = Chat()
    now = chat.settle(FACTS, NOW)
    chat.settle(replace(FACTS, private=True), now)

    assert chat.count(OpKind.DELETE) >= 1
    announced = [thing for key, thing in chat.actual.items() if key.startswith("inc-7/ann@C1")]
    assert {thing.sent_hash for thing in announced} == {mirror_plan.REMOVED}


def test_a_message_in_flight_is_looked_for_before_it_is_sent_again() -> None:
    chat = Chat()
    now = chat.settle(FACTS, NOW)
    key = "inc-7/summary"
    chat.actual[key] = replace(chat.actual[key], state=ObjectState.SENDING, ts="", nonce="n")

    assert [op.kind for op in chat.plan(FACTS, now).ops if op.key == key] == [OpKind.FIND_POST]


def test_entries_in_flight_together_are_looked_for_once() -> None:
    chat = Chat()
    now = chat.settle(FACTS, NOW)
    facts = replace(FACTS, entries=entries(8, at=now))
    for entry in facts.entries:
        key = f"inc-7/e-{entry.id}"
        chat.actual[key] = ChatObject(key, "inc-7", ObjectState.SENDING, channel="C9", nonce="n")
    (op,) = chat.plan(facts, now).ops

    assert op.kind is OpKind.FIND_POST
    assert len(op.keys) == 8


def test_a_message_that_people_delete_is_not_posted_for_ever() -> None:
    chat = Chat()
    now = chat.settle(FACTS, NOW)
    key = "inc-7/summary"
    gone = replace(chat.actual[key], state=ObjectState.DEAD, ts="", posts=3, sent_hash="")
    chat.actual[key] = gone

    assert [op for op in chat.plan(FACTS, now).ops if op.key == key] == []


def test_a_sev3_gets_no_room_unless_someone_asks() -> None:
    assert Chat().plan(replace(FACTS, severity=3), NOW).ops[0].kind is OpKind.POST
    asked = Chat().plan(replace(FACTS, severity=3, is_requested=True), NOW).ops
    assert asked[0].kind is OpKind.CREATE_ROOM


def test_a_chat_that_cannot_edit_gets_a_new_message_only_for_what_matters() -> None:
    chat = Chat(ChatKind.TEAMS)
    now = chat.settle(FACTS, NOW)
    chat.settle(replace(FACTS, impact="19% of checkouts"), now)
    assert chat.count(OpKind.POST) == 1
    chat.settle(replace(FACTS, severity=0), now)
    assert chat.count(OpKind.POST) == 3
