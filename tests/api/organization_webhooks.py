"""A webhook with a delivery in the organization with one of everything."""

from firebell.kit.db.database import Tx
from firebell.webhooks import actions
from firebell.webhooks.model import EndpointSettings
from tests.world import World


async def add_webhook(tx: Tx, w: World) -> dict[str, str]:
    """Create webhook 1, send it a test event, which no one takes, and return its secret."""
    entered = EndpointSettings("Warehouse", "http://127.0.0.1:9/s3cret-of-a-webhook")
    created, secret = await actions.create_endpoint(tx, await w.actor(w.mara), entered=entered, now=w.now)
    assert created.id == 1
    await actions.send_test(tx, await w.actor(w.mara), endpoint_id=created.id, now=w.now)
    return {"secret of a webhook": secret}
