"""When a task that was typed in a chat is due."""

from datetime import UTC, datetime

import pytest

from firebell.chat.handlers.task_handlers import due_at
from firebell.kit.errors import Invalid

NOW = datetime(2026, 11, 24, 14, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("due", "at"),
    [
        ("", None),
        ("30m", datetime(2026, 11, 24, 14, 30, tzinfo=UTC)),
        ("2H", datetime(2026, 11, 24, 16, 0, tzinfo=UTC)),
        ("3d", datetime(2026, 11, 27, 14, 0, tzinfo=UTC)),
        ("2026-11-30 14:00", datetime(2026, 11, 30, 13, 0, tzinfo=UTC)),
        # a day alone means its end
        ("2026-11-30", datetime(2026, 11, 30, 22, 59, tzinfo=UTC)),
        # only a form can contain these
        (" 2h ", datetime(2026, 11, 24, 16, 0, tzinfo=UTC)),
        ("2026-11-30T14:00-05:00", datetime(2026, 11, 30, 19, 0, tzinfo=UTC)),
    ],
)
def test_a_task_is_due_at_the_time_that_was_typed_where_its_author_is(due: str, at: datetime | None) -> None:
    assert due_at(due, "Europe/Berlin", NOW) == at


@pytest.mark.parametrize(
    ("due", "tz"),
    [
        ("tomorrow", "Europe/Berlin"),
        ("at h", "Europe/Berlin"),
        ("99999999999h", "Europe/Berlin"),
        ("9999-12-31", "America/New_York"),
        ("0001-01-01 00:00", "Europe/Berlin"),
        ("9999-12-31T23:59-12:00", "Europe/Berlin"),
    ],
)
def test_a_task_with_an_invalid_due_time_is_refused(due: str, tz: str) -> None:
    with pytest.raises(Invalid) as refused:
        due_at(due, tz, NOW)
    assert refused.value.fields.keys() == {"due"}
