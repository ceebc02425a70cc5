"""A run follows from the set of its events: whatever their order, and however often they arrive."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firebell.runbooks.runs.durations import seconds_between, usual
from firebell.runbooks.runs.findings import findings
from firebell.runbooks.runs.lost_runs import lost_at
from firebell.runbooks.runs.model import (
    FORWARD_PARTS,
    SERVER_KINDS,
    RunbookRun,
    RunbookStep,
    RunEvent,
    RunEventKind,
    RunKind,
    RunMode,
    RunProgress,
    RunState,
    RunStepState,
    StepKey,
    Stream,
)
from firebell.runbooks.runs.output_html import output_html, plain_output
from firebell.runbooks.runs.progress import (
    advance,
    begun,
    consequence,
    contiguous,
    current,
    end_of_stopped,
    in_order,
    replay,
    unsettled,
    waits_for,
)
from firebell.runbooks.runs.rollback import plan

T0 = datetime(2026, 11, 24, 3, 0, tzinfo=UTC)
K, S = RunEventKind, RunStepState
PREPARE, FIRST, SECOND, CHECK = ("Prerequisites", 1), ("Steps", 1), ("Steps", 2), ("Verification", 1)
UNDO, OTHER_UNDO = ("Rollback", 1), ("Rollback", 2)
PLANNED = (
    RunbookStep("Prerequisites", 1, "Prepare", fence_sha="a"),
    RunbookStep("Steps", 1, "Begin", "1", fence_sha="b", undo=("back",)),
    RunbookStep("Steps", 2, "Go on", "2", fence_sha="c"),
    RunbookStep("Verification", 1, "Check"),
    RunbookStep("Rollback", 1, "Go back", fence_id="back"),
    RunbookStep("Rollback", 2, "Unused", fence_id="other"),
)
FRESH = begun(PLANNED)


def event(
    seq: int,
    kind: RunEventKind,
    key: StepKey = ("", 0),
    *,
    at: float | None = None,
    reason: str = "",
    exit_code: int | None = None,
    stream: Stream = Stream.CLIENT,
) -> RunEvent:
    """Return an event at minute `at`, or at the minute of its number."""
    minute = seq if at is None else at
    return RunEvent(
        seq=seq,
        at=T0 + timedelta(minutes=minute),
        kind=kind,
        by="Jun",
        by_id=2,
        stream=stream,
        part=key[0],
        position=key[1],
        exit=exit_code,
        reason=reason,
    )


def done(seq: int, key: StepKey) -> RunEvent:
    """Return the end of a command that succeeded."""
    return event(seq, K.STEP_DONE, key, exit_code=0)


def run_of(*events: RunEvent) -> RunProgress:
    """Return the run after events."""
    return replay(FRESH, events)


def states(progress: RunProgress) -> list[RunStepState]:
    """Return the states of the steps."""
    return [step.state for step in progress.steps]


FORWARD = [done(n, key) for n, key in enumerate((PREPARE, FIRST, SECOND, CHECK), 1)]
KINDS = sorted(set(K) - SERVER_KINDS)
EVENTS = st.lists(
    st.builds(
        lambda kind, key, minute, code, reason: (kind, key, minute, code, reason),
        st.sampled_from(KINDS),
        st.sampled_from([PREPARE, FIRST, SECOND, CHECK, UNDO, OTHER_UNDO]),
        st.integers(-5, 60),
        st.sampled_from([None, 0, 1]),
        st.sampled_from(["", "no", "because it was done"]),
    ),
    max_size=14,
)
SERVER_EVENTS = st.lists(st.sampled_from([K.RUN_LOST, K.RUN_RETURNED, K.RUN_TAKEN_OVER]), max_size=3)


@given(EVENTS, SERVER_EVENTS, st.randoms(use_true_random=False))
def test_any_order_duplicates_and_late_events_give_the_same_rows(drawn, server_kinds, rng) -> None:  # type: ignore[no-untyped-def]
    events = [
        event(n, kind, key if kind.is_of_step else ("", 0), at=minute, exit_code=code, reason=reason)
        for n, (kind, key, minute, code, reason) in enumerate(drawn, 1)
    ]
    events += [event(n, kind, at=n * 10, stream=Stream.SERVER) for n, kind in enumerate(server_kinds, 1)]
    expected = replay(FRESH, events)
    shuffled = [*events, *rng.sample(events, len(events) // 2)]
    rng.shuffle(shuffled)
    assert replay(FRESH, shuffled) == expected
    assert replay(begun(expected.steps), shuffled) == expected
    if expected.state is RunState.SUCCEEDED:
        assert not [step for step in expected.steps if step.part in FORWARD_PARTS and not step.is_settled]
    if expected.state in (RunState.ROLLED_BACK, RunState.ROLLBACK_FAILED):
        assert expected.is_rolling_back
    for step in expected.steps:
        assert (step.state is S.PENDING) <= (step.attempts == 0)
        assert step.state is not S.SKIPPED or len(step.reason) >= 3
        assert step.from_at is None or step.to_at is None or step.from_at <= step.to_at


ALLOWED = {
    S.PENDING: {K.STEP_STARTED, K.STEP_DONE, K.STEP_FAILED, K.STEP_SKIPPED},
    S.RUNNING: {K.STEP_DONE, K.STEP_FAILED, K.STEP_SKIPPED, K.STEP_UNKNOWN},
    S.FAILED: {K.STEP_STARTED, K.STEP_DONE, K.STEP_SKIPPED},
    S.UNKNOWN: {K.STEP_STARTED, K.STEP_DONE, K.STEP_FAILED, K.STEP_SKIPPED},
    S.DONE: set(),
    S.SKIPPED: set(),
}
"""The transitions of spec 11.3, written a second time."""


@pytest.mark.parametrize("state", list(S))
def test_the_transitions_of_a_step_are_those_of_the_specification(state: RunStepState) -> None:
    steps = tuple(replace(s, state=state) if s.key == FIRST else s for s in FRESH.steps)
    progress = replace(FRESH, steps=steps)
    kinds = {k for k in K if k.is_of_step and k is not K.STEP_EDITED}
    taken = {k for k in kinds if advance(progress, event(1, k, FIRST, reason="a reason"))}
    assert taken == ALLOWED[state]


@pytest.mark.parametrize(
    ("before", "kind", "exit_code", "reason", "state"),
    [
        (None, K.STEP_SKIPPED, None, "", S.PENDING),
        (None, K.STEP_SKIPPED, None, "ab", S.PENDING),
        (None, K.STEP_SKIPPED, None, "   ", S.PENDING),
        (None, K.STEP_SKIPPED, None, "not here", S.SKIPPED),
        (None, K.STEP_DONE, None, "", S.DONE),
        (K.STEP_FAILED, K.STEP_DONE, None, "", S.FAILED),
        (K.STEP_FAILED, K.STEP_DONE, None, "by hand", S.DONE),
        (K.STEP_FAILED, K.STEP_SKIPPED, None, "by hand", S.SKIPPED),
        (K.STEP_FAILED, K.STEP_DONE, 0, "", S.DONE),
    ],
)
def test_a_reason_is_needed_to_skip_and_to_finish_by_hand_what_failed(
    before: RunEventKind | None, kind: RunEventKind, exit_code: int | None, reason: str, state: RunStepState
) -> None:
    events = [event(1, before, FIRST)] if before else []
    progress = run_of(*events, event(2, kind, FIRST, exit_code=exit_code, reason=reason))
    step = progress.step(FIRST)
    assert step
    assert step.state is state


def test_a_run_succeeds_only_when_every_step_is_done_or_skipped() -> None:
    end = event(9, K.RUN_SUCCEEDED)
    assert run_of(*FORWARD, end).state is RunState.SUCCEEDED
    assert run_of(*FORWARD, end).ended_at == end.at
    for missing in range(4):
        rest = [e for n, e in enumerate(FORWARD) if n != missing]
        assert run_of(*rest, end).state is RunState.RUNNING
    skipped = event(4, K.STEP_SKIPPED, CHECK, reason="no metrics")
    assert run_of(*FORWARD[:3], skipped, end).state is RunState.SUCCEEDED


def test_an_end_that_arrives_before_its_steps_takes_effect_with_them() -> None:
    end = event(9, K.RUN_SUCCEEDED)
    assert run_of(end).state is RunState.RUNNING
    assert run_of(end, *reversed(FORWARD)) == run_of(*FORWARD, end)
    assert contiguous([9]) == 0
    assert contiguous([2, 1, 9, 4]) == 2


def test_nothing_changes_a_run_that_has_ended() -> None:
    ended = run_of(event(1, K.RUN_STOPPED))
    assert ended.state is RunState.STOPPED
    for kind in K:
        assert advance(ended, event(2, kind, FIRST, reason="a reason")) is None


def test_each_try_counts_and_the_last_one_is_shown() -> None:
    progress = run_of(
        event(1, K.STEP_STARTED, FIRST),
        event(2, K.STEP_FAILED, FIRST, exit_code=1),
        event(3, K.STEP_STARTED, FIRST),
        event(5, K.STEP_DONE, FIRST, exit_code=0),
    )
    step = progress.step(FIRST)
    assert step
    assert (step.attempts, step.exit, step.state, step.version) == (2, 0, S.DONE, 4)
    assert step.from_at == T0 + timedelta(minutes=3)
    assert step.output_event == (Stream.CLIENT, 5)


def test_a_clock_that_jumps_back_does_not_reorder_a_terminal() -> None:
    first, second = event(1, K.STEP_STARTED, FIRST, at=50), event(2, K.STEP_DONE, FIRST, at=-300, exit_code=0)
    assert [e.seq for e in in_order([second, first])] == [1, 2]
    step = run_of(second, first).step(FIRST)
    assert step
    assert step.state is S.DONE


def test_a_lost_run_asks_about_its_running_step_and_goes_on_when_it_speaks_again() -> None:
    began = event(1, K.STEP_STARTED, FIRST)
    lost = event(1, K.RUN_LOST, at=20, stream=Stream.SERVER)
    progress = run_of(began, lost)
    assert (progress.state, states(progress)[1]) == (RunState.LOST, S.UNKNOWN)
    back = event(2, K.RUN_RETURNED, at=40, stream=Stream.SERVER)
    late = event(2, K.STEP_DONE, FIRST, at=5, exit_code=0)
    returned = run_of(began, lost, back, late)
    assert (returned.state, states(returned)[1]) == (RunState.RUNNING, S.DONE)
    after = event(2, K.STEP_DONE, FIRST, at=45, exit_code=0)
    assert states(run_of(began, lost, back, after))[1] is S.DONE
    taken = run_of(began, lost, event(2, K.RUN_TAKEN_OVER, at=30, stream=Stream.SERVER))
    assert (taken.state, taken.is_taken_over) == (RunState.RUNNING, True)


def test_silence_is_shorter_for_a_terminal_than_for_a_person() -> None:
    assert lost_at(RunKind.CLI, T0) == T0 + timedelta(minutes=15)
    assert lost_at(RunKind.WEB, T0) == T0 + timedelta(hours=24)


def test_the_parts_are_worked_through_in_order() -> None:
    now = current(FRESH)
    assert now
    assert now.key == PREPARE
    first = waits_for(FRESH, FIRST)
    assert first
    assert first.key == PREPARE
    assert waits_for(FRESH, PREPARE) is None
    prepared = run_of(FORWARD[0])
    assert waits_for(prepared, SECOND) is None
    assert waits_for(prepared, CHECK) is not None
    assert [s.key for s in unsettled(prepared)] == [FIRST, SECOND, CHECK]
    assert current(run_of(event(1, K.RUN_STOPPED))) is None


def test_rolling_back_undoes_what_was_executed_the_last_first() -> None:
    two = begun(
        [
            RunbookStep("Steps", 1, "A", fence_sha="a", undo=("u1",)),
            RunbookStep("Steps", 2, "B", fence_sha="b", undo=("u2", "u3")),
            RunbookStep("Steps", 3, "C", fence_sha="c"),
            RunbookStep("Steps", 4, "D", fence_sha="d", undo=("u3",)),
            *(RunbookStep("Rollback", n, f"U{n}", fence_id=f"u{n}") for n in (1, 2, 3)),
        ]
    )
    progress = replay(two, [done(n, ("Steps", n)) for n in (1, 2, 3)])
    rollback = plan(progress.steps)
    assert [s.fence_id for s in rollback.to_do] == ["u2", "u3", "u1"]
    assert [s.title if s else "" for s in rollback.undoes] == ["B", "B", "A"]
    assert [s.title for s in rollback.not_undone] == ["C"]
    assert plan(two.steps).to_do == ()


def test_without_a_named_undo_the_whole_rollback_is_to_do_as_it_is_written() -> None:
    plain = begun([replace(p, undo=()) for p in PLANNED])
    assert [s.key for s in plan(plain.steps).to_do] == [UNDO, OTHER_UNDO]


def test_steps_of_the_rollback_change_only_while_it_rolls_back_and_others_only_before() -> None:
    rolling = event(5, K.RUN_ROLLING_BACK)
    assert states(run_of(done(1, UNDO)))[4] is S.PENDING
    progress = run_of(*FORWARD[:2], rolling, done(6, UNDO), done(7, SECOND))
    assert (states(progress)[4], states(progress)[2]) == (S.DONE, S.PENDING)
    assert consequence(progress) is K.RUN_ROLLED_BACK
    failed = run_of(*FORWARD[:2], rolling, event(6, K.STEP_FAILED, UNDO, exit_code=1))
    assert consequence(failed) is K.RUN_ROLLBACK_FAILED
    assert consequence(run_of(rolling)) is K.RUN_STOPPED, "nothing was executed, so nothing is to be undone"
    assert run_of(event(1, K.RUN_ROLLED_BACK)).state is RunState.RUNNING


def test_how_a_run_in_the_browser_ends() -> None:
    assert consequence(FRESH) is None
    assert consequence(run_of(*FORWARD)) is K.RUN_SUCCEEDED
    assert consequence(run_of(event(1, K.RUN_STOPPED))) is None
    assert end_of_stopped(FRESH) is K.RUN_STOPPED
    assert end_of_stopped(run_of(event(1, K.STEP_FAILED, FIRST))) is K.RUN_FAILED
    assert end_of_stopped(run_of(event(1, K.RUN_ROLLING_BACK))) is K.RUN_ROLLBACK_FAILED


RUN = RunbookRun(
    id=7,
    slug="search",
    title="Search",
    version=1,
    sha256="",
    incident_id=None,
    page_id=None,
    kind=RunKind.WEB,
    mode=RunMode.INTERACTIVE,
    is_dry=False,
    state=RunState.SUCCEEDED,
    is_rolling_back=False,
    is_taken_over=False,
    started_by="Jun",
    started_by_id=2,
    started_at=T0,
    ended_at=T0,
    reason="",
)


def test_a_run_that_succeeded_without_verification_has_a_finding() -> None:
    skipped = run_of(*FORWARD[:3], event(4, K.STEP_SKIPPED, CHECK, reason="no metrics"))
    assert [f.code for f in findings(RUN, skipped.steps)] == ["R-UNVERIFIED"]
    assert [f.code for f in findings(RUN, skipped.steps[:3])] == ["R-UNVERIFIED"]
    assert findings(RUN, run_of(*FORWARD).steps) == []
    assert findings(replace(RUN, state=RunState.STOPPED), skipped.steps) == []
    assert findings(replace(RUN, is_dry=True), skipped.steps) == []


@pytest.mark.parametrize(
    ("durations", "expected"), [([], None), ([60], 60), ([60, 120, 600], 120), ([60, 121], 90)]
)
def test_the_usual_duration_is_the_median(durations: list[int], expected: int | None) -> None:
    assert usual(durations) == expected
    assert seconds_between(T0, T0 - timedelta(hours=1)) == 0


def test_an_output_shows_no_escape_sequence_and_marks_what_was_redacted() -> None:
    assert plain_output("\x1b[31mred\x1b[0m \x1b]0;title\x07ok\r\n") == "red ok\n"
    assert plain_output("a\u202eb\x00c\r") == "a\\x202eb\\x00c\\x0d"
    html = output_html("<b> [redacted:jwt]", "end")
    assert html == "&lt;b&gt; <mark>[redacted:jwt]</mark>\n…\nend"
