"""Actions on drafts of notifications: open, write, review, sign, and record what was sent. Firebell sends none."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from firebell.incidents import actions as incidents
from firebell.incidents.model import Incident
from firebell.kit.db.database import Tx
from firebell.kit.db.events import Actor
from firebell.kit.errors import Conflict, Invalid, NotFound
from firebell.kit.text import clean_text
from firebell.people.action_permissions import permits
from firebell.people.permissions import Verb
from firebell.regulatory import actions, queries, rules, store
from firebell.regulatory.drafts import queries as draft_queries
from firebell.regulatory.drafts import store as draft_store
from firebell.regulatory.drafts.model import Draft, DraftState, DraftTemplate
from firebell.regulatory.drafts.template_files import draft_templates, template_of
from firebell.regulatory.model import SUBMITTED, Answer, State
from firebell.regulatory.reminding import ENTRY_KIND

FIELD_MAX_CHARS = 10_000
CHANNEL_MAX_CHARS = 200
_NO_DRAFT = (State.NOT_APPLICABLE, State.STOPPED)


async def _lock(tx: Tx, actor: Actor, incident_id: int, draft_id: int) -> tuple[Incident, Draft]:
    """Lock a draft with its incident and return both; raise `NotFound`."""
    incident = await incidents.locked(tx, incident_id)
    await draft_queries.check_drafter(tx, actor, incident)
    draft = await draft_store.lock(tx, incident_id, draft_id)
    if draft is None:
        raise NotFound(f"{incident.ref} has no draft {draft_id}.")
    return incident, draft


async def _text(tx: Tx, incident: Incident, draft: Draft, now: datetime) -> str:
    """Return the text of a draft with the facts of now."""
    current = await queries.setup(tx)
    records = (await store.facts(tx, [incident.id]))[incident.id]
    one = queries.incident_clocks(current, incident, records, now)
    clock = draft_queries.clock_of(one, draft.obligation)
    sources = await draft_queries.draft_sources(tx, incident, current)
    answers = (await draft_store.answers(tx, [draft.id]))[draft.id]
    return draft_queries.rendered(draft_templates()[draft.template], clock, draft.part, sources, answers)


async def _record_step(
    tx: Tx, actor: Actor, draft: Draft, action: str, text: str, now: datetime, **more: Any
) -> None:
    """Write the timeline entry and the audit entry of a step; neither has the text of the draft."""
    label = actions.obligation_label(await queries.setup(tx), draft.obligation)
    entry = text.replace("{}", f"“{label}”" + (f", part {draft.part}" if draft.part > 1 else ""), 1)
    data = {"draft": draft.id}
    await incidents.record_entry(tx, actor, draft.incident_id, ENTRY_KIND, entry, data, now)
    ref = f"INC-{draft.incident_id}"
    details = {"obligation": draft.obligation, "part": draft.part, **more}
    await tx.audit(actor, f"regulatory.draft_{action}", ref, now, **details)
    await tx.live(f"inc-{draft.incident_id}")


@permits(Verb.REGULATORY_DRAFT_WRITE)
async def open_draft(tx: Tx, actor: Actor, incident_id: int, obligation: str, now: datetime) -> Draft:
    """Return the draft of an obligation that was not sent yet; open one, or the next part, if there is none.

    A new part, and the first of a later phase, begin with what people wrote into the one before.
    """
    incident = await incidents.locked(tx, incident_id)
    await draft_queries.check_drafter(tx, actor, incident)
    if incident.drill:
        raise Conflict(f"{incident.ref} is a drill, and a drill notifies no authority.")
    template = template_of(obligation)
    if template is None:
        raise NotFound(
            f"There is no template for {obligation[:40]}.", hint="Write this notification yourself."
        )
    (one,) = await queries.clocks_of(tx, [incident], now)
    clock = draft_queries.clock_of(one, obligation)
    if clock.state in _NO_DRAFT:
        raise Conflict(f"{obligation} is {clock.state.replace('_', ' ')}.", hint="Change the fact first.")
    drafts = (await draft_store.drafts(tx, [incident_id])).get(incident_id, [])
    own = [draft for draft in drafts if draft.obligation == obligation]
    if own and own[-1].state is not DraftState.SENT:
        return own[-1]
    part = len(own) + 1
    new = await draft_store.insert(
        tx,
        incident_id,
        obligation,
        part,
        template.id,
        template.version,
        "",
        actor.label,
        actor.person_id,
        now,
    )
    if earlier := draft_queries.before(new, template, drafts):
        fields = [field.id for field in template.fields]
        await draft_store.copy_answers(tx, earlier.id, new.id, fields)
    new = await draft_store.change(tx, new.id, text=await _text(tx, incident, new, now))
    await _record_step(tx, actor, new, "opened", "opened the draft of {}", now)
    return new


@permits(Verb.REGULATORY_DRAFT_WRITE)
async def answer_fields(
    tx: Tx,
    actor: Actor,
    incident_id: int,
    draft_id: int,
    texts: Mapping[str, str],
    version: int | None,
    now: datetime,
) -> Draft:
    """Write into fields of a draft; a blank text leaves the field to the facts. A reviewed text is a draft again.

    Raise `Conflict` if someone changed the draft since `version`. The same texts again change nothing.
    """
    incident, draft = await _lock(tx, actor, incident_id, draft_id)
    _check_open(draft)
    template = draft_templates()[draft.template]
    known = {field.id for field in template.fields}
    if unknown := sorted(set(texts) - known):
        raise Invalid(
            f"{template.id} has no field {unknown[0][:40]!r}.", fields={"fields": "Use its fields."}
        )
    before = (await draft_store.answers(tx, [draft_id]))[draft_id]
    cleaned = {name: clean_text(text, FIELD_MAX_CHARS).strip() for name, text in texts.items()}
    changed = {n: text for n, text in cleaned.items() if text != (before[n].text if n in before else "")}
    if not changed:
        return draft
    if version is not None and version != draft.version:
        raise Conflict(
            "Someone changed this draft since you opened it.", hint="Read theirs, then save yours again."
        )
    await draft_store.add_answers(tx, draft_id, changed, actor.label, actor.person_id, now)
    draft = await draft_store.change(
        tx,
        draft_id,
        text=await _text(tx, incident, draft, now),
        changed_at=now,
        changed_by=actor.person_id,
        **_AS_DRAFT,
    )
    details = {"obligation": draft.obligation, "fields": sorted(changed)}
    await tx.audit(actor, "regulatory.draft_answered", incident.ref, now, **details)
    await tx.live(f"inc-{incident_id}")
    return draft


_AS_DRAFT: Mapping[str, Any] = {
    "state": "draft",
    "reviewed_at": None,
    "reviewer": "",
    "signed_at": None,
    "signer": "",
}


def _check_open(draft: Draft) -> None:
    if draft.state is DraftState.SENT:
        raise Conflict("This part was sent, and what was sent is not changed.", hint="Write a follow-up.")


def _check_state(draft: Draft, state: DraftState, verb: str) -> None:
    _check_open(draft)
    if draft.state is not state:
        raise Conflict(f"It is {draft.state}: only what is {state} can be {verb}.", hint="Reload the page.")


@permits(Verb.REGULATORY_DRAFT_WRITE)
async def review(tx: Tx, actor: Actor, incident_id: int, draft_id: int, now: datetime) -> Draft:
    """Confirm the facts of a draft, which fixes its text; the last person to change it cannot do that."""
    incident, draft = await _lock(tx, actor, incident_id, draft_id)
    _check_state(draft, DraftState.DRAFT, "reviewed")
    if draft.changed_by is not None and draft.changed_by == actor.person_id:
        raise Conflict("You changed this draft last.", hint="Ask someone else who may see it to review it.")
    text = await _text(tx, incident, draft, now)
    draft = await draft_store.change(
        tx,
        draft_id,
        state=DraftState.REVIEWED,
        text=text,
        template_version=draft_templates()[draft.template].version,
        reviewed_at=now,
        reviewer=actor.label,
    )
    await _record_step(tx, actor, draft, "reviewed", "reviewed the draft of {}", now)
    return draft


@permits(Verb.REGULATORY_DRAFT_WRITE)
async def sign(tx: Tx, actor: Actor, incident_id: int, draft_id: int, now: datetime) -> Draft:
    """Approve a reviewed text for sending; raise `Conflict` if facts changed since the review."""
    incident, draft = await _lock(tx, actor, incident_id, draft_id)
    _check_state(draft, DraftState.REVIEWED, "signed")
    if await _text(tx, incident, draft, now) != draft.text:
        raise Conflict("Facts changed since it was reviewed.", hint="Return it to draft and review it again.")
    draft = await draft_store.change(tx, draft_id, state=DraftState.SIGNED, signed_at=now, signer=actor.label)
    await _record_step(tx, actor, draft, "signed", "signed {}", now)
    return draft


@permits(Verb.REGULATORY_DRAFT_WRITE)
async def return_to_draft(
    tx: Tx, actor: Actor, incident_id: int, draft_id: int, reason: str, now: datetime
) -> Draft:
    """Make a reviewed or signed text a draft again, with a reason. Idempotent."""
    incident, draft = await _lock(tx, actor, incident_id, draft_id)
    _check_open(draft)
    if draft.state is DraftState.DRAFT:
        return draft
    reason = clean_text(reason, actions.REASON_MAX_CHARS)
    if not reason:
        raise Invalid("The reason is missing.", fields={"reason": "Enter why it isn't ready."})
    draft = await draft_store.change(tx, draft_id, **_AS_DRAFT)
    draft = await draft_store.change(tx, draft_id, text=await _text(tx, incident, draft, now))
    await _record_step(tx, actor, draft, "returned", f"returned {{}} to draft: {reason}", now, reason=reason)
    return draft


@permits(Verb.REGULATORY_DRAFT_WRITE)
async def record_sent(
    tx: Tx,
    actor: Actor,
    incident_id: int,
    draft_id: int,
    *,
    at: datetime | None,
    channel: str,
    receipt: str,
    now: datetime,
) -> Draft:
    """Record that a signed notification was sent, which ends its clock with that time. Without `at` it was now."""
    _, draft = await _lock(tx, actor, incident_id, draft_id)
    _check_state(draft, DraftState.SIGNED, "recorded as sent")
    at = (at or now).replace(microsecond=0)
    if at > now:
        raise Invalid("The time is in the future.", fields={"at": "Enter when it was sent."})
    assert draft.signed_at
    if at < draft.signed_at.replace(second=0, microsecond=0):
        raise Invalid("It was signed later.", fields={"at": "Enter a time after the signature."})
    channel = clean_text(channel, CHANNEL_MAX_CHARS).strip()
    if not channel:
        raise Invalid("The channel is missing.", fields={"channel": "Enter the recipient and the channel."})
    receipt = clean_text(receipt, CHANNEL_MAX_CHARS).strip()
    sent = {
        "sent_at": at,
        "sender": actor.label,
        "channel": channel,
        "receipt": receipt,
    }
    draft = await draft_store.change(tx, draft_id, state=DraftState.SENT, **sent)
    await _record_step(
        tx, actor, draft, "sent", f"recorded that {{}} was sent: {channel}", now, receipt=receipt
    )
    await _end_clock(tx, actor, draft, draft_templates()[draft.template], at, now)
    return draft


async def _end_clock(
    tx: Tx, actor: Actor, draft: Draft, template: DraftTemplate, at: datetime, now: datetime
) -> None:
    """Record the submission, unless an earlier part did and only the first one counts."""
    fact = f"{SUBMITTED}{draft.obligation}"
    records = rules.latest((await store.facts(tx, [draft.incident_id]))[draft.incident_id])
    is_submitted = fact in records and records[fact].answer is Answer.YES
    if is_submitted and not template.counts_each_part:
        return
    reason = ", ".join(filter(None, (draft.channel, draft.receipt)))
    await actions.record_fact(
        tx, actor, draft.incident_id, fact, Answer.YES, now, effective_at=at, reason=reason
    )
