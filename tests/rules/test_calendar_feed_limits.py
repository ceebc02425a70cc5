"""Rate limits of feeds: calendar apps never reach them, loops and guesses do."""

from datetime import UTC, datetime, timedelta

import pytest

from firebell.kit.errors import Gone, NotFound, TooMany
from firebell.kit.rate_limit import SlidingWindow
from firebell.oncall.calendars.feed_limits import (
    MAX_READS_PER_FEED,
    MAX_UNKNOWN_TOKENS_PER_ADDRESS,
    WINDOW,
    FeedLimiter,
)

NOW = datetime(2026, 11, 24, 3, 14, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def guess(limit: FeedLimiter, number: int, address: str, now: datetime = NOW) -> None:
    """Read an address that never was one."""
    with pytest.raises(NotFound), limit.read(b"guess %d" % number, address, now):
        raise NotFound("nothing")


def test_sixty_apps_that_poll_one_feed_every_minute_never_notice() -> None:
    limit = FeedLimiter()
    for minute in range(60):
        for _ in range(60):
            with limit.read(b"feed", "office", NOW + minute * MINUTE):
                pass


def test_a_loop_is_refused_until_its_oldest_read_is_five_minutes_old() -> None:
    limit = FeedLimiter()
    for number in range(MAX_READS_PER_FEED):
        with limit.read(b"feed", "loop", NOW + timedelta(milliseconds=number)):
            pass
    with pytest.raises(TooMany) as refused, limit.read(b"feed", "elsewhere", NOW + MINUTE):
        pass
    assert refused.value.retry_after == 240
    with limit.read(b"feed", "loop", NOW + WINDOW):
        pass


def test_guesses_count_for_their_address_and_ended_feeds_do_not() -> None:
    limit = FeedLimiter()
    with limit.read(b"feed", "office", NOW):
        pass
    for _ in range(MAX_UNKNOWN_TOKENS_PER_ADDRESS * 2):
        with pytest.raises(Gone), limit.read(b"ended", "office", NOW):
            raise Gone("ended")
    for number in range(MAX_UNKNOWN_TOKENS_PER_ADDRESS):
        guess(limit, number, "office")
    for token in (b"guess", b"new"):
        with pytest.raises(TooMany), limit.read(token, "office", NOW):
            pass
    with limit.read(b"feed", "office", NOW):
        pass
    guess(limit, 0, "elsewhere")
    with limit.read(b"new", "office", NOW + WINDOW):
        pass


def test_an_unavailable_database_counts_no_reader_as_a_guesser() -> None:
    limit = FeedLimiter()
    for _ in range(MAX_UNKNOWN_TOKENS_PER_ADDRESS):
        with pytest.raises(OSError, match="away"), limit.read(b"feed", "office", NOW):
            raise OSError("away")
    for number in range(MAX_UNKNOWN_TOKENS_PER_ADDRESS):
        guess(limit, number, "office")
    with pytest.raises(TooMany), limit.read(b"feed", "office", NOW):
        pass


def test_a_name_whose_counts_are_all_old_is_forgotten() -> None:
    recently = SlidingWindow(WINDOW)
    recently.count("a", NOW)
    recently.check("a", 1, NOW + WINDOW, "x")
    recently.check("b", 1, NOW + 2 * WINDOW, "x")
    assert (len(recently), recently.forget("a")) == (0, 0)
