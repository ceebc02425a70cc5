"""No two services answer to one name, and a name belongs to the one that had it last."""

import pytest

from firebell.catalog import naming
from firebell.catalog.model import Service
from firebell.catalog.names import ServiceName, TakenNames

# `Payments` was created as Checkout, `foo-bar` as Baz
STORED = (
    ServiceName(1, "Payments", "checkout"),
    ServiceName(2, "foo-bar", "baz"),
    ServiceName(3, "ledger-deleted-3", "ledger-deleted-3"),
)


@pytest.mark.parametrize(
    ("name", "slug", "holder"),
    [
        ("PAYMENTS", "payments", 1),
        ("Checkout", "checkout", 1),
        ("Foo Bar", "foo-bar", 2),
        ("Baz", "baz", 2),
        ("Ledger deleted 3", "ledger-deleted-3", 3),
        ("Shop", "baz", 2),
        ("Shop", "payments", 1),
        ("Ledger", "ledger", None),
    ],
)
def test_a_new_service_takes_the_alerts_of_no_other_one(name: str, slug: str, holder: int | None) -> None:
    found = TakenNames(STORED).holder(ServiceName(9, name, slug))
    assert (found.id if found else None) == holder


@pytest.mark.parametrize(
    ("name", "slug", "reason"),
    [
        ("PAYMENTS", "payments", "PAYMENTS already exists"),
        ("Checkout", "checkout", "address of Payments is checkout"),
        ("Payments!", "payments", "Payments! is too similar to"),
        ("Shop", "payments", "slug payments is too similar to"),
    ],
)
def test_a_refused_name_says_what_it_resembles(name: str, slug: str, reason: str) -> None:
    other = TakenNames(STORED).holder(ServiceName(9, name, slug))
    assert other
    assert reason in naming.refusal(name, slug, other)


def test_a_service_keeps_its_own_name() -> None:
    assert all(TakenNames(STORED).holder(each) is None for each in STORED)
    assert TakenNames(STORED).holder(ServiceName(1, "Checkout", "checkout")) is None


def test_a_name_that_a_service_takes_is_no_longer_an_earlier_name_of_others() -> None:
    def service(id_: int, *earlier: str) -> Service:
        return Service(id_, f"S{id_}", f"s{id_}", 1, None, "", "", earlier_names=earlier)

    changed = naming.losing([service(1, "ledger", "books"), service(2, "ledger"), service(3)], {"Ledger": 2})
    assert {each.id: each.earlier_names for each in changed} == {1: ("books",)}
