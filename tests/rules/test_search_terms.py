"""Search: any query becomes prefixes; titles are ranked and matches marked."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firebell.kit.search_terms import LONGEST_QUERY, MOST_WORDS, parse

ODD = (
    *("", " ", "%", "'", '"', "\\", "a\x00b", "'; drop table page; --", "!!! ??? ...", "(&|!)<->:*"),
    *("x" * 10_000, "שלום עולם", "\u202eabc", "\ud800", "👩\u200d🚒", "١٢٣"),
)


@pytest.mark.parametrize(
    ("query", "text"),
    [
        ("jun", "Jun Okafor"),
        ("okafor jun", "Jun Okafor"),
        ("OKA", "Jun Okafor"),
        ("tomas", "Tomás Rivera"),
        ("Tomás", "Tomas Rivera"),
        ("soren", "Søren"),
        ("strauss", "Strauß"),
        ("on-call", "Primary on call"),
        ("api search", "search_api.internal"),
        ("5xx", "checkout: 5xx above 5 %"),
        ("шлюз", "Платёжный ШЛЮЗ"),
    ],
)
def test_a_word_is_found_by_its_beginning_in_any_order_and_spelling(query: str, text: str) -> None:
    assert parse(query).match(text)


@pytest.mark.parametrize(
    ("query", "text"), [("unx", "Jun"), ("un", "Jun"), ("jun x", "Jun Okafor"), ("", "Jun")]
)
def test_a_word_is_not_found_by_its_middle_or_when_another_is_missing(query: str, text: str) -> None:
    assert not parse(query).match(text)


@pytest.mark.parametrize(
    ("query", "reference"),
    [
        *((text, ("INC", 5)) for text in ("INC-5", "inc-5", "inc 5", "inc5", " INC-5 ")),
        ("PG-12", ("PG", 12)),
        ("12", ("", 12)),
        ("INC-5 x", None),
        ("INC-", None),
        ("9" * 19, None),
    ],
)
def test_an_identifier_is_recognized_as_people_write_it(
    query: str, reference: tuple[str, int] | None
) -> None:
    assert parse(query).reference == reference


@pytest.mark.parametrize("query", ODD)
def test_nothing_that_can_be_typed_is_an_error(query: str) -> None:
    terms = parse(query)
    assert len(terms.text) <= LONGEST_QUERY
    assert len(terms.words) <= MOST_WORDS
    assert not set("'\\\x00") & set("".join(terms.words))


@given(st.text(), st.text())
def test_marked_pieces_are_the_text_itself(query: str, text: str) -> None:
    assert "".join(piece for piece, _ in parse(query).pieces(text)) == text


def test_what_matched_is_marked_in_the_spelling_of_the_text() -> None:
    assert list(parse("tom riv").pieces("Tómas Rivera")) == [
        ("Tóm", True),
        ("as ", False),
        ("Riv", True),
        ("era", False),
    ]


def test_a_title_that_is_the_query_comes_before_one_that_begins_with_it_or_has_it() -> None:
    titles = ["Payments", "Payments gateway", "Card payments", "Checkout"]
    assert [parse("payments").rank(title) for title in titles] == [0, 1, 2, 3]
