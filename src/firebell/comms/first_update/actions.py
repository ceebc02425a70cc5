"""Actions on the first update: the rule of a status page, and the person who posts it instead."""

from collections.abc import Collection
from datetime import datetime, timedelta

from firebell.comms import tone_queries
from firebell.comms.first_update import publication, rules, store
from firebell.comms.first_update.model import ENTRY_KIND, FirstUpdateClaim, FirstUpdateRule
from firebell.comms.first_update.rules import FirstUpdateStep
from firebell.comms.tone.check import check, needs_reason, prevents_sending
from firebell.comms.tone.model import ReaderKind
from firebell.incidents import actions as incidents
from firebell.incidents.model import ACTIVE
from firebell.kit.db.database import Tx
from firebell.kit.db.events import Actor
from firebell.kit.errors import Conflict, Invalid
from firebell.kit.jobs import timers
from firebell.kit.text import clean_name, required_text
from firebell.people.action_permissions import permits
from firebell.people.permissions import Verb
from firebell.status_pages import actions as status_pages
from firebell.status_pages.model import Stage, StatusPage
from firebell.status_pages.publishing.actions import BODY_MAX_CHARS, NAME_MAX_CHARS, SLOT

MAX_RECHECKED_INCIDENTS = 500
"""How many active incidents a rule that is turned on or changed looks at right away."""


async def rule_of(tx: Tx, page: StatusPage) -> FirstUpdateRule:
    """Return the rule of a status page: the defaults, turned off, until one is saved."""
    return await store.rule(tx, page.id) or FirstUpdateRule(
        page.id,
        rules.DEFAULT_SEVERITIES,
        rules.DEFAULT_MINUTES,
        rules.DEFAULT_HEADLINE,
        rules.DEFAULT_BODY,
        enabled_at=None,
    )


@permits(Verb.STATUS_PAGE_WRITE)
async def change_rule(
    tx: Tx,
    actor: Actor,
    page: StatusPage,
    now: datetime,
    *,
    is_enabled: bool,
    severities: Collection[int],
    minutes: int,
    headline: str,
    body: str,
) -> FirstUpdateRule:
    """Turn the rule of a status page on or off, and change it. Idempotent.

    Raise `Invalid` for texts that a person could not send, or only with a reason. Active incidents count from when the
    rule is turned on.
    """
    old = await rule_of(tx, page)
    _check_numbers(severities, minutes)
    headline = clean_name(headline, "headline", limit=NAME_MAX_CHARS)
    hint = "Write what customers should know."
    body = required_text(body, BODY_MAX_CHARS // 2, name="text", hint=hint, field="body")
    await _check_texts(tx, page, headline, body, min(severities), now)
    new = FirstUpdateRule(
        page.id,
        frozenset(severities),
        minutes,
        headline,
        body,
        (old.enabled_at or now) if is_enabled else None,
    )
    if new == old:
        return old
    await store.save_rule(tx, new)
    await tx.audit(
        actor,
        "comms.first_update_rule_changed",
        page.name,
        now,
        enabled=is_enabled,
        severities=sorted(new.severities),
        minutes=minutes,
        headline=headline,
        body=body,
    )
    if is_enabled:
        active = await incidents.incidents(tx, ACTIVE, drill=False, limit=MAX_RECHECKED_INCIDENTS)
        await timers.schedule_many(
            tx, publication.FIRST_UPDATE_TIMER, [(str(each.id), now, 0) for each in active]
        )
    return new


def _check_numbers(severities: Collection[int], minutes: int) -> None:
    if not severities:
        raise Invalid("No severity is chosen.", fields={"severities": "Choose at least one."})
    if not set(severities) <= {0, 1, 2, 3}:
        raise Invalid("This is not a severity.", fields={"severities": "Use 0 to 3."})
    if not rules.MIN_MINUTES <= minutes <= rules.MAX_MINUTES:
        raise Invalid(
            "The time is out of range.",
            fields={"minutes": f"Enter {rules.MIN_MINUTES} to {rules.MAX_MINUTES} minutes."},
        )


async def _check_texts(
    tx: Tx, page: StatusPage, headline: str, body: str, severity: int, now: datetime
) -> None:
    """Raise `Invalid` for a slot that Firebell does not fill, and for what the tone check would not just send."""
    for field, text in (("headline", headline), ("body", body)):
        if slot := SLOT.search(text.replace(rules.COMPONENTS_SLOT, "")):
            raise Invalid(
                "Firebell can’t fill in the text.",
                fields={field: f"Remove {slot[0]}. Only {rules.COMPONENTS_SLOT} is filled in."},
            )
    names = [component.name for component in (await status_pages.parts(tx, page))[1]]
    locale = (await status_pages.locales(tx, page))[0]
    context = await tone_queries.text_context(
        tx,
        now,
        reader=ReaderKind.PUBLIC,
        stage=Stage.INVESTIGATING,
        severity=severity,
        locale=locale,
        subject=None,
        next_update_at=now + timedelta(minutes=rules.DEFAULT_MINUTES),
        data_checked=False,
    )
    for field, text in (("headline", headline), ("body", body)):
        findings = check(rules.filled(text, names), context)
        if prevents_sending(findings) or needs_reason(findings):
            raise Invalid(
                "The tone check found an error.",
                fields={field: f"{findings[0].message} {findings[0].suggestion}".strip()},
            )


@permits(Verb.INCIDENT_UPDATE)
async def claim(tx: Tx, actor: Actor, incident_id: int, now: datetime) -> FirstUpdateClaim:
    """Record that a person posts the first update about an incident, so that no rule does. Idempotent.

    Raise `Conflict` if no rule would. The reminders of status pages continue.
    """
    incident = await incidents.locked(tx, incident_id)
    if earlier := await store.claim(tx, incident_id):
        return earlier
    owed = await publication.first_updates(tx, incident, now)
    if all(each.decision.step is FirstUpdateStep.NOTHING for each in owed):
        raise Conflict(f"Firebell posts nothing about {incident.ref}.", hint="Write the update.")
    made = FirstUpdateClaim(actor.person_id, actor.label, now)
    await store.insert_claim(tx, incident_id, made)
    text = "posts the first public update, so Firebell doesn’t"
    await incidents.record_entry(tx, actor, incident_id, ENTRY_KIND, text, {}, now)
    await tx.audit(actor, "comms.first_update_claimed", incident.ref, now)
    await timers.cancel(tx, publication.FIRST_UPDATE_TIMER, str(incident_id))
    await tx.live(f"inc-{incident_id}")
    return made
