"""The search of post-mortems reads a document, finds where words match, and names filters that it lacks (pure)."""

import pytest

from firebell.kit.errors import Invalid
from firebell.postmortems import list_position
from firebell.postmortems.document.sections import split
from firebell.postmortems.postmortem_list import document_text, list_query
from firebell.postmortems.postmortem_list.document_text import (
    MARK_END,
    MARK_START,
    PART_MAX_CHARS,
    section_texts,
)
from firebell.postmortems.postmortem_list.list_query import PostmortemQuery

BODY = """# Cards fail

## Summary

The **pool** was full for 18% of [customers](https://example.org/x) [t:412].

## Impact

| Time | What |
| --- | --- |
| 02:31 | Störung |

{{measures}}

## Root cause

- effect: Cards failed [p:7]
  - why: The limit was low
    - root: Nothing compares them (factor: latent.guard) -> ACT-8
    - root: Load doubled (factor: trigger.load)

## Action items

- Compare pool and limit

## Lessons

Ask twice.
"""


def test_parts_are_weighed_and_free_of_marks() -> None:
    text = document_text.indexed("Cards fail", BODY)
    title, second, third, rest = text.parts
    assert title == "Cards fail"
    assert second.startswith("The pool was full for 18% of [customers] .")
    assert "Cards failed" in second
    assert third == "missing guard load Compare pool and limit"
    assert "Ask twice." in rest
    assert "Störung" in rest
    assert not any(
        mark in " ".join(text.parts) for mark in ("t:412", "{{", "|", "**", "ACT-8", "factor:", "---")
    )
    assert text.factors == ("latent.guard", "trigger.load")
    assert text.language == "english"
    assert "Storung" in text.folded[3]


def test_factors_of_a_near_miss_are_its_own() -> None:
    assert document_text.indexed("x", BODY, ["luck.good", "luck.good"]).factors == ("luck.good",)


@pytest.mark.parametrize(
    ("body", "language"),
    [
        ("", "english"),
        ("Der Speicher war voll und die Karten wurden nicht mehr von den Kassen auf dem Server", "simple"),
        ("データベース接続プールが枯渇した", "simple"),
    ],
)
def test_only_english_is_stemmed(body: str, language: str) -> None:
    assert document_text.indexed("", body).language == language


def test_a_huge_document_is_cut_and_marks_of_excerpts_are_removed() -> None:
    parts = document_text.indexed("t", f"## Lessons\n\n{MARK_START}{'word ' * 40_000}").parts
    assert len(parts[3]) == PART_MAX_CHARS
    assert MARK_START not in parts[3]


def marked(text: str) -> str:
    return text.replace("<", MARK_START).replace(">", MARK_END)


@pytest.mark.parametrize(
    ("excerpt", "places"),
    [
        ("", []),
        ("nothing", []),
        ("the <pool> was", ["Summary", "Action items"]),
        ("<pool> and <limit>", ["Action items"]),
        ("<Cards> <fail>", ["Title", "Root cause"]),
        ("<storung>", ["Impact"]),
        ("<pool> <twice>", ["Summary", "Action items", "Lessons"]),
    ],
)
def test_a_search_names_the_sections_with_its_words(excerpt: str, places: list[str]) -> None:
    assert document_text.places("Cards fail", section_texts(split(BODY)), marked(excerpt)) == places


def test_excerpts_come_in_pieces() -> None:
    assert list(document_text.pieces(marked("a <b> c<d>"))) == [
        ("a ", False),
        ("b", True),
        (" c", False),
        ("d", True),
    ]


@pytest.mark.parametrize(
    ("read", "good", "bad"),
    [
        (list_query.severity_of, {"": None, "SEV1": 1, "sev0": 0, "3": 3}, ["9", "SEV", "one", "-1"]),
        (list_query.year_of, {"": None, "2026": 2026}, ["0", "26", "99999", "1900", "٢٠٢٦", "x"]),
        (
            list_query.factor_of,
            {"": "", "latent.guard": "latent.guard", "x.own": "x.own"},
            ["human_error", "x."],
        ),
        (list_query.state_of, {"": "", "published": "published"}, ["Published", "gone"]),
    ],
)
def test_filters_are_read_or_refused_at_their_field(read, good, bad) -> None:  # type: ignore[no-untyped-def]
    for text, value in good.items():
        assert read(text) == value
    for text in bad:
        with pytest.raises(Invalid) as error:
            read(text)
        assert len(error.value.fields) == 1


def test_an_address_has_only_what_is_chosen() -> None:
    query = PostmortemQuery(q="a b", severity="SEV1")
    assert query.url(tab="due", after=None) == "/post-mortems?q=a+b&severity=SEV1&tab=due"
    assert query.url(severity="") == "/post-mortems?q=a+b"
    assert PostmortemQuery().url() == "/post-mortems"
    assert query.filters == {"severity": "SEV1"}


@pytest.mark.parametrize("cursor", ["", "7", "open:1", "1:0", "-1:1", "999999999999999999:1", "1:1:1", "1:²"])
def test_malformed_positions_are_none(cursor: str) -> None:
    assert list_position.parse(cursor) is None


def test_a_position_is_read_as_it_was_written() -> None:
    place = list_position.parse("1767225600000001:42")
    assert place is not None
    assert str(place) == "1767225600000001:42"
