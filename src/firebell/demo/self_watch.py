"""Firebell watches itself in the demo: an outbound heartbeat, an alarm of last week, and the daily tests."""

from datetime import datetime, timedelta

from firebell.demo.history import Past
from firebell.heartbeats import actions as heartbeats
from firebell.heartbeats.settings_checks import SettingsInput
from firebell.kit.db.events import SYSTEM
from firebell.people import actions as people
from firebell.self_watch import actions, fallback_test_actions, fallback_test_store, store
from firebell.self_watch.model import PingMethod, Problem, ProblemKind

SERVICE, WATCHED = "search", "firebell-stockholm"
TEST_DAYS = 5
CONFIRMED_AFTER = timedelta(minutes=4)


async def create(past: Past, now: datetime) -> None:
    """Let Firebell watch itself: the demo has no second installation."""
    kestrel = past.kestrel
    mara = kestrel.actor("Mara")
    watched = SettingsInput(
        period=timedelta(minutes=10),
        grace=timedelta(minutes=5),
        description="The other Firebell is down, or cannot page. Run firebell doctor there.",
    )
    async with past.ctx.db.tx() as tx:
        await heartbeats.create_heartbeat(
            tx, mara, service_id=kestrel.services[SERVICE], name=WATCHED, entered=watched, now=now
        )
        url = f"{past.ctx.public_url}/in/{kestrel.integrations[SERVICE].key}/heartbeat/{WATCHED}"
        await actions.create_heartbeat(
            tx, mara, name="Watched by Frankfurt", url=url, method=PingMethod.POST, now=now
        )
        began = now - timedelta(days=6, hours=3)
        slow = Problem(ProblemKind.QUEUE, "ntfy", "7 urgent messages waiting for up to 1 min.")
        alarms = await store.notice_problems(tx, [slow], began)
        await store.clear_alarms(tx, [alarm.id for alarm in alarms], began + timedelta(minutes=12))
        await fallback_test_actions.set_settings(tx, SYSTEM, is_on=True, hour=10, now=now)
        responders = await people.fallback_responders(tx)
        for days in reversed(range(1, TEST_DAYS + 1)):
            sent_at = now - timedelta(days=days)
            tests = await fallback_test_store.insert_tests(
                tx, [(person_id, sent_at.date()) for person_id in responders], sent_at
            )
            for test_id, person_id in tests:
                if person_id == responders[0] or days > 2:
                    await fallback_test_store.confirm(tx, test_id, sent_at + CONFIRMED_AFTER)
