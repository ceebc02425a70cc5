"""Muting the alerts of a window's services while it is in progress, until its planned end at the latest."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from firebell.alerts import actions as alerts
from firebell.alerts.model import Alert
from firebell.catalog import actions as catalog
from firebell.kit.db.database import Tx
from firebell.kit.db.events import Actor
from firebell.kit.errors import Invalid
from firebell.people.action_permissions import internal
from firebell.status_pages import store as page_store
from firebell.status_pages.maintenance_windows import store
from firebell.status_pages.maintenance_windows.model import Maintenance, MaintenanceStage, Muting
from firebell.status_pages.model import Component, StatusPage


@dataclass(frozen=True, slots=True)
class MutedNow:
    """What a window mutes: whose alerts, which of them it muted, and how many of those are muted now."""

    services: tuple[str, ...]
    alerts: tuple[Alert, ...]
    is_running: bool
    muted: int


def _services(components: Sequence[Component], ids: Collection[int], muting: Muting) -> list[int]:
    chosen = set(muting.service_ids) or {s for c in components if c.id in ids for s in c.service_ids}
    return sorted(chosen)


async def checked(
    tx: Tx, components: Sequence[Component], component_ids: Collection[int], muting: Muting | None
) -> Muting | None:
    """Return what mutes as it is stored; raise `Invalid` naming the fields that cannot be accepted."""
    if muting is None:
        return None
    known = {service.id for service in await catalog.services(tx)}
    if not set(muting.service_ids) <= known:
        raise Invalid(
            "One of the services does not exist.", fields={"mute_services": "Choose from the list."}
        )
    if not _services(components, component_ids, muting):
        raise Invalid(
            "No service is behind these components, so no alert would be muted.",
            fields={"mute_services": "Choose services, or link the components to services first."},
        )
    return replace(
        muting,
        service_ids=tuple(sorted(set(muting.service_ids))),
        matchers=alerts.checked_mute_matchers(muting.matchers),
    )


@internal("Called after each change of a window.")
async def follow(tx: Tx, actor: Actor, page: StatusPage, window: Maintenance, now: datetime) -> Maintenance:
    """Start, move or end the mute of a window that was changed, and return the window.

    It mutes only while the window is in progress and before its planned end; alerts page during verification.
    """
    muting = window.muting
    if muting is None or window.stage is not MaintenanceStage.IN_PROGRESS or window.scheduled_until <= now:
        if window.mute_id is not None:
            await alerts.end_mute(tx, actor, window.mute_id, window.name, now)
        return window
    if window.mute_id is not None and await alerts.change_mute_end(
        tx, window.mute_id, window.scheduled_until
    ):
        return window
    services = _services(await page_store.components(tx, page.id), window.component_ids, muting)
    if not services:
        return window
    mute_id = await alerts.start_mute(
        *(tx, actor, window.name, f"/status-pages/{page.slug}/maintenance/{window.public_id}"),
        *(services, muting.matchers, window.scheduled_until, now),
    )
    await store.change(tx, window.id, mute_id=mute_id)
    return replace(window, mute_id=mute_id)


async def muted_now(tx: Tx, window: Maintenance, now: datetime) -> MutedNow | None:
    """Return what a window mutes or muted, None if it mutes nothing."""
    if window.muting is None and window.mute_id is None:
        return None
    names = {service.id: service.name for service in await catalog.services(tx, with_deleted=True)}
    if window.mute_id is None:
        components = await page_store.components(tx, window.status_page_id)
        planned = _services(components, window.component_ids, window.muting or Muting())
        return MutedNow(tuple(names[i] for i in planned if i in names), (), is_running=False, muted=0)
    services = await alerts.muted_services(tx, window.mute_id)
    running = await alerts.muted_counts(tx, now, window.mute_id)
    return MutedNow(
        tuple(names[i] for i in services if i in names),
        tuple(await alerts.muted_alerts(tx, window.mute_id)),
        is_running=bool(running),
        muted=sum(each.alerts for each in running),
    )
