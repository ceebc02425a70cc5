"""Signed links: valid only if signed here, for this purpose, until they expire."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firebell.kit.errors import Invalid
from firebell.kit.signing import Signer
from firebell.people.sign_in import links as sign_in_links

NOW = datetime(2026, 11, 24, 3, 14, tzinfo=UTC)
SIGNER = Signer(b"k" * 32)
ALPHABET = st.characters(codec=None)


def test_a_signed_value_comes_back() -> None:
    token = SIGNER.sign("ack", {"page": 7}, NOW + timedelta(hours=1))
    assert SIGNER.open("ack", token, NOW) == {"page": 7}


def test_it_is_void_for_another_purpose_and_after_its_hour() -> None:
    token = SIGNER.sign("ack", {"page": 7}, NOW + timedelta(hours=1))
    with pytest.raises(Invalid, match="isn’t valid"):
        SIGNER.open("resolve", token, NOW)
    with pytest.raises(Invalid, match="isn’t valid"):
        Signer(b"another" * 5).open("ack", token, NOW)
    with pytest.raises(Invalid, match="expired"):
        SIGNER.open("ack", token, NOW + timedelta(hours=1))


@given(st.text(ALPHABET, max_size=80))
def test_arbitrary_text_is_refused_and_never_crashes(token: str) -> None:
    with pytest.raises(Invalid):
        SIGNER.open("ack", token, NOW)


@given(st.integers(0, 200), ALPHABET, st.sampled_from(["replace", "insert", "drop"]))
def test_a_token_has_one_spelling(place: int, letter: str, how: str) -> None:
    token = SIGNER.sign("ack", {"page": 7, "person": 1}, NOW + timedelta(hours=1))
    at = place % (len(token) + (how == "insert"))
    changed = token[:at] + ("" if how == "drop" else letter) + token[at + (how != "insert") :]
    if changed != token:
        with pytest.raises(Invalid, match="isn’t valid"):
            SIGNER.open("ack", changed, NOW)


@given(st.binary(), st.binary())
def test_a_digest_names_one_body_for_one_purpose(one: bytes, other: bytes) -> None:
    assert (SIGNER.digest("webhook", one) == SIGNER.digest("webhook", other)) == (one == other)
    assert SIGNER.digest("webhook", one) != SIGNER.digest("mail", one)


def welcome_token(person: int, password_hash: str | None) -> str:
    return sign_in_links.link(SIGNER, person, password_hash, NOW).removeprefix("/welcome/")


def test_a_welcome_link_works_until_a_password_is_chosen() -> None:
    token = welcome_token(7, None)
    link = sign_in_links.read(SIGNER, token, NOW)
    assert (link.person_id, link.made_at) == (7, NOW)
    sign_in_links.check(link, None)
    with pytest.raises(Invalid, match="already been used"):
        sign_in_links.check(link, "$argon2id$chosen")


def test_a_welcome_link_ends_after_three_days_and_an_ack_link_is_none() -> None:
    with pytest.raises(Invalid, match="expired"):
        sign_in_links.read(SIGNER, welcome_token(7, None), NOW + sign_in_links.LIFETIME)
    ack = SIGNER.sign("ack", {"person": 7, "stamp": ""}, NOW + timedelta(hours=1))
    with pytest.raises(Invalid, match="isn’t valid"):
        sign_in_links.read(SIGNER, ack, NOW)
