"""The alert audits of this quarter, one of them signed and one half decided, for the demo."""

from dataclasses import replace
from datetime import datetime, timedelta

from firebell.alert_audit import actions, queries, store
from firebell.alert_audit.model import CountedRule, RuleDecision, RuleNumbers
from firebell.alert_audit.verdicts import judge
from firebell.demo.history import Past
from firebell.kit.calendar_periods import quarter_of
from firebell.kit.db.database import Tx
from firebell.people import actions as people

BUILT_BEFORE = timedelta(days=14)
EARLIER_BY = timedelta(days=92)
REASON = "It guards the ledger, and the runbook says what to do."
SIGNED, HALF_DECIDED = "payments", "platform"
NOISY = (
    CountedRule(
        "LedgerVacuumSlow",
        RuleNumbers(
            *(23, 23, 9, 3, 140, 21, 0, 0, 14),
            self_ended=20,
            ends_after_median_s=660,
            recent=10,
            recent_ignored=10,
            has_runbook=False,
            has_graph=False,
        ),
        labels={"alertname": "LedgerVacuumSlow", "severity": "critical", "namespace": "ledger"},
    ),
    CountedRule(
        "QueueDepthHigh",
        RuleNumbers(
            *(41, 18, 2, 2, 95, 4, 9, 5, 2),
            incidents=1,
            entries=4,
            self_ended=11,
            quick_ends=11,
            ends_after_median_s=130,
            flapping_hours=3,
        ),
        labels={"alertname": "QueueDepthHigh", "severity": "critical", "namespace": "queues"},
    ),
    CountedRule(
        "DiskUsage85",
        RuleNumbers(*(14, 11, 1, 1, 320, 9, 2, 2, 5), entries=1, self_ended=4, ends_after_median_s=1800),
        labels={"alertname": "DiskUsage85", "severity": "critical", "namespace": "ledger"},
    ),
)
"""Rules that the year of the demo does not have, as an audit counts them."""


async def _noisy_audit(tx: Tx, team_id: int, built_at: datetime) -> int | None:
    """Store an audit with the noisy rules, and the one of the quarter before, which changed one of them."""
    before_at = built_at - EARLIER_BY
    before = CountedRule(
        "QueueDepthHigh", replace(NOISY[1].numbers, pages=31, nights=6), labels=NOISY[1].labels
    )
    earlier_id = await store.insert(
        tx,
        team_id,
        quarter_of(before_at.date()).label,
        (before_at - actions.WINDOW, before_at),
        before_at + actions.SIGN_WITHIN,
        (before.numbers.pages, before.numbers.nights, 0),
        [],
    )
    if earlier_id is not None:
        await store.insert_rules(tx, earlier_id, judge([before], [], {}))
        [rule] = await store.rules(tx, earlier_id)
        by = ("Priya Nair", None)
        await store.save_decision(
            tx, rule.id, RuleDecision.CHANGED, "", None, by, before_at + timedelta(days=9)
        )
        await store.sign(tx, earlier_id, by, before_at + timedelta(days=10))
    totals = (sum(r.numbers.pages for r in NOISY), sum(r.numbers.nights for r in NOISY), 0)
    audit_id = await store.insert(
        tx,
        team_id,
        quarter_of(built_at.date()).label,
        (built_at - actions.WINDOW, built_at),
        built_at + actions.SIGN_WITHIN,
        totals,
        [],
    )
    if audit_id is not None:
        await store.insert_rules(tx, audit_id, judge(NOISY, [], {}))
    return audit_id


async def add_audits(past: Past, now: datetime) -> None:
    """Build the audit of each team two weeks ago; one is signed, one has a decision on its noisiest rule."""
    mara = past.kestrel.actor("Mara")
    built_at = now - BUILT_BEFORE
    async with past.ctx.db.tx() as tx:
        for team in await people.teams(tx):
            if team.slug == HALF_DECIDED:
                audit_id = await _noisy_audit(tx, team.id, built_at)
            else:
                audit_id = await actions.build(tx, team.id, built_at)
            audit = next(one for one in await queries.audits(tx, 10) if one.id == audit_id)
            shown = await queries.contents(tx, audit.quarter, team.slug, built_at)
            decided = shown.undecided if team.slug == SIGNED else shown.undecided[1:2]
            for rule in decided:
                await actions.decide(
                    tx,
                    mara,
                    audit.quarter,
                    team.slug,
                    rule.id,
                    RuleDecision.KEPT,
                    built_at + timedelta(days=3),
                    reason=REASON,
                )
            if team.slug == SIGNED:
                await actions.sign(tx, mara, audit.quarter, team.slug, built_at + timedelta(days=4))
