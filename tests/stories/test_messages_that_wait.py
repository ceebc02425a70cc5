"""Story: messages that wait while what they say changes: the page becomes private, or a later update is sent first."""

from datetime import timedelta
from email.message import EmailMessage
from pathlib import Path

import pytest

from firebell.kit.clock import FakeClock
from firebell.subscribers.broadcasts import actions as broadcasts
from firebell.subscribers.deliveries import dead_addresses
from firebell.subscribers.deliveries import store as delivery_store
from firebell.subscribers.deliveries.smtp_replies import Failure
from firebell.subscribers.deliveries.store import DeliveryOutcome
from firebell.subscribers.sending import delivery_outcomes, lanes, mail_sender
from tests.stories.test_subscribers_of_a_status_page import INCIDENTS, OPS, Town, link_of, reported, town


def _text(mail: EmailMessage) -> str:
    body = mail.get_body(("plain",))
    assert body is not None
    return str(body.get_content())


async def _pause(t: Town) -> int:
    """Pause the latest broadcast and return its id."""
    shown, *_ = await t.api("GET", "/status-pages/kestrel/broadcasts")
    await t.api("POST", f"/status-pages/kestrel/broadcasts/{shown['id']}/pause", {})
    return int(shown["id"])


async def _resume(t: Town, broadcast_id: int) -> None:
    await t.api("POST", f"/status-pages/kestrel/broadcasts/{broadcast_id}/resume")
    await t.w.settle()


async def test_mail_that_waits_while_the_page_becomes_private_tells_strangers_nothing(
    dsn: str, clock: FakeClock, tmp_path: Path
) -> None:
    async with town(dsn, clock, tmp_path) as t:
        await t.subscribe(OPS)
        await t.publish("Nordpost cannot pay.")
        async with t.w.ctx.work_db.tx() as tx:
            await broadcasts.fan_out_step(tx, t.w.now)
        await t.api("PATCH", "/status-pages/kestrel", {"visibility": "private"})
        await t.w.settle()
        mail = t.relay.to(OPS)[-1]
        assert mail["Subject"] == "[Kestrel] Update: News"
        assert "Nordpost" not in _text(mail)
        assert "Payments fail" not in _text(mail)


async def _webhook(t: Town) -> None:
    """Subscribe the sink and answer its challenge."""
    await t.ask("https://hooks.nordpost.example/x", channel="webhook", contact=OPS)
    await t.w.settle()
    async with t.w.ctx.db.tx() as tx:
        await tx.execute("update subscriber set address = $1", t.w.sink.url)
    await t.http.post(link_of(t.relay.to(OPS)[0]), data={"do": "confirm"})
    t.w.sink.body = b"no echo"
    await t.w.settle()
    t.w.sink.body = t.w.sink.got[-1]["data"]["challenge"].encode()
    t.w.clock.advance(timedelta(seconds=6))
    await t.w.settle()


async def test_a_waiting_webhook_omits_components_of_a_page_that_became_private(
    dsn: str, clock: FakeClock, tmp_path: Path
) -> None:
    """It got a component event without the component, which receivers can't read."""
    async with town(dsn, clock, tmp_path) as t:
        await _webhook(t)
        before = len(t.w.sink.got)
        await t.publish("Nordpost cannot pay.", components={"1": "partial_outage"})
        async with t.w.ctx.work_db.tx() as tx:
            while await broadcasts.fan_out_step(tx, t.w.now):
                pass
        await t.api("PATCH", "/status-pages/kestrel", {"visibility": "private"})
        await t.w.settle()
        assert [each["type"] for each in t.w.sink.got[before:]] == ["incident.created"]
        assert list((await t.states()).values()) == ["active"]


async def test_no_one_reads_investigating_after_resolved_when_a_paused_broadcast_resumes(
    dsn: str, clock: FakeClock, tmp_path: Path
) -> None:
    async with town(dsn, clock, tmp_path) as t:
        await t.subscribe(OPS)
        published = await t.publish("We are looking.")
        first = await _pause(t)
        clock.advance(timedelta(minutes=5))
        await t.update(published["id"], "Over.", "resolved")
        await t.w.settle()
        await _resume(t, first)
        subjects = [mail["Subject"] for mail in t.relay.to(OPS)]
        assert subjects[-1] == "[Kestrel] Resolved: Payments fail"


async def test_a_later_mail_that_waits_says_what_a_paused_broadcast_had_to_say(
    dsn: str, clock: FakeClock, tmp_path: Path
) -> None:
    async with town(dsn, clock, tmp_path) as t:
        await t.subscribe(OPS)
        published = await t.publish("We are looking.")
        first = await _pause(t)
        await t.update(published["id"], "Over.", "resolved")
        async with t.w.ctx.work_db.tx() as tx:
            await broadcasts.fan_out_step(tx, t.w.now)
        await _resume(t, first)
        news = t.relay.to(OPS)[1:]
        assert [mail["Subject"] for mail in news] == ["[Kestrel] Resolved: Payments fail"]
        assert "We are looking." in _text(news[0])


async def test_a_later_mail_that_is_tried_again_says_what_a_paused_broadcast_had_to_say(
    dsn: str, clock: FakeClock, tmp_path: Path
) -> None:
    async with town(dsn, clock, tmp_path) as t:
        await t.subscribe(OPS)
        published = await t.publish("We are looking.")
        first = await _pause(t)
        await t.update(published["id"], "Over.", "resolved")
        async with t.w.ctx.work_db.tx() as tx:
            await broadcasts.fan_out_step(tx, t.w.now)
            [claimed] = await delivery_store.claim(
                tx, "mail", 10, lambda listed: [delivery_id for delivery_id, _ in listed], "other", t.w.now
            )
        await _resume(t, first)
        again = DeliveryOutcome(claimed, "451 try later", Failure.TEMPORARY, retry_at=t.w.now)
        async with t.w.ctx.work_db.tx() as tx:
            await delivery_outcomes.record(tx, "other", [again], t.w.now)
        await t.w.settle()
        news = t.relay.to(OPS)[1:]
        assert [mail["Subject"] for mail in news] == ["[Kestrel] Resolved: Payments fail"]
        assert "We are looking." in _text(news[0])


async def test_who_heard_that_it_began_hears_that_it_is_over_when_the_component_was_moved_meanwhile(
    dsn: str, clock: FakeClock, tmp_path: Path
) -> None:
    async with town(dsn, clock, tmp_path) as t:
        group = await t.api("POST", "/status-pages/kestrel/groups", {"name": "Payments"}, status=201)
        component = "/status-pages/kestrel/components/1"
        await t.api("PATCH", component, {"group_id": group["id"]})
        await t.subscribe(OPS, follows="some", group=[str(group["id"])])
        published = await t.publish("We are looking.", components={"1": "partial_outage"})
        await t.w.settle()
        await t.api("PATCH", component, {"group_id": None})
        await t.update(published["id"], "Over.", "resolved")
        await t.w.settle()
        assert [mail["Subject"] for mail in t.relay.to(OPS)][1:] == [
            "[Kestrel] Investigating: Payments fail",
            "[Kestrel] Resolved: Payments fail",
        ]


async def test_mail_that_waits_has_the_text_that_the_page_shows_now(
    dsn: str, clock: FakeClock, tmp_path: Path
) -> None:
    async with town(dsn, clock, tmp_path) as t:
        await t.subscribe(OPS)
        published = await t.publish("All cards fail.")
        window = {
            "name": "Database upgrade",
            "body": "Logins pause.",
            "scheduled_for": (t.w.now + timedelta(days=2)).isoformat(),
            "scheduled_until": (t.w.now + timedelta(days=2, hours=2)).isoformat(),
            "component_ids": [1],
        }
        planned = await t.api("POST", "/status-pages/kestrel/maintenance", window, status=201)
        for _ in range(2):
            async with t.w.ctx.work_db.tx() as tx:
                await broadcasts.fan_out_step(tx, t.w.now)
        await t.api("PATCH", f"{INCIDENTS}/{published['id']}/updates/1", {"body": "A tenth of cards fail."})
        updates = f"/status-pages/kestrel/maintenance/{planned['id']}/updates"
        await t.api("PATCH", f"{updates}/1", {"body": "Only reports pause."})
        await t.w.settle()
        texts = [_text(mail) for mail in t.relay.to(OPS)[1:]]
        # several connections send them, in any order
        assert sorted(("A tenth of cards" in each, "Only reports" in each) for each in texts) == [
            (False, True),
            (True, False),
        ]
        assert not any("All cards" in each or "Logins pause" in each for each in texts)


async def _confirmed(t: Town, count: int) -> list[str]:
    """Import and confirm this many subscribers, and return their addresses."""
    addresses = [f"c{i:02}@d{i}.example" for i in range(count)]
    csv = "address\r\n" + "".join(f"{each}\r\n" for each in addresses)
    await t.api("POST", "/status-pages/kestrel/subscribers/import", {"csv": csv})
    await t.w.settle()
    for address in addresses:
        await t.http.post(link_of(t.relay.to(address)[0]), data={"do": "confirm"})
    t.relay.mails.clear()
    return addresses


async def test_a_broadcast_that_someone_resumes_after_bounces_reaches_everyone_else(
    dsn: str, clock: FakeClock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dead_addresses, "STOP_WITHIN", 40)
    monkeypatch.setattr(mail_sender, "BATCH", 4)
    async with town(dsn, clock, tmp_path) as t:
        addresses = await _confirmed(t, 16)
        t.relay.refused = dict.fromkeys(addresses[:3], "550 5.1.1 no such user")
        await t.publish("One.")
        await t.w.settle()
        shown, *_ = await t.api("GET", "/status-pages/kestrel/broadcasts")
        assert shown["paused_at"]
        await _resume(t, shown["id"])
        assert {str(mail["To"]) for mail in t.relay.mails} == set(addresses[3:])
        shown, *_ = await t.api("GET", "/status-pages/kestrel/broadcasts")
        assert (shown["paused_at"], shown["sent"], shown["failed"]) == (None, 13, 3)


async def test_bounces_that_come_after_the_first_500_mails_left_still_pause_the_rest(
    dsn: str, clock: FakeClock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dead_addresses, "STOP_WITHIN", 4)
    monkeypatch.setattr(dead_addresses, "STOP_SHARE", 0.5)
    monkeypatch.setattr(mail_sender, "BATCH", 4)
    async with town(dsn, clock, tmp_path) as t:
        await _confirmed(t, 12)
        await t.publish("One.")
        async with t.w.ctx.work_db.tx() as tx:
            await broadcasts.fan_out_step(tx, t.w.now)
        lane = lanes.lanes(t.w.ctx)["subscriber_mail"]
        assert [await lane.run_once(t.w.now) for _ in range(2)] == [4, 4]
        for mail in t.relay.mails[:2]:
            await reported(t, mail, "Bounce", bounceType="Permanent", bounceSubType="General")
        await t.w.settle()
        shown, *_ = await t.api("GET", "/status-pages/kestrel/broadcasts")
        assert shown["paused_at"]
        assert len(t.relay.mails) == 8


async def test_later_bounces_and_a_pause_by_hand_do_not_keep_a_broadcast_from_being_paused(
    dsn: str, clock: FakeClock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dead_addresses, "STOP_WITHIN", 4)
    monkeypatch.setattr(dead_addresses, "STOP_SHARE", 0.5)
    monkeypatch.setattr(mail_sender, "BATCH", 4)
    async with town(dsn, clock, tmp_path) as t:
        await _confirmed(t, 12)
        await t.publish("One.")
        async with t.w.ctx.work_db.tx() as tx:
            await broadcasts.fan_out_step(tx, t.w.now)
        lane = lanes.lanes(t.w.ctx)["subscriber_mail"]
        assert [await lane.run_once(t.w.now) for _ in range(2)] == [4, 4]
        first, later = t.relay.mails[:2], t.relay.mails[4:7]
        for mail in later:
            await reported(t, mail, "Bounce", bounceType="Permanent", bounceSubType="General")
        [shown] = await t.api("GET", "/status-pages/kestrel/broadcasts")
        assert shown["paused_at"] is None
        path = f"/status-pages/kestrel/broadcasts/{shown['id']}"
        await t.api("POST", f"{path}/pause", {"reason": "We look at the bounces."})
        assert (await t.api("POST", f"{path}/resume"))["paused_at"] is None
        for mail in first:
            await reported(t, mail, "Bounce", bounceType="Permanent", bounceSubType="General")
        await t.w.settle()
        [shown] = await t.api("GET", "/status-pages/kestrel/broadcasts")
        assert shown["paused_at"]
        assert len(t.relay.mails) == 8
