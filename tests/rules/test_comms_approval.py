"""Who must approve an update, and what happens when no one answers."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firebell.comms.approval_rules import (
    DEFAULT_RULES,
    STRIPPED_SUBJECT,
    ApprovalOutcome,
    Occasion,
    claims,
    content_hash,
    decide,
    due_at,
    matching,
    occasions,
    subject_without_claims,
    without,
)
from firebell.comms.model import Approval, ApproverAnswer, PostContent
from firebell.comms.tone.model import ReaderKind
from tests.stopwatch import stopwatch

NOW = datetime(2026, 11, 28, 3, 14, tzinfo=UTC)
RULES = {rule.id: rule for rule in DEFAULT_RULES}
AUTHOR, COMMANDER = 1, 2
CLAIM = "This was caused by a full disk."


def _approval(
    rule: str,
    answer: ApproverAnswer | None = None,
    *,
    by: int = COMMANDER,
    sha256: str = "a",
    asked_at: datetime = NOW,
) -> Approval:
    due = due_at(RULES[rule], asked_at)
    return Approval(1, rule, "commander", (COMMANDER,), asked_at, due, answer, by, "Jun", NOW, sha256, "")


@pytest.mark.parametrize(
    ("approval", "after_minutes", "outcome"),
    [
        (_approval("facts"), 4, ApprovalOutcome.WAIT),
        (_approval("facts"), 5, ApprovalOutcome.PUBLISH),
        (_approval("facts", ApproverAnswer.APPROVED), 0, ApprovalOutcome.PUBLISH),
        (_approval("facts", ApproverAnswer.APPROVED, sha256="b"), 0, ApprovalOutcome.WAIT),
        (_approval("facts", ApproverAnswer.APPROVED, by=AUTHOR), 0, ApprovalOutcome.WAIT),
        (_approval("facts", ApproverAnswer.CHANGES), 9, ApprovalOutcome.RETURNED),
        (_approval("claims"), 9, ApprovalOutcome.WAIT),
        (_approval("claims"), 10, ApprovalOutcome.PUBLISH_STRIPPED),
        (_approval("protected"), 60 * 24 * 365, ApprovalOutcome.BLOCKED),
        (_approval("protected", ApproverAnswer.APPROVED), 0, ApprovalOutcome.PUBLISH),
    ],
)
def test_an_answer_counts_for_its_text_and_silence_means_what_the_rule_says(
    approval: Approval, after_minutes: int, outcome: ApprovalOutcome
) -> None:
    now = NOW + timedelta(minutes=after_minutes)
    decision = decide(RULES, [approval], "a", AUTHOR, [CLAIM], now)
    assert decision.outcome is outcome
    assert decision.sentences == ((CLAIM,) if outcome is ApprovalOutcome.PUBLISH_STRIPPED else ())


@given(st.lists(st.sampled_from([*RULES]), max_size=4), st.integers(0, 60))
def test_a_wait_ends_at_a_time_that_was_set_when_it_began(rules: list[str], minutes: int) -> None:
    now = NOW + timedelta(minutes=minutes)
    approvals = [_approval(rule) for rule in rules]
    decision = decide(RULES, approvals, "a", AUTHOR, [], now)
    assert (decision.outcome is ApprovalOutcome.BLOCKED) == ("protected" in rules)
    if decision.outcome is ApprovalOutcome.WAIT:
        assert decision.until
        assert decision.until in {each.due_at for each in approvals}
        assert decide(RULES, approvals, "a", AUTHOR, [], decision.until).outcome is not ApprovalOutcome.WAIT


def _occasions(
    text: str, *, is_first: bool = False, kind: str = "operational", reader: ReaderKind = ReaderKind.PUBLIC
) -> frozenset[Occasion]:
    content = PostContent({reader: text}, ())
    return occasions(
        *(content, frozenset({reader}), kind),
        title="Card payments fail",
        is_first=is_first,
        vendors=frozenset({"Acme"}),
    )


def test_the_first_public_text_waits_for_no_one_unless_it_is_about_security() -> None:
    assert _occasions(CLAIM, is_first=True) == frozenset()
    assert _occasions("We watch it.") == {Occasion.LATER_UPDATE}
    assert _occasions(CLAIM) == {Occasion.LATER_UPDATE, Occasion.CLAIM}
    assert _occasions("Acme has trouble.") == {Occasion.LATER_UPDATE, Occasion.CLAIM}
    assert _occasions("About 40 customers cannot pay.") == {Occasion.LATER_UPDATE, Occasion.CLAIM}
    assert _occasions("It fails.", is_first=True, kind="security") == {Occasion.SECURITY}
    assert _occasions(CLAIM, reader=ReaderKind.INTERNAL, kind="security") == frozenset()
    assert Occasion.CUSTOMER_MAIL in _occasions("Hello", is_first=True, reader=ReaderKind.CUSTOMER)
    later = frozenset({Occasion.LATER_UPDATE})
    assert [rule.id for rule in matching(DEFAULT_RULES, later, 1)] == ["facts"]
    assert matching(DEFAULT_RULES, later, 2) == []


def test_what_is_left_of_a_subject_is_what_its_author_wrote_for_customers() -> None:
    def subject(own: str, headline: str, title: str) -> str:
        content = PostContent({}, (), mail_subject=own, headline=headline)
        return subject_without_claims(content, title, frozenset())

    cause, fine = "Payments fail because of our bank", "Card payments fail"
    assert subject(f"We are sorry. {CLAIM}", fine, fine) == "We are sorry."
    assert subject(cause, "Payments fail", fine) == "Payments fail"
    assert subject("", "Payments fail", cause) == "Payments fail"
    assert subject(cause, "", fine) == subject("", cause, fine) == STRIPPED_SUBJECT
    assert subject("", "", fine) == fine
    assert subject("", "", cause) == STRIPPED_SUBJECT


def test_only_the_sentences_that_claim_something_are_left_out() -> None:
    text = f"We are sorry. {CLAIM} You can pay by invoice."
    assert claims(text, frozenset()) == [CLAIM]
    assert without(text, [CLAIM]) == "We are sorry. You can pay by invoice."
    assert without(CLAIM, [CLAIM]) == ""
    same, other = PostContent({ReaderKind.PUBLIC: "a"}, ("x",)), PostContent({ReaderKind.PUBLIC: "b"}, ("x",))
    assert content_hash(same) != content_hash(other)


@pytest.mark.parametrize(
    ("text", "claim"),
    [
        (
            "We are sorry.\nThis was caused\nby our bank.\nYou can pay by invoice.",
            "This was caused\nby our bank.",
        ),
        ("We are sorry. This was caused by\nOur bank’s switch.", "This was caused by\nOur bank’s switch."),
        (
            "We are sorry.\nAbout 40\n customers of ours\ncannot pay.",
            "About 40\n customers of ours\ncannot pay.",
        ),
        (
            "Card payments fail\nCause: it is due to our bank\nNext update: 15:00",
            "Cause: it is due to our bank",
        ),
        ("We are sorry.\n\nIt fails because of\n\nnothing.", "It fails because of"),
        ("Our partner Big\nAcme has trouble. Sorry.", "Our partner Big\nAcme has trouble."),
        ("Sorry.  This was\tcaused\u00a0by us.", "This was\tcaused\u00a0by us."),
    ],
)
def test_a_line_break_hides_no_claim_from_those_who_must_approve_it(text: str, claim: str) -> None:
    assert claims(text, frozenset({"Big Acme"})) == [claim]
    assert claim not in without(text, [claim])
    assert without(text, [claim])


@pytest.mark.parametrize("claim", ["1 user.\n", "Acme. "])
def test_the_claims_of_a_long_post_are_found_in_linear_time(claim: str) -> None:
    """When each sentence was compared with each claim, the process answered nothing else for seconds."""
    with stopwatch() as watch:
        assert len(claims(claim * 4000, frozenset({"Acme"}))) == 4000
    assert watch.seconds < 0.5
