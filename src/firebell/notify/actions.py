"""Sends messages to people: stored notices, tests, and messages that other slices compose."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from firebell.channels.registry import is_ready
from firebell.kit.db.database import Tx
from firebell.notify import held_store, notice_store, quiet_hours
from firebell.notify.composing import bundle_store, compose, email_thread_store, reply_code_store
from firebell.notify.deliveries import store as delivery_store
from firebell.notify.deliveries import subject_delivery_store, waiting_store
from firebell.notify.model import ANSWER, Notice, SubjectKind
from firebell.notify.notification_rules import NewDelivery, PlannedDelivery, plan
from firebell.notify.receipts import actions as receipt_actions
from firebell.notify.retractions import actions as retraction_actions
from firebell.notify.retractions import store as retraction_store
from firebell.people import actions as people
from firebell.people.model import ContactMethod, NotificationRule, QuietHoursChanged
from firebell.people.notification_rules.rule_times import usable

advance_deliveries = delivery_store.advance_by
answered_as = compose.answered_as
bundle_codes_of = bundle_store.codes_of
bundle_members = bundle_store.members
compose_again = compose.compose_again
deliveries_about = receipt_actions.deliveries_about
deliveries_of_message = bundle_store.deliveries_of_message
delivery = delivery_store.delivery
forget_mail_threads = email_thread_store.forget_mail_threads
latest_delivery = subject_delivery_store.latest_to
level_recipients = subject_delivery_store.level_recipients
notified = subject_delivery_store.notified
overdue_messages = delivery_store.overdue
queue = delivery_store.queue
record_answered = receipt_actions.record_answered
record_receipt = receipt_actions.record_receipt
reply_code_subjects = reply_code_store.subjects_of
reply_codes_of = reply_code_store.codes_of
QuietSubject = retraction_store.QuietSubject
retract = retraction_actions.retract
void_queued = delivery_store.void_queued
void_queued_about = subject_delivery_store.void_queued_about
void_superseded = subject_delivery_store.void_superseded
waiting_messages = waiting_store.waiting


async def send_notices(tx: Tx, notices: Sequence[Notice], now: datetime) -> None:
    """Send each notice once per key, through the first contact methods of its person.

    A notice cannot be acknowledged, so later notification rules of the person are not used.
    """
    by_key = {notice.key: notice for notice in notices}
    inserted = await notice_store.insert_notices(tx, list(by_key.values()), now) if notices else []
    person_ids = list({notice.person_id for _, notice in inserted})
    rules = await people.rules_by_urgency(tx, person_ids) if person_ids else {}
    methods = await people.methods_of(tx, person_ids)
    deliveries = []
    for notice_id, notice in inserted:
        own_methods = people.paged(m for m in methods if m.person_id == notice.person_id)
        own_rules = usable(rules[notice.urgency][notice.person_id], own_methods)
        first = [rule for rule in own_rules if rule.delay_s == own_rules[0].delay_s]
        rank = 1 if notice.urgency == "high" else 2
        deliveries += [
            NewDelivery(planned, rank, SubjectKind.NOTICE, notice_id)
            for planned in plan(notice.person_id, first, now, notice.kind)
        ]
    await delivery_store.queue(tx, deliveries, now)


async def send_about(
    tx: Tx,
    subject_kind: str,
    recipients: Mapping[int, Sequence[int]],
    now: datetime,
    *,
    urgency: str = "low",
    channel: str = "",
) -> None:
    """Send messages, composed when they are sent, by the first contact method of each person.

    `recipients` are the people by subject id. With `channel`, a contact method of that channel comes first.
    """
    person_ids = list({person_id for people_of_one in recipients.values() for person_id in people_of_one})
    rules, methods = await people.rules_of(tx, person_ids, urgency), await people.methods_of(tx, person_ids)
    rank = 1 if urgency == "high" else 2
    paged = {i: people.paged(m for m in methods if m.person_id == i) for i in person_ids}
    first = {
        i: usable(rules.get(i, ()), [m for m in of_one if m.kind == channel] or of_one)[:1]
        for i, of_one in paged.items()
    }
    deliveries = [
        NewDelivery(planned, rank, subject_kind, subject_id, round=int(now.timestamp()))
        for subject_id, people_of_one in recipients.items()
        for person_id in people_of_one
        for planned in plan(person_id, first[person_id], now, subject_kind)
    ]
    await delivery_store.queue(tx, deliveries, now)


async def send_avoiding_channel(
    tx: Tx,
    subject_kind: str,
    subject_id: int,
    person_ids: Sequence[int],
    now: datetime,
    *,
    avoided_channel: str,
    settings: Mapping[str, str],
) -> None:
    """Send an urgent message at once by every contact method that works, because one channel does not.

    The avoided channel is used only for people who have no other that is set up.
    """
    methods = await people.methods_of(tx, person_ids)
    deliveries = []
    for person_id in person_ids:
        own = people.paged(m for m in methods if m.person_id == person_id)
        ready = [m for m in own if m.kind != avoided_channel and is_ready(m.kind, settings)]
        rules = [NotificationRule(0, method) for method in ready or own]
        deliveries += [
            NewDelivery(planned, 1, subject_kind, subject_id, round=int(now.timestamp()))
            for planned in plan(person_id, rules, now, subject_kind)
        ]
    await delivery_store.queue(tx, deliveries, now)


async def send_answer(tx: Tx, method: ContactMethod, key: str, text: str, now: datetime) -> None:
    """Send a text through one contact method, as the answer to what its owner sent from there; once per key."""
    notice = Notice(key=f"answer:{key}", person_id=method.person_id, kind="answer", title=text, note="")
    for notice_id, _ in await notice_store.insert_notices(tx, [notice], now):
        planned = PlannedDelivery(method.person_id, method, rule_index=0, send_at=now, reason=ANSWER)
        await delivery_store.queue(tx, [NewDelivery(planned, 1, SubjectKind.NOTICE, notice_id)], now)


async def send_test(tx: Tx, payload: dict[str, Any], now: datetime) -> None:
    """Send a requested test message."""
    method_id = payload["method_id"]
    await _send_requested(tx, method_id, SubjectKind.TEST, method_id, now)


async def send_code(tx: Tx, payload: dict[str, Any], now: datetime) -> None:
    """Send the message that carries a code; the code itself is made when the message is composed."""
    await _send_requested(tx, payload["method_id"], SubjectKind.VERIFICATION, payload["code_id"], now)


async def _send_requested(
    tx: Tx, method_id: int, subject_kind: SubjectKind, subject_id: int, now: datetime
) -> None:
    method = await people.method(tx, method_id)
    if method is not None and method.disabled_at is None:
        planned = PlannedDelivery(method.person_id, method, rule_index=0, send_at=now, reason=subject_kind)
        delivery = NewDelivery(planned, 2, subject_kind, subject_id, round=int(now.timestamp()))
        await delivery_store.queue(tx, [delivery], now)


async def notify_contact_disabled(tx: Tx, payload: dict[str, Any], now: datetime) -> None:
    """Notify a person that one of their contact methods gets no more pages, through their other ones."""
    method = await people.method(tx, payload["method_id"])
    if method is None or method.disabled_at is not None or method.unusable_since is None:
        return
    name = method.label or method.kind
    notice = Notice(
        key=f"method-disabled:{method.id}:{method.unusable_since.isoformat()}",
        person_id=method.person_id,
        kind="contact",
        title=f"Your contact method {name} no longer works",
        note=f"Messages to {name} failed, or were stopped there, and Firebell doesn't send pages there anymore."
        " Correct the address, or send a new code to use it again.",
        link="/settings/contact",
        urgency="high",
    )
    await send_notices(tx, [notice], now)


async def release_held(tx: Tx, event: QuietHoursChanged, now: datetime) -> None:
    """Check held deliveries of a person against changed quiet hours: send them, or hold them until the new end."""
    await held_store.release(tx, event.person_id, now)


async def held_until(tx: Tx, person_ids: Sequence[int], now: datetime) -> dict[int, datetime]:
    """Return the end of the current quiet hours by person id, for those who have them now (spec 2.4)."""
    hours = await people.quiet_hours(tx, person_ids)
    return {i: end for i, quiet in hours.items() if (end := quiet_hours.held_until(quiet, now))}
