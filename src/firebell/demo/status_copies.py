"""The demo's copy at Statuspage: set up and paused, because nothing of a demo leaves the machine."""

from typing import TYPE_CHECKING

from firebell.demo.status_page import COMPONENTS, SLUG
from firebell.status_copies import actions, difference_store, store
from firebell.status_copies.difference_rules import ObservedDifference, same_names
from firebell.status_copies.model import DifferenceKind, Provider, RemoteComponent
from firebell.status_pages import actions as status_pages
from firebell.status_pages import queries
from firebell.status_pages.model import STATUS_LABELS, ComponentStatus

if TYPE_CHECKING:
    from firebell.demo.history import Past

REMOTE_PAGE_ID = "kestrel-example"
MISSING, CHANGED_THERE = "Website and apps", "Delivery notifications"


async def set_up(past: "Past") -> None:
    """Connect a page that does not exist, with its components and a difference, and pause it before a call."""
    now, mara = past.clock.now(), past.kestrel.actor("Mara")
    async with past.ctx.db.tx() as tx:
        page = await status_pages.status_page(tx, SLUG)
        copy = await actions.connect(
            tx, mara, page.id, Provider.STATUSPAGE, REMOTE_PAGE_ID, "the-key-of-an-example", now
        )
        await actions.pause(tx, mara, page, copy.id, now)
        theirs = [
            RemoteComponent(f"example{position:05}", name, ComponentStatus.OPERATIONAL, position=position)
            for position, name in enumerate(COMPONENTS)
            if name != MISSING
        ]
        await store.replace_remote_components(tx, copy.id, theirs)
        view = await queries.view_of(tx, page, now)
        names = {shown.component.id: shown.component.name for shown in view.components}
        await store.set_component_map(tx, copy.id, same_names(names, theirs))
        changed = next(component for component in theirs if component.name == CHANGED_THERE)
        difference = ObservedDifference(
            DifferenceKind.COMPONENT,
            changed.id,
            changed.name,
            STATUS_LABELS[ComponentStatus.OPERATIONAL],
            STATUS_LABELS[ComponentStatus.DEGRADED_PERFORMANCE],
        )
        await difference_store.replace(tx, copy.id, [difference], [], now)
        await store.change_copy(tx, copy.id, checked_at=now, last_ok_at=now)
