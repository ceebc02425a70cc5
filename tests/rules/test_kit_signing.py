"""Signed links: only what was signed here, for this purpose, until it expires."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firebell.kit.errors import Invalid
from firebell.kit.signing import Signer

NOW = datetime(2026, 11, 24, 3, 14, tzinfo=UTC)
SIGNER = Signer(b"k" * 32)


def test_a_signed_value_comes_back() -> None:
    token = SIGNER.sign("ack", {"page": 7}, NOW + timedelta(hours=1))
    assert SIGNER.open("ack", token, NOW) == {"page": 7}


def test_it_is_void_for_another_purpose_and_after_its_hour() -> None:
    token = SIGNER.sign("ack", {"page": 7}, NOW + timedelta(hours=1))
    with pytest.raises(Invalid, match="not made here"):
        SIGNER.open("resolve", token, NOW)
    with pytest.raises(Invalid, match="expired"):
        SIGNER.open("ack", token, NOW + timedelta(hours=1))


@given(st.text(max_size=80))
def test_arbitrary_text_is_refused_and_never_crashes(token: str) -> None:
    with pytest.raises(Invalid):
        SIGNER.open("ack", token, NOW)
