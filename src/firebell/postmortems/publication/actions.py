"""Prepare and publish a document: acknowledge its problems, choose who gets it, and publish it in one transaction."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from firebell.incidents import actions as incidents
from firebell.incidents.model import Phase
from firebell.kit import undo
from firebell.kit.db.database import Tx
from firebell.kit.db.events import Actor
from firebell.kit.errors import Conflict, Invalid, NotFound
from firebell.kit.jobs import timers
from firebell.kit.references import parse_ref
from firebell.kit.text import required_text
from firebell.notify import actions as notify
from firebell.people.action_permissions import internal, permits
from firebell.people.permissions import Verb
from firebell.postmortems import lookup
from firebell.postmortems import store as document_store
from firebell.postmortems.document.blocks import expand
from firebell.postmortems.drafting.block_texts import block_texts
from firebell.postmortems.drafting.queries import load_sources
from firebell.postmortems.editing import saving, version_store
from firebell.postmortems.editing.saving import live_topic
from firebell.postmortems.model import PostmortemPublished, VersionReason
from firebell.postmortems.publication import checks, distribution_settings, mail_store, queries, store
from firebell.postmortems.publication.checks import BlockerId
from firebell.postmortems.publication.distribution import clean_members
from firebell.postmortems.reminders import actions as reminders
from firebell.postmortems.several_incidents import actions as several_incidents

DISTRIBUTION_TIMER = "postmortems.distribute"
PUBLISHED_SUBJECT = "postmortem_published"
"""The kind of subject of a message about a published post-mortem; its id is that of the post-mortem."""
SENT_AFTER = undo.ACCEPTED_WITHIN + timedelta(seconds=5)
"""How long after the publication it is sent, so that one that is undone reaches no one."""
REASON_MAX_CHARS = 500


@permits(Verb.POSTMORTEM_PUBLISH)
async def acknowledge(
    tx: Tx, actor: Actor, incident_id: int, problem: str, reason: str, now: datetime
) -> None:
    """Accept a problem of the current text with a reason, so that the document can be published with it.

    Raise `NotFound` if the text has no such problem, or one that no one can accept: P-SECTIONS and P-BLAME.
    """
    postmortem = await lookup.locked(tx, incident_id)
    incident = await incidents.incident(tx, postmortem.incident_id)
    accepted = await queries.problem(tx, postmortem, incident, problem)
    if accepted is None:
        raise NotFound(
            f"The post-mortem of {postmortem.ref} has no problem {problem[:80]!r} that can be accepted.",
            hint="Reload the page; fix an empty section or a sentence that blames.",
        )
    text = required_text(
        reason, REASON_MAX_CHARS, name="reason", hint="Enter why it can be published with it."
    )
    await store.acknowledge(tx, postmortem.id, problem, accepted.message, text, actor, now)
    await tx.audit(actor, "postmortem.problem_accepted", postmortem.ref, now, problem=problem, reason=text)
    await tx.live(live_topic(postmortem))


@permits(Verb.POSTMORTEM_PUBLISH)
async def set_distribution(
    tx: Tx, actor: Actor, incident_id: int, members: Sequence[str], now: datetime
) -> queries.ChosenDistribution:
    """Choose whom the document is sent to; without members it is sent to the lists of its severity.

    Raise `Invalid` for a list, a team or a person that does not exist, and for addresses of a private incident.
    """
    postmortem = await lookup.locked(tx, incident_id)
    private = next((each for each in await lookup.incidents_of(tx, postmortem) if each.is_private), None)
    cleaned = clean_members(members, lists=True)
    settings = await distribution_settings.load(tx)
    known = settings.by_slug()
    for member in cleaned:
        kind, _, value = member.partition(":")
        if kind == "list" and value not in known:
            offered = ", ".join(known) or "none"
            raise Invalid(f"There is no list {value}.", fields={"members": f"Choose one of {offered}."})
        if kind == "email" and private:
            text = f"{private.ref} is private: only people who may read it get its post-mortem."
            raise Invalid(text, fields={"members": "Leave out email addresses."})
    await distribution_settings.check_exist(tx, cleaned, "members")
    await store.set_distribution(tx, postmortem.id, cleaned)
    await tx.audit(actor, "postmortem.distribution", postmortem.ref, now, members=cleaned)
    await tx.live(live_topic(postmortem))
    return await queries.distribution_of(tx, postmortem)


@permits(Verb.POSTMORTEM_PUBLISH)
async def publish(tx: Tx, actor: Actor, incident_id: int, now: datetime) -> None:
    """Publish an approved post-mortem with its live blocks frozen; a closed incident becomes reviewed.

    It is sent to its distribution list a minute later, so that an undone publication reaches no one. A published one
    that was edited since is published again, with an approval of the new text.

    Raise `Invalid` naming everything that is left, `Conflict` if it is published or its incident is open.
    """
    postmortem = await lookup.locked(tx, incident_id)
    incident_id = postmortem.incident_id
    desk = await queries.desk_of(tx, postmortem)
    await several_incidents.require_closed(tx, postmortem)
    _raise_blockers(desk.blockers, postmortem.ref)
    sources = await load_sources(tx, await lookup.incident_ids(tx, postmortem), now)
    frozen = expand(postmortem.body, block_texts(postmortem.body, sources))
    number = await saving.store_version(
        tx,
        actor,
        postmortem,
        frozen,
        VersionReason.PUBLISH,
        now,
        base_n=postmortem.version,
        is_audited=False,
    )
    await document_store.publish(tx, postmortem.id, now)
    await timers.schedule(tx, DISTRIBUTION_TIMER, f"{postmortem.id}:{number}", now + SENT_AFTER)
    await tx.audit(
        *(actor, "postmortem.published", postmortem.ref, now),
        version=number,
        recipients=desk.distribution.recipients.count,
    )
    if desk.incident.phase is Phase.CLOSED:
        await incidents.set_phase(tx, actor, incident_id, Phase.REVIEWED, now, published=True)
    await several_incidents.review_others(tx, actor, postmortem, now)
    await tx.emit(PostmortemPublished(postmortem.id, incident_id, number), now)
    await tx.live("incidents")


def _raise_blockers(blockers: Sequence[checks.Blocker], ref: str) -> None:
    for each in blockers:
        if each.id in (BlockerId.PUBLISHED, BlockerId.OPEN):
            raise Conflict(f"{ref}: {each.text[0].lower()}{each.text[1:]}.", hint=each.advice)
    if blockers:
        grouped: dict[str, list[str]] = {}
        for each in blockers:
            name = "body" if each.id in (BlockerId.PLACEHOLDERS, BlockerId.CONTENT) else str(each.id)
            grouped.setdefault(name, []).append(each.text)
        raise Invalid(
            f"The post-mortem of {ref} cannot be published yet.",
            hint=f"Open its publication page to see what is left. First: {blockers[0].advice}",
            fields={name: "; ".join(texts) for name, texts in grouped.items()},
        )


@permits(Verb.POSTMORTEM_PUBLISH)
async def unpublish(tx: Tx, actor: Actor, entry: undo.Entry, now: datetime) -> None:
    """Make a published post-mortem a draft again; raise `Conflict` if someone changed it since."""
    incident_id = parse_ref("INC", entry.subject)
    incident, postmortem = await incidents.incident(tx, incident_id), await lookup.locked(tx, incident_id)
    published = await version_store.version(tx, postmortem.id, entry.detail["version"])
    if postmortem.state != "published" or postmortem.version != entry.detail["version"]:
        raise undo.changed_since(
            f"the post-mortem of {postmortem.ref} was changed since you published it.", "Edit it instead."
        )
    before = (
        published and published.base_n and await version_store.version(tx, postmortem.id, published.base_n)
    )
    if before:
        await saving.store_version(
            tx, actor, postmortem, before.body, VersionReason.RESTORE, now, base_n=before.n, is_audited=False
        )
    await version_store.undo_publication(tx, postmortem.id, postmortem.version)
    earlier = await version_store.published_before(tx, postmortem.id, postmortem.version)
    await document_store.unpublish(tx, postmortem.id, earlier)
    await timers.cancel(tx, DISTRIBUTION_TIMER, f"{postmortem.id}:{postmortem.version}")
    await reminders.schedule(tx, postmortem.id, now)
    await tx.audit(actor, "postmortem.unpublished", postmortem.ref, now)
    if incident.phase is Phase.REVIEWED and earlier is None:
        await incidents.withdraw_review(tx, actor, incident_id, now)
    if earlier is None:
        await several_incidents.withdraw_reviews(tx, actor, postmortem, now)


@internal("Follows from a publication that was not undone.")
async def distribute(tx: Tx, postmortem_id: int, version: int, now: datetime) -> None:
    """Send a published version to its distribution list: people by their contact methods, others by mail. Once."""
    postmortem = (await document_store.by_id(tx, [postmortem_id])).get(postmortem_id)
    if postmortem is None or postmortem.state != "published" or postmortem.published_version != version:
        return
    recipients = (await queries.distribution_of(tx, postmortem)).recipients
    await notify.send_about(
        tx, PUBLISHED_SUBJECT, {postmortem.id: [person.id for person in recipients.people]}, now
    )
    await mail_store.queue(tx, postmortem.id, version, recipients.addresses, now)
    await tx.wake("postmortem_mail")
