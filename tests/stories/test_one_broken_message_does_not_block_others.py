"""A message that this process cannot compose or handle is retried on its own: those beside it go out once."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from firebell.chat.received import store as inbound_store
from firebell.chat.received.store import GIVE_UP_AFTER
from firebell.chat.slack import events
from firebell.kit.clock import FakeClock
from firebell.subscribers.messages import delivery_texts as message_texts
from tests.chat_inbound_world import JUN, chat_world
from tests.stories.test_slack_after_a_gap import work
from tests.stories.test_subscribers_of_a_status_page import OPS, link_of, town

BROKEN, FINE = "broken@nordpost.example", "fine@nordpost.example"


async def test_a_subscriber_gets_news_once_although_the_mail_to_another_breaks(
    dsn: str, clock: FakeClock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with town(dsn, clock, tmp_path) as t:
        for address in (BROKEN, FINE):
            await t.subscribe(address)
        compose = message_texts.mail_of
        is_broken = True

        def mail_of(ctx: Any, delivery: Any, *more: Any) -> bytes:
            if is_broken and delivery.subscriber.mailbox == BROKEN:
                raise ZeroDivisionError
            return compose(ctx, delivery, *more)

        monkeypatch.setattr(message_texts, "mail_of", mail_of)
        t.relay.mails.clear()
        await t.publish("Cards are declined.")
        await t.w.after(minutes=1)
        assert (len(t.relay.to(FINE)), len(t.relay.to(BROKEN))) == (1, 0)
        is_broken = False
        await t.w.after(minutes=10)
        assert (len(t.relay.to(FINE)), len(t.relay.to(BROKEN))) == (1, 1)
        assert set((await t.states()).values()) == {"active"}


async def test_a_person_learns_within_the_hour_that_the_challenge_of_a_webhook_breaks(
    dsn: str, clock: FakeClock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: Any) -> bytes:
        raise ZeroDivisionError

    monkeypatch.setattr(message_texts, "hook_body_of", broken)
    async with town(dsn, clock, tmp_path) as t:
        await t.ask("https://hooks.nordpost.example/x", channel="webhook", contact=OPS)
        await t.w.settle()
        await t.http.post(link_of(t.relay.to(OPS)[0]), data={"do": "confirm"})
        await t.w.after(minutes=59)
        async with t.w.ctx.db.tx() as tx:
            state = await tx.value("select state from subscriber_delivery where purpose = 'challenge'")
        assert state == "failed"


async def test_a_mention_is_answered_although_an_earlier_event_of_its_channel_breaks(
    dsn: str, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(event: events.SlackEvent) -> None:
        raise ZeroDivisionError

    monkeypatch.setitem(events._HANDLERS, "broken", broken)
    async with chat_world(dsn, clock) as c:
        await c.declared(severity=1)
        async with c.world.ctx.db.tx() as tx:
            body = {"event": {"type": "broken", "user": JUN, "channel": "C1"}}
            await inbound_store.receive(tx, c.account, "EvBroken", "event", "C1", "1", body, c.world.now)
        await c.slack.event({"type": "app_mention", "user": JUN, "channel": "C1", "text": "note Still slow"})
        for _ in range(GIVE_UP_AFTER):
            await work(c)
            clock.advance(timedelta(minutes=1))
        assert "Still slow" in [entry.text for entry in await c.timeline(1)]
