"""A heartbeat in the organization with one of everything, with a ping."""

from datetime import timedelta

from firebell.heartbeats import actions
from firebell.heartbeats.model import NewPing
from firebell.heartbeats.settings_checks import SettingsInput
from firebell.kit.db.database import Tx
from firebell.kit.db.events import SYSTEM
from tests.world import World


async def add_heartbeat(tx: Tx, w: World) -> None:
    """Create an hourly heartbeat of the service, and send a ping with a body."""
    hourly = SettingsInput(period=timedelta(hours=1))
    created = await actions.create_heartbeat(
        tx, SYSTEM, service_id=w.service, name="settlement", entered=hourly, now=w.now
    )
    await actions.receive_ping(tx, created.id, NewPing(body="42 payouts"), w.now)
