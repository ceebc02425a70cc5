"""Changes of the response settings: edits collect in one draft, and applying it makes a new version."""

from collections.abc import Callable
from datetime import datetime

from firebell.kit.db.database import Tx
from firebell.kit.db.events import Actor
from firebell.kit.errors import Conflict, Invalid
from firebell.oncall.model import ScheduleDeleted
from firebell.oncall.schedules import actions as schedules
from firebell.people.action_permissions import permits
from firebell.people.permissions import Verb
from firebell.response import document, queries, store
from firebell.response.model import ResponseSettings

Edit = Callable[[ResponseSettings], ResponseSettings]


async def draft(tx: Tx) -> ResponseSettings | None:
    """Return the settings with the changes that are not applied yet, None without any."""
    values = await store.draft(tx)
    return document.from_document(values) if values is not None else None


@permits(Verb.RESPONSE_WRITE)
async def edit_draft(tx: Tx, actor: Actor, edit: Edit, now: datetime) -> ResponseSettings:
    """Add a change to the draft; raise `Conflict` if it removes the last pager of SEV0 or SEV1."""
    await store.lock_settings(tx)
    in_force, _ = await queries.settings(tx)
    edited = edit(await draft(tx) or in_force)
    values = document.to_document(edited)
    checked = document.from_document(values)
    document.check(checked, in_force)
    await _require_targets(tx, checked)
    if values == document.to_document(in_force):
        await store.delete_draft(tx)
    else:
        await store.save_draft(tx, values, actor.person_id, now)
    return checked


async def _require_targets(tx: Tx, settings: ResponseSettings) -> None:
    """Raise `Invalid` if the settings name a target that does not exist."""
    known = (await queries.target_names(tx)).known
    targets = {who for who in document.all_targets(settings) if ":" in who}
    if missing := sorted(targets - set(known)):
        raise _no_such(missing[0])


def _no_such(target: str) -> Invalid:
    return Invalid(f"There is no {target[:80]} anymore.", fields={"who": "Choose someone from the list."})


async def _hold_schedules(tx: Tx, settings: ResponseSettings) -> None:
    """Keep the schedules that the settings name from being deleted until the transaction ends; raise `Invalid`."""
    targets = (target.partition(":") for target in document.all_targets(settings))
    named = {int(id_) for kind, _, id_ in targets if kind == "schedule"}
    if deleted := sorted(named - await schedules.hold(tx, sorted(named))):
        raise _no_such(f"schedule:{deleted[0]}")


@permits(Verb.RESPONSE_WRITE)
async def discard_draft(tx: Tx, actor: Actor, now: datetime) -> None:
    """Discard the changes that are not applied yet."""
    await store.lock_settings(tx)
    await store.delete_draft(tx)


@permits(Verb.RESPONSE_WRITE)
async def apply_draft(tx: Tx, actor: Actor, now: datetime) -> ResponseSettings:
    """Put the draft in force as a new version; raise `Conflict` without one."""
    await store.lock_settings(tx)
    values = await store.draft(tx)
    if values is None:
        raise Conflict("There are no changes to apply.")
    return await replace_settings(tx, actor, document.from_document(values), now)


@permits(Verb.RESPONSE_WRITE)
async def replace_settings(
    tx: Tx, actor: Actor, settings: ResponseSettings, now: datetime
) -> ResponseSettings:
    """Put settings in force as a new version, unless they are in force already; open incidents keep theirs."""
    await store.lock_settings(tx)
    in_force, _ = await queries.settings(tx)
    document.check(settings, in_force)
    await _require_targets(tx, settings)
    await _hold_schedules(tx, settings)
    values = document.to_document(settings)
    await store.delete_draft(tx)
    if values == document.to_document(in_force):
        return in_force
    version = in_force.version + 1
    await store.add_version(tx, version, values, actor.person_id, actor.label, now)
    names = await queries.target_names(tx)
    lines = document.changes(in_force, settings, names.label)
    await tx.audit(actor, "response.settings", f"version {version}", now, changes=lines[:50])
    return document.from_document(values, version)


async def refuse_deletion_while_used(tx: Tx, event: ScheduleDeleted, now: datetime) -> None:
    """Raise `Conflict` if the response to incidents names a deleted schedule."""
    in_force, _ = await queries.settings(tx)
    if f"schedule:{event.schedule_id}" in document.all_targets(in_force):
        raise Conflict(
            f"{event.name} is used by the response to incidents.",
            hint="Remove it in Settings, Response first.",
        )
