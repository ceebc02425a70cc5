"""What is done with pages: started and ended by alerts and incidents, taken and moved on by people."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from firebell.alerts import actions as alerts
from firebell.alerts.model import (
    GroupsAcknowledged,
    GroupsGrown,
    GroupsOpened,
    GroupsRaised,
    GroupsResolved,
    GroupsRetitled,
)
from firebell.catalog import actions as catalog
from firebell.kit import timers
from firebell.kit.db import Tx
from firebell.kit.errors import Conflict, Forbidden, Invalid, NotFound
from firebell.kit.events import SYSTEM, Actor
from firebell.kit.text import clean_name, clean_text, slugify
from firebell.oncall import actions as oncall
from firebell.oncall.model import ScheduleDeleted
from firebell.paging import delivery_store, escalation, list_store, notices, notification_rules, store
from firebell.paging.model import (
    Ack,
    Level,
    Notice,
    Page,
    PageAcknowledged,
    PageResolved,
    PageState,
    Plan,
    Policy,
    Target,
    TargetKind,
)
from firebell.people import actions as people
from firebell.people.model import PersonLeft, QuietHoursChanged

TIMER = "paging.page"
"""The one timer of a page; what it means is up to the page's state."""
NO_POLICY = Plan("No policy", (), 0, None)

arrivals = store.arrivals
counts = store.counts
deliveries = delivery_store.of_page
overdue_messages = delivery_store.overdue
log = store.log
owned_by_alone = store.owned_by_alone
owners = store.owners
page_of_subject = store.open_page_of
pages = list_store.pages
pages_by_id = store.pages_by_id
policies = store.policies
policies_by_id = store.policies_by_id
triggered = store.triggered


async def _show(tx: Tx, pages_: Sequence[Page]) -> None:
    """Tell open browsers; above twenty pages the list is enough."""
    await tx.live("pages")
    for page_ in pages_[:20]:
        await tx.live(f"pg-{page_.id}")


async def store_changes(tx: Tx, changed: Sequence[Page]) -> None:
    """Write pages with their timers: exactly one for each that has a due time (I1)."""
    if not changed:
        return
    await store.save(tx, changed)
    await timers.schedule_many(
        tx, TIMER, [(str(p.id), p.due_at, p.epoch) for p in changed if p.due_at is not None]
    )
    await timers.cancel_many(tx, TIMER, [str(p.id) for p in changed if p.due_at is None])
    await _show(tx, changed)


async def _start(tx: Tx, kind: str, rows: Sequence[dict[str, Any]], text: str, now: datetime) -> list[int]:
    made = await store.insert_pages(tx, kind, rows, now)
    if made:
        await store.add_log(tx, [(i, "triggered", SYSTEM.label, None, text, {}) for i in made], now)
        await timers.schedule_many(tx, TIMER, [(str(i), now, 1) for i in made])
        await tx.live("pages")
    return made


async def start_groups(tx: Tx, event: GroupsOpened, now: datetime) -> None:
    """Page for new alert groups, in the transaction that stores them ("group stored" = "page stored")."""
    services = await catalog.services_by_id(tx, list({g.service_id for g in event.groups}))
    plans = await store.hold_policies(tx, [s.policy_id for s in services.values() if s.policy_id])
    rows = []
    for group in event.groups:
        service = services[group.service_id]
        policy = plans.get(service.policy_id or 0)
        rows.append(
            {
                "subject_id": group.id,
                "service_id": service.id,
                "team_id": service.team_id,
                "policy_id": policy.id if policy else None,
                "plan": (policy.plan if policy else NO_POLICY).to_json(),
                "title": group.title,
                "urgency": group.urgency,
                "severity": None,
            }
        )
    await _start(tx, "group", rows, "An alert opened this page.", now)


async def grow_groups(tx: Tx, event: GroupsGrown, now: datetime) -> None:
    """Show that open pages have more alerts; what an acknowledgement does not cover is demanded again."""
    open_ = await store.lock_subjects(tx, "group", event.group_ids)
    grown = [(p, escalation.Grow(p.subject_id in event.crossed)) for p in open_]
    again = [n for p, grow in grown if isinstance(n := escalation.step(p, grow, now), Page)]
    await store_changes(tx, again)
    if again:
        text = "More alerts joined than the acknowledgement covers."
        await store.add_log(tx, [(p.id, "again", SYSTEM.label, None, text, {}) for p in again], now)
    await _show(tx, open_)


async def raise_groups(tx: Tx, event: GroupsRaised, now: datetime) -> None:
    """An alert that is urgent joined a group that was not; the log names it."""
    titles = dict(zip(event.group_ids, event.titles, strict=True))
    open_ = await store.lock_subjects(tx, "group", event.group_ids)
    raised = [n for p in open_ if isinstance(n := escalation.step(p, escalation.Raise(None), now), Page)]
    await store_changes(tx, raised)
    if raised:
        rows = [(p.id, f"A more urgent alert joined: {titles[p.subject_id]}") for p in raised]
        await store.add_log(tx, [(i, "raised", SYSTEM.label, None, text, {}) for i, text in rows], now)


async def retitle_groups(tx: Tx, event: GroupsRetitled, now: datetime) -> None:
    """Name open pages by the most severe of what fires in them, in the transaction that stores it."""
    changed = await store.retitle(tx, "group", dict(zip(event.group_ids, event.titles, strict=True)))
    if changed:
        await tx.live("pages")
        for page_id in changed[:20]:
            await tx.live(f"pg-{page_id}")


async def resolve_groups(tx: Tx, event: GroupsResolved, now: datetime) -> None:
    """End the pages of groups in which nothing fires any more."""
    await _apply_to_subjects(
        tx, "group", event.group_ids, escalation.Resolve(), "resolved", "All its alerts are resolved.", now
    )


async def acknowledge_groups(tx: Tx, event: GroupsAcknowledged, now: datetime) -> None:
    """A sender reports that somebody works on it: believed for as long as nobody's word can be."""
    open_ = await store.lock_subjects(tx, "group", event.group_ids)
    word = escalation.Ack(owned=False)
    changed = [n for p in open_ if isinstance(n := escalation.step(p, word, now), Page)]
    await store_changes(tx, changed)
    if changed:
        text = f"Acknowledged by {event.label}."
        await store.add_log(tx, [(p.id, "acked", event.label, None, text, {}) for p in changed], now)


async def release_pages(tx: Tx, event: PersonLeft, now: datetime) -> None:
    """Demand again what only somebody who left had taken (I8)."""
    left = await store.lock(tx, await store.owned_by_alone(tx, event.person_id))
    again = [n for p in left if isinstance(n := escalation.step(p, escalation.Unack(), now), Page)]
    await store_changes(tx, again)
    if again:
        text = "Whoever had taken it is not here any more."
        await store.add_log(tx, [(p.id, "again", SYSTEM.label, None, text, {}) for p in again], now)


async def void_deliveries(tx: Tx, event: PersonLeft, now: datetime) -> None:
    """Send a leaver nothing more; a page of which no one else was told goes to its next level at once."""
    waiting = await store.lock(tx, await delivery_store.pages_waiting_for(tx, event.person_id))
    await delivery_store.void_queued(tx, event.person_id)
    for page_ in waiting:
        position = (page_.id, page_.epoch, page_.level, page_.round)
        if await delivery_store.unreached(tx, *position):
            await all_failed(tx, *position, now)


async def _apply_to_subjects(
    tx: Tx, kind: str, ids: Sequence[int], event: escalation.Event, what: str, text: str, now: datetime
) -> None:
    open_ = await store.lock_subjects(tx, kind, ids)
    changed = [n for p in open_ if isinstance(n := escalation.step(p, event, now), Page)]
    await store_changes(tx, changed)
    if changed:
        await store.add_log(tx, [(p.id, what, SYSTEM.label, None, text, {}) for p in changed], now)
    if what == "resolved":
        for page_ in changed:
            await tx.emit(PageResolved(page_.id), now)


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
    """Page for an incident; without a policy the catch-all list is alarmed. None: it has a page already."""
    policy = (await store.hold_policies(tx, [policy_id])).get(policy_id) if policy_id else None
    row = {
        "subject_id": incident_id,
        "service_id": service_id,
        "team_id": team_id or (policy.team_id if policy else None),
        "policy_id": policy.id if policy else None,
        "plan": (policy.plan if policy else NO_POLICY).to_json(),
        "title": title,
        "urgency": "high" if severity <= 1 else "low",
        "severity": severity,
    }
    made = await _start(tx, "incident", [row], f"{actor.label} declared SEV{severity}.", now)
    return made[0] if made else None


async def raise_incident_page(tx: Tx, kind: str, subject_id: int, severity: int, now: datetime) -> None:
    """The incident got worse: demand again."""
    event, text = escalation.Raise(severity), f"The severity rose to SEV{severity}."
    await _apply_to_subjects(tx, kind, [subject_id], event, "raised", text, now)


async def resolve_incident_page(tx: Tx, kind: str, subject_id: int, text: str, now: datetime) -> None:
    """The incident needs nobody to be paged any more."""
    await _apply_to_subjects(tx, kind, [subject_id], escalation.Resolve(), "resolved", text, now)


async def extend_ack(tx: Tx, kind: str, subject_id: int, now: datetime) -> None:
    """Progress was made: the acknowledgement holds for its whole time again."""
    open_ = [p for p in await store.lock_subjects(tx, kind, [subject_id]) if p.state is PageState.ACKED]
    renewed = [n for p in open_ if isinstance(n := escalation.step(p, escalation.Ack(), now), Page)]
    await store_changes(tx, renewed)


async def page(tx: Tx, page_id: int) -> Page:
    """Return one page; raise `NotFound`."""
    found = await store.page(tx, page_id)
    if found is None:
        raise NotFound(f"There is no page PG-{page_id}.", command="firebell page list")
    return found


async def lock_for(tx: Tx, page_id: int, *, resolving: bool = False) -> Page:
    """Lock and return one page; raise `NotFound`."""
    unlocked = await page(tx, page_id) if resolving else None
    if unlocked and unlocked.subject_kind == "group" and unlocked.service_id is not None:
        # ingest locks the service before the page; so does this
        await alerts.lock_services(tx, [unlocked.service_id])
    locked = await store.lock(tx, [page_id])
    if not locked:
        raise NotFound(f"There is no page PG-{page_id}.", command="firebell page list")
    return locked[0]


async def _move(
    tx: Tx, actor: Actor, old: Page, event: escalation.Event, kind: str, text: str, now: datetime
) -> Page:
    new = escalation.step(old, event, now)
    if isinstance(new, escalation.Refused):
        raise Conflict(f"PG-{old.id} stays as it is: {new.reason}.")
    await store_changes(tx, [new])
    await store.add_log(tx, [(old.id, kind, actor.label, actor.person_id, text, {})], now)
    await tx.audit(actor, f"page.{kind}", old.ref, now)
    return new


async def ack(tx: Tx, actor: Actor, page_id: int, now: datetime) -> Ack:
    """Take a page: nobody else is notified. A second one joins; a late one never reopens (spec 2.1)."""
    old = await lock_for(tx, page_id)
    if old.state is PageState.RESOLVED:
        return Ack(old, "already resolved")
    mine = actor.person_id in (await store.owners(tx, [page_id]))[page_id]
    if actor.person_id is not None and not (await people.person(tx, actor.person_id)).active:
        raise Forbidden(f"{actor.label} is not active here: nobody would answer for {old.ref}.")
    if old.state is PageState.ACKED and mine:
        renewed = escalation.step(old, escalation.Ack(), now)
        assert isinstance(renewed, Page)
        await store_changes(tx, [renewed])
        return Ack(renewed, "already yours")
    joins = old.state is PageState.ACKED
    text = f"{actor.label} {'joined' if joins else 'acknowledged'}."
    new = await _move(tx, actor, old, escalation.Ack(), "joined" if joins else "acked", text, now)
    if actor.person_id is not None:
        await store.add_owner(tx, page_id, actor.person_id, now)
    await tx.emit(PageAcknowledged(page_id, actor.person_id), now)
    return Ack(new, None)


async def resolve(tx: Tx, actor: Actor, page_id: int, now: datetime) -> Page:
    """End a page and its alerts by a human's word; if they fire on, a new page opens."""
    old = await lock_for(tx, page_id, resolving=True)
    new = await _move(tx, actor, old, escalation.Resolve(), "resolved", f"{actor.label} resolved it.", now)
    if old.subject_kind == "group":
        await alerts.close_group(tx, old.subject_id, now)
    await tx.emit(PageResolved(page_id), now)
    return new


async def snooze(tx: Tx, actor: Actor, page_id: int, until: datetime, now: datetime) -> Page:
    """Silence a page until `until`, at most 24 hours; then it starts over."""
    text = f"{actor.label} snoozed it until {until:%Y-%m-%d %H:%M} UTC."
    event = escalation.Snooze(until)
    return await _move(tx, actor, await lock_for(tx, page_id), event, "snoozed", text, now)


async def escalate(tx: Tx, actor: Actor, page_id: int, now: datetime) -> Page:
    """Notify the next level now."""
    text = f"{actor.label} asked for the next level."
    return await _move(tx, actor, await lock_for(tx, page_id), escalation.Escalate(), "escalated", text, now)


async def add_note(tx: Tx, actor: Actor, page_id: int, text: str, now: datetime) -> None:
    """Write a line into the page's story."""
    clean = clean_text(text, 5000)
    if not clean:
        raise Invalid("The note is empty.", fields={"text": "Write something first."})
    await page(tx, page_id)
    await store.add_log(tx, [(page_id, "note", actor.label, actor.person_id, clean, {})], now)
    await tx.live(f"pg-{page_id}")


async def all_failed(tx: Tx, page_id: int, epoch: int, level: int, turn: int, now: datetime) -> None:
    """Every message of a level failed: the next level does not wait for its time (spec 2.5)."""
    found = await store.lock(tx, [page_id])
    for old in found:
        # already due: another message of the level failed in this moment, and it is in the log
        waits = old.due_at is not None and old.due_at > now
        if waits and (old.state, old.epoch, old.level, old.round) == (
            PageState.TRIGGERED,
            epoch,
            level,
            turn,
        ):
            await store_changes(tx, [replace(old, due_at=now)])
            text = "No message of this level could be delivered."
            await store.add_log(tx, [(page_id, "unreached", SYSTEM.label, None, text, {})], now)


async def send_test(tx: Tx, payload: dict[str, Any], now: datetime) -> None:
    """Queue the test message that somebody asked for."""
    method = await people.method(tx, payload["method_id"])
    if method is not None and method.disabled_at is None:
        turn = int(now.timestamp())
        planned = notification_rules.PlannedDelivery(method.person_id, method, 0, now, notices.TEST)
        await delivery_store.queue(tx, [delivery_store.NewDelivery(None, 0, 0, turn, 2, planned)], now)


async def notify_source_broken(tx: Tx, payload: dict[str, Any], now: datetime) -> None:
    """Tell the owning team, else the catch-all list, that a source sends what cannot be read."""
    broken = await alerts.broken_source(tx, payload["integration_id"], now)
    if broken is None:
        return
    service = (await catalog.services_by_id(tx, [broken.service_id]))[broken.service_id]
    everyone = await people.team_members(tx, service.team_id) or await people.fallback_responders(tx)
    rules, methods = await people.rules_of(tx, everyone, "low"), await people.methods_of(tx, everyone)
    reason, turn = notices.source(broken.integration_id), int(now.timestamp())
    planned = [
        p
        for i in everyone
        for p in notification_rules.plan(
            i, notification_rules.usable(rules[i], [m for m in methods if m.person_id == i])[:1], now, reason
        )
    ]
    await delivery_store.queue(tx, [delivery_store.NewDelivery(None, 0, 0, turn, 2, p) for p in planned], now)


async def notify(tx: Tx, words: Sequence[Notice], now: datetime) -> None:
    """Tell people what is about no page, each word once, through whatever of theirs acts first.

    A word is not answered, so nothing follows on it: later rules of the person stay unused.
    """
    new = await store.insert_notices(tx, list({w.key: w for w in words}.values()), now) if words else []
    everyone = list({w.person_id for _, w in new})
    rules = {u: await people.rules_of(tx, everyone, u) for u in ("high", "low")} if everyone else {}
    methods = await people.methods_of(tx, everyone)
    queued = []
    for word_id, word in new:
        mine = [m for m in methods if m.person_id == word.person_id]
        usable = notification_rules.usable(rules[word.urgency][word.person_id], mine)
        first = [r for r in usable if r.delay_s == usable[0].delay_s]
        rank = 1 if word.urgency == "high" else 2
        queued += [
            delivery_store.NewDelivery(None, 0, 0, 0, rank, p)
            for p in notification_rules.plan(word.person_id, first, now, f"{word.kind}-{word_id}")
        ]
    await delivery_store.queue(tx, queued, now)


async def release_held(tx: Tx, event: QuietHoursChanged, now: datetime) -> None:
    """Look again at what quiet hours held for somebody: it goes, or is held until the new end."""
    await delivery_store.release(tx, event.person_id, now)


async def refuse_schedule_deletion(tx: Tx, event: ScheduleDeleted, now: datetime) -> None:
    """Refuse that a schedule goes which a policy, or the plan of an open page, notifies."""
    needed = Target(TargetKind.SCHEDULE, event.schedule_id)
    policies_ = [p.name for p in await store.policies(tx) if any(needed in x.targets for x in p.levels)]
    if policies_:
        names = ", ".join(policies_[:5])
        raise Conflict(f"{event.name} is needed by {names}.", hint="Change these policies first.")
    if open_ := await store.open_pages_of_schedule(tx, event.schedule_id):
        raise Conflict(
            f"{event.name} is needed by PG-{open_[0]}, which is open.", hint="Resolve its pages first."
        )


async def _checked(tx: Tx, name: str, levels: Sequence[Level], repeat: int, timeout_s: int | None) -> Plan:
    if not levels or any(not level.targets for level in levels):
        raise Invalid("Every level needs somebody.", fields={"levels": "Choose at least one target a level."})
    if len(levels) > 20:
        raise Invalid("The policy has more than 20 levels.", fields={"levels": "At most 20."})
    if any(not 60 <= level.ack_within_s <= 86400 for level in levels):
        raise Invalid("A wait is wrong.", fields={"ack_within": "Between 1 and 1440 minutes."})
    if not 0 <= repeat <= 9:
        raise Invalid("The repetition is wrong.", fields={"repeat": "Between 0 and 9 times."})
    if timeout_s is not None and not 60 <= timeout_s <= 86400:
        raise Invalid("The ack timeout is wrong.", fields={"ack_timeout": "Between 1 and 1440 minutes."})
    known = {
        TargetKind.PERSON: {p.id for p in await people.people(tx)},
        TargetKind.TEAM: {t.id for t in await people.teams(tx)},
        TargetKind.SCHEDULE: set(await oncall.names_by_id(tx)),
    }
    for target in (t for level in levels for t in level.targets):
        if target.id not in known[target.kind]:
            raise Invalid(f"There is no {target.kind} {target.id}.", fields={"levels": "Unknown target."})
    return Plan(clean_name(name, "name"), tuple(levels), repeat, timeout_s)


async def create_policy(
    tx: Tx,
    actor: Actor,
    *,
    name: str,
    team_id: int,
    levels: Sequence[Level],
    repeat: int = 2,
    ack_timeout_s: int | None = None,
    now: datetime,
) -> Policy:
    """Add a policy whose levels all have a target that exists."""
    await people.team(tx, team_id)
    plan = await _checked(tx, name, levels, repeat, ack_timeout_s)
    made = await store.insert_policy(tx, plan.name, slugify(plan.name), team_id, plan, now)
    if made is None:
        raise Conflict(f"There is already a policy {plan.name}.", fields={"name": "This name is taken."})
    await tx.audit(actor, "policy.created", f"policy:{made.id}", now, **plan.to_json())
    return made


async def policy_by_slug(tx: Tx, slug: str) -> Policy:
    """Return one policy; raise `NotFound`."""
    policy = await store.policy_by_slug(tx, slug)
    if policy is None:
        names = ", ".join(p.slug for p in (await store.policies(tx))[:20])
        raise NotFound(f"There is no policy {slug}.", hint=f"There are: {names or 'none yet'}.")
    return policy


async def update_policy(
    tx: Tx,
    actor: Actor,
    policy: Policy,
    *,
    levels: Sequence[Level],
    repeat: int,
    ack_timeout_s: int | None,
    now: datetime,
) -> None:
    """Change a policy for pages to come; open pages keep the plan that they began with (spec 2.3)."""
    plan = await _checked(tx, policy.name, levels, repeat, ack_timeout_s)
    await store.update_policy(tx, policy.id, plan)
    await tx.audit(actor, "policy.changed", f"policy:{policy.id}", now, **plan.to_json())


async def delete_policy(tx: Tx, actor: Actor, policy: Policy, now: datetime) -> None:
    """Delete a policy that no open page follows."""
    services = await store.delete_policy(tx, policy.id)
    if services is None:
        raise Conflict(f"Open pages follow {policy.name}.", hint="Resolve them first.")
    kept = {"slug": policy.slug, "team": policy.team_id, "version": policy.version, "services": services}
    await tx.audit(actor, "policy.deleted", f"policy:{policy.id}", now, **policy.plan.to_json(), **kept)
