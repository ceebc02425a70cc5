"""The search queries of Opsgenie: what they ask for, and why one is refused."""

import contextlib
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firebell.opsgenie.alert_ids import alert_id_of, alert_uuid
from firebell.opsgenie.search_query import All, AnyOf, Node, Not, QueryError, Term, parse

OPEN, URGENT = Term("status", "=", "open"), Term("priority", "=", "P1")
TIME = datetime(2026, 11, 24, 3, 14, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", None),
        ("   ", None),
        ("status: open", OPEN),
        ("STATUS:open", OPEN),
        ("status=open", OPEN),
        ("disk", Term("message", "=", "*disk*")),
        ('"disk full"', Term("message", "=", "*disk full*")),
        ("status: open AND priority: P1", All((OPEN, URGENT))),
        ("status: open priority: P1", All((OPEN, URGENT))),
        ("status: open or priority: P1", AnyOf((OPEN, URGENT))),
        ("NOT status: open", Not(OPEN)),
        (
            "status: open AND (priority: P1 OR NOT tag: db*)",
            All((OPEN, AnyOf((URGENT, Not(Term("tag", "=", "db*")))))),
        ),
        ("priority: (P1 OR P2)", AnyOf((URGENT, Term("priority", "=", "P2")))),
        ('alias: "host/cpu 1"', Term("alias", "=", "host/cpu 1")),
        (r'message: "say \"no\""', Term("message", "=", 'say "no"')),
        ("count >= 3", Term("count", ">=", 3)),
        ("isSeen: false", Term("isseen", "=", False)),
        (f"createdAt < {int(TIME.timestamp() * 1000)}", Term("createdat", "<", TIME)),
        ('updatedAt > "2026-11-24T03:14:00"', Term("updatedat", ">", TIME)),
        ("details.key: region", Term("details.key", "=", "region")),
    ],
)
def test_what_a_query_asks_for(text: str, expected: Node | None) -> None:
    assert parse(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "((((",
        "status: open)",
        "status:",
        "status: open OR",
        "NOT",
        "no_such: x",
        "status > open",
        "count: many",
        "isSeen: perhaps",
        "createdAt: yesterday",
        "createdAt: 999999999999999999",
        '"open',
        ": x",
        "x" * 1001,
        "\x00",
        "(" * 21 + "x" + ")" * 21,
        "NOT " * 22 + "x",
    ],
)
def test_why_a_query_is_refused(text: str) -> None:
    with pytest.raises(QueryError, match=r"\w"):
        parse(text)


@given(st.text(alphabet='statusopen:()"\\<>= *ANDORNOT\x001é', max_size=60))
def test_any_text_is_a_query_or_refused(text: str) -> None:
    with contextlib.suppress(QueryError):
        parse(text)


@given(st.integers(1, 2**48 - 1))
def test_an_id_encodes_the_number_of_an_alert(number: int) -> None:
    assert alert_id_of(alert_uuid(number)) == number


@pytest.mark.parametrize("text", ["", "7", "no-uuid", "00000000-0000-0000-0000-000000000007", "\x00"])
def test_another_text_is_no_id(text: str) -> None:
    assert alert_id_of(text) is None
