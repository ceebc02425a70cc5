"""Changing the audiences: each change puts a new version in force; open incidents keep their times."""

from dataclasses import replace
from datetime import datetime

from firebell.audiences import customer_store, store
from firebell.audiences.model import AudienceDefinition, AudienceSettings
from firebell.audiences.settings import document as settings_document
from firebell.audiences.settings import queries as settings_queries
from firebell.handbook import actions as handbook
from firebell.handbook import templates
from firebell.kit.db.database import Tx
from firebell.kit.db.events import Actor
from firebell.kit.errors import Conflict, Invalid, NotFound
from firebell.people import actions as people
from firebell.people.action_permissions import permits
from firebell.people.permissions import Verb


async def audience(tx: Tx, slug: str) -> AudienceDefinition:
    """Return an audience in force; raise `NotFound`."""
    in_force, _ = await settings_queries.in_force(tx)
    in_settings = in_force.audience(slug)
    if in_settings is None:
        raise NotFound(f"There is no audience {slug[:40]!r}.", hint="See /settings/audiences.")
    return in_settings


async def message_templates(tx: Tx) -> dict[str, str]:
    """Return the titles of the templates that an audience can use, by id."""
    listed = await handbook.all_templates(tx)
    skipped = (*templates.DOCUMENTS, *templates.SEVERITIES)
    return {name: each.title for name, each in listed.items() if name not in skipped}


@permits(Verb.AUDIENCE_WRITE)
async def save_audience(
    tx: Tx, actor: Actor, new: AudienceDefinition, now: datetime, *, must_be_new: bool = False
) -> AudienceDefinition:
    """Add an audience, or replace the one with its slug, as a new version. Idempotent.

    Raise `Invalid` for a member, time or template that is not possible, `Conflict` if it must be new and is not.
    """
    await store.lock_settings(tx)
    in_force, _ = await settings_queries.in_force(tx)
    old = in_force.audience(new.slug)
    if old is not None:
        if must_be_new:
            raise Conflict(
                f"There is already an audience {new.slug}.", fields={"name": "Enter another name."}
            )
        if old.kind is not new.kind:
            raise Conflict(
                "The kind of an audience can't change.", hint="Create another audience and remove this one."
            )
        new = replace(new, follows_updates=old.follows_updates)
    elif len(in_force.audiences) >= settings_document.MAX_AUDIENCES:
        raise Conflict(f"There can be at most {settings_document.MAX_AUDIENCES} audiences.")
    checked = settings_document.checked(new, await message_templates(tx))
    await _require_members(tx, checked)
    kept = [checked if each.slug == new.slug else each for each in in_force.audiences]
    await _apply(tx, actor, in_force, kept if old else [*kept, checked], now)
    return checked


@permits(Verb.AUDIENCE_WRITE)
async def remove_audience(tx: Tx, actor: Actor, slug: str, now: datetime) -> None:
    """Remove an audience as a new version; incidents that were declared before keep it."""
    await store.lock_settings(tx)
    in_force, _ = await settings_queries.in_force(tx)
    removed = await audience(tx, slug)
    if removed.follows_updates:
        raise Conflict("The audience that gets the incident's internal updates can't be removed.")
    await _apply(tx, actor, in_force, [each for each in in_force.audiences if each.slug != slug], now)


async def _apply(
    tx: Tx,
    actor: Actor,
    in_force: AudienceSettings,
    audiences: list[AudienceDefinition],
    now: datetime,
) -> None:
    version = in_force.version + 1
    after = AudienceSettings(version, tuple(audiences))
    lines = settings_document.changes(in_force, after)
    if not lines:
        return
    document = settings_document.to_document(after)
    await store.add_version(tx, version, document, actor.person_id, actor.label, now)
    await tx.audit(actor, "audience.settings", f"version {version}", now, changes=lines[:50])


async def _require_members(tx: Tx, checked: AudienceDefinition) -> None:
    """Raise `Invalid` for a person, team or customer that does not exist."""
    ids: dict[str, set[int]] = {}
    for member in checked.members:
        if member.partition(":")[0] in ("person", "team", "customer"):
            ids.setdefault(member.partition(":")[0], set()).add(settings_document.member_id(member))
    known = {
        "person": set(await people.people_by_id(tx, list(ids.get("person", ())))),
        "team": {team.id for team in await people.teams(tx)} if ids.get("team") else set(),
        "customer": {each.id for each in await customer_store.customers(tx, list(ids.get("customer", ())))},
    }
    for kind, numbers in ids.items():
        if unknown := numbers - known[kind]:
            raise Invalid(
                f"There is no {kind} with the id {min(unknown)}.",
                fields={"members": "Choose from the list."},
            )
