"""Watches active incidents without a public update, and publishes the first one as the rules of status pages say."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from firebell.comms import approval_rules, approver_queries, publication_queries, sending
from firebell.comms import store as post_store
from firebell.comms.first_update import rules, store
from firebell.comms.first_update.model import ENTRY_KIND, RULE_ACTOR, FirstUpdateProgress, FirstUpdateRule
from firebell.comms.first_update.rules import FirstUpdateDecision, FirstUpdateFacts, FirstUpdateStep
from firebell.comms.model import CommsPost, PostContent, PostState
from firebell.comms.publication_queries import IncidentPublication
from firebell.comms.targets import status_page
from firebell.comms.tone.model import ReaderKind
from firebell.incidents import actions as incidents
from firebell.incidents.model import ACTIVE, EntryAdded, Incident, IncidentDeclared
from firebell.kit.db.database import Tx
from firebell.kit.jobs import timers
from firebell.notify import actions as notify
from firebell.notify.model import Notice
from firebell.people.action_permissions import internal
from firebell.status_pages import actions as status_pages
from firebell.status_pages import stages
from firebell.status_pages.model import Stage, StatusPage

FIRST_UPDATE_TIMER = "comms.first_update"
NOTICE_KIND = "firstupdate"
URGENT_SEVERITY = 1
"""The least severe incident about whose first update people are notified urgently."""
BUSY_PAGE_RETRY = timedelta(seconds=5)
"""How soon to try again while someone publishes on the same status page."""
FACT_KINDS = frozenset({"severity", "phase", "merged", "type", "linked", "paged"})
"""The kinds of timeline entries after which a rule may apply that did not before."""


@dataclass(frozen=True, slots=True)
class FirstUpdate:
    """A status page that owes the first update about an incident, with what its rule does now."""

    publication: IncidentPublication
    rule: FirstUpdateRule
    content: PostContent
    approval_roles: Sequence[str]
    """Who must approve the first update; then Firebell does not publish it."""
    decision: FirstUpdateDecision


async def begin(tx: Tx, event: IncidentDeclared, now: datetime) -> None:
    """Watch a declared incident, if a rule is on."""
    await _watch(tx, event.incident_id, now)


async def check(tx: Tx, event: EntryAdded, now: datetime) -> None:
    """Decide again after an entry that can change what the rule does."""
    if event.kind in FACT_KINDS:
        await _watch(tx, event.incident_id, now)


async def _watch(tx: Tx, incident_id: int, now: datetime) -> None:
    if await store.enabled_rules(tx):
        await timers.schedule(tx, FIRST_UPDATE_TIMER, str(incident_id), now)


async def run_rules(tx: Tx, due_timers: Sequence[timers.Timer], now: datetime) -> Sequence[timers.Timer]:
    """Warn, remind and publish as the rules say; return the timers of incidents that are locked."""
    unlocked = await incidents.lock_free(tx, [int(timer.key) for timer in due_timers])
    for incident in unlocked:
        await _apply(tx, incident, now)
    free = {incident.id for incident in unlocked}
    return [timer for timer in due_timers if int(timer.key) not in free]


async def _apply(tx: Tx, incident: Incident, now: datetime) -> None:
    coming: list[datetime] = []
    for owed in await first_updates(tx, incident, now):
        if owed.decision.next_at is not None:
            coming.append(owed.decision.next_at)
        page_id = owed.publication.page.id
        if owed.decision.step is FirstUpdateStep.WARN:
            await store.record_progress(tx, incident.id, page_id, warned_at=now)
            await _warn(tx, incident, owed, now)
        elif owed.decision.step is FirstUpdateStep.REMIND_APPROVERS:
            await store.record_progress(tx, incident.id, page_id, reminded_at=now)
            await _remind_approvers(tx, incident, owed, now)
        elif owed.decision.step is FirstUpdateStep.PUBLISH:
            if not await status_page.lock_free_pages(tx, owed.content.targets):
                coming.append(now + BUSY_PAGE_RETRY)
                continue
            post = await _publish(tx, incident, owed, now)
            await store.record_progress(tx, incident.id, page_id, post_id=post.id)
            await _report(tx, incident, owed, post, now)
    if coming:
        await timers.schedule(tx, FIRST_UPDATE_TIMER, str(incident.id), min(coming))


async def first_updates(tx: Tx, incident: Incident, now: datetime) -> list[FirstUpdate]:
    """Return the status pages whose rule is on and that could still owe the first update about an incident."""
    enabled = await store.enabled_rules(tx) if incident.phase in ACTIVE else {}
    if not enabled:
        return []
    listed = [
        each
        for each in await publication_queries.publications(tx, incident, now)
        if each.page.id in enabled and not (each.published or each.earlier) and each.suggested_ids
    ]
    if not listed:
        return []
    changes = [
        (entry.at, int(entry.data["from"]), int(entry.data["to"]))
        for entry in await incidents.timeline(tx, incident.id)
        if entry.kind == "severity"
    ]
    progress = await store.progress(tx, incident.id)
    draft = await post_store.draft(tx, incident.id)
    is_claimed = await store.claim(tx, incident.id) is not None
    updates = []
    for publication in listed:
        rule = enabled[publication.page.id]
        own = progress.get(publication.page.id, FirstUpdateProgress())
        content = await _content(tx, incident, publication, rule, now)
        roles = await _approval_roles(tx, incident, publication, content)
        facts = FirstUpdateFacts(
            incident.phase,
            rules.severity_since(rule.severities, incident.severity, incident.declared_at, changes),
            is_private=incident.is_private,
            is_drill=incident.drill,
            is_backfilled=incident.backfilled,
            is_published=own.post_id is not None,
            is_claimed=is_claimed,
            needs_approval=bool(roles),
            draft_saved_at=draft.updated_at if draft else None,
            warned_at=own.warned_at,
            reminded_at=own.reminded_at,
        )
        updates.append(FirstUpdate(publication, rule, content, roles, rules.decide(rule, facts, now)))
    return updates


async def _content(
    tx: Tx, incident: Incident, publication: IncidentPublication, rule: FirstUpdateRule, now: datetime
) -> PostContent:
    """Return what the rule publishes: its text with the names of components, and nothing of the incident's text."""
    page = publication.page
    components = [
        component
        for component in (await status_pages.parts(tx, page))[1]
        if component.id in publication.suggested_ids
    ]
    names = [component.name for component in components]
    status = stages.SUGGESTED_STATUS.get(incident.severity)
    promise = now + stages.next_update_interval(incident.severity, Stage.INVESTIGATING)
    return PostContent(
        {ReaderKind.PUBLIC: rules.filled(rule.body, names)},
        (status_page.key_of(page.slug),),
        Stage.INVESTIGATING,
        {component.id: status.code for component in components} if status else {},
        promise.replace(second=0, microsecond=0),
        rules.filled_headline(rule.headline, names),
    )


async def _approval_roles(
    tx: Tx, incident: Incident, publication: IncidentPublication, content: PostContent
) -> list[str]:
    """Return who must approve the first update of a status page before it is sent."""
    destination = status_page.destination(publication, incident)
    matched = (await sending.rules_by_reader(tx, incident, content, [destination]))[ReaderKind.PUBLIC]
    return list(dict.fromkeys(role for rule in matched for role in rule.roles))


async def _notify(
    tx: Tx,
    incident: Incident,
    owed: FirstUpdate,
    person_ids: Sequence[int],
    now: datetime,
    *,
    occasion: str,
    title: str,
    note: str,
    post_id: int | None = None,
) -> None:
    """Notify these people once of what happens at the due time of a first update."""
    due_at = owed.decision.due_at
    assert due_at is not None
    key = f"first-update:{occasion}:{owed.publication.page.id}:{incident.id}:{due_at.isoformat()}"
    path = f"/incidents/{incident.ref}/comms"
    notices = [
        Notice(
            key=f"{key}:{person_id}",
            person_id=person_id,
            kind=NOTICE_KIND,
            title=f"{incident.ref}: {title}",
            note=note,
            link=path if post_id is None else f"{path}/{post_id}",
            urgency="high" if incident.severity <= URGENT_SEVERITY else "low",
        )
        for person_id in person_ids
    ]
    await notify.send_notices(tx, notices, now)


async def _warn(tx: Tx, incident: Incident, owed: FirstUpdate, now: datetime) -> None:
    """Record in the timeline, and notify those who post, that the rule publishes soon."""
    page, due_at = owed.publication.page, owed.decision.due_at
    assert due_at is not None
    minutes = max(1, round((due_at - now).total_seconds() / 60))
    text = f"publishes the first update on {page.name} in {minutes} min, unless a person posts it"
    await _record(tx, incident, page, text, now)
    await _notify(
        *(tx, incident, owed, await incidents.reminder_recipients(tx, incident), now),
        occasion="warning",
        title=f"Firebell posts on {page.name} in {minutes} min",
        note="Choose “I’ll post it” or save a draft to write the first update yourself.",
    )


async def _remind_approvers(tx: Tx, incident: Incident, owed: FirstUpdate, now: datetime) -> None:
    """Remind those who must approve the first update, and those who post, that there is none."""
    page = owed.publication.page
    labels = " and ".join(approval_rules.ROLE_LABELS[role] for role in owed.approval_roles)
    text = f"leaves the first update on {page.name} to people: {labels} must approve it"
    await _record(tx, incident, page, text, now)
    by_role = await approver_queries.approvers(tx, incident, owed.approval_roles, None, now)
    recipients = {person for members in by_role.values() for person in members}
    recipients |= set(await incidents.reminder_recipients(tx, incident))
    await _notify(
        *(tx, incident, owed, sorted(recipients), now),
        occasion="approval",
        title=f"no update on {page.name} yet",
        note=f"Firebell doesn’t post it, because {labels} must approve it first.",
    )


async def _record(tx: Tx, incident: Incident, page: StatusPage, text: str, now: datetime) -> None:
    data = {"status_page": page.slug}
    await incidents.record_entry(tx, RULE_ACTOR, incident.id, ENTRY_KIND, text, data, now)


@internal("The rule of a status page, which a manager turned on.")
async def _publish(tx: Tx, incident: Incident, owed: FirstUpdate, now: datetime) -> CommsPost:
    """Publish the text of the rule as a post without a person; what a status page refuses is shown at the post."""
    content, page = owed.content, owed.publication.page
    post_id = await post_store.insert_post(
        tx,
        incident.id,
        await post_store.last_seq(tx, incident.id) + 1,
        PostState.PUBLISHED,
        RULE_ACTOR.person_id,
        RULE_ACTOR.label,
        content,
        approval_rules.content_hash(content),
        (),
        now,
    )
    await post_store.insert_delivery(tx, post_id, 0, content.targets[0], page.name)
    await tx.audit(
        RULE_ACTOR,
        "comms.first_update_published",
        f"comms_post:{post_id}",
        now,
        incident=incident.ref,
        status_page=page.slug,
    )
    return await sending.continue_post(tx, RULE_ACTOR, incident, post_id, now)


async def _report(tx: Tx, incident: Incident, owed: FirstUpdate, post: CommsPost, now: datetime) -> None:
    """Notify those who post of what the rule published, or that it could not."""
    is_sent = post.state is PostState.PUBLISHED
    recall = f"You can recall it within {rules.RECALL_MINUTES} minutes."
    await _notify(
        *(tx, incident, owed, await incidents.reminder_recipients(tx, incident), now),
        occasion="published",
        title=f"Firebell {'posted' if is_sent else 'could not post'} on {owed.publication.page.name}",
        note=recall if is_sent else post.deliveries[0].error,
        post_id=post.id,
    )
