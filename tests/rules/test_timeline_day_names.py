"""The name of a day in a timeline: in the reader's time zone, with the year if needed."""

from datetime import UTC, datetime

import pytest

from firebell.kit.localtime import day_name
from firebell.kit.markdown import to_html

NOW = datetime(2026, 1, 2, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("at", "tz", "name"),
    [
        (NOW, "UTC", "Today"),
        (datetime(2026, 1, 1, 23, 59, tzinfo=UTC), "UTC", "Yesterday"),
        (datetime(2026, 1, 1, 23, 59, tzinfo=UTC), "Europe/Stockholm", "Today"),
        (datetime(2025, 12, 31, 23, 59, tzinfo=UTC), "UTC", "Wednesday 31 December 2025"),
        (datetime(2026, 1, 3, 0, 0, tzinfo=UTC), "UTC", "Saturday 3 January"),
    ],
)
def test_a_day_is_named_in_the_zone_of_its_reader(at: datetime, tz: str, name: str) -> None:
    assert day_name(at, tz, NOW) == name


def test_a_table_has_no_empty_header_and_its_instants_do_not_wrap() -> None:
    html = to_html("|  | Who |\n| --- | --- |\n| 2026-11-27 21:02 | Mara |\n")
    assert "<th></th>" not in html
    assert "<td></td>" in html
    assert "<td><time>2026-11-27 21:02</time></td>" in html
