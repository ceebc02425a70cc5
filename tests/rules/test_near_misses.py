"""A near miss is complete, or each field says what is missing (pure)."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from firebell.kit.errors import Invalid
from firebell.postmortems.document.sections import split
from firebell.postmortems.near_misses.model import NearMissReport, cleaned

NOW = datetime(2026, 11, 29, 12, tzinfo=UTC)
REPORT = NearMissReport(
    " Pool of  1,000 ", "No card payments.", "The review.", 1, NOW, "Check it.", ("latent.test",)
)


def test_a_report_is_cleaned_and_becomes_a_document() -> None:
    report = cleaned(replace(REPORT, factors=("latent.test", "latent.test"), service_ids=(3, 3, 1)), NOW)
    assert (report.title, report.factors, report.service_ids) == ("Pool of 1,000", ("latent.test",), (3, 1))
    assert cleaned(report, NOW) == report
    parts = [(part.title, part.text) for part in split(report.body) if part.title]
    assert parts == [
        ("What could have happened", "No card payments."),
        ("What held", "The review."),
        ("What we learn", "Check it."),
    ]


@pytest.mark.parametrize(
    ("changes", "fields"),
    [
        ({"title": " "}, {"title"}),
        ({"title": "x" * 201}, {"title"}),
        ({"could_have": "\x00 "}, {"could_have"}),
        ({"barrier": "", "could_have": ""}, {"barrier", "could_have"}),
        ({"lessons": "x" * 10_001}, {"lessons"}),
        ({"barrier": "ok\n## Another section"}, {"barrier"}),
        ({"potential_severity": 4}, {"potential_severity"}),
        ({"noticed_at": NOW + timedelta(minutes=1)}, {"noticed_at"}),
        ({"noticed_at": datetime(1900, 1, 1, tzinfo=UTC)}, {"noticed_at"}),
        ({"factors": ("human_error",)}, {"factors"}),
        ({"service_ids": tuple(range(30))}, {"services"}),
    ],
)
def test_what_is_wrong_is_said_at_its_field(changes: dict[str, object], fields: set[str]) -> None:
    with pytest.raises(Invalid) as error:
        cleaned(replace(REPORT, **changes), NOW)  # type: ignore[arg-type]
    assert set(error.value.fields) == fields
