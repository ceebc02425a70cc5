"""What a document draws from data: steps of runs among its facts, and its action items beside their roots."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from firebell.incidents.measures import PageTimes, measures, people_before
from firebell.incidents.model import TimelineEntry
from firebell.postmortems.document import whys
from firebell.postmortems.document.timeline_choice import TimelineChoice
from firebell.postmortems.drafting.block_texts import block_texts
from firebell.postmortems.drafting.facts import DraftSources, PageLogRow, RunStepRow, TrackedAction, facts
from firebell.postmortems.drafting.timeline_rows import select
from firebell.postmortems.editing.actions_from_text import with_action
from firebell.postmortems.model import Postmortem
from tests.rules.test_incidents_lifecycle import incident
from tests.stopwatch import stopwatch

NOW = datetime(2026, 11, 24, 3, 14, tzinfo=UTC)
SUBJECT = incident()


def step(run: int, number: int, state: str = "done", exit_code: int | None = None) -> RunStepRow:
    at = NOW + timedelta(minutes=10 * run + number)
    title = f"Do {number}"
    return RunStepRow(
        run, number, SUBJECT.id, at, state, "Failover", "Steps", str(number), title, "Mara", exit_code
    )


def entry(number: int, kind: str, **data: object) -> TimelineEntry:
    at = NOW + timedelta(minutes=number)
    return TimelineEntry(number, at, at, kind, "Mara", 1, f"entry {number}", dict(data))


def sources(timeline: Sequence[TimelineEntry] = (), **more: Any) -> DraftSources:
    return DraftSources([SUBJECT], {SUBJECT.id: timeline}, **more)


def test_a_step_is_evidence_and_no_second_row_tells_of_it() -> None:
    timeline = [
        entry(1, "runbook", event="run.started"),
        entry(11, "runbook", event="step.done"),
        entry(12, "runbook", event="step.failed"),
        entry(14, "runbook", event="run.stopped"),
    ]
    run = [step(1, 1), step(1, 2, "failed", 3), step(1, 3, "skipped")]
    listed = facts(sources(timeline, run_steps=run))
    assert [str(fact.ref) for fact in listed] == ["t:1", "r:1.1", "r:1.2", "r:1.3", "t:14"]
    assert [fact.kind for fact in listed[1:4]] == ["run_done", "run_failed", "run_skipped"]
    assert "(exit 3)" in listed[2].text
    without = facts(sources(timeline))
    assert [str(fact.ref) for fact in without] == ["t:1", "t:11", "t:12", "t:14"], "no step, no loss"


def test_a_long_timeline_keeps_the_ends_of_each_run_and_what_failed() -> None:
    run = [step(1, number) for number in range(1, 40)] + [step(5, number) for number in range(1, 40)]
    run[20] = step(1, 21, "failed", 1)
    shown = select(facts(sources(run_steps=run)))
    refs = [str(row.fact.ref) for row in shown.rows]
    assert {"r:1.1", "r:1.21", "r:1.39", "r:5.1", "r:5.39"} <= set(refs)
    assert sum(1 + row.more for row in shown.rows) + shown.left_out == len(run)
    assert len(refs) < 20, "steps in a row are the first and the last of them"


def test_people_choose_entries_and_corrections_follow() -> None:
    log = [
        PageLogRow(30 + n, 7, NOW + timedelta(minutes=n), kind, "Firebell", None, kind, 0)
        for n, kind in enumerate(["triggered", "level", "level", "level", "exhausted"])
    ]
    timeline = [entry(10, "finding"), entry(11, "check"), entry(12, "note")]
    choice = TimelineChoice(shown=frozenset({"t:11", "p:7.32"}), hidden=frozenset({"t:10", "p:7.30", "t:99"}))
    rows = select(facts(sources(timeline, page_log=log)), choice).rows
    assert [row.fact.key for row in rows] == ["p:7.31", "p:7.32", "p:7.33", "p:7.34", "t:11", "t:12"]
    assert [row.more for row in rows] == [0] * 6, "what is chosen is not folded"
    corrected = [replace(timeline[2], text="what it really was"), entry(13, "decision")]
    later = select(facts(sources(corrected)), choice).rows
    assert [row.fact.text for row in later] == ["what it really was", "entry 13"], (
        "new entries follow the rule"
    )
    many = facts(sources([entry(number, "note") for number in range(100)]))
    kept = select(many, TimelineChoice(shown=frozenset({"t:0", "t:1"})))
    assert [row.fact.key for row in kept.rows[:3]] == ["t:0", "t:1", "t:42"], "chosen ones are not dropped"
    assert len(kept.rows) == 60


def test_bug_a_timeline_of_thousands_of_notes_took_seconds() -> None:
    notes = facts(sources([entry(number, "note") for number in range(4_000)]))
    with stopwatch() as watch:
        shown = select(notes)
    assert (len(shown.rows), shown.left_out) == (60, 3_940)
    assert [row.fact.text for row in shown.rows][-1] == "entry 3999", "the oldest are left out"
    assert watch.seconds < 0.5


def test_coordination_counts_the_people_who_acted_until_the_first_mitigation() -> None:
    def at(minutes: float) -> datetime:
        return NOW + timedelta(minutes=minutes)

    def by(number: int, person: int | None, minutes: float) -> TimelineEntry:
        return replace(entry(number, "note"), actor_id=person, effective_at=at(minutes))

    timeline = [by(1, 1, 2), by(2, 1, 3), by(3, None, 4), by(4, 2, 12), by(5, 3, 12.5)]
    acknowledged: list[tuple[datetime, int | None]] = [(at(1), 4), (at(1), None), (at(20), 5)]
    assert people_before(at(12), timeline, acknowledged) == 3, "1, 2 and 4"
    assert people_before(None, timeline, acknowledged) is None
    mitigated = incident(mitigated_at=at(12), detected_at=at(-1), impact_end=at(30), declared_at=at(2))
    pages = [PageTimes(at(5), None), PageTimes(at(0), at(1))]
    by_id = {each.id: each for each in measures(mitigated, pages, at(3), 3)}
    taken = {name: each.taken and each.taken // timedelta(minutes=1) for name, each in by_id.items()}
    assert taken == {
        "detect": None,
        "acknowledge": 1,
        "engage": 1,
        "mitigate": 31,
        "resolve": None,
        "coordinate": 12,
    }
    assert by_id["coordinate"].people == 3
    late = measures(replace(mitigated, mitigated_at=at(-5)), pages, None)[-1]
    assert late.taken is None, "a mitigation before the first page is a contradiction"
    drawn = DraftSources([mitigated], {mitigated.id: ()}, measures={mitigated.id: list(by_id.values())})
    rows = block_texts("", drawn)["measures"].split("\n")
    assert rows[-1] == "| Coordinate the first mitigation | 12 min, 3 people | - |"


CAUSE = """- effect: Cards fail
  - why: The pool was full
    - root: no alert watches | the pool (factor: latent.alerting){refs}
    - root: one pool for all (factor: latent.design)"""


def body(refs: str = "", listed: str = "{{actions}}") -> str:
    return f"# X\n\n## Root cause\n\n{CAUSE.format(refs=refs)}\n\n## Action items\n\n{listed}\n"


def tracked(number: int, owner: str = "Jun") -> TrackedAction:
    return TrackedAction(number, "Alert on | the pool", owner, date(2026, 12, 14), "Open")


def test_the_block_lists_items_with_their_roots_and_roots_without_any() -> None:
    text = block_texts(body(" -> ACT-7, ACT-40"), sources(actions=[tracked(7), tracked(9, "")]))["actions"]
    head, _, first, second, third, *rest = text.split("\n")
    assert head == "| Action item | Answers | Owner | Due | State |"
    assert first == (
        "| [ACT-7](/actions/ACT-7) Alert on \\| the pool | no alert watches \\| the pool | Jun | 2026-12-14 | Open |"
    )
    assert second.split(" | ")[1:3] == ["", "no one yet"]
    # of an incident that is not the document's, so only its number may be told
    assert third == "| [ACT-40](/actions/ACT-40) | no alert watches \\| the pool |  |  |  |"
    assert rest == ["", "Roots without an action item:", "", "- one pool for all"]
    assert block_texts("## Root cause\n", sources())["actions"] == "No action item yet."


def document(text: str, state: str = "draft") -> Postmortem:
    return Postmortem(
        id=1,
        incident_id=1,
        state=state,
        due_at=NOW,
        author_id=None,
        created_at=NOW,
        updated_at=NOW,
        published_at=None,
        first_published_at=None,
        version=1,
        kind="incident",
        published_version=None,
        asked_version=None,
        approved_version=None,
        withdrawal_by=None,
        withdrawal_reason="",
        withdrawn_at=None,
        body=text,
    )


@pytest.mark.parametrize(
    ("text", "state", "has_root", "expected"),
    [
        (body(), "draft", True, body(" -> ACT-8")),
        (body(" -> ACT-7"), "draft", True, body(" -> ACT-7, ACT-8")),
        (body(" -> ACT-8"), "draft", True, body(" -> ACT-8")),
        (body(listed="- one"), "draft", False, body(listed="{{actions}}\n\n- one")),
        (body(listed="- one"), "published", False, body(listed="- one")),
        (body(), "draft", False, body()),
        ("# no sections\n", "draft", False, "# no sections\n"),
    ],
)
def test_an_item_is_named_by_its_root_and_shown_once(
    text: str, state: str, has_root: bool, expected: str
) -> None:
    root = next(node for node in whys.parse(text).nodes() if node.kind == "root") if has_root else None
    if root:
        cause = text.split("## Root cause\n\n")[1]
        root = next(node for node in whys.parse(cause).nodes() if node.kind == "root")
    assert with_action(document(text, state), root, 8) == expected
