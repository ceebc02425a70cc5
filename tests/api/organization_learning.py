"""The alert audit and the drills of the organization with one of everything."""

from datetime import datetime, timedelta

from firebell.alert_audit import store
from firebell.alert_audit.model import AuditVerdict, CountedRule, JudgedRule, RuleNumbers, SilentRule
from firebell.drills import actions as drills
from firebell.kit.db.database import Tx
from tests.world import World


async def add_audit(tx: Tx, now: datetime) -> None:
    """Store an audit of this quarter with one rule that needs a decision."""
    window = (now - timedelta(days=90), now)
    silent = [SilentRule("Swap", now.date())]
    audit_id = await store.insert(tx, 1, "2026-Q4", window, now + timedelta(days=30), (12, 3, 0), silent)
    assert audit_id
    counted = CountedRule("Disk", RuleNumbers(firings=12, pages=12, nights=3))
    await store.insert_rules(tx, audit_id, [JudgedRule(counted, AuditVerdict.DELETE)])


async def add_drills(tx: Tx, w: World) -> None:
    """Plan two drills that wait for their start: one to run, and one to cancel."""
    for days in (3, 4):
        await drills.plan_drill(
            *(tx, await w.actor(w.jun), w.now),
            planned_for=w.now + timedelta(days=days),
            scenario="cache-stampede",
            invited=[w.mara],
        )
