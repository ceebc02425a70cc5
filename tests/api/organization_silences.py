"""A silence and an inhibition rule in the organization with one of everything."""

from datetime import timedelta

from firebell.alerts.inhibition import actions as inhibition
from firebell.alerts.inhibition.model import NewInhibitionRule
from firebell.alerts.silences import actions as silences
from firebell.alerts.silences.model import NewSilence
from firebell.kit.db.database import Tx
from firebell.kit.db.events import SYSTEM
from tests.world import World


async def add_silence(tx: Tx, w: World) -> None:
    """Create an inhibition rule, and the silence 1, which has not begun."""
    rule = NewInhibitionRule("Node down", "alertname=NodeDown", "alertname=DiskSlow", ("instance",))
    await inhibition.create_rule(tx, SYSTEM, entered=rule, now=w.now)
    entered = NewSilence(
        "alertname=DiskFull", "A larger volume arrives", w.now + timedelta(days=2), w.now + timedelta(days=1)
    )
    created = await silences.create_silence(tx, SYSTEM, entered=entered, now=w.now)
    assert created.id == 1
