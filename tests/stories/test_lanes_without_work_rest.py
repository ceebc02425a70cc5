"""Story: an installation without chats and calendars asks its database next to nothing about them."""

from collections import Counter
from datetime import datetime
from typing import Any

import pytest

from firebell.chat.mirror_worker import ChatMirror
from firebell.chat.slack.inbound_worker import Inbox
from firebell.kit.clock import FakeClock
from firebell.notify.sender import Sender
from firebell.oncall.calendars.fetcher import Fetcher
from firebell.worker import UNUSED_POLLS
from tests.stories.test_simulated_hours_of_the_worker import HOUR, POLL, simulation


async def test_lanes_that_nothing_is_set_up_for_poll_rarely(
    dsn: str, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs: Counter[str] = Counter()
    for part in (Sender, Fetcher, ChatMirror, Inbox):
        run_once = part.run_once

        async def counted(self: Any, now: datetime, run_once: Any = run_once) -> int:
            runs[type(self).__name__] += 1
            return int(await run_once(self, now))

        monkeypatch.setattr(part, "run_once", counted)
    async with simulation(dsn, clock) as simulated:
        runs.clear()
        polls = UNUSED_POLLS - 2
        await simulated.after(hours=polls * (POLL / HOUR))
        assert runs["Sender"] >= polls - 1
        assert [runs[part.__name__] for part in (Fetcher, ChatMirror, Inbox)] == [0, 0, 0]
        async with simulated.w.ctx.db.tx() as tx:
            await tx.wake("chat")
            await tx.wake("calendars")
        await simulated.after(seconds=1)
        assert (runs["ChatMirror"], runs["Fetcher"]) == (1, 1), "what is set up is noticed at once"
