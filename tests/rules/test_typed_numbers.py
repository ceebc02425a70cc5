"""Numbers as people type them: a comma before decimals is never taken for one between thousands."""

import pytest

from firebell.incidents.custom_fields.field_kinds import CustomField, FieldKind, stored
from firebell.kit.errors import Invalid
from firebell.kit.text import to_number
from firebell.kit.typed_numbers import without_thousands

NUMBER = CustomField(1, "loss", "Loss", FieldKind.NUMBER)


@pytest.mark.parametrize(("text", "value"), [("4900", 4900), (" 4,900 ", 4900), ("1,234,567", 1234567)])
def test_a_count_may_have_commas_between_thousands(text: str, value: int) -> None:
    assert to_number(without_thousands(text), "customers") == value


@pytest.mark.parametrize("text", ["1,5", "4,90", "4.900", "4 900", "4_900", "1,2345", "٣", "0,123"])
def test_a_count_that_can_mean_another_is_refused(text: str) -> None:
    with pytest.raises(Invalid):
        to_number(without_thousands(text), "customers")


@pytest.mark.parametrize(
    ("text", "value"), [("1,5", "1.5"), ("-1.50", "-1.5"), ("0,125", "0.125"), ("1234", "1234")]
)
def test_a_number_field_takes_either_decimal_sign(text: str, value: str) -> None:
    assert stored(NUMBER, text) == value


@pytest.mark.parametrize(
    "text", ["1,234", "-1,234", "1.234,50", "1,234.50", "1 000", "1_000", "1e3", "٣", "NaN"]
)
def test_a_number_field_refuses_what_can_mean_another_number(text: str) -> None:
    with pytest.raises(ValueError, match="Enter"):
        stored(NUMBER, text)
