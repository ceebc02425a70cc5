"""Actions on trackers, on the people in them, and on the links between items and issues."""

import re
import secrets
import uuid
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from firebell.action_items import actions as action_items
from firebell.action_items import change_effects
from firebell.action_items.model import ActionItem
from firebell.action_items.trackers import credential_store, credentials, hook_signatures, link_store, store
from firebell.action_items.trackers.credentials import EnteredCredentials
from firebell.action_items.trackers.model import (
    AuthMethod,
    Direction,
    LinkState,
    SyncField,
    Tracker,
    TrackerLink,
    TrackerUser,
)
from firebell.action_items.trackers.vendor import TrackerVendor
from firebell.action_items.trackers.vendor_registry import vendor_of
from firebell.incidents import actions as incidents
from firebell.kit.db.database import Reads, Tx
from firebell.kit.db.events import Actor
from firebell.kit.errors import Conflict, Invalid, NotFound
from firebell.kit.http_out import check_url
from firebell.kit.standard_webhooks import SECRET_BYTES, secret_text
from firebell.kit.text import clean_name, clean_text
from firebell.people import actions as people
from firebell.people.action_permissions import internal, permits
from firebell.people.permissions import Verb

LANE = "trackers"
TRACKERS_MAX = 20
NAME_MAX_CHARS = 80
OPTION_MAX_CHARS = 300
HANDLE_MAX_CHARS = 200
ISSUE_MAX_CHARS = 500


async def tracker(tx: Reads, tracker_id: int) -> Tracker:
    """Return a tracker; raise `NotFound`."""
    return _existing(await store.tracker(tx, tracker_id), tracker_id)


async def locked(tx: Tx, tracker_id: int) -> Tracker:
    """Lock a tracker and return it; raise `NotFound`."""
    return _existing(await store.lock(tx, tracker_id), tracker_id)


def _existing(one: Tracker | None, tracker_id: int) -> Tracker:
    if one is None:
        raise NotFound(f"There is no tracker {tracker_id}.", hint="See all trackers at /settings/trackers.")
    return one


def _invalid(field: str, text: str) -> Invalid:
    return Invalid(text, fields={field: text})


def _options(vendor: TrackerVendor, values: Mapping[str, str]) -> dict[str, str]:
    known = {option.name for option in vendor.options}
    if unknown := sorted(set(values) - known):
        raise _invalid("options", f"{vendor.title} has no option {unknown[0]}.")
    cleaned = {name: clean_text(value, OPTION_MAX_CHARS, name).strip() for name, value in values.items()}
    if not cleaned.get("due_field", "1").isdecimal() and cleaned["due_field"]:
        raise _invalid("due_field", "Enter the number of the field. Check connection lists them.")
    return {name: value for name, value in cleaned.items() if value}


def _directions(values: Mapping[str, str]) -> dict[str, str]:
    chosen = {}
    for name, value in values.items():
        if name not in list(SyncField) or value not in list(Direction):
            raise _invalid("directions", f"{name[:40]}={value[:40]} is not a direction for a field.")
        if value != Direction.BOTH:
            chosen[name] = value
    return chosen


def _login(vendor: TrackerVendor, auth: AuthMethod, value: str) -> str:
    login = clean_text(value, HANDLE_MAX_CHARS, "login").strip()
    if not vendor.login_label or auth is not AuthMethod.TOKEN:
        return ""
    if "@" not in login or ":" in login:
        raise _invalid("login", "Enter the email address of the token’s owner.")
    return login


@permits(Verb.TRACKER_WRITE)
async def add(
    tx: Tx,
    actor: Actor,
    kind: str,
    target: str,
    entered: EnteredCredentials,
    now: datetime,
    *,
    name: str = "",
    url: str = "",
    login: str = "",
    is_private: bool = False,
    links_new: bool = False,
    team_id: int | None = None,
    options: Mapping[str, str] | None = None,
    directions: Mapping[str, str] | None = None,
) -> Tracker:
    """Add a tracker, which is read at once, or with OAuth as soon as someone has authorized Firebell.

    Raise `Invalid` for bad input, `Conflict` for one that is there already.
    """
    vendor = vendor_of(kind)
    address = (url or vendor.default_url).strip().rstrip("/")
    if not address:
        raise _invalid("url", "Enter the address of the installation, such as https://acme.atlassian.net.")
    check_url(address, "url")
    target = target.strip().strip("/")
    if not re.fullmatch(vendor.target_pattern, target):
        raise _invalid("target", f"Enter the {vendor.target_label.lower()}. {vendor.target_hint}")
    if team_id is not None:
        await people.team(tx, team_id)
    if len(await store.trackers(tx)) >= TRACKERS_MAX:
        raise Conflict(f"There are at most {TRACKERS_MAX} trackers.", hint="Remove one first.")
    checked = credentials.checked(vendor, entered)
    values = {
        "kind": kind,
        "name": clean_name(name or f"{vendor.title} {target}", "name", limit=NAME_MAX_CHARS),
        "url": address,
        "target": target,
        "login": _login(vendor, checked.auth, login),
        "auth": str(checked.auth),
        "client_id": checked.client_id,
        "key_hint": checked.hint,
        "key_hash": store.key_hash(checked.secret),
        "stopped_reason": _not_authorized(checked.auth),
        "is_private": is_private,
        "links_new": links_new,
        "team_id": team_id,
        "options": _options(vendor, options or {}),
        "directions": _directions(directions or {}),
        "created_at": now,
        "sweep_at": now + vendor.sweep_every,
        "swept_until": now,
    }
    new = await store.insert(tx, values, checked.secret, secret_text(secrets.token_bytes(SECRET_BYTES)))
    if new is None:
        raise Conflict(
            f"{values['name']} is already a tracker.",
            fields={"target": "Use each project and each name for one tracker only."},
        )
    await record_tracker_change(tx, actor, "added", new, now, kind=kind, target=target, private=is_private)
    return new


@internal("Part of the actions on trackers.")
async def record_tracker_change(
    tx: Tx, actor: Actor, change: str, one: Tracker, now: datetime, **detail: object
) -> None:
    """Write a change of a tracker to the audit log, and let screens and the lane know of it."""
    await tx.audit(actor, f"tracker.{change}", f"tracker:{one.id}", now, name=one.name, **detail)
    await tx.live("trackers")
    await tx.wake(LANE)


@permits(Verb.TRACKER_WRITE)
async def change(tx: Tx, actor: Actor, tracker_id: int, values: Mapping[str, Any], now: datetime) -> Tracker:
    """Change the name, login, privacy, team, options or directions of a tracker, as `values` names them. Idempotent."""
    old = await locked(tx, tracker_id)
    vendor = vendor_of(old.kind)
    changes: dict[str, Any] = dict(values)
    if "name" in values:
        changes["name"] = clean_name(values["name"], "name", limit=NAME_MAX_CHARS)
        if any(each.name == changes["name"] and each.id != old.id for each in await store.trackers(tx)):
            raise Conflict(
                f"There is already a tracker named {changes['name']}.",
                fields={"name": "Choose another name."},
            )
    if "login" in values:
        changes["login"] = _login(vendor, old.auth, values["login"])
    if "options" in values:
        changes["options"] = _options(vendor, values["options"])
    if "directions" in values:
        changes["directions"] = _directions(values["directions"])
    if changes.get("team_id") is not None:
        await people.team(tx, changes["team_id"])
    current = {name: getattr(old, name) for name in changes}
    current["directions"] = {str(name): str(value) for name, value in old.directions.items()}
    different = {name: value for name, value in changes.items() if value != current[name]}
    if not different:
        return old
    await store.change(tx, old.id, **different)
    await link_store.mark_all(tx, old.id, now)
    await record_tracker_change(tx, actor, "changed", old, now, fields=sorted(different))
    return await tracker(tx, old.id)


@permits(Verb.TRACKER_WRITE)
async def set_credentials(
    tx: Tx, actor: Actor, tracker_id: int, entered: EnteredCredentials, now: datetime, *, login: str = ""
) -> Tracker:
    """Replace how Firebell signs in, and resume a stopped sync; with OAuth, once someone has authorized it again."""
    one = await locked(tx, tracker_id)
    vendor = vendor_of(one.kind)
    checked = credentials.checked(vendor, entered)
    await credential_store.replace(tx, one, checked)
    stopped = _not_authorized(checked.auth)
    await store.change(
        *(tx, one.id),
        login=_login(vendor, checked.auth, login or one.login),
        stopped_reason=stopped,
        failures=0,
        rests_until=None,
        sweep_at=now,
    )
    await link_store.mark_all(tx, one.id, now)
    await record_tracker_change(tx, actor, "token_changed", one, now, auth=str(checked.auth))
    return await tracker(tx, one.id)


def _not_authorized(auth: AuthMethod) -> str:
    return "Firebell is not authorized yet." if auth is AuthMethod.OAUTH else ""


@permits(Verb.TRACKER_WRITE)
async def set_hook_secret(tx: Tx, actor: Actor, tracker_id: int, secret: str, now: datetime) -> None:
    """Save the secret that a tracker made for its webhook."""
    one = await locked(tx, tracker_id)
    checked = secret.strip()
    if (
        not 8 <= len(checked) <= credentials.TOKEN_MAX_CHARS
        or not checked.isascii()
        or not checked.isprintable()
    ):
        raise _invalid("hook_secret", "Paste the signing secret, at least 8 characters.")
    await store.set_hook_secret(tx, one, checked)
    await record_tracker_change(tx, actor, "secret_changed", one, now)


@permits(Verb.TRACKER_WRITE)
async def reveal_hook_secret(tx: Tx, actor: Actor, tracker_id: int, now: datetime) -> tuple[str, str]:
    """Return the secret of the webhook and the token of its address; written to the audit log."""
    one = await tracker(tx, tracker_id)
    secret = await store.open_hook_secret(tx, one)
    await record_tracker_change(tx, actor, "secret_shown", one, now)
    return secret, hook_signatures.path_token(secret)


@permits(Verb.TRACKER_WRITE)
async def set_enabled(tx: Tx, actor: Actor, tracker_id: int, is_enabled: bool, now: datetime) -> Tracker:
    """Switch the sync of a tracker on or off; its links stay. Idempotent."""
    one = await locked(tx, tracker_id)
    if one.is_enabled == is_enabled:
        return one
    await store.change(tx, one.id, is_enabled=is_enabled, failures=0, rests_until=None)
    if is_enabled:
        await store.change(tx, one.id, sweep_at=now)
    await record_tracker_change(tx, actor, "enabled" if is_enabled else "disabled", one, now)
    return await tracker(tx, one.id)


@permits(Verb.TRACKER_WRITE)
async def remove(tx: Tx, actor: Actor, tracker_id: int, now: datetime) -> Tracker:
    """Remove a tracker with its links; its issues and the items stay as they are."""
    one = await locked(tx, tracker_id)
    await store.delete(tx, one.id)
    await tx.live("actions")
    await record_tracker_change(tx, actor, "removed", one, now)
    return one


@permits(Verb.ACTION_ITEM_WRITE)
async def request_sync(tx: Tx, actor: Actor, tracker_id: int, now: datetime) -> Tracker:
    """Look at every link of a tracker now. Idempotent."""
    one = await locked(tx, tracker_id)
    if not one.is_active:
        raise Conflict(f"{one.name} is {'stopped' if one.is_enabled else 'switched off'}.")
    await store.change(tx, one.id, sweep_at=now, rests_until=None)
    await link_store.mark_all(tx, one.id, now)
    await tx.wake(LANE)
    return one


@permits(Verb.TRACKER_WRITE)
async def set_user(tx: Tx, actor: Actor, tracker_id: int, person_id: int, handle: str, now: datetime) -> None:
    """Map a person to their user in a tracker; an empty handle unmaps them. The next sync looks the handle up."""
    one = await locked(tx, tracker_id)
    person = await people.person(tx, person_id)
    cleaned = clean_text(handle, HANDLE_MAX_CHARS, "handle").strip().lstrip("@")
    if cleaned:
        await store.save_user(
            tx, TrackerUser(one.id, person.id, cleaned, "", is_by_hand=True, looked_up_at=None)
        )
    else:
        await store.delete_user(tx, one.id, person.id)
    await link_store.clear_standoffs(tx, one.id, SyncField.ASSIGNEE)
    await link_store.mark_all(tx, one.id, now)
    await record_tracker_change(tx, actor, "user_changed", one, now, person=person.name, handle=cleaned)


async def hidden_from(tx: Tx, one: Tracker, items: Iterable[ActionItem]) -> set[int]:
    """Return the ids of the items of private incidents, of which this tracker may know nothing."""
    incident_of = {item.id: item.incident_id for item in items if item.incident_id is not None}
    if one.is_private or not incident_of:
        return set()
    by_id = await incidents.incidents_by_id(tx, sorted(set(incident_of.values())))
    shown = {incident_id for incident_id, incident in by_id.items() if not incident.is_private}
    return {item_id for item_id, incident_id in incident_of.items() if incident_id not in shown}


async def is_hidden_from(tx: Tx, one: Tracker, item: ActionItem) -> bool:
    """Return True if an item is of a private incident, of which this tracker may know nothing."""
    return bool(await hidden_from(tx, one, [item]))


@permits(Verb.ACTION_ITEM_WRITE)
async def link_item(
    tx: Tx, actor: Actor, item_id: int, tracker_id: int, now: datetime, *, issue: str = ""
) -> TrackerLink:
    """Link an item to a new issue of a tracker, or to the one that `issue` names by number, key or address.

    An item has one link with each tracker, and an issue one link. The issue is created or read by the lane.
    """
    item = await action_items.locked(tx, item_id)
    one = await tracker(tx, tracker_id)
    if not one.is_enabled:
        raise Conflict(f"{one.name} is switched off.", hint="Switch it on in the settings.")
    if await is_hidden_from(tx, one, item):
        raise Conflict(
            f"{item.ref} belongs to a private incident.",
            hint=f"Link it to a tracker that is marked as private; {one.name} is not.",
        )
    external_id = None
    if named := clean_text(issue, ISSUE_MAX_CHARS, "issue").strip():
        external_id = vendor_of(one.kind).api.issue_id(one, named)
        if external_id is None:
            raise _invalid("issue", f"Enter the number or the address of an issue in {one.target}.")
    return await _insert(tx, actor, item, one, external_id, now)


async def _insert(
    tx: Tx, actor: Actor, item: ActionItem, one: Tracker, external_id: str | None, now: datetime
) -> TrackerLink:
    link = await link_store.insert(tx, item.id, one.id, uuid.uuid4(), external_id, actor.label, now)
    if link is None:
        links = (await link_store.of_items(tx, [item.id])).get(item.id, [])
        if any(each.tracker_id == one.id for each in links):
            raise Conflict(f"{item.ref} already has an issue in {one.name}.", hint="Unlink it first.")
        raise Conflict(
            "This issue is linked to another action item.", fields={"issue": "Choose another issue."}
        )
    await change_effects.record_event(tx, actor, item, "tracker", "", one.name, now)
    await tx.audit(actor, "action_item.linked", item.ref, now, tracker=one.name, issue=external_id or "new")
    await tx.wake(LANE)
    return link


@internal("A reaction links new items to the trackers that ask for them.")
async def link_new_item(tx: Tx, actor: Actor, item: ActionItem, now: datetime) -> None:
    """Link a new item to each tracker that takes the items of its team. Idempotent."""
    links = (await link_store.of_items(tx, [item.id])).get(item.id, [])
    taken = {link.tracker_id for link in links}
    for one in await store.trackers(tx):
        is_wanted = one.links_new and one.is_enabled and one.team_id in (None, item.team_id)
        if is_wanted and one.id not in taken and not await is_hidden_from(tx, one, item):
            await _insert(tx, actor, item, one, None, now)


async def link_of(tx: Tx, item_id: int, link_id: int) -> TrackerLink:
    """Lock a link of an item and return it; raise `NotFound`."""
    link = await link_store.lock(tx, link_id)
    if link is None or link.item_id != item_id:
        raise NotFound(f"ACT-{item_id} has no link {link_id}.")
    return link


@permits(Verb.ACTION_ITEM_WRITE)
async def unlink_item(tx: Tx, actor: Actor, item_id: int, link_id: int, now: datetime) -> TrackerLink:
    """Remove a link; the issue stays as it is."""
    item = await action_items.locked(tx, item_id)
    link = await link_of(tx, item.id, link_id)
    one = await tracker(tx, link.tracker_id)
    await link_store.delete(tx, link.id)
    await change_effects.record_event(
        tx, actor, item, "tracker", f"{one.name} {link.issue_key}".strip(), "", now
    )
    await tx.audit(actor, "action_item.unlinked", item.ref, now, tracker=one.name, issue=link.issue_key)
    return link


@permits(Verb.ACTION_ITEM_WRITE)
async def retry_link(tx: Tx, actor: Actor, item_id: int, link_id: int, now: datetime) -> TrackerLink:
    """Sync a link now, and try again what was refused; a link that is gone is read again. Idempotent."""
    item = await action_items.locked(tx, item_id)
    link = await link_of(tx, item.id, link_id)
    one = await tracker(tx, link.tracker_id)
    if not one.is_active:
        raise Conflict(f"{one.name} is {'stopped' if one.is_enabled else 'switched off'}.")
    state = link.state
    if state in (LinkState.GONE, LinkState.ERROR):
        state = LinkState.LINKED if link.external_id else LinkState.CREATING
    await link_store.change(
        tx, link.id, state=state, standoffs={}, left_out=[], error="", is_changed=True, check_at=now
    )
    await tx.live("actions")
    await tx.wake(LANE)
    return link


@internal("Called by the webhook after its signature was checked.")
async def receive_hook(tx: Tx, one: Tracker, delivery_id: str, issue_ids: list[str], now: datetime) -> None:
    """Look soon at the issues that a notification names. Idempotent."""
    if not await link_store.add_delivery(tx, one.id, delivery_id[:200], now):
        return
    await store.change(tx, one.id, last_hook_at=now)
    if await link_store.mark_remote(tx, one.id, issue_ids, now):
        await tx.wake(LANE)
