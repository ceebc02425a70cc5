"""Addresses, zones, roles and scopes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firebell.kit.errors import FirebellError, Invalid
from firebell.people import rules
from firebell.people.model import SCOPES, Channel

WILD = st.text() | st.text(st.characters(codec=None), max_size=30)


@given(WILD)
def test_an_address_is_storable_or_refused(value: str) -> None:
    for kind in Channel:
        try:
            found = rules.check_address(kind, value)
        except Invalid:
            continue
        assert found.isprintable()
        assert found == found.strip()
        assert rules.check_address(kind, found) == found


@pytest.mark.parametrize("value", ["Mara@Example.org", " mara@example.org ", "mara+oncall@example.org"])
def test_a_mail_address_is_kept_in_lower_case(value: str) -> None:
    assert rules.clean_email(value) == value.strip().lower()


@pytest.mark.parametrize(
    "value", ["", "mara", "@example.org", "a@b@c.org", "a b@c.org", "a\x00b@c.org", "a" * 250 + "@b.org"]
)
def test_what_is_no_mail_address_is_refused(value: str) -> None:
    with pytest.raises(Invalid):
        rules.clean_email(value)


@given(st.lists(st.sampled_from([*SCOPES, "everything"]), max_size=6))
def test_scopes_are_known_sorted_and_never_none(scopes: list[str]) -> None:
    if scopes and "everything" not in scopes:
        assert rules.check_scopes(scopes) == sorted(set(scopes))
    else:
        with pytest.raises(Invalid):
            rules.check_scopes(scopes)


@pytest.mark.parametrize("value", ["Europe/Berlin", "UTC", "Asia/Kathmandu"])
def test_a_zone_is_known(value: str) -> None:
    assert rules.check_zone(value) == value


@pytest.mark.parametrize("value", ["", "Berlin", "../etc/passwd", "Europe/Berlin\x00", "/usr"])
def test_an_unknown_zone_or_role_is_refused(value: str) -> None:
    with pytest.raises(FirebellError):
        rules.check_zone(value)
    with pytest.raises(FirebellError):
        rules.check_role(value)
