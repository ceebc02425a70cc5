"""Test pages: people page themselves through all of paging, and see the outcome of each message (spec 2.9)."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from firebell.kit.db.database import Tx
from firebell.kit.db.events import SYSTEM, Actor
from firebell.kit.errors import Forbidden
from firebell.kit.jobs import timers
from firebell.paging import live_topics, log_writer, store
from firebell.paging.escalation import state_machine as escalation
from firebell.paging.manual_pages import store as manual_store
from firebell.paging.model import (
    MANUAL_KIND,
    Level,
    ManualTarget,
    ManualTargetKind,
    NewLogEntry,
    NewPage,
    Page,
    PageResolved,
    Plan,
    Target,
    TargetKind,
)
from firebell.paging.page_steps import store_changes
from firebell.people import actions as people
from firebell.people.action_permissions import permits
from firebell.people.permissions import Verb

TEST_TIMER = "paging.test_page"
"""The timer at which a test page ends."""
TEST_LASTS = timedelta(minutes=15)
_TEXT = "Test of notification rules"


@permits(Verb.PAGE_RESPOND)
async def start_test_page(tx: Tx, actor: Actor, now: datetime) -> Page:
    """Page the actor alone, as a drill: no final alarm, no night limit, no metric; return the page.

    One that is still open is returned instead of a second one. Raise `Forbidden` for a key without a person.
    """
    if actor.person_id is None:
        raise Forbidden("A test page is for a person, and this key has none.")
    if open_id := await manual_store.open_test_page(tx, actor.person_id, now - TEST_LASTS):
        page = await store.page(tx, open_id)
        assert page is not None
        return page
    person = await people.person(tx, actor.person_id)
    manual_page_id = await manual_store.insert(
        tx,
        actor=actor.label,
        actor_id=actor.person_id,
        target=ManualTarget(ManualTargetKind.PERSON, actor.person_id),
        target_name=person.name,
        text=_TEXT,
        key=None,
        now=now,
    )
    assert manual_page_id is not None  # there is no key
    target = Target(TargetKind.PERSON, actor.person_id)
    level = Level((target,), int(TEST_LASTS.total_seconds()))
    new_page = NewPage(
        subject_kind=MANUAL_KIND,
        subject_id=manual_page_id,
        service_id=None,
        team_id=None,
        policy_id=None,
        plan=Plan(_TEXT, (level,), 0, None, is_drill=True).to_json(),
        title=f"TEST {person.name}: {_TEXT}",
        urgency="high",
        severity=None,
        actor=actor.label,
        text=f"{person.name} tested their notification rules.",
        actor_id=actor.person_id,
    )
    (page_id,) = await log_writer.start_pages(tx, [new_page], now)
    await manual_store.set_page(tx, manual_page_id, page_id)
    await timers.schedule(tx, TEST_TIMER, str(page_id), now + TEST_LASTS)
    await live_topics.publish(tx, [page_id])
    await tx.audit(actor, "page.test", f"PG-{page_id}", now)
    page = await store.page(tx, page_id)
    assert page is not None
    return page


async def end_test_pages(tx: Tx, due_timers: Sequence[timers.Timer], now: datetime) -> Sequence[timers.Timer]:
    """Resolve the test pages that are still open."""
    for page in await store.lock(tx, [int(timer.key) for timer in due_timers]):
        ended = escalation.step(page, escalation.Resolve(), now)
        if isinstance(ended, Page):
            await store_changes(tx, [ended], now)
            await log_writer.add_log(
                tx, [NewLogEntry.by(SYSTEM, page.id, "resolved", "The test ended.")], now
            )
            await tx.emit(PageResolved(page.id), now)
    return ()


HANDLERS: dict[str, timers.Handler] = {TEST_TIMER: end_test_pages}
