"""The rules of a large organization: 50 of routing, 20 silences and 10 of inhibition, which page as without them."""

from datetime import datetime, timedelta

from firebell.alerts import actions as alerts
from firebell.alerts.inhibition import actions as inhibition
from firebell.alerts.inhibition.model import NewInhibitionRule
from firebell.alerts.routing_rules.rules import RoutingRule
from firebell.alerts.silences import actions as silences
from firebell.alerts.silences.model import NewSilence
from firebell.kit.db.database import Tx
from firebell.kit.db.events import SYSTEM

ROUTING_RULES, SILENCES, INHIBITION_RULES = 50, 20, 10


async def add_rules(tx: Tx, now: datetime) -> None:
    """Add rules that look at each alert; the last one of routing takes those of the benchmark."""
    rules = [
        RoutingRule(f"Team {number}", f'team="team-{number}", job=~"node|postgres"')
        for number in range(ROUTING_RULES - 1)
    ]
    await alerts.save_routing(tx, SYSTEM, [*rules, RoutingRule("Nodes", 'job="node"')], based_on=0, now=now)
    for number in range(SILENCES):
        quiet = NewSilence(
            f'instance=~"db-{number}.*", job="postgres"', "Reindexing", now + timedelta(days=1)
        )
        await silences.create_silence(tx, SYSTEM, entered=quiet, now=now)
    for number in range(INHIBITION_RULES):
        rule = NewInhibitionRule(
            f"Cluster {number}",
            f'alertname="ClusterDown", cluster="c{number}"',
            f'alertname=~"Pod.*|Node.*", cluster="c{number}"',
            ("cluster",),
        )
        await inhibition.create_rule(tx, SYSTEM, entered=rule, now=now)
