"""Apply a file that describes services to the services that exist, or preview that."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from firebell.catalog import actions as services
from firebell.catalog import naming, service_file, store
from firebell.catalog.file_nodes import Place, refused
from firebell.catalog.labels_and_links import label_lines, link_lines
from firebell.catalog.model import Service, renamed
from firebell.catalog.names import ServiceName, TakenNames
from firebell.catalog.service_file import DescribedService, FileFormat
from firebell.kit.db.database import Tx
from firebell.kit.db.events import Actor
from firebell.kit.errors import Conflict
from firebell.kit.text import slugify
from firebell.kit.threads import DOCUMENTS
from firebell.people import actions as people
from firebell.people.action_permissions import permits
from firebell.people.permissions import Verb


@dataclass(frozen=True, slots=True)
class FieldChange:
    """A field of a service that an import changes; labels and links as lines, a team as its slug."""

    service: str
    field: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class ServiceImport:
    """What an import created and changed, or would; `services` is how many the file has."""

    services: int
    created: Sequence[str]
    changes: Sequence[FieldChange]


@permits(Verb.SERVICE_WRITE)
async def import_services(
    tx: Tx,
    actor: Actor,
    text: str,
    now: datetime,
    *,
    file_format: FileFormat = FileFormat.YAML,
    create: bool = False,
    dry_run: bool = False,
) -> ServiceImport:
    """Set the fields that a file lists for each of its services; everything else stays. Idempotent.

    Labels and links replace all that a service had. Only with `create` are services created that do not exist. Raise
    Invalid for the field `file`, with the place of each problem, before anything is changed.
    """
    described = await DOCUMENTS.run(lambda: service_file.read(text, file_format))
    teams = {team.slug: team.id for team in await people.teams(tx)}
    if not dry_run:
        await store.lock_names(tx)
    stored = await store.services_by_slug(tx, [each.slug for each in described])
    values = {each.slug: _values(each, teams) for each in described}
    new = [_new(each.slug, values[each.slug]) for each in described if each.slug not in stored]
    problems = _problems(described, teams, stored, create=create)
    problems += _name_problems(described, [*stored.values(), *new], values, await store.taken_names(tx))
    if problems:
        raise refused(problems)
    changed = {slug: _changed(service, values[slug]) for slug, service in stored.items()}
    if not dry_run:
        edited = {stored[slug].id: slug for slug, fields in changed.items() if fields}
        await _save(tx, actor, edited, new, values, now)
    slugs = {team_id: slug for slug, team_id in teams.items()}
    changes = [
        FieldChange(
            each.slug,
            "team" if name == "team_id" else name,
            _text(name, getattr(stored[each.slug], name), slugs),
            _text(name, value, slugs),
        )
        for each in described
        for name, value in changed.get(each.slug, {}).items()
    ]
    return ServiceImport(len(described), [each.slug for each in new], changes)


async def _save(
    tx: Tx,
    actor: Actor,
    edited: Mapping[int, str],
    new: Sequence[Service],
    values: Mapping[str, Mapping[str, Any]],
    now: datetime,
) -> None:
    """Store what is new and then what changes, each service by its id, in a few statements.

    Alerts wait for the services that change, so that these are locked last.
    """
    created = await store.insert(tx, new, now)
    created_details = {f"service:{each.id}": services.settings_of(each) for each in created}
    await tx.audit_each(actor, "service.created", created_details, now)
    names = [name for each in values.values() if isinstance(name := each.get("name"), str)]
    locked = await naming.lock(tx, [*names, *(each.name for each in created)], list(edited))
    after = {service_id: _with(locked[service_id], values[slug]) for service_id, slug in edited.items()}
    if deleted := next((each for each in after.values() if each.is_deleted), None):
        raise Conflict(f"{deleted.name} was just deleted.", hint="Import the file again.")
    takers = {each.name: each.id for each in [*after.values(), *created]}
    losers = {each.id: each for each in naming.losing((locked | after).values(), takers)}
    changes = [(locked[each.id], losers.get(each.id, each)) for each in after.values()]
    await services.save_changes(
        *(tx, actor, changes, now),
        losers=[each for each in losers.values() if each.id not in after],
        # undo takes back one entry: of several services it would restore one
        is_final=len(created) + len(changes) > 1,
    )


def _values(each: DescribedService, teams: Mapping[str, int]) -> dict[str, Any]:
    """Return the fields of a service as `Service` has them; a team that does not exist is left out."""
    values = {name: value for name, value in each.values.items() if name != "team"}
    team_id = teams.get(each.values.get("team") or "")
    return values if team_id is None else {**values, "team_id": team_id}


def _new(slug: str, values: Mapping[str, Any]) -> Service:
    """Return a service that does not exist yet; alerts find it by the slug of the file, whatever its name is."""
    blank = Service(id=0, name=slug, slug=slug, team_id=0, policy_id=None, description="", runbook_url="")
    return replace(blank, **values)


def _changed(service: Service, values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if getattr(service, name) != value}


def _with(service: Service, values: Mapping[str, Any]) -> Service:
    """Return a service with the fields of a file; with a new name it keeps its slug."""
    named = renamed(service, values.get("name", service.name))
    return replace(named, **{name: value for name, value in values.items() if name != "name"})


def _problems(
    described: Sequence[DescribedService],
    teams: Mapping[str, int],
    stored: Mapping[str, Service],
    *,
    create: bool,
) -> list[tuple[Place, str]]:
    problems = []
    for each in described:
        team = each.values.get("team")
        if team is not None and team not in teams:
            problem = f"There is no team {team[:60]}." if team else "The team is empty. Enter its slug."
            problems.append((each.places["team"], problem))
        if each.slug in stored:
            continue
        if not create:
            problems.append((each.place, f"There is no service {each.slug[:60]}. Create it first."))
        elif slugify(each.slug) != each.slug:
            problems.append(
                (each.place, f"{each.slug[:60]} can’t be a slug. Write it like {slugify(each.slug)}.")
            )
        elif team is None:
            problems.append((each.place, f"{each.slug[:60]} is new and has no team. Add one."))
    return problems


def _name_problems(
    described: Sequence[DescribedService],
    listed: Sequence[Service],
    values: Mapping[str, Mapping[str, Any]],
    taken: Sequence[ServiceName],
) -> list[tuple[Place, str]]:
    """Return the names that another service has, or will have after the import."""
    by_id = {each.id: each for each in taken}
    wanted = {}
    # what is new has no id yet
    for position, service in enumerate(listed, 1):
        name = values[service.slug].get("name", service.name)
        wanted[service.slug] = ServiceName(service.id or -position, name, service.slug)
    names = TakenNames({**by_id, **{each.id: each for each in wanted.values()}}.values())
    problems = []
    for each in described:
        own = wanted[each.slug]
        is_changed = own.id < 0 or own.name != by_id[own.id].name
        if is_changed and (holder := names.holder(own)):
            problems.append((each.places.get("name", each.place), naming.refusal(own.name, own.slug, holder)))
    return problems


def _text(name: str, value: Any, team_slugs: Mapping[int, str]) -> str:
    match name:
        case "labels":
            return label_lines(value)
        case "links":
            return link_lines(value)
        case "team_id":
            return team_slugs.get(value, "")
        case _:
            return "" if value is None else str(value)
