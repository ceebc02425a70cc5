"""Sealed secrets are read only where they belong, and never without the installation's secret."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firebell.kit.errors import Invalid
from firebell.kit.secret_encryption import Sealer

SEALER = Sealer(b"s" * 32, "chat.account")


@given(st.binary(max_size=200))
def test_a_sealed_value_is_opened_as_it_was_and_hidden_in_between(value: bytes) -> None:
    sealed = SEALER.seal(value, "slack/T1")

    assert SEALER.open(sealed, "slack/T1") == value
    assert SEALER.seal(value, "slack/T1") != sealed
    if len(value) > 4:
        assert value not in sealed


@pytest.mark.parametrize(
    ("sealer", "context"),
    [
        (SEALER, "slack/T2"),
        (Sealer(b"t" * 32, "chat.account"), "slack/T1"),
        (Sealer(b"s" * 32, "another purpose"), "slack/T1"),
    ],
)
def test_it_is_not_opened_for_anything_else(sealer: Sealer, context: str) -> None:
    with pytest.raises(Invalid):
        sealer.open(SEALER.seal(b"xoxb-1", "slack/T1"), context)


def test_a_changed_byte_is_noticed() -> None:
    sealed = bytearray(SEALER.seal(b"xoxb-1", "slack/T1"))
    sealed[-1] ^= 1
    with pytest.raises(Invalid):
        SEALER.open(bytes(sealed), "slack/T1")
