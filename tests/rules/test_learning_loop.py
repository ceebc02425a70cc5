"""The learning loop of an incident, from its rows."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from firebell.action_items.model import (
    ActionItem,
    EscalatedTo,
    ItemKind,
    ItemState,
    PreventionAnswer,
    Priority,
    Question,
    Strength,
)
from firebell.metrics.learning_loop.model import (
    Loop,
    LoopDocument,
    LoopIncident,
    Repeat,
    Station,
    lede,
    title,
)

JUNE = datetime(2026, 6, 18, 10, tzinfo=UTC)
CLOSED = JUNE + timedelta(hours=3)
NOW = JUNE + timedelta(days=160)
INCIDENT = LoopIncident(171, "Search is empty", 2, JUNE, CLOSED, 4320, 7800, 9, 840)
ITEM = ActionItem(
    id=51,
    incident_id=171,
    postmortem_id=None,
    task_id=None,
    title="Lock shard moves",
    detail="",
    kind=ItemKind.PREVENT,
    strength=Strength.GUARD,
    priority=Priority.P2,
    owner_id=1,
    is_accepted=True,
    proposed_at=None,
    team_id=1,
    due=NOW.date(),
    state=ItemState.DONE,
    duplicate_of=None,
    blocked_reason="",
    moved=0,
    evidence=(),
    source_quote="",
    created_at=JUNE,
    created_by="Mara",
    changed_at=JUNE,
    done_at=JUNE + timedelta(days=14),
    done_on=None,
    dropped_reason="",
    risk_accepted_by="",
    escalated_to=EscalatedTo.NO_ONE,
    escalated_at=None,
    reminded_until=JUNE,
    version=1,
)
OPEN, DROPPED = replace(ITEM, state=ItemState.OPEN, done_at=None), replace(ITEM, state=ItemState.DROPPED)
PUBLISHED = LoopDocument(True, CLOSED + timedelta(hours=41), ("missing guard",), exists=True)
AGAIN = Repeat(replace(INCIDENT, id=209, declared_at=JUNE + timedelta(days=157), impact_s=6720))


def asked(answer: PreventionAnswer | None) -> Question:
    return Question(209, 51, "similar", 60, NOW, answer, "Noor", NOW)


@pytest.mark.parametrize(
    ("incident", "document", "items", "repeats", "station", "outcome"),
    [
        (
            replace(INCIDENT, closed_at=None),
            PUBLISHED,
            [],
            [],
            Station.INCIDENT,
            "The incident is still open",
        ),
        (
            INCIDENT,
            LoopDocument(True),
            [ITEM],
            [],
            Station.POSTMORTEM,
            "The post-mortem is not published yet",
        ),
        (INCIDENT, LoopDocument(False), [], [], Station.ACTIONS, "No action came out of it"),
        (INCIDENT, PUBLISHED, [ITEM, OPEN], [], Station.ACTIONS, "1 of 2 actions is open"),
        (INCIDENT, PUBLISHED, [ITEM], [], Station.PREVENTED, "It has not come back in 146 days"),
        (
            INCIDENT,
            PUBLISHED,
            [ITEM, DROPPED],
            [AGAIN],
            Station.PREVENTED,
            "One action was dropped, and the incident came back",
        ),
        (
            INCIDENT,
            PUBLISHED,
            [OPEN, OPEN],
            [AGAIN],
            Station.ACTIONS,
            "2 actions are open, and the incident came back",
        ),
        (
            INCIDENT,
            PUBLISHED,
            [ITEM],
            [AGAIN],
            Station.PREVENTED,
            "The incident came back, although every action was done",
        ),
        (
            INCIDENT,
            PUBLISHED,
            [ITEM, replace(ITEM, done_at=NOW)],
            [AGAIN],
            Station.PREVENTED,
            "The incident came back before every action was done",
        ),
        (INCIDENT, PUBLISHED, [], [AGAIN], Station.PREVENTED, "The incident came back"),
    ],
)
def test_the_title_tells_the_outcome(
    incident: LoopIncident,
    document: LoopDocument,
    items: list[ActionItem],
    repeats: list[Repeat],
    station: Station,
    outcome: str,
) -> None:
    loop = Loop(incident, document, items, repeats, NOW)
    assert (loop.station, title(loop)) == (station, outcome)


def test_the_loop_is_closed_half_a_year_after_the_last_action_or_repeat() -> None:
    done_at = ITEM.done_at
    assert done_at
    later = done_at + timedelta(days=180)
    loop = Loop(INCIDENT, PUBLISHED, [ITEM], [], later)
    assert (loop.quiet_days, loop.station) == (180, Station.CLOSED)
    assert replace(loop, now=later - timedelta(seconds=1)).station is Station.PREVENTED
    # a repeat begins the wait anew, and what it left open keeps the loop open
    repeated = replace(loop, repeats=[AGAIN])
    assert repeated.station is Station.PREVENTED
    year = AGAIN.incident.declared_at + timedelta(days=365)
    assert replace(repeated, now=year).station is Station.CLOSED
    left = replace(AGAIN, items=[OPEN])
    assert replace(repeated, now=year, repeats=[left]).station is Station.PREVENTED


@pytest.mark.parametrize(
    ("answers", "avoidable", "is_answered"),
    [
        ([], None, False),
        ([None], None, False),
        ([None, PreventionAnswer.SHORTENED], None, True),
        ([PreventionAnswer.NO], None, True),
        ([PreventionAnswer.NO, PreventionAnswer.PREVENTED], 6720, True),
    ],
)
def test_only_an_answer_of_a_person_counts_as_prevention(
    answers: list[PreventionAnswer | None], avoidable: int | None, is_answered: bool
) -> None:
    repeat = replace(AGAIN, questions=[asked(answer) for answer in answers])
    loop = Loop(INCIDENT, PUBLISHED, [DROPPED], [repeat], NOW)
    assert (loop.avoidable_s, loop.is_answered) == (avoidable, is_answered)


def test_the_numbers_of_the_loop() -> None:
    loop = Loop(INCIDENT, PUBLISHED, [ITEM, DROPPED], [AGAIN], NOW)
    assert loop.published_after == timedelta(hours=41)
    assert lede(loop) == "INC-171, from its declaration to today: 160 days, 2 actions, 1 repeat."
