"""The demo's trackers: a repository that does not exist, with links in every state, and a team to be authorized.

The repository is switched off, and no one can authorize the team: nothing of a demo leaves the machine.
"""

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from firebell.action_items import list_store
from firebell.action_items.model import ItemFilter
from firebell.action_items.trackers import actions, link_store, store
from firebell.action_items.trackers.credentials import EnteredCredentials
from firebell.action_items.trackers.model import AuthMethod, LinkState, SyncField, TrackerUser

if TYPE_CHECKING:
    from firebell.demo.history import Past

SITE = "https://github.example/kestrel/shop/issues"
STATES = (
    (LinkState.LINKED, ""),
    (LinkState.LINKED, ""),
    (LinkState.MOVED, ""),
    (LinkState.LINKED, "Owner: No one in Firebell is octo-temp in GitHub kestrel/shop."),
    (LinkState.GONE, "The issue was deleted in GitHub kestrel/shop."),
    (LinkState.ERROR, "404 Not Found"),
)


async def set_up(past: "Past", now: datetime) -> None:
    """Add a tracker with links before its first call and switch it off, and one that waits for its authorization."""
    mara = past.kestrel.actor("Mara")
    async with past.ctx.db.tx() as tx:
        token = "github_pat_of-an-example"  # noqa: S105 - no password
        tracker = await actions.add(tx, mara, "github", "kestrel/shop", EnteredCredentials(token=token), now)
        app = EnteredCredentials(AuthMethod.OAUTH, client_id="app-of-an-example", client_secret="none")  # noqa: S106
        await actions.add(tx, mara, "linear", "OPS", app, now)
        for name, handle in (("Mara", "mara-k"), ("Tomás", "tomas-k"), ("Jun", "jun-k")):
            person = past.kestrel.actor(name).person_id
            assert person is not None
            user = TrackerUser(tracker.id, person, handle, handle, is_by_hand=True, looked_up_at=now)
            await store.save_user(tx, user)
        items = await list_store.by_due(tx, ItemFilter(), now.date(), len(STATES))
        for number, (item, (state, error)) in enumerate(zip(items, STATES, strict=False), 412):
            link = await actions.link_item(tx, mara, item.id, tracker.id, now - timedelta(days=3))
            where = SITE.replace("shop", "deploy") if state is LinkState.MOVED else SITE
            values = {
                str(SyncField.TITLE): item.title,
                str(SyncField.STATE): str(item.state),
                str(SyncField.DUE): item.due.isoformat(),
            }
            await link_store.change(
                tx,
                link.id,
                state=state,
                external_id=f"kestrel/shop#{number}",
                issue_key=f"#{number}",
                url=f"{where}/{number}",
                snapshot=values,
                error=error,
                is_changed=False,
                synced_at=now - timedelta(minutes=12 * (number - 411)),
                tried_at=now - timedelta(minutes=12),
            )
        await store.change(tx, tracker.id, last_ok_at=now - timedelta(minutes=12), last_hook_at=now)
        await actions.set_enabled(tx, mara, tracker.id, False, now)
