"""Actions on copies of status pages, on their queue, and on what is different there."""

import re
from collections.abc import Mapping
from datetime import datetime, timedelta

from firebell.kit.db.database import Tx
from firebell.kit.db.events import Actor
from firebell.kit.errors import Conflict, Invalid, NotFound
from firebell.people.action_permissions import permits
from firebell.people.permissions import Verb
from firebell.status_copies import call_outcomes, difference_store, queries, step_store, store
from firebell.status_copies.model import (
    PROVIDER_LABELS,
    STUCK,
    CopyState,
    Difference,
    DifferenceKind,
    DifferenceState,
    Provider,
    StatusCopy,
    StepState,
    topic,
)
from firebell.status_pages import actions as status_pages
from firebell.status_pages.model import STAGE_LABELS, PageVisibility, Stage, StatusPage, UpdateKind
from firebell.status_pages.publishing import actions as publishing
from firebell.status_pages.publishing.actions import NewUpdate

REMOTE_PAGE_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")
KEY_MAX_CHARS = 500
HINT_CHARS = 4
MAX_COPIES = 10
COPIED_VISIBILITIES = frozenset({PageVisibility.PUBLIC, PageVisibility.UNLISTED})
"""A page that only some people may read is never copied."""
ADOPTED_PROMISE = timedelta(hours=2)
"""When the next update is due after one was taken over from a copy."""


async def status_copy(tx: Tx, page: StatusPage, copy_id: int) -> StatusCopy:
    """Lock a copy of a status page and return it; raise `NotFound`."""
    copy = await store.lock_copy(tx, copy_id)
    if copy is None or copy.status_page_id != page.id:
        raise NotFound("This copy was disconnected.", hint=f"See /status-pages/{page.slug}/copies.")
    return copy


def _key(value: str) -> str:
    key = value.strip()
    if not key or len(key) > KEY_MAX_CHARS or not key.isascii() or not key.isprintable() or " " in key:
        raise Invalid("The API key can’t be one.", fields={"key": "Paste the API key without spaces."})
    return key


@permits(Verb.STATUS_COPY_WRITE)
async def connect(
    tx: Tx, actor: Actor, page_id: int, provider: Provider, remote_page_id: str, key: str, now: datetime
) -> StatusCopy:
    """Copy what is published on a status page from now on to a page elsewhere.

    The key is checked by the first comparison, which also maps components with equal names.
    """
    page = await status_pages.locked_page(tx, page_id)
    if page.visibility not in COPIED_VISIBILITIES:
        raise Conflict(f"{page.name} is private: nothing of it is copied.")
    remote_page_id = remote_page_id.strip()
    if not REMOTE_PAGE_ID.fullmatch(remote_page_id):
        raise Invalid(
            f"{remote_page_id[:40]!r} can’t be a page ID.",
            fields={"remote_page_id": "Use the ID from its address or API settings, such as kctbh9vrtdwd."},
        )
    if len(await store.copies(tx, [page.id])) >= MAX_COPIES:
        raise Conflict(f"A status page has at most {MAX_COPIES} copies.")
    checked = _key(key)
    hint = checked[-HINT_CHARS:] if len(checked) > 2 * HINT_CHARS else ""
    copy = await store.insert_copy(tx, page.id, provider, remote_page_id, checked, hint, now)
    if copy is None:
        raise Conflict(
            f"{PROVIDER_LABELS[provider]} {remote_page_id} is a copy already.",
            fields={"remote_page_id": "Disconnect it first: two status pages would overwrite each other."},
        )
    await _record_copy_change(tx, actor, "connected", page, copy, now)
    return copy


async def _record_copy_change(
    tx: Tx, actor: Actor, change: str, page: StatusPage, copy: StatusCopy, now: datetime, **detail: object
) -> None:
    await tx.audit(actor, f"status_copy.{change}", page.name, now, copy=copy.label, **detail)
    await tx.live(topic(page.id))
    await tx.wake("status_copies")


@permits(Verb.STATUS_COPY_WRITE)
async def change_key(tx: Tx, actor: Actor, page: StatusPage, copy_id: int, key: str, now: datetime) -> None:
    """Replace the API key of a copy, and resume sending if the old one was refused."""
    copy = await status_copy(tx, page, copy_id)
    checked = _key(key)
    await store.change_key(tx, copy, checked, checked[-HINT_CHARS:] if len(checked) > 2 * HINT_CHARS else "")
    if copy.state is CopyState.STOPPED:
        await _activate(tx, copy, now)
    await _record_copy_change(tx, actor, "key_changed", page, copy, now)


async def _activate(tx: Tx, copy: StatusCopy, now: datetime) -> None:
    await store.change_copy(tx, copy.id, state=CopyState.ACTIVE, reason="", check_at=now)
    await step_store.restart(tx, copy.id, now)


@permits(Verb.STATUS_COPY_WRITE)
async def set_notifies(
    tx: Tx, actor: Actor, page: StatusPage, copy_id: int, notifies: bool, now: datetime
) -> None:
    """Let the provider notify its own subscribers of each update, or not. Idempotent."""
    copy = await status_copy(tx, page, copy_id)
    if copy.notifies != notifies:
        await store.change_copy(tx, copy.id, notifies=notifies)
        await _record_copy_change(tx, actor, "changed", page, copy, now, notifies=notifies)


@permits(Verb.STATUS_COPY_WRITE)
async def pause(tx: Tx, actor: Actor, page: StatusPage, copy_id: int, now: datetime) -> None:
    """Send nothing until the copy is resumed; what is published meanwhile waits. Idempotent."""
    copy = await status_copy(tx, page, copy_id)
    if copy.state is CopyState.ACTIVE:
        await store.change_copy(tx, copy.id, state=CopyState.PAUSED)
        await _record_copy_change(tx, actor, "paused", page, copy, now)


@permits(Verb.STATUS_COPY_WRITE)
async def resume(tx: Tx, actor: Actor, page: StatusPage, copy_id: int, now: datetime) -> None:
    """Send what waits, in order, and give each update another day of tries. Idempotent."""
    copy = await status_copy(tx, page, copy_id)
    if copy.state is not CopyState.ACTIVE:
        await _activate(tx, copy, now)
        await _record_copy_change(tx, actor, "resumed", page, copy, now)


@permits(Verb.STATUS_COPY_WRITE)
async def check_now(tx: Tx, actor: Actor, page: StatusPage, copy_id: int, now: datetime) -> None:
    """Compare a copy at once instead of within five minutes."""
    copy = await status_copy(tx, page, copy_id)
    await store.change_copy(tx, copy.id, check_at=now)
    await tx.wake("status_copies")


@permits(Verb.STATUS_COPY_WRITE)
async def map_components(
    tx: Tx, actor: Actor, page: StatusPage, copy_id: int, mapped: Mapping[int, str], now: datetime
) -> None:
    """Set which component there stands for each of ours; several of ours can share one. Idempotent."""
    copy = await status_copy(tx, page, copy_id)
    own = {component.id for component in await queries.components(tx, page, now)}
    theirs = {component.id for component in await store.remote_components(tx, copy.id)}
    if missing := set(mapped) - own:
        raise NotFound(f"This status page has no component {min(missing)}.")
    for component_id, remote_id in mapped.items():
        if remote_id not in theirs:
            raise Invalid(
                f"{copy.label} has no component {remote_id[:40]!r}.",
                fields={f"component-{component_id}": "Choose from the list."},
            )
    if dict(mapped) != await store.component_map(tx, copy.id):
        await store.set_component_map(tx, copy.id, mapped)
        await store.change_copy(tx, copy.id, check_at=now)
        await _record_copy_change(tx, actor, "components_mapped", page, copy, now, components=len(mapped))


@permits(Verb.STATUS_COPY_WRITE)
async def start_import(tx: Tx, actor: Actor, page: StatusPage, copy_id: int, now: datetime) -> None:
    """Import components, groups and incidents that the copy has and we don't. Importing again adds what is new.

    A paused copy is imported when it is resumed.
    """
    copy = await status_copy(tx, page, copy_id)
    if copy.import_page is not None:
        raise Conflict("The import is running.")
    await store.change_copy(tx, copy.id, import_page=1, imported=0)
    await _record_copy_change(tx, actor, "import_started", page, copy, now)


@permits(Verb.STATUS_COPY_WRITE)
async def disconnect(tx: Tx, actor: Actor, page: StatusPage, copy_id: int, now: datetime) -> None:
    """Forget a copy and its key; the page there stays as it is."""
    copy = await status_copy(tx, page, copy_id)
    await store.delete_copy(tx, copy.id)
    await _record_copy_change(tx, actor, "disconnected", page, copy, now)


@permits(Verb.STATUS_COPY_WRITE)
async def retry_step(
    tx: Tx, actor: Actor, page: StatusPage, copy_id: int, update_id: int, version: int, now: datetime
) -> None:
    """Try an update again that was refused or given up."""
    await _decide_step(tx, actor, page, copy_id, update_id, version, StepState.PENDING, now)


@permits(Verb.STATUS_COPY_WRITE)
async def skip_step(
    tx: Tx, actor: Actor, page: StatusPage, copy_id: int, update_id: int, version: int, now: datetime
) -> None:
    """Leave an update out of the copy, so that the later ones of its incident are sent."""
    await _decide_step(tx, actor, page, copy_id, update_id, version, StepState.SKIPPED, now)


async def _decide_step(
    tx: Tx,
    actor: Actor,
    page: StatusPage,
    copy_id: int,
    update_id: int,
    version: int,
    state: StepState,
    now: datetime,
) -> None:
    copy = await status_copy(tx, page, copy_id)
    queue = await step_store.unfinished(tx, [copy.id], 10_000)
    queued = next((q for q in queue if (q.step.update_id, q.step.version) == (update_id, version)), None)
    if queued is None:
        raise NotFound("This update is not in the queue anymore.")
    if queued.step.state not in STUCK:
        raise Conflict("This update is still being tried.")
    changes = {"state": state, "attempts": 0, "begun_at": None, "retry_at": now, "error": ""}
    if state is StepState.SKIPPED:
        changes["done_at"] = now
    await step_store.change_step(tx, queued.step, **changes)
    await _record_copy_change(
        tx,
        actor,
        "update_skipped" if state is StepState.SKIPPED else "update_retried",
        page,
        copy,
        now,
        incident=queued.incident_name,
        update=queued.seq,
    )


@permits(Verb.STATUS_COPY_WRITE)
async def send_postmortem(
    tx: Tx, actor: Actor, page: StatusPage, copy_id: int, public_id: str, now: datetime
) -> None:
    """Send the published post-mortem of an incident to a copy: never done without a person. Idempotent."""
    copy = await status_copy(tx, page, copy_id)
    incident = await publishing.public_incident(tx, page.id, public_id)
    if incident.postmortem is None:
        raise NotFound(f"No post-mortem of {incident.name} is published.")
    if incident.id not in await step_store.remote_ids(tx, copy.id):
        raise Conflict(f"{copy.label} does not have this incident.")
    await step_store.enqueue_postmortem(tx, copy.id, incident.postmortem.id, now)
    await _record_copy_change(tx, actor, "postmortem_sent", page, copy, now, incident=incident.name)


async def _difference(tx: Tx, copy: StatusCopy, difference_id: int) -> Difference:
    difference = await difference_store.lock_difference(tx, copy.id, difference_id)
    if difference is None:
        raise NotFound("This difference is gone.")
    return difference


@permits(Verb.STATUS_COPY_WRITE)
async def overwrite(
    tx: Tx, actor: Actor, page: StatusPage, copy_id: int, difference_id: int, now: datetime
) -> None:
    """Make the copy say what the status page says."""
    copy = await status_copy(tx, page, copy_id)
    difference = await _difference(tx, copy, difference_id)
    await difference_store.change_difference(tx, difference.id, state=DifferenceState.OVERWRITE, error="")
    await store.change_copy(tx, copy.id, check_at=now)
    await _record_copy_change(tx, actor, "overwritten", page, copy, now, difference=difference.label)


@permits(Verb.STATUS_COPY_WRITE)
async def ignore(
    tx: Tx, actor: Actor, page: StatusPage, copy_id: int, difference_id: int, now: datetime
) -> None:
    """Leave a difference as it is until it changes there."""
    copy = await status_copy(tx, page, copy_id)
    difference = await _difference(tx, copy, difference_id)
    await difference_store.change_difference(tx, difference.id, state=DifferenceState.IGNORED, error="")
    await _record_copy_change(tx, actor, "ignored", page, copy, now, difference=difference.label)


@permits(Verb.STATUS_COPY_WRITE)
async def adopt(
    tx: Tx, actor: Actor, page: StatusPage, copy_id: int, difference_id: int, now: datetime
) -> None:
    """Publish the stage and text of an incident there as our next update, once; it is not sent back."""
    copy = await status_copy(tx, page, copy_id)
    difference = await _difference(tx, copy, difference_id)
    if difference.kind not in (DifferenceKind.STAGE, DifferenceKind.TEXT):
        raise Conflict("Only the stage and text of an incident can be taken over.")
    incident = await publishing.public_incident(tx, page.id, difference.subject)
    theirs = {
        each.kind: each.theirs
        for each in await difference_store.differences(tx, [copy.id])
        if each.subject == difference.subject
    }
    labels = {label: stage for stage, label in STAGE_LABELS.items()}
    stage = labels.get(theirs.get(DifferenceKind.STAGE, ""), incident.stage)
    is_back = stage.rank < incident.stage.rank
    update = NewUpdate(
        stage,
        theirs.get(DifferenceKind.TEXT, incident.updates[-1].body),
        {},
        next_update_at=None if stage is Stage.RESOLVED else now + ADOPTED_PROMISE,
        kind=UpdateKind.REGRESSION if is_back else UpdateKind.UPDATE,
    )
    published = await publishing.publish_update(tx, actor, page.id, incident.public_id, update, now)
    await step_store.enqueue(tx, page.id, now)
    await call_outcomes.skip_waiting(tx, copy.id, published.id, now)
    await difference_store.delete_stage_and_text(tx, copy.id, difference.subject)
    await _record_copy_change(tx, actor, "adopted", page, copy, now, incident=incident.name)
