"""The token of a form differs in every response and still belongs to one session alone."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firebell.kit.signing import random_token
from firebell.kit.web import csrf


@given(st.text(st.characters(min_codepoint=32, max_codepoint=126), min_size=1, max_size=60))
def test_a_masked_token_is_accepted_for_its_session_and_no_other(token: str) -> None:
    masked = csrf.mask(token)
    assert csrf.matches(masked, token)
    assert not csrf.matches(masked, token + "x")
    assert not csrf.matches(masked, "")


def test_no_two_responses_carry_the_same_token() -> None:
    token = random_token(18)
    masked = [csrf.mask(token) for _ in range(100)]
    assert len(set(masked)) == 100
    assert not [each for each in masked if token[:6] in each]


def test_a_page_that_was_open_before_an_upgrade_can_still_be_sent() -> None:
    token = random_token(18)
    assert csrf.matches(token, token)


@pytest.mark.parametrize("given_token", ["", None, 7, "é", "====", "AAA", "A" * 64, b"bytes"])
def test_invalid_tokens_are_refused(given_token: object) -> None:
    assert not csrf.matches(given_token, random_token(18))
    assert not csrf.matches(given_token, "")
