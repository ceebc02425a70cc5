"""Actions on custom fields and their values, and the closing condition of required ones."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from firebell.incidents import lookup, timeline_writer
from firebell.incidents.closing.rules import ClosingCondition
from firebell.incidents.custom_fields import field_kinds
from firebell.incidents.custom_fields import store as field_store
from firebell.incidents.custom_fields.field_kinds import MAX_FIELDS, MAX_OPTIONS, CustomField, FieldKind
from firebell.incidents.model import Incident
from firebell.kit.db.database import Tx
from firebell.kit.db.events import Actor
from firebell.kit.errors import Conflict, Invalid, NotFound
from firebell.kit.text import clean_name, slugify
from firebell.people import actions as people
from firebell.people.action_permissions import permits
from firebell.people.permissions import Verb

fields = field_store.fields
values = field_store.values


@permits(Verb.INCIDENT_SETTINGS_WRITE)
async def create_field(
    tx: Tx,
    actor: Actor,
    *,
    name: str,
    kind: FieldKind,
    options: Sequence[str] = (),
    required_for: Sequence[int] = (),
    now: datetime,
) -> CustomField:
    """Create a field, named in addresses by a slug of its name; raise `Conflict` if that is taken."""
    name = clean_name(name, "name", limit=60)
    cleaned = tuple(dict.fromkeys(filter(None, (" ".join(option.split()) for option in options))))
    if kind is FieldKind.CHOICE and not 2 <= len(cleaned) <= MAX_OPTIONS:
        raise Invalid(
            "A choice needs options.", fields={"options": f"Enter 2 to {MAX_OPTIONS} options, one per line."}
        )
    if len(await field_store.fields(tx)) >= MAX_FIELDS:
        raise Conflict(f"There are {MAX_FIELDS} fields, which is the limit.", hint="Remove one first.")
    slug = slugify(name).replace("-", "_") or "field"
    new = CustomField(
        0,
        slug,
        name,
        kind,
        cleaned if kind is FieldKind.CHOICE else (),
        tuple(sorted({level for level in required_for if 0 <= level <= 3})),
    )
    created = await field_store.insert(tx, new, now)
    if created is None:
        raise Conflict(f"There is a field {slug} already.", fields={"name": "Enter another name."})
    await tx.audit(actor, "incident_field.created", f"incident_field:{created.id}", now, name=name)
    return created


@permits(Verb.INCIDENT_SETTINGS_WRITE)
async def remove_field(tx: Tx, actor: Actor, slug: str, now: datetime) -> None:
    """Remove a field from forms and the API; raise `NotFound`."""
    field = {one.slug: one for one in await field_store.fields(tx)}.get(slug)
    if field is None:
        raise NotFound(f"There is no incident field {slug}.", hint="See /settings/incident-fields.")
    await field_store.remove(tx, field.id, now)
    await tx.audit(actor, "incident_field.removed", f"incident_field:{field.id}", now, name=field.name)


@permits(Verb.INCIDENT_UPDATE)
async def set_values(
    tx: Tx, actor: Actor, incident_id: int, given: Mapping[str, str], now: datetime
) -> dict[str, str]:
    """Set the fields of an incident by slug, blank for none, and return all values.

    Raise `Invalid` naming each wrong field as `field-<slug>`.
    """
    incident = await lookup.locked(tx, incident_id)
    known = {field.slug: field for field in await field_store.fields(tx)}
    wrong: dict[str, str] = {}
    new: dict[int, str] = {}
    for slug, text in given.items():
        if slug not in known:
            wrong[f"field-{slug}"] = "There is no such field."
            continue
        try:
            new[known[slug].id] = field_kinds.stored(known[slug], text)
        except ValueError as error:
            wrong[f"field-{slug}"] = str(error)
    wrong |= await _unknown_people(tx, known, new)
    if wrong:
        raise Invalid("Check the fields.", fields=wrong)
    before = (await field_store.values(tx, [incident_id]))[incident_id]
    changed = {i: value for i, value in new.items() if value != before.get(i, "")}
    if changed:
        await field_store.set_values(tx, incident_id, changed)
        names = ", ".join(field.name for field in known.values() if field.id in changed)
        await timeline_writer.add_timeline_entry(tx, actor, incident_id, "fields", f"updated {names}", now)
        await tx.audit(actor, "incident.fields", incident.ref, now, fields=names)
    return by_slug(list(known.values()), {**before, **changed})


async def _unknown_people(tx: Tx, known: Mapping[str, CustomField], new: Mapping[int, str]) -> dict[str, str]:
    named = {f.slug: int(new[f.id]) for f in known.values() if f.kind is FieldKind.PERSON and new.get(f.id)}
    people_by_id = await people.people_by_id(tx, list(named.values())) if named else {}
    return {f"field-{slug}": "Choose a person." for slug, i in named.items() if i not in people_by_id}


def by_slug(known: Sequence[CustomField], stored: Mapping[int, str]) -> dict[str, str]:
    """Return values by slug; fields without one are absent."""
    return {field.slug: stored[field.id] for field in known if stored.get(field.id)}


async def closing_conditions(tx: Tx, incident: Incident, now: datetime) -> list[ClosingCondition]:
    """Return the closing condition of the required fields."""
    known = await field_store.fields(tx)
    stored = (await field_store.values(tx, [incident.id]))[incident.id] if known else {}
    return field_kinds.condition(incident, known, stored)


async def conditions_by_value(tx: Tx, given: Sequence[str]) -> tuple[tuple[int, str], ...]:
    """Return filters such as `region:EU` as field id and stored value; raise `Invalid`."""
    known = {field.slug: field for field in await field_store.fields(tx)} if given else {}
    filters = []
    for text in given:
        slug, colon, value = text.partition(":")
        if not colon or slug not in known:
            raise Invalid(
                f"{text[:60]!r} is not a field.",
                fields={"field": "Use a slug and a value, such as region:EU."},
            )
        try:
            filters.append((known[slug].id, field_kinds.stored(known[slug], value)))
        except ValueError as error:
            raise Invalid("The value is not valid.", fields={"field": str(error)}) from None
    return tuple(filters)
