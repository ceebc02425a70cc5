"""Compares a copy with the status page, and finds the call that overwrites what a person chose (T-DRIFT)."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from firebell.kit.db.database import Tx
from firebell.status_copies import (
    difference_rules,
    difference_store,
    queries,
    step_store,
    store,
    update_posts,
)
from firebell.status_copies.model import (
    STUCK,
    Difference,
    DifferenceKind,
    DifferenceState,
    Post,
    RemoteCall,
    RemoteComponent,
    RemoteIncident,
    StatusCopy,
    topic,
)
from firebell.status_copies.remote_api import PAGE_SIZE, RemoteApi
from firebell.status_pages.model import ComponentStatus, PublicIncident

COMPARED_FOR = timedelta(hours=24)
"""How long an incident is compared after it was resolved."""


@dataclass(frozen=True, slots=True)
class Overwrite:
    """The call that overwrites a difference; without one, its incident is sent again."""

    difference: Difference
    call: RemoteCall | None
    public_incident_id: int | None


@dataclass(frozen=True, slots=True)
class _Copied:
    """An incident with its copy, as of now."""

    published: PublicIncident
    remote: RemoteIncident | None
    post: Post
    remote_update_id: str


async def compare(
    tx: Tx,
    copy: StatusCopy,
    api: RemoteApi,
    remote_components: Sequence[RemoteComponent],
    remote_incidents: Sequence[RemoteIncident],
    now: datetime,
) -> Overwrite | None:
    """Store what is different now, and return the first difference to overwrite.

    The first comparison maps components with equal names.
    """
    if await store.lock_copy(tx, copy.id) is None:
        return None
    page = await queries.page_of(tx, copy)
    components, statuses = await queries.statuses(tx, page, now)
    await store.replace_remote_components(tx, copy.id, remote_components)
    if copy.checked_at is None and not await store.component_map(tx, copy.id):
        names = {component.id: component.name for component in components}
        await store.set_component_map(tx, copy.id, difference_rules.same_names(names, remote_components))
    await store.change_copy(tx, copy.id, checked_at=now, last_ok_at=now)
    mapped = await store.component_map(tx, copy.id)
    expected = difference_rules.worst_by_remote(mapped, statuses)
    names_there = {mapped[component.id]: component.name for component in components if component.id in mapped}
    waiting = await _waiting(tx, copy)
    copied = await _copied(tx, copy, api, remote_incidents, waiting, now)
    is_settled = not any(waiting.values())
    observed = [
        difference
        for each in copied
        for difference in difference_rules.of_incident(each.published, api.text_of(each.post), each.remote)
    ]
    if is_settled:
        observed += difference_rules.of_components(expected, names_there, remote_components)
    not_compared = list(
        (await step_store.public_ids(tx, [i for i, waits in waiting.items() if waits])).values()
    )
    kept = [*not_compared, *(() if is_settled else expected)]
    if await difference_store.replace(tx, copy.id, observed, kept, now):
        await tx.live(topic(copy.status_page_id))
    stored = await difference_store.differences(tx, [copy.id])
    chosen = next((each for each in stored if each.state is DifferenceState.OVERWRITE), None)
    return _overwrite(copy, api, chosen, copied, expected, now) if chosen else None


async def _waiting(tx: Tx, copy: StatusCopy) -> dict[int, bool]:
    """Return the incidents of a copy, and whether something of each is on its way; what is stuck is not."""
    waiting = await step_store.incidents_with_steps(tx, copy.id)
    for public_incident_id in [i for i, waits in waiting.items() if waits]:
        steps = await step_store.steps_of_incident(tx, copy.id, public_incident_id)
        waiting[public_incident_id] = not any(step.state in STUCK for step in steps)
    return waiting


async def _copied(
    tx: Tx,
    copy: StatusCopy,
    api: RemoteApi,
    remote_incidents: Sequence[RemoteIncident],
    waiting: dict[int, bool],
    now: datetime,
) -> list[_Copied]:
    remote_ids = await step_store.remote_ids(tx, copy.id)
    by_id = {incident.id: incident for incident in remote_incidents}
    is_complete = len(by_id) < PAGE_SIZE
    mapped = await store.component_map(tx, copy.id)
    settled = [i for i in remote_ids if not waiting.get(i, False)]
    copied = []
    for published in await queries.published(tx, copy, settled):
        if published.resolved_at is not None and published.resolved_at < now - COMPARED_FOR:
            continue
        remote = by_id.get(remote_ids[published.id])
        if remote is None and not is_complete:
            continue
        latest = published.updates[-1]
        post = update_posts.post(published, latest, mapped, {}, is_last=False, notifies=False)
        steps = await step_store.steps_of_incident(tx, copy.id, published.id)
        sent = next((s.remote_update_id for s in steps if s.update_id == latest.id and s.version == 1), "")
        copied.append(_Copied(published, remote, post, sent or ""))
    return copied


def _overwrite(
    copy: StatusCopy,
    api: RemoteApi,
    chosen: Difference,
    copied: Sequence[_Copied],
    expected: dict[str, ComponentStatus],
    now: datetime,
) -> Overwrite | None:
    page = copy.remote_page_id
    if chosen.kind is DifferenceKind.COMPONENT:
        if chosen.subject not in expected:
            return None
        return Overwrite(chosen, api.component_call(page, chosen.subject, expected[chosen.subject]), None)
    one = next((each for each in copied if each.published.public_id == chosen.subject), None)
    if one is None:
        return None
    if one.remote is None:
        return Overwrite(chosen, None, one.published.id)
    if chosen.kind is DifferenceKind.NAME:
        return Overwrite(chosen, api.rename_call(page, one.remote.id, one.published.name), one.published.id)
    newest = one.remote.updates[0].id if one.remote.updates else ""
    if chosen.kind is DifferenceKind.TEXT and newest and newest == one.remote_update_id:
        call = api.edit_call(page, one.remote.id, newest, one.post)
    else:
        # above what someone wrote there; the instant is ours, so that it is the newest one
        statuses = {i: expected[i] for i in one.post.remote_component_ids if i in expected}
        call = api.update_call(page, one.remote.id, replace(one.post, at=now, statuses=statuses))
    return Overwrite(chosen, call, one.published.id)
