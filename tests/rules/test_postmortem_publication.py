"""Who approves a post-mortem, what keeps it from being published, and whom it is sent to (pure)."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from firebell.kit.errors import Invalid
from firebell.kit.findings import FindingLevel
from firebell.postmortems.checks.content_checks import ContentProblem
from firebell.postmortems.document.sections import split
from firebell.postmortems.publication import reading
from firebell.postmortems.publication.checks import BlockerId, CheckedItem, PublicationFacts, blockers
from firebell.postmortems.publication.distribution import (
    DistributionList,
    DistributionSettings,
    clean_lists,
    clean_members,
    expand,
    slug_of,
)
from firebell.postmortems.review.rules import (
    Reviewer,
    ReviewParties,
    WithdrawalSide,
    approval_refusal,
    completes_withdrawal,
    suggested,
    withdrawal_sides,
)

LARGE = ReviewParties(1, frozenset({1, 2}), 9)
SMALL = ReviewParties(1, frozenset({1, 2}), 2)


@pytest.mark.parametrize(
    ("parties", "person", "reason", "refused"),
    [
        (LARGE, 3, "", False),
        (LARGE, 1, "", True),
        (LARGE, 2, "a reason", True),
        (LARGE, None, "a reason", True),
        (SMALL, 2, "", True),
        (SMALL, 2, "There are two of us", False),
        (SMALL, None, "a reason", True),
        (ReviewParties(1, frozenset(), 3), 1, "a reason", True),
    ],
)
def test_no_one_approves_what_they_wrote(
    parties: ReviewParties, person: int | None, reason: str, refused: bool
) -> None:
    assert bool(approval_refusal(parties, person, reason)) is refused


def test_other_teams_are_asked_first_for_a_severe_incident() -> None:
    people = [Reviewer(2, "Writer", True), Reviewer(3, "Mate", False), Reviewer(4, "Other", True)]
    assert [r.person_id for r in suggested(people, LARGE, 1)] == [4, 3]
    assert [r.person_id for r in suggested(people, LARGE, 2)] == [3, 4]
    assert [r.person_id for r in suggested(people, LARGE, 0, asked=[4])] == [3]


def test_a_withdrawal_takes_the_author_and_another_person_who_is_a_manager() -> None:
    author, manager = withdrawal_sides(1, 1, is_manager=False), withdrawal_sides(1, 5, is_manager=True)
    assert completes_withdrawal(author, manager)
    assert completes_withdrawal(manager, author)
    assert not completes_withdrawal(manager, manager)
    assert not completes_withdrawal(author, author)
    assert withdrawal_sides(1, 3, is_manager=False) == set()
    assert withdrawal_sides(1, None, is_manager=True) == set()
    without_author = withdrawal_sides(None, 5, is_manager=True)
    assert without_author == {WithdrawalSide.AUTHOR, WithdrawalSide.MANAGER}


WHYS = ContentProblem("P-WHYS", "none", FindingLevel.ERROR, "No chain", "Ask why.")
BLAME = ContentProblem("P-BLAME", "B1-x", FindingLevel.ERROR, "It blames", "Rewrite it.")
READY = PublicationFacts(
    stage="approved",
    is_incident_open=False,
    max_severity=1,
    unfinished=(),
    problems=(),
    acknowledged=(),
    blocking_comments=0,
    items=(CheckedItem("ACT-1", ""),),
    recipients=3,
    is_external_decided=True,
    is_external_unfinished=False,
)


def test_a_ready_document_has_nothing_left() -> None:
    assert blockers(READY) == []


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"stage": "draft"}, [BlockerId.APPROVAL]),
        ({"stage": "review"}, [BlockerId.APPROVAL]),
        ({"stage": "published"}, [BlockerId.PUBLISHED]),
        ({"stage": "withdrawn"}, [BlockerId.PUBLISHED]),
        ({"is_incident_open": True}, [BlockerId.OPEN]),
        ({"unfinished": ("Impact: how many?", "Summary: what?")}, [BlockerId.PLACEHOLDERS] * 2),
        ({"problems": (WHYS,)}, [BlockerId.CONTENT]),
        ({"problems": (WHYS,), "acknowledged": ("P-WHYS:none",)}, []),
        ({"problems": (WHYS,), "max_severity": 2}, []),
        ({"problems": (replace(WHYS, level=FindingLevel.WARNING),)}, []),
        ({"problems": (BLAME,), "max_severity": 3}, [BlockerId.CONTENT]),
        ({"problems": (BLAME,), "acknowledged": ("P-BLAME:B1-x",)}, [BlockerId.CONTENT]),
        ({"blocking_comments": 2}, [BlockerId.COMMENTS]),
        ({"items": (CheckedItem("ACT-1", "has no owner"),)}, [BlockerId.ACTIONS]),
        ({"recipients": 0}, [BlockerId.DISTRIBUTION]),
        ({"is_external_decided": False}, [BlockerId.EXTERNAL]),
        ({"is_external_unfinished": True}, [BlockerId.EXTERNAL]),
    ],
)
def test_each_check_stands_in_the_way(change: dict[str, object], expected: list[BlockerId]) -> None:
    left = blockers(replace(READY, **change))  # type: ignore[arg-type]
    assert [blocker.id for blocker in left] == expected
    assert all(blocker.problem == "P-WHYS:none" for blocker in left if WHYS.message in blocker.text)


def test_members_are_cleaned_and_expanded_once() -> None:
    members = clean_members(
        [" CEO@Example.com", "email:ceo@example.com", "team:07", "", "list:support"], lists=True
    )
    assert members == ["email:ceo@example.com", "team:7", "list:support"]
    lists = {"support": DistributionList("support", "Support", ("person:4", "team:7", "everyone"))}
    targets = expand([*members, "list:gone"], lists)
    assert (targets.is_everyone, targets.team_ids, targets.person_ids) == (True, (7,), (4,))
    assert targets.addresses == ("ceo@example.com",)


@pytest.mark.parametrize(
    "bad", ["ceo@", "a b@c.de", "team:x", "group:exec", "list:Über", "person:٣", "x" * 300]
)
def test_a_member_that_is_none_is_named(bad: str) -> None:
    with pytest.raises(Invalid) as refused:
        clean_members([bad], lists=True)
    assert "members" in refused.value.fields
    with pytest.raises(Invalid):
        clean_members(["list:support"], lists=False)


def test_lists_have_names_of_their_own() -> None:
    one = DistributionList("ops", "Operations", ("everyone",))
    assert clean_lists([one]) == (one,)
    for lists in ([one, one], [replace(one, slug="Ops!")], [one] * 21):
        with pytest.raises(Invalid) as refused:
            clean_lists(lists)
        assert "lists" in refused.value.fields
    settings = DistributionSettings()
    assert settings.default(3) == ["list:engineering"]
    assert DistributionSettings(lists=()).default(0) == []


@pytest.mark.parametrize(
    ("name", "slug"),
    [
        ("Board", "board"),
        ("Größe & Co", "grosse-co"),
        ("a_b", "a-b"),
        ("経営", "list"),
        (f"{'a' * 39} b", "a" * 39),
    ],
)
def test_a_new_list_gets_a_short_name_that_is_allowed(name: str, slug: str) -> None:
    assert slug_of(name) == slug
    assert clean_lists([DistributionList(slug, name)])


FROZEN = """\
| Time | Who | What |
| --- | --- | --- |
| 2026-11-24 10:02 | Noor | **Fixed**: rolled back \\| restarted [t:4] · Repair |
| 2026-11-24 10:09 |  | 2 pages (3 more) [p:7] |
|  |  | 4 rows left out |
"""


def test_a_frozen_timeline_is_read_back_and_any_other_text_stays() -> None:
    timeline = reading.frozen_timeline(f"Times are UTC.\n\nMore:\n\n{FROZEN}\nAfter.")
    assert timeline
    assert (timeline.before, timeline.after) == ("More:", "After.")
    assert [(r.at, r.who, r.text, r.ref, r.marker) for r in timeline.rows] == [
        (
            datetime(2026, 11, 24, 10, 2, tzinfo=UTC),
            "Noor",
            "Fixed: rolled back | restarted",
            "[t:4]",
            "Repair",
        ),
        (datetime(2026, 11, 24, 10, 9, tzinfo=UTC), "", "2 pages (3 more)", "[p:7]", ""),
        (None, "", "4 rows left out", "", ""),
    ]
    for other in (
        "",
        "Some text",
        FROZEN.replace("Who", "Whom"),
        FROZEN.replace("2026-11-24 10:09", "soon"),
        FROZEN.replace("10:09", "99:09"),
    ):
        assert reading.frozen_timeline(other) is None


def test_luck_has_a_column_of_its_own() -> None:
    body = "## What went well\n\n- A\n\n## What went wrong\n\n- B\n- We were lucky: C\n  and D\n- E\n"
    assert reading.learned(split(body)) == {
        "Went well": "- A",
        "Went wrong": "- B\n- E",
        "We were lucky": "- We were lucky: C\n  and D",
    }
    assert reading.learned(split("## Summary\n\nx\n")) == {}
