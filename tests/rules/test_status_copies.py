"""Copies of status pages (spec 7.17): mappings, the queue under every fault (S20), differences (T-DRIFT)."""

from collections import deque
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from firebell.kit.token_bucket import CallRate, full
from firebell.status_copies import difference_rules, next_step, update_posts
from firebell.status_copies.instatus import InstatusApi
from firebell.status_copies.instatus_maintenance import STAGE_WORDS
from firebell.status_copies.instatus_words import mark, marked, written
from firebell.status_copies.model import DifferenceKind, Post, RemoteCall, Step, StepState
from firebell.status_copies.provider_answers import Answer, Outcome, closed, lost, not_sent, read_answer
from firebell.status_copies.remote_api import RemoteApi, instant
from firebell.status_copies.statuspage import StatuspageApi
from firebell.status_copies.step_inputs import Work, checked
from firebell.status_copies.text_limits import cut_at_sentence
from firebell.status_pages.maintenance_windows.model import Maintenance, MaintenanceStage, MaintenanceUpdate
from firebell.status_pages.model import (
    ComponentStatus,
    Effect,
    PublicIncident,
    PublicUpdate,
    Stage,
    UpdateKind,
)
from tests.standins.status_providers import KEY, PAGE, Fault, InstatusStandin, StatuspageStandin

START = datetime(2026, 11, 27, 1, 49, tzinfo=UTC)
MAPPED = {1: "8kbf7d35c070", 2: "vtnh60py4yd7"}
WORST = {1: ComponentStatus.PARTIAL_OUTAGE, 2: ComponentStatus.OPERATIONAL}
UNDER_MAINTENANCE = ComponentStatus.UNDER_MAINTENANCE
LINK = "https://status.example.org"
Standin = StatuspageStandin | InstatusStandin


def incident(stages: Sequence[Stage], bodies: Sequence[str] = ()) -> PublicIncident:
    updates = []
    for seq, stage in enumerate(stages, 1):
        at = START + timedelta(minutes=10 * seq)
        effects = (Effect(1, ComponentStatus.PARTIAL_OUTAGE, at), Effect(3, ComponentStatus.MAJOR_OUTAGE, at))
        body = bodies[seq - 1] if bodies else "We are working on it."
        updates.append(
            PublicUpdate(
                *(seq, f"update{seq:06}", seq, stage, UpdateKind.UPDATE, body, effects, at, None, at, "Mara")
            )
        )
    return PublicIncident(
        7, "h2k9w3c7x1ab", None, "Card payments fail", None, START, None, None, 0, tuple(updates)
    )


def standins(now: list[datetime]) -> list[tuple[RemoteApi, Standin]]:
    statuspage, instatus = StatuspageStandin(lambda: now[0]), InstatusStandin(lambda: now[0])
    for remote_id, name in zip(MAPPED.values(), ("Checkout", "Search"), strict=True):
        statuspage.add_component(remote_id, name)
        instatus.add_component(remote_id, name)
    return [(StatuspageApi(LINK), statuspage), (InstatusApi(LINK), instatus)]


def ask(api: RemoteApi, standin: Standin, call: RemoteCall) -> Answer:
    """Make a call without a socket, as `client.ask` does with one."""
    body = b"" if call.body is None else msgspec.json.encode(call.body)
    prefix = "/v1" if api.address.endswith("/v1") else ""
    fault = standin.faults[0] if standin.faults else None
    authorization = api.headers(KEY)["Authorization"]
    status, text, arrives = standin.handle(call.method, f"{prefix}{call.path}", authorization, body)
    if fault is Fault.NO_CONNECTION:
        return not_sent("refused")
    if not arrives:
        return lost("timeout", is_write=call.is_write)
    return read_answer(status, text, "", is_write=call.is_write)


def post_of(published: PublicIncident | Maintenance, seq: int, *, is_last: bool) -> Post:
    """Return an update of an incident or of maintenance as it is sent."""
    options: dict[str, Any] = {"is_last": is_last, "notifies": False}
    if isinstance(published, Maintenance):
        return update_posts.maintenance_post(published, published.updates[seq - 1], MAPPED, WORST, **options)
    return update_posts.post(published, published.updates[seq - 1], MAPPED, WORST, **options)


def send_all(
    api: RemoteApi,
    standin: Standin,
    published: PublicIncident | Maintenance,
    now: list[datetime],
    killed: Sequence[bool],
    ids_of_others: frozenset[str] = frozenset(),
) -> int:
    """Send every update as the lane does; `killed` says which turns end before they record anything."""
    kills = deque(killed)
    queue = [
        Step(1, u.id, 1, published.id, u.seq, StepState.PENDING, START, retry_at=START)
        for u in published.updates
    ]
    remote_id, turns = None, 0
    while queue:
        turns += 1
        assert turns < 200
        step = queue[0]
        now[0] = max(now[0], step.retry_at or now[0])
        post = post_of(published, step.update_id, is_last=update_posts.is_last_update(step, queue))
        before = None
        if isinstance(published, PublicIncident):
            before = update_posts.previous_stage(published, published.updates[step.update_id - 1])
        work = Work(step, post, remote_id, "", before, ids_of_others)
        begun = replace(step, state=StepState.SENDING, attempts=step.attempts + 1, begun_at=now[0])
        answers: list[Answer] = []
        for call in work.reads(api, PAGE):
            answers.append(ask(api, standin, call))
            if answers[-1].outcome is not Outcome.OK:
                break
        answer, decision = answers[-1], None
        if answer.outcome is Outcome.OK:
            answer = work.unreadable(api, answers) or answer
        if answer.outcome is Outcome.OK:
            decision = work.decide(api, PAGE, answers)
            if isinstance(decision, next_step.Send | next_step.Prepare):
                answer = checked(api, work, ask(api, standin, decision.call))
        if kills and kills.popleft():
            queue[0] = replace(begun, retry_at=now[0] + timedelta(seconds=60))
            continue
        if isinstance(decision, next_step.Prepare) and answer.outcome is Outcome.OK:
            prepared = next_step.after_preparation(begun, now[0])
            queue[0] = replace(begun, state=prepared.state, retry_at=prepared.retry_at)
            continue
        change = next_step.after(begun, answer, now[0])
        if change.state is not StepState.DONE:
            assert change.state in (StepState.PENDING, StepState.UNKNOWN), (change, standin.refused)
            queue[0] = replace(begun, state=change.state, retry_at=change.retry_at)
            now[0] += timedelta(seconds=31) if answer.outcome is Outcome.TOO_FAST else timedelta(0)
            continue
        if isinstance(decision, next_step.AlreadyThere):
            remote_id = decision.remote_id
        elif remote_id is None:
            created = api.incident(answer.document)
            assert created
            remote_id = created.id
        queue.pop(0)
    return turns


STAGES = st.lists(st.sampled_from(list(Stage)[:3]), min_size=1, max_size=5)
FAULTS = st.lists(st.none() | st.sampled_from(list(Fault)), max_size=14)


@given(STAGES, FAULTS, st.lists(st.booleans(), max_size=8), st.booleans())
def test_whatever_fails_the_copy_ends_with_our_updates_in_order_each_once(
    stages: list[Stage], faults: list[Fault | None], killed: list[bool], is_same_text: bool
) -> None:
    # S20
    bodies = (
        ["Still working on it."] * len(stages) if is_same_text else [f"Text {i}." for i in range(len(stages))]
    )
    published = incident(stages, bodies)
    now = [START]
    for api, standin in standins(now):
        now[0], standin.faults = START, deque(faults)
        send_all(api, standin, published, now, killed)
        assert standin.texts() == [[(u.stage.value, u.body) for u in published.updates]]
        assert standin.status(MAPPED[1]).lower().replace("_", "") == "partialoutage"
        assert (standin.refused, standin.notified) == ([], 0)


def window(start: datetime, stages: Sequence[MaintenanceStage]) -> Maintenance:
    """Return maintenance with updates; the first two have the same text."""
    updates = tuple(
        MaintenanceUpdate(
            *(
                seq,
                f"change{seq:06}",
                seq,
                stage,
                f"Text {max(seq, 2)}.",
                (Effect(1, UNDER_MAINTENANCE, START),),
            ),
            *(START + timedelta(minutes=seq), START + timedelta(minutes=seq), "Mara"),
        )
        for seq, stage in enumerate(stages, 1)
    )
    options: dict[str, Any] = {"auto_start": True, "auto_end": True, "reminders": (), "handled_until": START}
    return Maintenance(
        *(
            9,
            "w2k9w3c7x1ab",
            1,
            "Database upgrade",
            stages[-1],
            start,
            start + timedelta(hours=2),
            START,
            START,
        ),
        *(None, None, frozenset({1})),
        **options,
        created_by=None,
        version=1,
        series_id=None,
        updates=updates,
    )


@given(
    st.integers(1, 4),
    FAULTS,
    st.lists(st.booleans(), max_size=8),
    st.sampled_from([timedelta(0), timedelta(days=1), timedelta(hours=-1)]),
)
def test_maintenance_arrives_in_order_each_once_also_after_it_was_moved(
    later: int, faults: list[Fault | None], killed: list[bool], moved: timedelta
) -> None:
    # S20
    stages = [MaintenanceStage.SCHEDULED, *list(MaintenanceStage)[:later]]
    now, first = [START], window(START + timedelta(days=2), stages[:1])
    whole = replace(window(first.scheduled_for + moved, stages), id=first.id)
    for api, standin in standins(now):
        now[0], standin.faults = START, deque()
        send_all(api, standin, first, now, ())
        standin.faults = deque(faults)
        send_all(api, standin, whole, now, killed)
        assert [text for _, text in standin.texts()[0]] == [u.body for u in whole.updates]
        assert len(standin.texts()) == 1
        assert (standin.refused, standin.notified) == ([], 0)
        if isinstance(standin, InstatusStandin):
            [there] = standin.maintenances
            assert there["start"] == written(marked(whole.scheduled_for, whole.public_id))
            assert there["status"] == STAGE_WORDS[stages[-1]]


def test_two_windows_of_a_series_whose_marks_are_equal_are_two_there() -> None:
    first, now = window(START + timedelta(days=2), [MaintenanceStage.SCHEDULED]), [START]
    same_mark = next(f"w{n}" for n in range(10_000) if mark(f"w{n}") == mark(first.public_id))
    second = replace(window(START + timedelta(days=9), [MaintenanceStage.SCHEDULED]), public_id=same_mark)
    _, (api, standin) = standins(now)
    assert isinstance(standin, InstatusStandin)
    send_all(api, standin, first, now, ())
    send_all(api, standin, second, now, (), frozenset(there["id"] for there in standin.maintenances))
    starts = [written(marked(each.scheduled_for, each.public_id)) for each in (first, second)]
    assert [there["start"] for there in standin.maintenances] == starts


@given(FAULTS, st.lists(st.booleans(), max_size=8))
def test_a_post_mortem_is_published_once_as_each_provider_has_it(
    faults: list[Fault | None], killed: list[bool]
) -> None:
    resolved = incident([Stage.INVESTIGATING, Stage.RESOLVED], ["Down.", "Up."])
    update = replace(resolved.updates[1], id=3, seq=3, public_id="update000003", kind=UpdateKind.POSTMORTEM)
    update = replace(update, body="A full disk. We alert on it now.", display_at=START + timedelta(days=1))
    whole = replace(resolved, updates=(*resolved.updates, update))
    now = [START]
    for api, standin in standins(now):
        now[0], standin.faults = START, deque()
        send_all(api, standin, resolved, now, ())
        standin.faults = deque(faults)
        send_all(api, standin, whole, now, killed)
        assert (standin.refused, standin.notified) == ([], 0)
        [texts] = standin.texts()
        if isinstance(standin, InstatusStandin):
            assert texts[2:] == [("resolved", f"{update.body}\n\n{LINK}/incidents/{whole.public_id}")]
            continue
        assert texts[2:] == [("postmortem", update.body)]
        assert standin.incidents[0]["postmortem"]["body"] == update.body
        # what it shows there is no difference
        remote = api.incident(standin.incidents[0])
        assert difference_rules.of_incident(resolved, "Up.", remote) == []


def test_only_the_last_update_that_waits_moves_components() -> None:
    published = incident([Stage.INVESTIGATING, Stage.MONITORING])
    queue = [Step(1, u.id, 1, 7, u.seq, StepState.PENDING, START, retry_at=START) for u in published.updates]
    sent = [
        update_posts.post(
            published,
            update,
            MAPPED,
            WORST,
            is_last=update_posts.is_last_update(step, queue),
            notifies=False,
        )
        for update, step in zip(published.updates, queue, strict=True)
    ]
    assert [dict(post.statuses) for post in sent] == [{}, {MAPPED[1]: ComponentStatus.PARTIAL_OUTAGE}]
    assert update_posts.unmapped(published, MAPPED) == {3}


def test_an_incident_that_someone_resolved_there_is_not_reopened_and_a_deleted_one_not_created_again() -> (
    None
):
    published = incident([Stage.INVESTIGATING, Stage.IDENTIFIED])
    now = [START]
    for api, standin in standins(now):
        send_all(api, standin, replace(published, updates=published.updates[:1]), now, ())
        there = standin.incidents[0]
        there["status"] = "resolved" if isinstance(standin, StatuspageStandin) else "RESOLVED"
        remote = api.incident(there)
        post = update_posts.post(published, published.updates[1], MAPPED, WORST, is_last=True, notifies=False)
        decide = next_step.decide_update
        known: dict[str, Any] = {"is_known": True, "previous_stage": Stage.INVESTIGATING}
        assert decide(api, PAGE, post, remote, **known) == next_step.Hold(next_step.RESOLVED_THERE)
        resolved = replace(post, stage=Stage.RESOLVED)
        assert isinstance(decide(api, PAGE, resolved, remote, **known), next_step.Send)
        assert decide(api, PAGE, post, None, **known) == next_step.Hold(next_step.DELETED_THERE)


def test_statuspage_gets_our_words_our_mark_and_no_notification() -> None:
    published = incident([Stage.INVESTIGATING])
    post = update_posts.post(published, published.updates[0], MAPPED, WORST, is_last=True, notifies=False)
    call = StatuspageApi(LINK).create_call(PAGE, post)
    assert (call.method, call.path) == ("POST", f"/pages/{PAGE}/incidents")
    assert call.body == {
        "incident": {
            "name": "Card payments fail",
            "status": "investigating",
            "body": "We are working on it.",
            "deliver_notifications": False,
            "metadata": {"firebell": {"id": "h2k9w3c7x1ab", "seq": 1}},
            "component_ids": ["8kbf7d35c070"],
            "components": {"8kbf7d35c070": "partial_outage"},
        }
    }


def test_instatus_marks_what_we_sent_by_its_milliseconds() -> None:
    assert mark("h2k9w3c7x1ab") == 136
    assert marked(START, "h2k9w3c7x1ab").microsecond == 136_000
    published = incident([Stage.INVESTIGATING])
    post = update_posts.post(published, published.updates[0], MAPPED, WORST, is_last=True, notifies=False)
    body = InstatusApi(LINK).create_call(PAGE, post).body
    assert body is not None
    assert body["started"] == "2026-11-27T01:49:00.136Z"
    assert (body["status"], body["statuses"]) == (
        "INVESTIGATING",
        [{"id": "8kbf7d35c070", "status": "PARTIALOUTAGE"}],
    )
    minor = InstatusApi().components([[{"id": "c1", "name": "Shop", "status": "MINOROUTAGE"}]])
    assert minor[0].status is ComponentStatus.PARTIAL_OUTAGE


@pytest.mark.parametrize(
    ("status", "text", "write", "read"),
    [
        (200, '{"id": "x"}', Outcome.OK, Outcome.OK),
        (200, "<html>", Outcome.UNKNOWN, Outcome.RETRY),
        (201, '{"id": "x', Outcome.UNKNOWN, Outcome.RETRY),
        (200, '"done"', Outcome.UNKNOWN, Outcome.RETRY),
        (503, "", Outcome.UNKNOWN, Outcome.RETRY),
        (408, "", Outcome.UNKNOWN, Outcome.RETRY),
        (429, "", Outcome.TOO_FAST, Outcome.TOO_FAST),
        (420, "", Outcome.TOO_FAST, Outcome.TOO_FAST),
        (401, "", Outcome.KEY_REFUSED, Outcome.KEY_REFUSED),
        (403, "", Outcome.KEY_REFUSED, Outcome.KEY_REFUSED),
        (404, "", Outcome.GONE, Outcome.GONE),
        (422, "", Outcome.REFUSED, Outcome.REFUSED),
        (302, "", Outcome.REFUSED, Outcome.REFUSED),
    ],
)
def test_what_an_answer_means(status: int, text: str, write: Outcome, read: Outcome) -> None:
    assert read_answer(status, text, "7", is_write=True).outcome is write
    assert read_answer(status, text, "7", is_write=False).outcome is read


def test_what_fails_is_tried_for_a_day() -> None:
    assert [next_step.pause_s(n) for n in (1, 2, 9, 10, 99)] == [2, 4, 512, 600, 600]
    step = Step(1, 1, 1, 7, 1, StepState.SENDING, START, attempts=1, begun_at=START, retry_at=START)
    unknown = next_step.after(step, Answer(Outcome.UNKNOWN), START)
    assert (unknown.state, unknown.retry_at - START) == (StepState.UNKNOWN, timedelta(seconds=10))
    late = START + timedelta(hours=24)
    assert next_step.after(step, Answer(Outcome.RETRY), late).state is StepState.DEAD
    assert next_step.after(step, Answer(Outcome.REFUSED), START).state is StepState.BLOCKED
    assert next_step.after(step, Answer(Outcome.KEY_REFUSED), START).state is StepState.PENDING


RATE = CallRate(0.8, 5)


@given(st.lists(st.tuples(st.integers(1, 3), st.integers(0, 20_000)), min_size=1, max_size=60))
def test_a_key_never_makes_more_calls_than_its_rate(wanted: list[tuple[int, int]]) -> None:
    # S18
    now, bucket, made = START, full(RATE, START), list[datetime]()
    for calls, pause_ms in wanted:
        now += timedelta(milliseconds=pause_ms)
        free_at = bucket.free_at(RATE, now, calls)
        if free_at == now:
            bucket = bucket.after(RATE, now, calls)
            made += [now] * calls
        else:
            at = free_at + timedelta(milliseconds=1)
            assert bucket.free_at(RATE, at, calls) == at
        assert 0 <= bucket.tokens <= RATE.burst
    for begin in made:
        in_a_minute = [at for at in made if begin <= at < begin + timedelta(seconds=60)]
        assert len(in_a_minute) <= RATE.burst + RATE.per_second * 60 + 1e-6


def test_a_key_that_was_too_fast_rests_as_long_as_the_provider_says() -> None:
    for after_s, rest_s in ((7.0, 7), (None, 30), (1e6, 3600)):
        bucket = closed(full(RATE, START), RATE, after_s, START)
        assert bucket.free_at(RATE, START) == START + timedelta(seconds=rest_s)


def test_tokens_are_reserved_or_awaited() -> None:
    bucket, free_at = full(RATE, START).reserved(RATE, START, 4)
    assert (bucket.tokens, bucket.closed_until, free_at) == (1, None, START)
    waiting, free_at = bucket.reserved(RATE, START, 5)
    assert free_at == START + timedelta(seconds=5)
    assert (waiting.tokens, waiting.closed_until) == (1, free_at)
    again, at = waiting.reserved(RATE, free_at, 5)
    assert (again.tokens, at) == (0, free_at)


def test_a_text_that_is_too_long_ends_with_a_sentence_and_the_link() -> None:
    text = "First sentence. Second sentence. " + "x" * 300
    cut = cut_at_sentence(text, 60, LINK)
    assert cut == f"First sentence. Second sentence. {LINK}"
    assert cut_at_sentence("short", 60, LINK) == "short"
    assert len(cut_at_sentence("x" * 400, 255, LINK)) <= 255


def test_what_people_change_there_is_different_and_what_the_provider_reformats_is_not() -> None:
    published = incident([Stage.INVESTIGATING], ["We look & check."])
    now = [START]
    [(api, standin), _] = standins(now)
    assert isinstance(standin, StatuspageStandin)
    send_all(api, standin, published, now, ())
    there = standin.incidents[0]

    def kinds() -> list[DifferenceKind]:
        text = published.updates[-1].body
        return [d.kind for d in difference_rules.of_incident(published, text, api.incident(there))]

    there["incident_updates"][0]["body"] = "<p>We look &amp;  check.</p>"
    assert kinds() == []
    standin.add_update(there, "resolved", "It works.")
    there["name"] = "Payments"
    assert kinds() == [DifferenceKind.STAGE, DifferenceKind.TEXT, DifferenceKind.NAME]
    [gone] = difference_rules.of_incident(published, "", None)
    assert gone.kind is DifferenceKind.GONE
    components = api.components([standin.components, []])
    expected = difference_rules.worst_by_remote(MAPPED, {**WORST, 2: ComponentStatus.MAJOR_OUTAGE})
    [component] = difference_rules.of_components(expected, {"vtnh60py4yd7": "Search"}, components)
    assert (component.subject, component.theirs) == ("vtnh60py4yd7", "Operational")
    assert difference_rules.same_names({1: "checkout ", 2: "None"}, components) == {1: "8kbf7d35c070"}


@pytest.mark.parametrize(
    ("text", "at"),
    [
        ("2026-11-27T03:16:00+01:00", datetime(2026, 11, 27, 2, 16, tzinfo=UTC)),
        ("2026-11-27T03:16:00", None),
        ("", None),
        # what some programs write for no time; with it, the page could not list its months
        ("0001-01-01T00:00:00Z", None),
        ("0001-01-01T00:00:00+05:00", None),
        ("9999-12-31T23:59:59-05:00", None),
    ],
)
def test_an_instant_has_a_zone_and_a_year_that_a_page_can_show(text: str, at: datetime | None) -> None:
    assert instant({"created_at": text}, "created_at") == at
