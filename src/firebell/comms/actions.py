"""Actions on posts: publish, recall, and send again to a target."""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime, timedelta

from firebell.comms import (
    approval_rules,
    approvals,
    drafts,
    publication_queries,
    sending,
    store,
    target,
    target_registry,
    tone_queries,
)
from firebell.comms.content import cleaned, translation_field
from firebell.comms.first_update.rules import RECALL_MINUTES
from firebell.comms.model import CommsPost, PostContent, PostState, SendState
from firebell.comms.target import Destination, PostTarget
from firebell.comms.targets import status_page
from firebell.comms.tone.check import needs_reason, prevents_sending
from firebell.comms.tone.model import ReaderKind, ToneFinding, ToneLevel
from firebell.comms.tone_queries import PostFindings
from firebell.incidents import actions as incidents
from firebell.incidents.model import Incident
from firebell.kit import undo
from firebell.kit.db.database import Tx
from firebell.kit.db.events import Actor
from firebell.kit.errors import Conflict, Invalid, NotFound
from firebell.kit.jobs import timers
from firebell.people.action_permissions import permits
from firebell.people.permissions import Verb

RECALL_WITHIN = target.RECALL_WITHIN
SAME_POST_WITHIN = timedelta(minutes=2)
"""How long the same text by the same author is the same post, such as a form that was sent twice."""


@permits(Verb.INCIDENT_UPDATE)
async def publish(
    tx: Tx, actor: Actor, incident_id: int, content: PostContent, revision: int, now: datetime
) -> CommsPost:
    """Send a post to its targets, each once; what needs an approval waits for it.

    Raise `Conflict` if someone saved or published since `revision`, `Invalid` for what the tone check blocks. If a
    strict target refuses, nothing is sent; if another fails, what was sent stays sent. Sending the same again returns
    the same post.
    """
    incident = await incidents.locked(tx, incident_id)
    content = cleaned(content)
    body_sha256 = approval_rules.content_hash(content)
    if same := await _same_post(tx, actor, incident_id, body_sha256, now):
        return same
    await drafts.check_revision(tx, incident, revision, now)
    chosen = await _chosen(tx, incident, content, now)
    readers = frozenset(destination.reader for _, destination in chosen)
    listed = await publication_queries.publications(tx, incident, now)
    languages = await publication_queries.languages(tx, listed)
    _check_languages(content, languages.others)
    findings = await tone_queries.findings(tx, incident, content, readers, languages.own, now)
    _check_tone(findings, content)
    seq = await store.last_seq(tx, incident_id) + 1
    await store.delete_draft(tx, incident_id)
    post_id = await store.insert_post(
        tx,
        incident_id,
        seq,
        PostState.PUBLISHED,
        actor.person_id,
        actor.label,
        content,
        body_sha256,
        [
            {"reader": reader, **asdict(each)}
            for reader, listed in findings.by_reader.items()
            for each in listed
        ]
        + [
            {"reader": ReaderKind.PUBLIC, "locale": locale, **asdict(each)}
            for locale, listed in findings.by_locale.items()
            for each in listed
        ],
        now,
    )
    await _replace_waiting(tx, incident_id, content.targets, now)
    for position, (_, destination) in enumerate(chosen):
        await store.insert_delivery(tx, post_id, position, destination.key, destination.label)
    await tx.audit(
        actor,
        "comms.published",
        f"comms_post:{post_id}",
        now,
        incident=incident.ref,
        targets=", ".join(content.targets),
        reason=content.reason,
    )
    await approvals.ask(
        tx, incident, await sending.post(tx, post_id), [destination for _, destination in chosen], now
    )
    return await sending.continue_post(tx, actor, incident, post_id, now, is_present=True)


async def _same_post(
    tx: Tx, actor: Actor, incident_id: int, body_sha256: str, now: datetime
) -> CommsPost | None:
    latest = await store.latest(tx, incident_id)
    is_same = (
        latest is not None
        and latest.state not in (PostState.DRAFT, PostState.RECALLED, PostState.RETURNED)
        and (latest.body_sha256, latest.author_id) == (body_sha256, actor.person_id)
        and now - latest.created_at <= SAME_POST_WITHIN
    )
    return latest if is_same else None


async def _replace_waiting(tx: Tx, incident_id: int, targets: Sequence[str], now: datetime) -> None:
    """End the wait of earlier posts for these targets, so that no older text follows a newer one."""
    for earlier in await store.waiting_posts(tx, incident_id):
        for delivery in earlier.deliveries:
            if delivery.state is SendState.WAITING and delivery.target in targets:
                error = "A newer update replaced it."
                await store.change_delivery(tx, earlier.id, delivery.target, SendState.RETURNED, error=error)
        state = sending.state_of((await sending.post(tx, earlier.id)).deliveries)
        await store.set_state(tx, earlier.id, state, now)


async def _chosen(
    tx: Tx, incident: Incident, content: PostContent, now: datetime
) -> list[tuple[PostTarget, Destination]]:
    """Return the ticked destinations in the order of sending; raise if one does not exist or refuses."""
    known = await target_registry.destinations(tx, incident, now)
    if not content.targets:
        raise Invalid("It goes nowhere.", fields={"targets": "Choose where it goes."})
    if missing := set(content.targets) - set(known):
        raise Invalid(f"{min(missing)[:60]!r} is not a target.", fields={"targets": "Choose from the list."})
    chosen = [pair for key, pair in known.items() if key in content.targets]
    for _, destination in chosen:
        if destination.refusal:
            raise Conflict(f"{destination.label} can’t get it.", fields={"targets": destination.refusal})
    return chosen


def _check_languages(content: PostContent, offered: Sequence[str]) -> None:
    """Raise `Invalid` for a translation that no status page of the incident shows."""
    fields = {
        translation_field(locale): "No status page of this incident has this additional language."
        for locale in content.translations
        if locale not in offered
    }
    if fields:
        raise Invalid("A translation has no readers.", fields=fields)


def _check_tone(findings: PostFindings, content: PostContent) -> None:
    """Raise `Invalid` for what cannot be sent, and for errors without a reason."""
    by_field: dict[str, Sequence[ToneFinding]] = {
        **{str(reader): listed for reader, listed in findings.by_reader.items()},
        **{translation_field(locale): listed for locale, listed in findings.by_locale.items()},
    }
    blocked = {
        name: next(f"{each.message} {each.suggestion}" for each in listed if each.level is ToneLevel.BLOCK)
        for name, listed in by_field.items()
        if prevents_sending(listed)
    }
    if blocked:
        raise Invalid("This can’t be sent.", fields=blocked)
    errors = [each for listed in findings.lists if needs_reason(listed) for each in listed]
    if errors and not content.reason:
        raise Invalid(
            "The tone check found errors.",
            fields={"reason": f"{errors[0].message} Change the text, or say why it stays."},
        )


@permits(Verb.INCIDENT_UPDATE)
async def retry(tx: Tx, actor: Actor, post_id: int, target: str, now: datetime) -> CommsPost:
    """Send a post again to a target where it failed. Idempotent."""
    one = await sending.post(tx, post_id)
    incident = await incidents.locked(tx, one.incident_id)
    one = await sending.post(tx, post_id)
    delivery = next((each for each in one.deliveries if each.target == target), None)
    if delivery is None:
        raise NotFound(f"This post does not go to {target[:60]!r}.")
    if delivery.state is not SendState.FAILED:
        return one
    await store.change_delivery(tx, post_id, target, SendState.WAITING)
    await tx.audit(
        actor, "comms.sent_again", f"comms_post:{post_id}", now, incident=incident.ref, target=target
    )
    return await sending.continue_post(tx, actor, incident, post_id, now)


@permits(Verb.INCIDENT_UPDATE)
async def recall(tx: Tx, actor: Actor, entry: undo.Entry, now: datetime) -> CommsPost:
    """Take back what was published moments ago where that is possible; its text is the draft again."""
    return await recall_own(tx, actor, entry.subject_id, now)


@permits(Verb.INCIDENT_UPDATE)
async def recall_own(tx: Tx, actor: Actor, post_id: int, now: datetime) -> CommsPost:
    """Take back a post that the actor published moments ago, as `recall` does."""
    one = await sending.post(tx, post_id)
    if one.author_id != actor.person_id:
        raise Conflict(f"{one.author} wrote this.", hint="Publish a correction instead.")
    incident = await incidents.locked(tx, one.incident_id)
    one = await sending.post(tx, one.id)
    if one.state is PostState.RECALLED:
        return one
    if now - one.created_at > RECALL_WITHIN:
        raise undo.too_late("Publish a correction instead.")
    newest = await store.latest(tx, incident.id)
    if newest is not None and newest.id != one.id:
        raise undo.changed_since(f"{newest.author} wrote since.", "Publish a correction instead.")
    await _take_back(tx, actor, incident, one, now)
    return await sending.post(tx, one.id)


@permits(Verb.STATUS_PAGE_PUBLISH)
async def recall_automatic(tx: Tx, actor: Actor, post_id: int, now: datetime) -> CommsPost:
    """Take back what a rule published minutes ago; its text becomes the draft if there is none. Idempotent."""
    one = await sending.post(tx, post_id)
    incident = await incidents.locked(tx, one.incident_id)
    one = await sending.post(tx, post_id)
    if not one.is_automatic:
        raise Conflict(f"{one.author} wrote this.", hint="Only its author can undo it, for 30 seconds.")
    if one.state is PostState.RECALLED:
        return one
    if not can_recall(one, now):
        raise undo.too_late("Publish a correction instead.")
    [newest] = await store.posts(tx, incident.id, 1)
    if not newest.is_automatic:
        raise undo.changed_since(f"{newest.author} published since.", "Publish a correction instead.")
    await _take_back(tx, actor, incident, one, now)
    return await sending.post(tx, one.id)


def can_recall(one: CommsPost, now: datetime) -> bool:
    """Return True if a post by a rule was published so recently that it can be recalled, and was not."""
    return one.is_automatic and one.state is not PostState.RECALLED and now <= recall_until(one)


def recall_until(one: CommsPost) -> datetime:
    """Return until when a post by a rule can be recalled."""
    return one.created_at + timedelta(minutes=RECALL_MINUTES)


async def _take_back(tx: Tx, actor: Actor, incident: Incident, one: CommsPost, now: datetime) -> None:
    """Recall a post at its targets; its text becomes the draft if there is none."""
    await status_page.lock_pages(tx, one.content.targets)
    for delivery in one.deliveries:
        target = target_registry.target_of(delivery.target)
        if delivery.state is SendState.SENT and target and target.recall:
            await target.recall(tx, actor, incident, delivery.reference, now)
        if delivery.state in (SendState.SENT, SendState.WAITING):
            await store.change_delivery(tx, one.id, delivery.target, SendState.RECALLED)
    await timers.cancel(tx, sending.APPROVAL_TIMER, str(one.id))
    await store.set_state(tx, one.id, PostState.RECALLED, now)
    await tx.audit(actor, "comms.recalled", f"comms_post:{one.id}", now, incident=incident.ref)
    if await store.draft(tx, incident.id) is None:
        await drafts.insert_draft(tx, one.author_id, one.author, incident, one.content, now)
