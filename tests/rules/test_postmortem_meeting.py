"""The clock of a meeting, its agenda, what the scribe writes, and when it counts as held (pure)."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from firebell.kit.errors import Invalid
from firebell.postmortems.document import whys
from firebell.postmortems.document.sections import OPTIONAL, REQUIRED
from firebell.postmortems.meeting import scribe_text
from firebell.postmortems.meeting.agenda import AGENDAS
from firebell.postmortems.meeting.findings import findings
from firebell.postmortems.meeting.model import MeetingAttendee, PostmortemMeeting, is_settled

BEGAN = datetime(2026, 11, 27, 14, tzinfo=UTC)
MEETING = PostmortemMeeting(
    *(1, 1, 60, 7, 8, BEGAN, 0, BEGAN, 0, 0, 0, None, 0, None, "", "Mara"),
    attendees=[MeetingAttendee(7, "Mara", BEGAN), MeetingAttendee(8, "Jun", BEGAN)],
)


def after(minutes: float) -> datetime:
    return BEGAN + timedelta(minutes=minutes)


@pytest.mark.parametrize(
    ("minutes", "parts"),
    [
        (
            60,
            {
                "open": 3,
                "roles": 2,
                "timeline": 20,
                "gaps": 2,
                "whys": 15,
                "learned": 6,
                "actions": 9,
                "close": 3,
            },
        ),
        (30, {"story": 5, "whys": 10, "learned": 5, "actions": 8, "close": 2}),
    ],
)
def test_the_parts_fill_the_meeting(minutes: int, parts: dict[str, int]) -> None:
    agenda = AGENDAS[minutes]
    assert {part.key: part.minutes for part in agenda} == parts
    assert sum(part.minutes for part in agenda) == minutes
    assert {title for part in agenda for title in part.sections} <= {*REQUIRED, *OPTIONAL}
    assert all(part.sentence and part.answer for part in agenda)


def test_a_part_counts_down_and_a_pause_stops_it() -> None:
    assert MEETING.part_ends_at(after(1)) == after(3)
    assert MEETING.part_share(after(1.5)) == 50
    extended = replace(MEETING, part_extra_s=120)
    assert extended.part_ends_at(after(1)) == after(5)
    paused = replace(MEETING, paused_at=after(1))
    assert paused.part_ends_at(after(31)) == after(33)
    assert paused.elapsed(after(31)) == timedelta(minutes=1)
    resumed = replace(MEETING, paused_s=1800, part_paused_s=1800)
    assert paused.resumed(after(31)) == resumed
    assert resumed.resumed(after(32)) is resumed
    assert resumed.part_ends_at(after(31)) == after(33)
    assert resumed.elapsed(after(31)) == timedelta(minutes=1)
    assert MEETING.elapsed(after(-5)) == timedelta()


@pytest.mark.parametrize(
    ("part", "began", "now", "behind"),
    [(0, 0, 1, 0), (0, 0, 5, 2), (2, 5, 10, 0), (2, 9, 10, 4), (4, 20, 21, -7)],
)
def test_an_overrun_is_shown_and_nothing_is_cut(part: int, began: int, now: int, behind: int) -> None:
    meeting = replace(MEETING, part=part, part_started_at=after(began))
    assert meeting.behind(after(now)) == timedelta(minutes=behind)
    assert meeting.present_part is meeting.parts[part]


@pytest.mark.parametrize(
    ("meeting", "counts", "settled"),
    [
        (MEETING, False, False),
        (replace(MEETING, ended_at=after(10)), True, True),
        (replace(MEETING, ended_at=after(9.9)), False, False),
        (replace(MEETING, ended_at=after(20), paused_s=660), False, False),
        (replace(MEETING, ended_at=after(60), attendees=MEETING.attendees[:1]), False, False),
        (replace(MEETING, ended_at=BEGAN, attendees=(), not_held_reason="A drill"), False, True),
    ],
)
def test_a_meeting_counts_from_ten_minutes_and_two_people(
    meeting: PostmortemMeeting, counts: bool, settled: bool
) -> None:
    assert (meeting.counts, is_settled([meeting])) == (counts, settled)


def test_a_meeting_that_was_paused_goes_on_after_the_clock_was_set_back() -> None:
    resumed = replace(MEETING, paused_at=after(20)).resumed(after(10))
    assert (resumed.paused_at, resumed.paused_s, resumed.part_paused_s) == (None, 0, 0)


def test_minutes_count_from_joining() -> None:
    late = replace(
        MEETING, attendees=[*MEETING.attendees, MeetingAttendee(9, "Ada", after(20))], ended_at=after(30)
    )
    assert late.person_minutes(after(99)) == 70
    assert replace(late, paused_s=900).person_minutes(after(99)) == 15 + 15 + 10


@pytest.mark.parametrize(
    ("facilitator", "author", "commanders", "found"),
    [(7, 9, set(), 0), (7, 7, set(), 1), (7, 9, {7}, 1), (None, None, set(), 0)],
)
def test_a_facilitator_who_was_part_of_it_is_a_finding(
    facilitator: int | None, author: int | None, commanders: set[int], found: int
) -> None:
    meeting = replace(MEETING, facilitator_id=facilitator)
    listed = findings("INC-1", [meeting], author, commanders, {7: "Mara"})
    assert [one.code for one in listed] == ["P-FACILITATOR"] * found
    assert findings("INC-1", [], 7, {7}, {}) == []


@pytest.mark.parametrize(
    ("before", "after_"),
    [
        ("", "new"),
        ("Text.", "Text.\n\nnew"),
        ("- one\n- two\n", "- one\n- two\n- new"),
        ("- _What went well?_", "- new"),
        ("_Who helped?_", "new"),
    ],
)
def test_a_note_goes_to_the_end_of_a_section(before: str, after_: str) -> None:
    assert scribe_text.with_note(before, "new") == after_


TREE = """Trigger: a report.

- effect: Cards failed
  - why: The pool was full
    - root: No limit (factor: latent.guard)
  - open: Why so late?

{{factors}}"""


def test_an_answer_goes_below_its_item_and_the_rest_stays() -> None:
    grown = scribe_text.with_why(TREE, 3, "root", "  No   alert ")
    assert grown.split("\n")[5] == "    - root: No alert"
    assert grown.replace("    - root: No alert\n", "") == TREE
    below_effect = scribe_text.with_why(TREE, 2, "why", "Two")
    assert below_effect.split("\n")[6] == "  - why: Two"
    assert [node.text for node in whys.parse(below_effect).nodes()][-1] == "Two"
    first = scribe_text.with_why("Nothing yet.", None, "why", "Cards failed")
    assert first == "Nothing yet.\n\n- effect: Cards failed"
    root_alone = scribe_text.with_why("- root: No limit", None, "why", "Cards failed")
    assert [(node.kind, node.text) for node in whys.parse(root_alone).effects] == [
        ("root", "No limit"),
        ("effect", "Cards failed"),
    ]
    leafless = scribe_text.with_why(first, 2, "open", "Why?")
    assert leafless.endswith("- effect: Cards failed\n  - open: Why?")


@pytest.mark.parametrize(
    ("section", "parent", "kind"),
    [(TREE, 4, "why"), (TREE, 5, "why"), (TREE, 99, "why"), (TREE, None, "why"), (TREE, 3, "effect")],
)
def test_an_answer_below_a_leaf_or_nothing_is_refused(section: str, parent: int | None, kind: str) -> None:
    with pytest.raises(Invalid) as error:
        scribe_text.with_why(section, parent, kind, "x")
    assert error.value.fields
