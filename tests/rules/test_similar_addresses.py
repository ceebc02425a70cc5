"""Suggestions for an address that does not exist."""

import pytest

from firebell.similar_addresses import numbers, sections, slugs


@pytest.mark.parametrize(
    ("path", "address"),
    [
        ("/service", "/services"),
        ("/incident/7", "/incidents"),
        ("/on-call", "/oncall"),
        ("/postmortems", "/post-mortems"),
        ("/schedules/payments", "/oncall"),
        ("/policies", "/escalation"),
        ("/Alert", "/alerts"),
    ],
)
def test_the_section_that_was_meant_comes_first(path: str, address: str) -> None:
    assert sections(path)[0] == address


@pytest.mark.parametrize("path", ["/", "", "/zzzz", "/.env", "/wp-login.php", "/決済"])
def test_nothing_is_guessed_where_nothing_is_close(path: str) -> None:
    assert sections(path) == []


def test_a_slug_with_a_typo_is_suggested() -> None:
    known = ["checkout-api", "ledger-db", "search"]
    assert slugs("chekout-api", known) == ["checkout-api"]
    assert slugs("ledger", known) == ["ledger-db"]
    assert slugs("", known) == []


def test_a_number_with_a_digit_too_many_or_two_exchanged_is_found() -> None:
    assert 214 in numbers(2140)
    assert 214 in numbers(241)
    assert numbers(7) == []
    assert all(n > 0 for n in numbers(1000))
