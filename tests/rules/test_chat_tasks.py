"""When a task that was typed in a chat is due."""

from datetime import UTC, datetime

import pytest

from firebell.chat.handlers.task_handlers import due_at

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
    ],
)
def test_a_task_is_due_at_the_time_that_was_typed_where_its_author_is(due: str, at: datetime | None) -> None:
    assert due_at(due, "Europe/Berlin", NOW) == at
