"""A disk that is full delays mails to subscribers, and uses up none of their attempts."""

import errno
from pathlib import Path

import pytest

from firebell.kit.clock import FakeClock
from firebell.subscribers.deliveries.retries import MAIL_RETRIES
from firebell.subscribers.sending import lanes
from firebell.subscribers.sending.journal import Journal
from tests.stories.test_subscribers_of_a_status_page import link_of, town


@pytest.mark.parametrize("name", ["begin", "end"])
async def test_mails_wait_for_a_full_disk_and_each_arrives_once(
    dsn: str, clock: FakeClock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    async with town(dsn, clock, tmp_path) as t:
        csv = "address\r\n" + "".join(f"c{i}@d{i}.example\r\n" for i in range(6))
        await t.api("POST", "/status-pages/kestrel/subscribers/import", {"csv": csv})
        await t.w.settle()
        for confirm in list(t.relay.mails):
            await t.http.post(link_of(confirm), data={"do": "confirm"})
        t.relay.mails.clear()

        def full(*_: object) -> None:
            raise OSError(errno.ENOSPC, "No space left on device")

        async def send() -> None:
            """Send as a process that has just started, which does not wait for the pause of another one."""
            lane = lanes.lanes(t.w.ctx)["subscriber_mail"]
            while await lane.run_once(t.w.now):
                pass

        monkeypatch.setattr(Journal, name, full)
        await t.publish("One.")
        await t.w.settle()
        [shown] = await t.api("GET", "/status-pages/kestrel/broadcasts")
        assert (shown["sent"], shown["waiting"]) == ((0, 6) if name == "begin" else (6, 0))
        # more often than a mail is tried
        for _ in range(len(MAIL_RETRIES) + 1):
            await send()
        assert len(t.relay.mails) == (0 if name == "begin" else 6)
        monkeypatch.undo()
        # an attempt that counted would be repeated only minutes later
        await send()
        assert sorted(mail["To"] for mail in t.relay.mails) == [f"c{i}@d{i}.example" for i in range(6)]
        [shown] = await t.api("GET", "/status-pages/kestrel/broadcasts")
        assert (shown["sent"], shown["waiting"]) == (6, 0)
