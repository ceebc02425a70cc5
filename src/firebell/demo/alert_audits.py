"""The alert audits of this quarter, one of them signed and one half decided, for the demo."""

from datetime import datetime, timedelta

from firebell.alert_audit import actions, queries
from firebell.alert_audit.model import RuleDecision
from firebell.demo.history import Past
from firebell.people import actions as people

BUILT_BEFORE = timedelta(days=14)
REASON = "It guards the ledger, and the runbook says what to do."


async def add_audits(past: Past, now: datetime) -> None:
    """Build the audit of each team two weeks ago; the first team signed its own, the second began to decide."""
    mara = past.kestrel.actor("Mara")
    built_at = now - BUILT_BEFORE
    async with past.ctx.db.tx() as tx:
        for number, team in enumerate(await people.teams(tx)):
            if await actions.build(tx, team.id, built_at) is None:
                continue
            (audit,) = [one for one in await queries.audits(tx, 10) if one.team_id == team.id][:1]
            shown = await queries.contents(tx, audit.quarter, team.slug, built_at)
            undecided = shown.undecided if number == 0 else shown.undecided[1:2] if number == 1 else []
            for rule in undecided:
                decision = RuleDecision.KEPT if rule is undecided[-1] else RuleDecision.CHANGED
                at = built_at + timedelta(days=3)
                await actions.decide(tx, mara, audit.quarter, team.slug, rule.id, decision, at, reason=REASON)
            if number == 0:
                await actions.sign(tx, mara, audit.quarter, team.slug, built_at + timedelta(days=4))
