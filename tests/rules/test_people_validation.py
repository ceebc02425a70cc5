"""Addresses, zones, roles and scopes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firebell.channels.registry import CHANNELS
from firebell.kit.errors import FirebellError, Invalid
from firebell.people import validation
from firebell.people.model import SCOPES

WILD = st.text() | st.text(st.characters(codec=None), max_size=30)


@given(WILD)
def test_an_address_is_storable_or_refused(value: str) -> None:
    for kind in CHANNELS:
        try:
            address = validation.check_address(kind, value)
        except Invalid:
            continue
        assert address.isprintable()
        assert address == address.strip()
        assert validation.check_address(kind, address) == address


@pytest.mark.parametrize("value", ["Mara@Example.org", " mara@example.org ", "mara+oncall@example.org"])
def test_a_mail_address_is_kept_in_lower_case(value: str) -> None:
    assert validation.clean_email(value) == value.strip().lower()


@pytest.mark.parametrize(
    "value",
    [
        "",
        "mara",
        "@example.org",
        "a@b@c.org",
        "a b@c.org",
        "a\x00b@c.org",
        "a" * 250 + "@b.org",
        "a@\u0378.org",
    ],
)
def test_invalid_email_addresses_are_refused(value: str) -> None:
    with pytest.raises(Invalid):
        validation.clean_email(value)


@given(st.lists(st.sampled_from([*SCOPES, "everything"]), max_size=6))
def test_scopes_are_known_sorted_and_never_none(scopes: list[str]) -> None:
    if scopes and "everything" not in scopes:
        assert validation.check_scopes(scopes) == sorted(set(scopes))
    else:
        with pytest.raises(Invalid):
            validation.check_scopes(scopes)


@pytest.mark.parametrize("value", ["Europe/Berlin", "UTC", "Asia/Kathmandu"])
def test_a_zone_is_known(value: str) -> None:
    assert validation.check_zone(value) == value


@pytest.mark.parametrize("value", ["", "Berlin", "../etc/passwd", "Europe/Berlin\x00", "/usr"])
def test_an_unknown_zone_or_role_is_refused(value: str) -> None:
    with pytest.raises(FirebellError):
        validation.check_zone(value)
    with pytest.raises(FirebellError):
        validation.check_role(value)


@pytest.mark.parametrize(
    ("kind", "address"),
    [
        *(
            ("email", a)
            for a in ("a;b@example.org", "x,bob@example.org", "Mara <a@example.org>", '"a"@b.org')
        ),
        *(
            ("ntfy", a)
            for a in ("https://ntfy.sh/mara?auth=dG9r", "https://ntfy.sh/mara#x", "https://ntfy.sh/")
        ),
        *(
            ("ntfy", a)
            for a in ("https://ntfy.sh", "https://ntfy.sh/a/b", "mara phone", "a" * 65, "mära", "docs")
        ),
        *(("ntfy", a) for a in ("https://tk_x@ntfy.sh/mara", "https://ntfy.sh/mara%20x", "")),
        *(("webhook", a) for a in ("https://h.example.org/x#y", "https://u:p@h.example.org/x", "ftp://h/x")),
    ],
)
def test_what_would_not_be_used_as_it_is_typed_is_refused_at_the_field(kind: str, address: str) -> None:
    with pytest.raises(Invalid) as refused:
        validation.check_address(kind, address)
    assert set(refused.value.fields) == {"address"}


@pytest.mark.parametrize(
    ("kind", "address", "kept"),
    [
        ("ntfy", " firebell-mara-7f3a ", "firebell-mara-7f3a"),
        ("ntfy", "https://ntfy.example.org:8443/mara/", "https://ntfy.example.org:8443/mara"),
        ("webhook", "https://h.example.org/x?token=1", "https://h.example.org/x?token=1"),
        ("email", "Mara+On.Call@Example.org", "mara+on.call@example.org"),
    ],
)
def test_what_is_used_is_kept_in_one_spelling(kind: str, address: str, kept: str) -> None:
    assert validation.check_address(kind, address) == kept


@pytest.mark.parametrize(
    ("kind", "address", "shown"),
    [
        ("ntfy", "mara", "…"),
        ("ntfy", "firebell-mara-7f3a", "…7f3a"),
        ("webhook", "https://h.example.org/x?token=12345678", "https://h.example.org/…5678"),
        ("email", "mara@example.org", "mara@example.org"),
    ],
)
def test_a_short_topic_is_not_given_away_by_its_last_characters(kind: str, address: str, shown: str) -> None:
    assert validation.mask_address(kind, address) == shown
