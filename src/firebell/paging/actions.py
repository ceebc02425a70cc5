"""Actions on pages and policies, by alerts, incidents and people."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from firebell.alerts import actions as alerts
from firebell.alerts.model import (
    AlertsJoined,
    GroupsAcknowledged,
    GroupsChanging,
    GroupsGrown,
    GroupsOpened,
    GroupsRaised,
    GroupsResolved,
    GroupsRetitled,
)
from firebell.catalog import actions as catalog
from firebell.heartbeats import actions as heartbeats
from firebell.kit import undo
from firebell.kit.db.database import Tx
from firebell.kit.db.events import SYSTEM, Actor
from firebell.kit.errors import Conflict, Invalid, NotFound
from firebell.kit.jobs import timers
from firebell.kit.text import clean_text
from firebell.notify import actions as notify
from firebell.notify.model import DeliveriesFail, Delivery, NobodyReached
from firebell.oncall.model import ScheduleDeleted
from firebell.paging import live_topics as topics
from firebell.paging import log_writer, page_steps, reach_queries, store
from firebell.paging.acknowledgment import actions as acknowledging
from firebell.paging.acknowledgment import leaving
from firebell.paging.escalation import state_machine as escalation
from firebell.paging.level_conditions import PageKind
from firebell.paging.manual_pages import actions as manual
from firebell.paging.manual_pages import drill_pages
from firebell.paging.model import (
    ACK_WARNING_TIMER,
    SUBJECT_KIND,
    TIMER,
    NewLogEntry,
    NewPage,
    Page,
    PageResolved,
    PageState,
    Plan,
    Policy,
    Target,
    TargetKind,
    escalates_until,
)
from firebell.paging.night_limit import actions as night_limit_actions
from firebell.paging.page_list import store as list_store
from firebell.paging.page_steps import (
    SteppedPages,
    apply_event,
    end_levels,
    end_unanswerable_levels,
    lock_for,
    log_all,
    record_page_event,
    step,
    step_all,
    step_each,
)
from firebell.paging.policies import actions as policy_actions
from firebell.paging.policies import store as policy_store
from firebell.people.action_permissions import internal, permits
from firebell.people.model import PersonLeft
from firebell.people.permissions import Verb

NOTE_MAX_CHARS = 5_000
PAGE_LANE_KINDS = (
    *(TIMER, heartbeats.CHECK_TIMER),
    *(alerts.MUTE_TIMER, alerts.HOLD_TIMER, alerts.INHIBITION_TIMER),
)
"""The kinds of timers of the lane `page_timers`: those of pages, and those that page, of mutes and of heartbeats."""
NO_POLICY = Plan(name="No policy", levels=(), repeat=0, ack_timeout_s=None)

ManualTarget = manual.ManualTarget
ack = acknowledging.ack
ack_waiting = acknowledging.ack_waiting
arrivals = store.arrivals
counts = store.counts
create_policy = policy_actions.create_policy
confine_to_drill = drill_pages.confine_to_drill
delete_policy = policy_actions.delete_policy
live_topics = topics.live_topics
log = store.log
join_first_levels = reach_queries.join_first_levels
level_targets = reach_queries.level_targets
nights_of = night_limit_actions.nights_of
nights_over_limit = night_limit_actions.nights_between
page = page_steps.page
owners = store.owners
pages_released_by = leaving.pages_released_by
pages = list_store.pages
pages_by_id = store.pages_by_id
people_paged = reach_queries.people_paged
policies = policy_store.policies
policies_by_id = policy_store.policies_by_id
policy_by_slug = policy_actions.policy_by_slug
policy_effect = policy_actions.effect
policy_version = policy_actions.version
reachable = reach_queries.reachable
rename_policy = policy_actions.rename_policy
restore_version = policy_actions.restore_version
mark_as_drill = manual.mark_as_drill
request_manual_page = manual.request_manual_page
set_manual_pages_private = manual.set_private
start_drill_page = drill_pages.start_drill_page
start_manual_page = manual.start_manual_page
start_response_page = manual.start_response_page
triggered = store.triggered
unacknowledge = acknowledging.unacknowledge
update_policy = policy_actions.update_policy


async def _start(tx: Tx, new_pages: Sequence[NewPage], now: datetime) -> list[int]:
    """Start pages, each with its timer and log entry; return the ids of those that had no open page."""
    page_ids = await log_writer.start_pages(tx, new_pages, now)
    if page_ids:
        await tx.live("pages")
    return page_ids


async def start_groups(tx: Tx, event: GroupsOpened, now: datetime) -> None:
    """Page for new alert groups, in the transaction that stores them ("group stored" = "page stored").

    The transaction holds the locks of their services: each round trip makes other alerts of them wait.
    """
    owners_of = await policy_store.hold_service_policies(tx, list({g.service_id for g in event.groups}))
    new_pages = []
    for group in event.groups:
        team_id, policy = owners_of[group.service_id]
        new_pages.append(
            NewPage(
                subject_kind="group",
                subject_id=group.id,
                service_id=group.service_id,
                team_id=team_id,
                policy_id=policy.id if policy else None,
                plan=replace(policy.plan if policy else NO_POLICY, is_drill=group.is_test).to_json(),
                title=group.title,
                urgency=group.urgency,
                severity=None,
                actor=SYSTEM.label,
                text=f"Triggered by “{group.title}”.",
            )
        )
    await _start(tx, new_pages, now)


async def lock_groups(tx: Tx, event: GroupsChanging, now: datetime) -> None:
    """Lock the open pages of groups in id order, as bulk actions do."""
    await store.lock_subjects(tx, "group", event.group_ids)


async def grow_groups(tx: Tx, event: GroupsGrown, now: datetime) -> None:
    """Refresh open pages that have new alerts; page again if the acknowledgment does not cover them."""
    open_pages = await store.lock_subjects(tx, "group", event.group_ids)
    reopened = await step_all(
        tx, open_pages, lambda page_: escalation.Grow(page_.subject_id in event.crossed), now
    )
    text = "New alerts arrived that the acknowledgment does not cover."
    await log_all(tx, reopened, "again", text, now)
    await topics.publish(tx, [p.id for p in open_pages])


async def show_joined_alerts(tx: Tx, event: AlertsJoined, now: datetime) -> None:
    """Refresh open pages that have new alerts; their acknowledgment is not in question."""
    await topics.publish(tx, event.page_ids)


async def raise_groups(tx: Tx, event: GroupsRaised, now: datetime) -> None:
    """Raise the urgency of pages whose group got an urgent alert; the log names the alert."""
    titles = dict(zip(event.group_ids, event.titles, strict=True))
    open_pages = await store.lock_subjects(tx, "group", event.group_ids)
    raised = await step_all(tx, open_pages, escalation.Raise(None), now)
    if raised:
        texts = [(p.id, f"A more urgent alert arrived: {titles[p.subject_id]}") for p in raised]
        entries = [NewLogEntry.by(SYSTEM, page_id, "raised", text) for page_id, text in texts]
        await log_writer.add_log(tx, entries, now)


async def retitle_groups(tx: Tx, event: GroupsRetitled, now: datetime) -> None:
    """Title open pages by their most severe firing alert, in the transaction that stores it."""
    page_ids = await store.retitle(tx, "group", dict(zip(event.group_ids, event.titles, strict=True)))
    if page_ids:
        await topics.publish(tx, page_ids)


async def resolve_groups(tx: Tx, event: GroupsResolved, now: datetime) -> None:
    """Resolve the pages of groups whose alerts are all resolved."""
    await _apply_to_subjects(
        tx, "group", event.group_ids, escalation.Resolve(), "resolved", "All alerts are resolved.", now
    )


async def acknowledge_groups(tx: Tx, event: GroupsAcknowledged, now: datetime) -> None:
    """Acknowledge pages because the source says so; without a person behind it, the ack times out."""
    open_pages = await store.lock_subjects(tx, "group", event.group_ids)
    changed = await step_all(tx, open_pages, escalation.Ack(owned=False), now)
    source = Actor("source", event.label)
    text = f"Acknowledged by {event.label}."
    entries = [
        NewLogEntry.by(source, page_.id, "acked", text)
        if page_.state is PageState.ACKED
        else NewLogEntry.by(
            source, page_.id, "acked_in_part", f"{text} {escalates_until(page_.acks_missing)}"
        )
        for page_ in changed
    ]
    await log_writer.add_log(tx, entries, now)


async def void_deliveries(tx: Tx, event: PersonLeft, now: datetime) -> None:
    """Void all deliveries to a person who left; a level that no one else can acknowledge is over at once (I8)."""
    waiting = await store.lock(tx, await store.pages_waiting_for(tx, event.person_id))
    await notify.void_queued(tx, event.person_id)
    await end_unanswerable_levels(tx, waiting, now)


async def _apply_to_subjects(
    tx: Tx, kind: str, ids: Sequence[int], event: escalation.Event, log_kind: str, text: str, now: datetime
) -> None:
    open_pages = await store.lock_subjects(tx, kind, ids)
    changed = await step_all(tx, open_pages, event, now)
    await log_all(tx, changed, log_kind, text, now)
    if log_kind == "resolved":
        await tx.emit_all([PageResolved(page_.id) for page_ in changed], now)


@internal("Called before several pages of an incident change, and before it may page.")
async def lock_pages(tx: Tx, page_ids: Sequence[int], *, policy_id: int | None = None) -> None:
    """Lock a policy against new versions and its deletion, then pages in id order (decision 0008)."""
    if policy_id is not None:
        await policy_store.hold_policies(tx, [policy_id])
    if page_ids:
        await store.lock(tx, page_ids)


@internal("Part of declaring an incident.")
async def start_incident_page(
    tx: Tx,
    actor: Actor,
    *,
    incident_id: int,
    title: str,
    severity: int,
    service_id: int | None,
    team_id: int | None,
    policy_id: int | None,
    now: datetime,
) -> int | None:
    """Page for an incident, the fallback responders without a policy; return None if it has an open page."""
    policy = (await policy_store.hold_policies(tx, [policy_id])).get(policy_id) if policy_id else None
    new_page = NewPage(
        subject_kind="incident",
        subject_id=incident_id,
        service_id=service_id,
        team_id=team_id or (policy.team_id if policy else None),
        policy_id=policy.id if policy else None,
        plan=(policy.plan if policy else NO_POLICY).to_json(),
        title=title,
        urgency=PageKind.of_severity(severity).urgency,
        severity=severity,
        actor=SYSTEM.label,
        text=f"{actor.label} declared SEV{severity}.",
    )
    page_ids = await _start(tx, [new_page], now)
    return page_ids[0] if page_ids else None


async def raise_incident_page(tx: Tx, kind: str, subject_id: int, severity: int, now: datetime) -> None:
    """Raise the severity of an incident's page, and page again if it is more urgent."""
    event, text = escalation.Raise(severity), f"Severity raised to SEV{severity}."
    await _apply_to_subjects(tx, kind, [subject_id], event, "raised", text, now)


async def retitle_incident_page(tx: Tx, subject_id: int, title: str) -> None:
    """Replace the title of every page of an incident, open or not."""
    page_ids = await store.retitle_all(tx, "incident", subject_id, title)
    if page_ids:
        await topics.publish(tx, page_ids)


async def resolve_incident_page(tx: Tx, kind: str, subject_id: int, text: str, now: datetime) -> None:
    """Resolve the page of an incident."""
    await _apply_to_subjects(tx, kind, [subject_id], escalation.Resolve(), "resolved", text, now)


async def extend_ack(tx: Tx, kind: str, subject_id: int, now: datetime) -> None:
    """Restart the acknowledgment timeout of a page, because its incident made progress."""
    await step_all(tx, await store.lock_subjects(tx, kind, [subject_id]), escalation.Extend(), now)


@permits(Verb.PAGE_RESPOND)
async def resolve(tx: Tx, actor: Actor, page_id: int, now: datetime) -> Page:
    """Resolve a page and its alerts; an alert that fires on opens a new page."""
    new = step(await lock_for(tx, page_id, resolving=True), escalation.Resolve(), now)
    await _record_resolved(tx, actor, [new], now)
    return new


@permits(Verb.PAGE_RESPOND)
async def resolve_each(tx: Tx, actor: Actor, page_ids: Sequence[int], now: datetime) -> SteppedPages:
    """Resolve those of these pages that are open, in as many statements as for one.

    The caller holds the locks of their services.
    """
    stepped = step_each(await store.lock(tx, page_ids), escalation.Resolve(), now)
    await _record_resolved(tx, actor, stepped.changed, now)
    return stepped


async def _record_resolved(tx: Tx, actor: Actor, resolved: Sequence[Page], now: datetime) -> None:
    """Save pages that an actor resolved, and resolve their alerts."""
    if not resolved:
        return
    await record_page_event(tx, actor, resolved, "resolved", f"{actor.label} resolved the page.", now)
    if group_ids := [page_.subject_id for page_ in resolved if page_.subject_kind == "group"]:
        await alerts.close_groups(tx, group_ids, now)
    await tx.emit_all([PageResolved(page_.id) for page_ in resolved], now)


@permits(Verb.PAGE_START)
async def retract_manual_page(tx: Tx, actor: Actor, entry: undo.Entry, now: datetime) -> Page:
    """Resolve a page that its sender started by mistake; raise `Conflict` if it is resolved already."""
    old = await lock_for(tx, int(entry.subject.partition("-")[2]))
    if old.state is PageState.RESOLVED:
        raise undo.changed_since(f"{old.ref} is already resolved.", "Nothing more to do.")
    text = f"{actor.label} started this page by mistake."
    new = await apply_event(tx, actor, old, escalation.Resolve(), "resolved", text, now)
    await tx.emit(PageResolved(old.id), now)
    return new


@permits(Verb.PAGE_RESPOND)
async def snooze(tx: Tx, actor: Actor, page_id: int, until: datetime, now: datetime) -> Page:
    """Snooze a page until `until`, at most 24 hours; then escalation restarts."""
    new = step(await lock_for(tx, page_id), escalation.Snooze(until), now)
    await _record_snoozed(tx, actor, [new], until, now)
    return new


@permits(Verb.PAGE_RESPOND)
async def snooze_each(
    tx: Tx, actor: Actor, page_ids: Sequence[int], until: datetime, now: datetime
) -> SteppedPages:
    """Snooze those of these pages that can be, as `snooze` does."""
    stepped = step_each(await store.lock(tx, page_ids), escalation.Snooze(until), now)
    await _record_snoozed(tx, actor, stepped.changed, until, now)
    return stepped


async def _record_snoozed(
    tx: Tx, actor: Actor, snoozed: Sequence[Page], until: datetime, now: datetime
) -> None:
    text = f"{actor.label} snoozed the page until {until:%Y-%m-%d %H:%M} UTC."
    if snoozed:
        await record_page_event(tx, actor, snoozed, "snoozed", text, now)


@permits(Verb.PAGE_RESPOND)
async def escalate(tx: Tx, actor: Actor, page_id: int, now: datetime) -> Page:
    """Escalate a page to its next level now."""
    text = f"{actor.label} escalated to the next level."
    return await apply_event(
        tx, actor, await lock_for(tx, page_id), escalation.Escalate(), "escalated", text, now
    )


@permits(Verb.POLICY_WRITE)
async def apply_policy(tx: Tx, actor: Actor, policy: Policy, now: datetime) -> list[Page]:
    """Apply the current version of a policy to its open pages; return those that it changes (spec 2.3)."""
    # services, policy, pages: the order in which a new alert locks them
    await catalog.lock_services_with_policy(tx, policy.id)
    current = await policy_store.lock_policy(tx, policy.id)
    if current is None:
        raise NotFound(f"There is no policy {policy.slug}.", command="firebell policy list")
    open_pages = await store.lock(tx, await policy_store.open_page_ids(tx, policy.id))
    changed = await step_all(tx, open_pages, escalation.Replan(current.plan), now)
    await store.set_plan(tx, [page_.id for page_ in changed], current.plan)
    text = f"{actor.label} applied version {current.version} of {current.name}."
    await log_all(tx, changed, "replanned", text, now, actor)
    refs = [page_.ref for page_ in changed]
    if refs:
        await tx.audit(
            *(actor, "policy.applied", f"policy:{policy.id}", now), version=current.version, pages=refs
        )
    return changed


@permits(Verb.PAGE_RESPOND)
async def add_note(tx: Tx, actor: Actor, page_id: int, text: str, now: datetime) -> None:
    """Add a note to the log of a page; raise `Invalid` if it is empty."""
    clean = clean_text(text, NOTE_MAX_CHARS, name="note")
    if not clean:
        raise Invalid("The note is empty.", fields={"text": "Enter a note."})
    await page(tx, page_id)
    await log_writer.add_log(tx, [NewLogEntry.by(actor, page_id, "note", clean)], now)
    await tx.live(f"pg-{page_id}")


async def deliveries(tx: Tx, page_id: int) -> list[Delivery]:
    """Return the latest 1,000 deliveries of a page, oldest first."""
    return await notify.deliveries_about(tx, SUBJECT_KIND, page_id)


async def end_levels_of_leavers(tx: Tx, payload: dict[str, Any], now: datetime) -> None:
    """Do for pages what `void_deliveries` does, if a message to a person was stored after they left."""
    if payload["subject_kind"] == SUBJECT_KIND:
        await end_unanswerable_levels(tx, await store.lock(tx, payload["subject_ids"]), now)


async def lock_failing(tx: Tx, event: DeliveriesFail, now: datetime) -> None:
    """Lock pages before their deliveries: the order in which an acknowledgment locks them."""
    if event.subject_kind == SUBJECT_KIND:
        await store.lock(tx, event.subject_ids)


async def escalate_unreached(tx: Tx, event: NobodyReached, now: datetime) -> None:
    """Enter the next level of a page at once when no message of this one can arrive (spec 2.5)."""
    if event.subject_kind != SUBJECT_KIND:
        return
    expected = (PageState.TRIGGERED, event.epoch, event.level, event.round)
    waiting = [
        page_
        for page_ in await store.lock(tx, [event.subject_id])
        if (page_.state, page_.epoch, page_.level, page_.round) == expected
    ]
    # already due: another message of the level failed in this moment, and it is in the log
    await end_levels(tx, waiting, "No message of this level could be delivered.", now)


async def refuse_schedule_deletion(tx: Tx, event: ScheduleDeleted, now: datetime) -> None:
    """Raise `Conflict` if a policy or the plan of an open page notifies a deleted schedule."""
    target = Target(TargetKind.SCHEDULE, event.schedule_id)
    users = [
        p.name for p in await policy_store.policies(tx) if any(target in level.targets for level in p.levels)
    ]
    if users:
        names = ", ".join(users[:5])
        raise Conflict(f"{event.name} is used by {names}.", hint="Remove it from these policies first.")
    if page_ids := await store.open_pages_of_schedule(tx, event.schedule_id):
        raise Conflict(
            f"{event.name} is used by PG-{page_ids[0]}, which is open.", hint="Resolve the open page first."
        )


async def advance_by(tx: Tx, by: timedelta, now: datetime, *, only_after_now: bool) -> None:
    """Make open pages, and groups of alerts that wait to page, due earlier.

    They were scheduled while the clock was ahead. With `only_after_now`, only pages that began or were acknowledged
    after `now`.
    """
    # mutes before pages, as alerts lock them
    await alerts.advance_waits(tx, by, now, only_after_now=only_after_now)
    moved = await store.advance_by(tx, by, now, only_after_now=only_after_now)
    # only with their pages: a timer that fires before its page is due is lost
    await timers.advance_by(tx, [TIMER, ACK_WARNING_TIMER], by, now, [str(page_id) for page_id in moved])
    if not only_after_now:
        kinds = [alerts.HOLD_TIMER, alerts.INHIBITION_TIMER, alerts.EXPIRY_TIMER]
        await timers.advance_by(tx, kinds, by, now)
