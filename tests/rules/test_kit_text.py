"""Names, free text and the addresses made from names."""

import re
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firebell.alerts import cleaning
from firebell.kit.errors import Invalid, NotFound
from firebell.kit.references import parse_ref
from firebell.kit.text import clean_name, clean_text, slugify, times, to_id

WILD = st.text() | st.text(st.characters(codec=None), max_size=20) | st.text("a \u0301\u200c\u200d\u202e")


def test_how_often_is_once_or_a_number_of_times() -> None:
    assert [times(number) for number in (0, 1, 2)] == ["0 times", "once", "2 times"]


@given(WILD)
def test_a_name_is_one_clean_line_or_refused(value: str) -> None:
    try:
        cleaned = clean_name(value, "name")
    except Invalid:
        return
    assert 1 <= len(cleaned) <= 120
    assert cleaned == " ".join(cleaned.split())
    assert all(unicodedata.category(c)[0] != "C" or c in "\u200c\u200d" for c in cleaned)
    assert not {cleaned[0], cleaned[-1]} & {"\u200c", "\u200d"}
    assert clean_name(cleaned, "name") == cleaned
    cleaned.encode()


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("می\u200cخواهم", "می\u200cخواهم"),
        ("👩\u200d💻 on call", "👩\u200d💻 on call"),
        ("\u200cAda\u200d Lovelace\u200c", "Ada Lovelace"),
        ("می\u200c\u200c\u200dخواهم", "می\u200cخواهم"),
        ("Ada\u202egro.elpmaxe\u202c", "Ada gro.elpmaxe"),
        ("Ada\u2066\u200b\ufeffLovelace", "Ada Lovelace"),
    ],
)
def test_bug_a_persian_name_was_altered(typed: str, kept: str) -> None:
    assert clean_name(typed, "name") == kept


@pytest.mark.parametrize("text", ["\u200c", " \u200d\u200c ", "\u202e"])
def test_a_name_of_invisible_characters_is_empty(text: str) -> None:
    with pytest.raises(Invalid):
        clean_name(text, "name")


@given(WILD, st.integers(1, 50))
def test_free_text_can_always_be_stored_and_is_refused_before_it_is_cut(value: str, limit: int) -> None:
    cleaned = clean_text(value, 10_000)
    if len(cleaned) > limit:
        with pytest.raises(Invalid) as refused:
            clean_text(value, limit, "reason")
        assert set(refused.value.fields) == {"reason"}
    else:
        assert clean_text(value, limit) == cleaned
    assert clean_text(cleaned, 10_000) == cleaned
    assert unicodedata.is_normalized("NFC", cleaned)
    assert not any(unicodedata.category(c) in ("Cc", "Cs") and c not in "\n\t" for c in cleaned)
    cleaned.encode()


def test_free_text_keeps_its_lines_whatever_system_wrote_them() -> None:
    assert clean_text("one\r\ntwo\rthree\n", 100) == "one\ntwo\nthree"


@given(WILD)
def test_a_slug_is_a_short_address_and_stays_itself(value: str) -> None:
    slug = slugify(value)
    assert re.fullmatch(r"[\w-]{1,60}", slug)
    assert slugify(slug) == slug


@pytest.mark.parametrize(
    ("name", "slug"),
    [
        ("Payments & Checkout", "payments-checkout"),
        ("Größe", "grosse"),
        ("Île-de-France", "ile-de-france"),
        ("支払い", "支払い"),
        ("한국", "한국"),
        ("!!!", "x"),
        ("../../etc", "etc"),
    ],
)
def test_slugs(name: str, slug: str) -> None:
    assert slugify(name) == slug


@given(WILD)
def test_a_reference_is_a_number_or_not_found(ref: str) -> None:
    try:
        number = parse_ref("PG", ref)
    except NotFound:
        return
    assert 0 <= number < 10**18


@given(st.integers(0, 10**18 - 1))
def test_every_way_to_write_a_reference_is_read(page: int) -> None:
    assert {parse_ref("PG", f"{p}{page}") for p in ("PG-", "pg-", "", " PG-")} == {page}


@pytest.mark.parametrize("value", ["", "x", "-1", "1.5", "٣", "9" * 19, None])
def test_a_field_that_names_no_id_is_none(value: object) -> None:
    assert to_id(value) is None


BIDI_CONTROLS = "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"


def test_bug_a_title_turned_the_text_after_it_around() -> None:
    sent = f"{BIDI_CONTROLS}Refund of \u202e100\u202c failed: \u200fتم"
    assert clean_text(sent, 100) == "Refund of 100 failed: \u200fتم"
    assert cleaning.line(sent) == cleaning.text(sent) == "Refund of 100 failed: \u200fتم"
    assert cleaning.mapping({f"a{BIDI_CONTROLS}": f"b{BIDI_CONTROLS}"}) == {"a": "b"}


def test_keys_that_differ_in_an_invisible_character_stay_two_alerts() -> None:
    assert cleaning.dedup_key("disk\u202e", "") != cleaning.dedup_key("disk", "")


def test_bug_names_that_differ_after_sixty_characters_conflicted() -> None:
    same = "a service with a name that is much longer than sixty characters "
    one, other = slugify(same + "in Stockholm"), slugify(same + "in Gothenburg")
    assert one != other
    assert slugify(same.upper() + "IN STOCKHOLM") == one
    assert one[:50] == other[:50] == same.replace(" ", "-")[:50]
    assert {len(one), len(other)} <= set(range(61))
    assert (slugify(one), slugify(other)) == (one, other)
