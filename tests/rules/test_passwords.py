"""Which new passwords are accepted, and the reasons of refusals."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firebell.kit.errors import Invalid
from firebell.people.sign_in import password_rules

MARA = ("Mara Lindqvist", "mara.lindqvist@example.org")


def refused(password: str, names: tuple[str, ...] = MARA) -> bool:
    try:
        return password_rules.check(password, names) != password
    except Invalid as error:
        return list(error.fields) == ["password"]


@pytest.mark.parametrize(
    "password",
    [
        *("a quiet night please", "another quiet night", "lanterns over harbor", "correct horse battery"),
        *("T7$kq9!vZp2#", "x" * 6 + "quiet harbor light", "Äpfel und Birnen", "ночной дежурный кот"),
        "gull pebble " * 80,
    ],
)
def test_a_password_that_no_one_guesses_is_accepted(password: str) -> None:
    assert not refused(password)


@pytest.mark.parametrize(
    "password",
    [
        *("", "short", "a quiet one", "x" * 1001),
        *("123456789012", "210987654321", "abcdefghijkl", "zyxwvutsrqponm", "qwertyuiopas", "1234567890123"),
        *("aaaaaaaaaaaa", "abababababab", "111122223333", "abcabcabcabc", "passwordpassword"),
        *("password1234", "Password2024!", "P@ssw0rd2024", "!!!iloveyou!!!", "1q2w3e4r5t6y"),
        *("administrator", "mara lindqvist", "lindqvist2026", "MaraLindqvist!", "firebell demo"),
        *("Firebell2026!", "firebell firebell", "mara.lindqvist@example.org"),
    ],
)
def test_a_password_that_is_guessed_early_is_refused(password: str) -> None:
    assert refused(password)


@pytest.mark.parametrize(("length", "good"), [(11, False), (12, True), (1000, True), (1001, False)])
def test_length_counts_in_characters(length: int, good: bool) -> None:
    assert refused(("ärgerliche Nachtigall über dem Hafen " * 40)[:length]) != good


@given(st.text(max_size=60) | st.text(st.characters(codec=None), max_size=60))
def test_every_text_is_accepted_or_refused_with_a_reason(password: str) -> None:
    refused(password)


def test_the_list_holds_the_most_common_and_no_license() -> None:
    assert len(password_rules.common()) > 10_000
    assert {"123456", "password", "qwertyuiop"} <= password_rules.common()
    assert not [line for line in password_rules.common() if " " in line and len(line) > 30]
