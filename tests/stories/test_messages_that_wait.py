"""Story: messages that wait while what they say changes: the page becomes private, or a later update is sent first."""

from datetime import timedelta
from email.message import EmailMessage
from pathlib import Path

from firebell.kit.clock import FakeClock
from firebell.subscribers.broadcasts import actions as broadcasts
from tests.stories.test_subscribers_of_a_status_page import INCIDENTS, OPS, Town, town


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
        assert [("A tenth of cards" in each, "Only reports" in each) for each in texts] == [
            (True, False),
            (False, True),
        ]
        assert not any("All cards" in each or "Logins pause" in each for each in texts)
