"""Routing rules in the organization with one of everything, in two versions."""

from firebell.alerts import actions as alerts
from firebell.alerts.routing_rules.rules import Owner, RoutingRule
from firebell.kit.db.database import Tx
from firebell.kit.db.events import SYSTEM
from tests.world import World


async def add_routing(tx: Tx, w: World) -> None:
    """Save two rules, then change one."""
    rules = (
        RoutingRule("Owned", 'service=~".+"', owner=Owner.LABEL),
        RoutingRule("Batch jobs", 'job="batch"', threshold=3),
    )
    first = await alerts.save_routing(tx, SYSTEM, rules, based_on=0, now=w.now)
    await alerts.save_routing(tx, SYSTEM, first.rules[::-1], based_on=first.id, note="Jobs first", now=w.now)
