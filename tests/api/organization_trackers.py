"""Two trackers in the organization with one of everything: one by token with a link, and one by OAuth."""

from firebell.action_items.trackers import actions as trackers
from firebell.action_items.trackers.credentials import EnteredCredentials
from firebell.action_items.trackers.model import AuthMethod
from firebell.kit.db.database import Tx
from tests.world import World


async def add_trackers(tx: Tx, w: World) -> dict[str, str]:
    """Connect both, link an action item and a person, and return the secrets by what they are."""
    mara, token, secret = await w.actor(w.mara), "s3cret-of-a-tracker", "s3cret-of-an-oauth-app"
    entered = EnteredCredentials(token=token)
    tracker = await trackers.add(
        tx, mara, "gitlab", "acme/web/shop", entered, w.now, url="http://127.0.0.1:9", is_private=True
    )
    await trackers.link_item(tx, mara, 1, tracker.id, w.now, issue="7")
    await trackers.set_user(tx, mara, tracker.id, w.mara, "mara", w.now)
    app = EnteredCredentials(AuthMethod.OAUTH, client_id="app-1", client_secret=secret)
    await trackers.add(tx, mara, "linear", "PAY", app, w.now)
    return {"token of a tracker": token, "client secret of a tracker": secret}
