"""Actions of alert audits: build one for a team, decide on a rule, sign."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from functools import partial

from firebell.alert_audit import checks, queries, source_store, store
from firebell.alert_audit.model import (
    RULES_MAX,
    Audit,
    AuditRule,
    CountedRule,
    JudgedRule,
    RuleDecision,
)
from firebell.alert_audit.source_store import Firings, LastAlert
from firebell.alert_audit.verdicts import AuditedPage, judge, numbers
from firebell.alerts import actions as alerts
from firebell.alerts.model import shows_graph
from firebell.catalog import actions as catalog
from firebell.catalog.model import Service
from firebell.kit.calendar_periods import quarter_of
from firebell.kit.db.database import Tx
from firebell.kit.db.events import Actor
from firebell.kit.errors import Conflict, Invalid, NotFound
from firebell.kit.text import clean_text, plural
from firebell.kit.threads import DOCUMENTS
from firebell.kit.truncation import cut
from firebell.notify import actions as notify
from firebell.notify.model import Notice
from firebell.people import actions as people
from firebell.people.action_permissions import internal, permits
from firebell.people.permissions import Verb
from firebell.runbooks import actions as runbooks
from firebell.runbooks.model import IndexEntry

WINDOW = timedelta(days=90)
SILENT_AFTER = timedelta(days=180)
SIGN_WITHIN = timedelta(days=30)
DEFERRED_AT_MOST = timedelta(days=92)
REASON_MIN_CHARS, REASON_MAX_CHARS = 3, 300
NOTICE_KIND = "audit"
NOTE_BYTES = 200
_WEB = ("https://", "http://")


@internal("Called by the daily timer.")
async def build(tx: Tx, team_id: int, now: datetime) -> int | None:
    """Count the last 90 days of a team's rules, judge them, and store the audit of this quarter.

    Return its id; None if the team has it already.
    """
    window = (now - WINDOW, now)
    pages = await source_store.pages(tx, team_id, *window)
    firings = await source_store.firings(tx, team_id, *window)
    last = await source_store.last_alerts(tx, team_id, *window)
    services = {service.id: service for service in await catalog.services(tx)}
    entries = await runbooks.index(tx, (), "")
    has_owner = bool((await people.members(tx, [team_id]))[team_id])
    # judging hundreds of rules takes a moment, and the messages of pages must not wait for it
    judged, left_out = await DOCUMENTS.run(
        partial(_judged, pages, firings, last, services, entries, has_owner=has_owner)
    )
    urgent = [page for page in pages if page.is_urgent]
    totals = (len(urgent), sum(p.is_at_night for p in urgent), left_out)
    silent = await source_store.silent_rules(tx, team_id, now - SILENT_AFTER)
    audit_id = await store.insert(
        tx, team_id, quarter_of(now.date()).label, window, now + SIGN_WITHIN, totals, silent
    )
    if audit_id is not None:
        await store.insert_rules(tx, audit_id, judged)
        await tx.live("alert-audit")
    return audit_id


def _judged(
    pages: Sequence[AuditedPage],
    firings: Mapping[str, Firings],
    last: Mapping[str, LastAlert],
    services: Mapping[int, Service],
    entries: Sequence[IndexEntry],
    *,
    has_owner: bool,
) -> tuple[list[JudgedRule], int]:
    """Return the verdicts on the rules that cost the most, and the number of the others."""
    pages_of: dict[str, list[AuditedPage]] = {}
    for page in pages:
        pages_of.setdefault(page.rule, []).append(page)
    # retention or ingest may come between the statements that read these
    counts = {
        rule: numbers(pages_of.get(rule, []), fired.count, fired.flapping_hours)
        for rule, fired in firings.items()
        if rule in last
    }
    costliest = sorted(counts, key=lambda rule: (-counts[rule].cost, rule))[:RULES_MAX]
    acted_on = [page for page in pages if page.is_acted_on]
    counted = []
    for rule in costliest:
        alert, groups = last[rule], firings[rule].groups
        service = services.get(alert.service_id) if alert.service_id else None
        own = replace(
            counts[rule],
            joined_acted_on=sum(p.rule != rule and p.group_id in groups for p in acted_on),
            has_owner=has_owner,
            has_runbook=_has_runbook(alert, service, entries),
            has_graph=shows_graph(alert.links),
        )
        counted.append(CountedRule(rule, own, alert.service_id, alert.labels))
    bins = {rule: firings[rule].bins for rule in costliest}
    return judge(counted, pages, bins), len(counts) - len(costliest)


def _has_runbook(alert: LastAlert, service: Service | None, entries: Sequence[IndexEntry]) -> bool:
    """Return True if a runbook belongs to the rule itself or to its service (match class 3 and more)."""
    slug = service.slug if service else ""
    labels: Mapping[str, str] = {
        "title": alert.title,
        "severity": alert.severity,
        "service": slug,
        **alert.labels,
    }
    return (
        alert.links.get("runbook", "").startswith(_WEB)
        or (service is not None and service.runbook_url != "")
        or runbooks.has_trigger(labels, entries)
    )


@internal("Called by the daily timer.")
async def report_overdue(tx: Tx, now: datetime) -> None:
    """Notify managers once of each audit that is overdue by two weeks."""
    managers = await people.managers(tx)
    notices = []
    for audit in await store.unreported(tx, now - checks.OVERDUE_AFTER):
        finding = checks.overdue(audit, now)
        if finding and await store.claim_overdue(tx, audit.id, now):
            notices += [
                Notice(f"{finding.id}:{i}", i, NOTICE_KIND, finding.message, finding.advice, audit.path)
                for i in managers
            ]
    await notify.send_notices(tx, notices, now)


async def _open_audit(tx: Tx, quarter: str, team_slug: str) -> Audit:
    """Return an audit, locked; raise `Conflict` if it is signed."""
    audit = await queries.audit(tx, quarter, team_slug)
    await store.lock(tx, audit.id)
    audit = await queries.audit(tx, quarter, team_slug)
    if audit.signed_at is not None:
        raise Conflict(
            f"{audit.signed_by} signed this audit.",
            hint="A signed audit does not change. The next one is built in the next quarter.",
        )
    return audit


@permits(Verb.ALERT_AUDIT_WRITE)
async def decide(
    tx: Tx,
    actor: Actor,
    quarter: str,
    team_slug: str,
    rule_id: int,
    decision: RuleDecision,
    now: datetime,
    *,
    reason: str = "",
    decide_on: date | None = None,
) -> AuditRule:
    """Store what the team decides about a rule, replacing an earlier decision.

    Keeping a rule needs a reason, deferring it a day within three months.
    """
    audit = await _open_audit(tx, quarter, team_slug)
    rules = {rule.id: rule for rule in await store.rules(tx, audit.id)}
    if rule_id not in rules:
        raise NotFound(f"This audit has no rule {rule_id}.")
    if not rules[rule_id].needs_decision:
        raise Conflict("This rule needs no decision.", hint="Its verdict is to keep it.")
    reason = clean_text(" ".join(reason.split()), REASON_MAX_CHARS, "reason")
    if decision is RuleDecision.KEPT and len(reason) < REASON_MIN_CHARS:
        raise Invalid(
            "The reason is missing.",
            fields={"reason": f"Enter why it stays, in {REASON_MIN_CHARS} characters or more."},
        )
    if decision is RuleDecision.DEFERRED:
        last = (now + DEFERRED_AT_MOST).date()
        if decide_on is None or not now.date() < decide_on <= last:
            raise Invalid(
                "The day is not within three months.",
                fields={"decide_on": f"Enter a day after today, up to {last.isoformat()}."},
            )
    else:
        decide_on = None
    await store.save_decision(tx, rule_id, decision, reason, decide_on, (actor.label, actor.person_id), now)
    await tx.audit(
        actor,
        "alert_audit.decided",
        audit.subject,
        now,
        rule=rules[rule_id].judged.counted.rule,
        decision=str(decision),
        reason=reason,
    )
    await tx.live("alert-audit")
    return next(rule for rule in await store.rules(tx, audit.id) if rule.id == rule_id)


@permits(Verb.ROUTING_WRITE)
async def apply_patch(
    tx: Tx, actor: Actor, quarter: str, team_slug: str, rule_id: int, based_on: int, now: datetime
) -> AuditRule:
    """Save the proposed routing rules as a version, and record that the rule was changed.

    Raise `Conflict` if the routing rules are no longer the version `based_on`, if nothing is proposed, or if the
    replay of the last 30 days shows harm.
    """
    contents = await queries.contents(tx, quarter, team_slug, now)
    rule = next((one for one in contents.rules if one.id == rule_id), None)
    if rule is None:
        raise NotFound(f"This audit has no rule {rule_id}.")
    change = contents.patch(rule)
    if change is None:
        raise Conflict("There is no routing change to apply.", hint="Change the alert where it is defined.")
    await queries.check_patch(tx, contents.audit, change, now)
    note = f"Alert audit {quarter} of {contents.audit.team}: {rule.judged.counted.rule}"
    saved = await alerts.save_routing(
        tx, actor, change.rules, based_on=based_on, note=cut(note, NOTE_BYTES), now=now
    )
    reason = f"Routing version {saved.id}"
    return await decide(tx, actor, quarter, team_slug, rule_id, RuleDecision.CHANGED, now, reason=reason)


@permits(Verb.ALERT_AUDIT_SIGN)
async def sign(tx: Tx, actor: Actor, quarter: str, team_slug: str, now: datetime) -> Audit:
    """Sign an audit; raise `Conflict` while a rule has no decision."""
    audit = await _open_audit(tx, quarter, team_slug)
    if undecided := checks.open_rules(await store.rules(tx, audit.id)):
        needs = "needs" if len(undecided) == 1 else "need"
        raise Conflict(
            f"{plural(len(undecided), 'rule')} still {needs} a decision.", hint="Decide on every rule first."
        )
    await store.sign(tx, audit.id, (actor.label, actor.person_id), now)
    await tx.audit(actor, "alert_audit.signed", audit.subject, now)
    await tx.live("alert-audit")
    return await queries.audit(tx, quarter, team_slug)
