"""The alert audit and the drills of the organization with one of everything."""

from datetime import datetime, timedelta

from firebell.alert_audit import store
from firebell.alert_audit.model import AuditVerdict, CountedRule, JudgedRule, RuleNumbers, SilentRule
from firebell.anomalies import actions as anomalies
from firebell.anomalies import count_store
from firebell.anomalies import store as anomaly_store
from firebell.anomalies.bins import BinSize, bin_of
from firebell.anomalies.model import Anomaly
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


async def add_anomaly(tx: Tx, w: World) -> None:
    """Watch Checkout, whose alerts were unusual yesterday."""
    began = w.now - timedelta(days=1)
    first = bin_of(began, BinSize.QUARTER)
    await count_store.add_counts(tx, (w.service, ""), {first - 60 * 96: 1, first: 30})
    detector = await anomalies.accept(tx, await w.actor(w.mara), "checkout", "", w.now)
    fired = began + BinSize.QUARTER.length
    anomaly = Anomaly(BinSize.QUARTER, began, fired, w.now, began, 30, 0.0, 0, 2, 9.8)
    await anomaly_store.insert(tx, detector.id, anomaly, is_urgent=True)


async def add_drills(tx: Tx, w: World) -> None:
    """Plan two drills that wait for their start: one to run, and one to cancel."""
    for days in (3, 4):
        await drills.plan_drill(
            *(tx, await w.actor(w.jun), w.now),
            planned_for=w.now + timedelta(days=days),
            scenario="cache-stampede",
            invited=[w.mara],
        )
