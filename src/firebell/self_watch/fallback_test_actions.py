"""Actions on the daily test of the fallback responders: settings, sending, and the confirmation by a link."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from firebell.channels.base import Message
from firebell.kit.context import Context
from firebell.kit.db import org_settings
from firebell.kit.db.database import Reads, Tx
from firebell.kit.db.events import Actor
from firebell.kit.errors import Gone
from firebell.notify import actions as notify
from firebell.notify.model import Outgoing
from firebell.people import actions as people
from firebell.people.action_permissions import internal, permits
from firebell.people.permissions import Verb
from firebell.self_watch import fallback_test_store, fallback_tests
from firebell.self_watch.fallback_test_store import FallbackTest
from firebell.self_watch.fallback_tests import FallbackTestSettings, ResponderTests
from firebell.self_watch.model import FALLBACK_TEST_KIND, LIVE_TOPIC

SETTING = "self_watch.fallback_test"
LINK_VALID = timedelta(days=7)
_PURPOSE = "fallback-test"


async def settings(tx: Reads) -> FallbackTestSettings:
    """Return whether and when the fallback responders are tested."""
    return fallback_tests.settings_of(await org_settings.get(tx, SETTING))


@permits(Verb.SELF_WATCH_WRITE)
async def set_settings(
    tx: Tx, actor: Actor, *, is_on: bool, hour: int, now: datetime
) -> FallbackTestSettings:
    """Send a test message to each fallback responder every day at an hour in their time zone, or none. Idempotent."""
    changed = FallbackTestSettings(is_on, fallback_tests.check_hour(hour))
    if changed != await settings(tx):
        await org_settings.put(tx, SETTING, {"is_on": changed.is_on, "hour": changed.hour})
        await tx.audit(actor, "fallback_test.changed", "", now, on=is_on, hour=hour)
        await tx.live(LIVE_TOPIC)
    return changed


@internal("Called only by the lane that watches Firebell.")
async def send_due(tx: Tx, now: datetime) -> int:
    """Send the tests of today that are due in the time zone of each fallback responder; return their number."""
    wanted = await settings(tx)
    if not wanted.is_on:
        return 0
    persons = await people.people_by_id(tx, await people.fallback_responders(tx))
    due = [
        (person.id, day)
        for person in persons.values()
        if (day := fallback_tests.day_of_test(person.tz, wanted, now))
    ]
    sent = await fallback_test_store.insert_tests(tx, due, now) if due else []
    if sent:
        # by the contact method that a final alarm uses first
        await notify.send_about(
            tx, FALLBACK_TEST_KIND, {test_id: [person_id] for test_id, person_id in sent}, now, urgency="high"
        )
        await tx.live(LIVE_TOPIC)
    return len(sent)


async def responder_tests(tx: Reads) -> list[ResponderTests]:
    """Return the tests of each fallback responder."""
    return await fallback_test_store.latest(tx, await people.fallback_responders(tx))


async def compose(tx: Tx, ctx: Context, outgoing: Sequence[Outgoing], now: datetime) -> list[Message]:
    """Return the message of each test, with the link that confirms it."""
    return [
        Message(
            event=delivery.reason,
            title="Daily test: can Firebell reach you?",
            urgency="high",
            composed_at=now,
            url=f"{ctx.public_url}/fallback-test/{_token(ctx, delivery.subject_id, now)}",
            lines=("You are a fallback responder. Open the link, and confirm that this message arrived.",),
        )
        for delivery, _ in outgoing
    ]


def _token(ctx: Context, test_id: int, now: datetime) -> str:
    return ctx.signer.sign(_PURPOSE, {"t": test_id}, now + LINK_VALID)


async def test_of_link(tx: Tx, ctx: Context, token: str, now: datetime) -> FallbackTest:
    """Return the test of a link; raise `Invalid` if it is forged or expired, `Gone` if its person left."""
    test = await fallback_test_store.test(tx, ctx.signer.open(_PURPOSE, token, now)["t"])
    if test is None or await people.left_since(tx, test.person_id, test.sent_at):
        raise Gone("This link is no longer valid.", hint="The next daily test has a new one.")
    return test


@internal("The signed link grants access.")
async def confirm(tx: Tx, test: FallbackTest, now: datetime) -> bool:
    """Record that a test arrived; return False if that was known."""
    is_new = await fallback_test_store.confirm(tx, test.id, now)
    if is_new:
        await tx.live(LIVE_TOPIC)
    return is_new
