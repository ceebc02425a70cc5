"""Actions on status pages and their components; `publishing` has those on what is published."""

import re
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from firebell.catalog import actions as catalog
from firebell.kit.db.database import Tx
from firebell.kit.db.events import Actor
from firebell.kit.errors import Conflict, Invalid, NotFound
from firebell.kit.localtime import check_zone
from firebell.kit.text import clean_name, clean_text
from firebell.people.action_permissions import permits
from firebell.people.permissions import Verb
from firebell.status_pages import announcements, derived_status, incident_store, lookup, queries, store
from firebell.status_pages.hosting import queries as hosting_queries
from firebell.status_pages.lookup import SLUG, new_public_id
from firebell.status_pages.model import (
    Component,
    ComponentGroup,
    ComponentGroupRemoved,
    ComponentStatus,
    IndicatorRule,
    PageVisibility,
    StatusPage,
)
from firebell.status_pages.part_translations import rules as part_translations
from firebell.status_pages.signing import keyring
from firebell.status_pages.text_limits import ABOUT_MAX_CHARS, DESCRIPTION_MAX_CHARS
from firebell.status_pages.uptime import daily as uptime

MAX_COMPONENTS = 500
MAX_GROUPS = 100
components_by_page = store.components_by_page
pages = store.pages

announcement = announcements.announcement
maintenance_announcement = announcements.maintenance_announcement
named_parts = part_translations.named_parts
frame_context = hosting_queries.frame_context
locales = hosting_queries.locales
note_mailed = incident_store.note_mailed
locked_page = lookup.locked_page
lock_free_pages = store.lock_free_pages
lock_groups = store.lock_groups
parts = announcements.parts
page_by_id = store.page_by_id
status_page = lookup.status_page
topic = lookup.topic


@permits(Verb.STATUS_PAGE_WRITE)
async def create_status_page(
    tx: Tx,
    actor: Actor,
    *,
    slug: str,
    name: str,
    tz: str,
    visibility: PageVisibility,
    component_of: Sequence[int],
    component_names: Mapping[int, str] | None = None,
    now: datetime,
) -> StatusPage:
    """Create a status page with a component for each of these services, by its name for customers or its own."""
    slug = slug.strip()
    if not SLUG.fullmatch(slug):
        raise Invalid(
            f"{slug[:60]!r} can’t be an address.",
            fields={"slug": "Use lower-case letters, digits and hyphens, at most 60."},
        )
    services = await catalog.services_by_id(tx, list(component_of))
    if missing := set(component_of) - set(services):
        raise NotFound(f"There is no service with the id {min(missing)}.")
    page = await store.insert_page(tx, slug, clean_name(name, "name"), check_zone(tz), visibility, now)
    if page is None:
        raise Conflict(f"/s/{slug} is taken.", fields={"slug": "Choose another address."})
    await keyring.signing_key(tx, actor, page.id, 1, now)
    await tx.audit(actor, "status_page.created", page.name, now, slug=slug)
    for service_id in component_of:
        component_name = (component_names or {}).get(service_id, "").strip() or services[service_id].name
        await add_component(tx, actor, page.id, name=component_name, service_ids=[service_id], now=now)
    return page


def _weight(value: int, field: str) -> int:
    if not 0 <= value <= 100:
        raise Invalid("The weight is out of range.", fields={field: "Enter a number from 0 to 100."})
    return value


def _support_url(value: str) -> str:
    url = value.strip()
    if url and (len(url) > 500 or not re.fullmatch(r"(https?://|mailto:)[^\s<>\"]+", url)):
        raise Invalid(
            "The support address can’t be a link.",
            fields={"support_url": "Enter an address that begins with https:// or mailto:."},
        )
    return url


@permits(Verb.STATUS_PAGE_WRITE)
async def update_status_page(
    tx: Tx, actor: Actor, page_id: int, values: Mapping[str, Any], now: datetime
) -> StatusPage:
    """Change the settings of a status page that `values` names. Idempotent."""
    old = await locked_page(tx, page_id)
    checks: dict[str, Any] = {
        "name": lambda v: clean_name(v, "name"),
        "tz": check_zone,
        "about": lambda v: clean_text(v, ABOUT_MAX_CHARS, "about"),
        "support_url": _support_url,
        "visibility": PageVisibility,
        "partial_weight": lambda v: _weight(v, "partial_weight"),
        "degraded_weight": lambda v: _weight(v, "degraded_weight"),
        "indicator_rule": IndicatorRule,
    }
    checked = {name: checks[name](value) for name, value in values.items()}
    changes = {name: value for name, value in checked.items() if value != getattr(old, name)}
    if not changes:
        return old
    page = await store.change_page(tx, page_id, **changes, updated_at=now)
    await tx.audit(
        actor, "status_page.changed", page.name, now, **{name: str(value) for name, value in changes.items()}
    )
    await tx.live(topic(page))
    return page


@permits(Verb.STATUS_PAGE_WRITE)
async def add_group(tx: Tx, actor: Actor, page_id: int, name: str, now: datetime) -> ComponentGroup:
    """Append a group of components to a status page."""
    page = await locked_page(tx, page_id)
    if len(await store.groups(tx, page_id)) >= MAX_GROUPS:
        raise Conflict(f"A status page has at most {MAX_GROUPS} groups.")
    group = await store.insert_group(tx, page_id, new_public_id(), clean_name(name, "name"), now)
    await tx.audit(actor, "status_page.group_added", page.name, now, group=group.name)
    await tx.live(topic(page))
    return group


@permits(Verb.STATUS_PAGE_WRITE)
async def update_group(
    tx: Tx, actor: Actor, page_id: int, group_id: int, values: Mapping[str, Any], now: datetime
) -> ComponentGroup:
    """Change the `name`, `description` or `position` of a group. Idempotent."""
    page = await locked_page(tx, page_id)
    old = await _group(tx, page_id, group_id)
    checked = dict(values)
    if "name" in values:
        checked["name"] = clean_name(values["name"], "name")
    if "description" in values:
        checked["description"] = clean_text(values["description"], DESCRIPTION_MAX_CHARS, "description")
    changes = {name: value for name, value in checked.items() if value != getattr(old, name)}
    if not changes:
        return old
    await store.change_group(tx, group_id, **changes)
    group = await _group(tx, page_id, group_id)
    await tx.audit(
        actor, "status_page.group_changed", page.name, now, group=group.name, changed=", ".join(changes)
    )
    await tx.live(topic(page))
    return group


@permits(Verb.STATUS_PAGE_WRITE)
async def remove_group(tx: Tx, actor: Actor, page_id: int, group_id: int, now: datetime) -> None:
    """Remove a group; its components stay on the page, and its subscribers then follow these."""
    page = await locked_page(tx, page_id)
    group = await _group(tx, page_id, group_id)
    members = [each.id for each in await store.components(tx, page_id) if each.group_id == group_id]
    await store.delete_group(tx, group_id)
    await tx.emit(ComponentGroupRemoved(page_id, group_id, tuple(members)), now)
    await tx.audit(actor, "status_page.group_removed", page.name, now, group=group.name)
    await tx.live(topic(page))


async def _group(tx: Tx, page_id: int, group_id: int) -> ComponentGroup:
    for group in await store.groups(tx, page_id):
        if group.id == group_id:
            return group
    raise NotFound(f"This status page has no group {group_id}.")


@permits(Verb.STATUS_PAGE_WRITE)
async def add_component(
    tx: Tx,
    actor: Actor,
    page_id: int,
    *,
    name: str,
    service_ids: Sequence[int],
    now: datetime,
    group_id: int | None = None,
    start_date: date | None = None,
) -> Component:
    """Append a component to a status page. Its uptime counts from `start_date` on, today by default."""
    # before the page: a deletion can wait for something that waits for the page
    await catalog.hold_services(tx, service_ids)
    page = await locked_page(tx, page_id)
    today = now.astimezone(ZoneInfo(page.tz)).date()
    components = await store.components(tx, page_id)
    if len(components) >= MAX_COMPONENTS:
        raise Conflict(f"A status page has at most {MAX_COMPONENTS} components.")
    await _check_parts(tx, page_id, group_id, service_ids)
    component_id = await store.insert_component(
        tx, page_id, new_public_id(), clean_name(name, "name"), group_id, min(start_date or today, today), now
    )
    await store.set_services(tx, component_id, service_ids)
    component = await _component(tx, page_id, component_id)
    await tx.audit(actor, "status_page.component_added", page.name, now, component=component.name)
    await tx.live(topic(page))
    return component


async def _check_parts(tx: Tx, page_id: int, group_id: int | None, service_ids: Sequence[int]) -> None:
    if group_id is not None and group_id not in {group.id for group in await store.groups(tx, page_id)}:
        raise NotFound(
            f"This status page has no group {group_id}.", fields={"group_id": "Choose from the list."}
        )
    known = await catalog.services_by_id(tx, list(service_ids))
    if missing := set(service_ids) - set(known):
        raise NotFound(
            f"There is no service with the id {min(missing)}.",
            fields={"service_ids": "Choose from the list."},
        )


async def _component(tx: Tx, page_id: int, component_id: int) -> Component:
    for component in await store.components(tx, page_id):
        if component.id == component_id:
            return component
    raise NotFound(f"This status page has no component {component_id}.")


@permits(Verb.STATUS_PAGE_WRITE)
async def update_component(
    tx: Tx, actor: Actor, page_id: int, component_id: int, values: Mapping[str, Any], now: datetime
) -> Component:
    """Change what `values` names of a component: also its group, position and services. Idempotent."""
    # before the page: a deletion can wait for something that waits for the page
    await catalog.hold_uses(tx)
    page = await locked_page(tx, page_id)
    old = await _component(tx, page_id, component_id)
    service_ids = values.get("service_ids", ())
    await _check_parts(tx, page_id, values.get("group_id"), service_ids)
    await catalog.hold_services(tx, set(service_ids) - set(old.service_ids))
    checked = dict(values)
    if "name" in values:
        checked["name"] = clean_name(values["name"], "name")
    if "description" in values:
        checked["description"] = clean_text(values["description"], DESCRIPTION_MAX_CHARS, "description")
    if "service_ids" in values:
        checked["service_ids"] = tuple(sorted(set(values["service_ids"])))
    if "start_date" in values and values["start_date"] > now.astimezone(ZoneInfo(page.tz)).date():
        raise Invalid(
            "The first day is in the future.", fields={"start_date": "Enter today or an earlier day."}
        )
    changes = {name: value for name, value in checked.items() if value != getattr(old, name)}
    if not changes:
        return old
    if "start_date" in changes:
        await _check_first_day(tx, page, old, changes["start_date"], now)
    if "service_ids" in changes:
        await store.set_services(tx, component_id, changes["service_ids"])
    columns = {name: value for name, value in changes.items() if name != "service_ids"}
    if columns:
        await store.change_component(tx, component_id, **columns)
    component = await _component(tx, page_id, component_id)
    await tx.audit(
        actor,
        "status_page.component_changed",
        page.name,
        now,
        component=component.name,
        changed=", ".join(changes),
    )
    await tx.live(topic(page))
    return component


async def _check_first_day(
    tx: Tx, page: StatusPage, component: Component, start_date: date, now: datetime
) -> None:
    """Raise `Conflict` if a later first day hides problems before yesterday: that needs a second person (7.7)."""
    start, _ = uptime.window(now, page.tz, component.start_date)
    end = min(uptime.window(now, page.tz, start_date)[0], uptime.yesterday(now, page.tz))
    if end <= start:
        return
    snapshot = await queries.snapshot(tx, page, now)
    spans = derived_status.spans(
        snapshot.causes_by_component().get(component.id, []),
        component.id,
        start,
        end,
        [each for each in snapshot.relabelings if each.component_id == component.id],
    )
    if any(span.status > ComponentStatus.UNDER_MAINTENANCE for span in spans):
        raise Conflict(
            "This hides days with problems, which needs a second person.",
            hint="Relabel the past instead, at Status pages.",
            fields={"start_date": "Enter a day before these problems."},
        )


@permits(Verb.STATUS_PAGE_WRITE)
async def archive_component(tx: Tx, actor: Actor, page_id: int, component_id: int, now: datetime) -> None:
    """Hide a component from its status page; what was published about it stays in the history."""
    page = await locked_page(tx, page_id)
    component = await _component(tx, page_id, component_id)
    await store.archive_component(tx, component_id, now)
    await tx.audit(actor, "status_page.component_archived", page.name, now, component=component.name)
    await tx.live(topic(page))
