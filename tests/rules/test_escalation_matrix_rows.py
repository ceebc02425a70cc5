"""The rows of the escalation matrix are data, and a step of it can post in a channel of a chat (spec 4.2)."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from firebell.kit.errors import Invalid
from firebell.response import document, plan, toml_text
from firebell.response.defaults import SHIPPED
from firebell.response.matrix_rows_web import edited_rows
from firebell.response.model import (
    SHIPPED_ROWS,
    Function,
    How,
    MatrixRow,
    MatrixStep,
    ResponseFacts,
    ResponseSettings,
)

NOW = datetime(2026, 11, 24, 10, 0, tzinfo=UTC)
FINANCE = MatrixRow("finance", "Finance")
POST = MatrixStep(30, "finance", How.POST, "channel:1/C024BE91L")


def with_finance() -> ResponseSettings:
    """Return the shipped settings with a row Finance on top, whose only step of a SEV1 posts in a channel."""
    settings = document.with_rows(SHIPPED, [FINANCE, *SHIPPED_ROWS])
    one = settings.severities[1]
    return document.with_severity(settings, 1, replace(one, matrix=(*one.matrix, POST)))


def test_rows_and_posts_survive_the_api_and_toml() -> None:
    # a document has the steps of a severity in order of time
    values = document.to_document(document.from_document(document.to_document(with_finance())))
    for stored in (values, toml_text.load(toml_text.dump(values))):
        again = document.from_document(stored)
        assert again.rows == (FINANCE, *SHIPPED_ROWS)
        assert POST in again.severities[1].matrix
        assert document.to_document(again) == values
    del values["rows"]
    values["severities"].pop("SEV1")
    assert document.from_document(values).rows == SHIPPED_ROWS


def test_a_step_that_posts_is_planned_like_every_other_step() -> None:
    facts = ResponseFacts(severity=1, declared_at=NOW, since=NOW)
    (step,) = [s for s in plan.steps(with_finance(), facts) if s.how is How.POST]
    assert (step.at, step.ask_at) == (NOW + timedelta(minutes=30), NOW + timedelta(minutes=25))
    assert plan.function_name(with_finance(), step) == "Finance"


def test_a_row_that_is_removed_takes_its_steps_with_it_and_the_change_is_shown() -> None:
    before = with_finance()
    after = document.with_rows(before, [row for row in before.rows if row.key not in ("finance", "legal")])
    assert all(s.function not in ("finance", "legal") for one in after.severities for s in one.matrix)
    document.from_document(document.to_document(after))
    lines = document.changes(before, after, str)
    assert "Matrix removes the row Finance" in lines
    assert "SEV1 removes: post in channel:1/C024BE91L at 30 min (Finance)" in lines
    shipped = document.from_document({"rows": [{"key": "finance", "name": "Finance"}]})
    assert all(one.matrix == () for one in shipped.severities)


@pytest.mark.parametrize(
    ("do", "keys"),
    [
        ("save", ["command", "legal"]),
        ("up.legal", ["legal", "command"]),
        ("up.command", ["command", "legal"]),
        ("remove.command", ["legal"]),
        ("add", ["command", "legal", "legal_2"]),
    ],
)
def test_a_button_of_the_form_keeps_the_names_that_were_typed(do: str, keys: list[str]) -> None:
    rows = [MatrixRow("command", "Chain"), MatrixRow("legal", "Legal")]
    edited = edited_rows(rows, {"do": do, "name.legal": "Counsel", "new_name": "Legal"})
    assert [row.key for row in edited] == keys
    assert "Counsel" in [row.name for row in edited]


@pytest.mark.parametrize(
    ("field", "rows"),
    [
        ("rows", []),
        ("rows", [{"key": f"r{i}", "name": f"R{i}"} for i in range(21)]),
        ("rows.0.key", [{"key": "Not a key", "name": "Legal"}]),
        ("rows.0.name", [{"key": "legal", "name": " "}]),
        ("rows.0.name", [{"key": "legal", "name": "x" * 61}]),
        ("rows.1.key", [{"key": "legal", "name": "Legal"}, {"key": "legal", "name": "Counsel"}]),
        ("rows.1.name", [{"key": "legal", "name": "Legal"}, {"key": "counsel", "name": "LEGAL"}]),
        ("rows.0.colour", [{"key": "legal", "name": "Legal", "colour": "red"}]),
    ],
)
def test_a_bad_row_is_refused_at_its_field(field: str, rows: list[dict[str, str]]) -> None:
    with pytest.raises(Invalid) as refused:
        document.from_document({"rows": rows})
    assert set(refused.value.fields) == {field}


@pytest.mark.parametrize(
    ("how", "who", "function", "field"),
    [
        ("post", "legal", "legal", "who"),
        ("post", "channel:", "legal", "who"),
        ("page", "channel:1/C024BE91L", "legal", "who"),
        ("page", "legal", "finance", "function"),
    ],
)
def test_a_step_posts_in_a_channel_and_names_a_row_that_exists(
    how: str, who: str, function: str, field: str
) -> None:
    step = {"after": 5, "function": function, "how": how, "who": who}
    with pytest.raises(Invalid) as refused:
        document.from_document({"severities": {"SEV1": {"matrix": [step]}}})
    assert set(refused.value.fields) == {f"severities.SEV1.matrix.0.{field}"}


def test_a_key_is_made_of_any_name() -> None:
    assert document.new_row_key("Customer success", []) == "customer_success"
    assert document.new_row_key("法务", ["row"]) == "row_2"
    assert document.ROW_KEY.fullmatch(document.new_row_key("Ä" * 80, []))
    assert Function.SECURITY in {row.key for row in SHIPPED_ROWS}
