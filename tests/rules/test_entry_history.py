"""What people changed of timeline entries: the latest of each kind counts, and nothing is lost."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from firebell.incidents.model import TimelineEntry
from firebell.incidents.timeline.entry_history import KEY_MOMENT, ChangeKind, EntryChange, in_force, views

START = datetime(2026, 11, 24, 2, 31, tzinfo=UTC)


def entry(number: int, text: str = "It is the pool", kind: str = "finding") -> TimelineEntry:
    at = START + timedelta(minutes=number)
    return TimelineEntry(number, at, at, kind, "Jun", 2, text, {})


def change(number: int, entry_id: int, kind: ChangeKind, text: str = "") -> EntryChange:
    return EntryChange(number, entry_id, kind, text, START + timedelta(hours=number), "Mara", 1)


def test_an_edited_entry_shows_its_latest_text_and_keeps_all_others() -> None:
    edits = [change(1, 7, ChangeKind.EDIT, "It is the proxy"), change(2, 7, ChangeKind.EDIT, "It is DNS")]
    (view,) = views([entry(7)], reversed(edits))
    assert (view.entry.text, view.version) == ("It is DNS", 3)
    assert [v.text for v in view.versions] == ["It is the pool", "It is the proxy", "It is DNS"]
    assert [v.actor for v in view.versions] == ["Jun", "Mara", "Mara"]


def test_a_struck_entry_is_cited_by_nothing_until_it_is_restored() -> None:
    struck = [change(1, 7, ChangeKind.STRIKE, "That was staging")]
    (view,) = views([entry(7)], struck)
    assert view.struck == struck[0]
    assert view.entry.text == "It is the pool"
    assert in_force([entry(7), entry(8)], struck) == [entry(8)]
    assert in_force([entry(7)], [*struck, change(2, 7, ChangeKind.RESTORE)]) == [entry(7)]


def test_a_key_moment_has_its_label_or_a_plain_one() -> None:
    marked = change(1, 7, ChangeKind.MARK, "Cause identified")
    plain = change(2, 8, ChangeKind.MARK)
    assert [e.key_moment for e in in_force([entry(7), entry(8), entry(9)], [marked, plain])] == [
        "Cause identified",
        KEY_MOMENT,
        "",
    ]
    assert in_force([entry(7)], [marked, change(2, 7, ChangeKind.UNMARK)]) == [entry(7)]


def test_what_firebell_wrote_is_not_written_by_a_person() -> None:
    assert [v.is_written for v in views([entry(1), entry(2, kind="phase")], [])] == [True, False]


changes = st.lists(
    st.builds(
        change, st.integers(1, 60), st.integers(1, 4), st.sampled_from(ChangeKind), st.text(max_size=9)
    ),
    unique_by=lambda c: c.id,
)


@given(changes, st.randoms(use_true_random=False))
def test_the_order_in_which_changes_are_read_does_not_matter(listed: list[EntryChange], rng: object) -> None:
    entries = [entry(n) for n in range(1, 5)]
    shuffled = list(listed)
    rng.shuffle(shuffled)  # type: ignore[attr-defined]
    assert views(entries, shuffled) == views(entries, listed)


@given(changes)
def test_the_first_text_is_never_lost(listed: list[EntryChange]) -> None:
    for view in views([entry(n, f"text {n}") for n in range(1, 5)], listed):
        assert view.versions[0].text == f"text {view.entry.id}"
        assert view.version == 1 + sum(
            c.kind is ChangeKind.EDIT and c.entry_id == view.entry.id for c in listed
        )
