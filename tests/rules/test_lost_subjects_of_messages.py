"""Messages whose number belongs to something else since a backup was restored, and clocks that were set back."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from firebell.chat.linked_users.chat_context import ChatContext
from firebell.chat.model import Account, AccountState, ChatKind
from firebell.kit.errors import Gone

NOW = datetime(2026, 11, 29, 3, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def context(named_at: datetime) -> ChatContext:
    account = Account(1, ChatKind.SLACK, "T1", "Acme", "socket", "B1", (), AccountState.OK)
    one = ChatContext(account, "U1", "Mara", "C1", None, None, "https://firebell.example.org")
    return replace(one, named_at=named_at, now=NOW)


def test_a_message_about_something_that_was_lost_can_no_longer_be_answered() -> None:
    with pytest.raises(Gone):
        context(NOW - 10 * MINUTE).check_known(NOW - 5 * MINUTE)
    context(NOW - 10 * MINUTE).check_known(NOW - 11 * MINUTE)


def test_what_seems_to_begin_in_the_future_after_the_clock_was_set_back_can_still_be_answered() -> None:
    context(NOW).check_known(NOW + 60 * MINUTE)
