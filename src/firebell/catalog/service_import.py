"""Apply a file that describes services to the services that exist, or preview that."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from firebell.catalog import actions as services
from firebell.catalog import service_yaml, store
from firebell.catalog.labels_and_links import label_lines, link_lines
from firebell.catalog.model import Service
from firebell.catalog.service_yaml import DescribedService
from firebell.kit.db.database import Tx
from firebell.kit.db.events import Actor
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
    tx: Tx, actor: Actor, text: str, now: datetime, *, create: bool = False, dry_run: bool = False
) -> ServiceImport:
    """Give each service in a YAML file the fields that the file has for it; others stay as they are. Idempotent.

    Labels and links replace all that a service had. Only with `create` are services created that do not exist. Raise
    Invalid for the field `file`, with the line of each problem, before anything is changed.
    """
    described = await DOCUMENTS.run(lambda: service_yaml.read(text))
    teams = {team.slug: team.id for team in await people.teams(tx)}
    stored = await store.services_by_slug(tx, [each.slug for each in described])
    _check(described, teams, stored, create=create)
    slugs = {team_id: slug for slug, team_id in teams.items()}
    created, changes = [], []
    # in the order of their ids, as everything that locks several services
    for each in sorted(described, key=lambda one: stored[one.slug].id if one.slug in stored else 0):
        values = {name: value for name, value in each.values.items() if name != "team"}
        if "team" in each.values:
            values["team_id"] = teams[each.values["team"]]
        service = stored.get(each.slug)
        if service is None:
            created.append(each.slug)
            if not dry_run:
                await services.create_service(tx, actor, **{"name": each.slug, **values}, now=now)
            continue
        changed = {name: value for name, value in values.items() if getattr(service, name) != value}
        changes += [
            FieldChange(
                each.slug,
                "team" if name == "team_id" else name,
                _text(name, getattr(service, name), slugs),
                _text(name, value, slugs),
            )
            for name, value in changed.items()
        ]
        if changed and not dry_run:
            await services.update_service(tx, actor, service, **changed, now=now)
    return ServiceImport(len(described), created, changes)


def _check(
    described: Sequence[DescribedService],
    teams: Mapping[str, int],
    stored: Mapping[str, Service],
    *,
    create: bool,
) -> None:
    problems = []
    for each in described:
        team = each.values.get("team")
        if team is not None and team not in teams:
            problems.append((each.lines["team"], f"There is no team {team[:60]}."))
        if each.slug in stored:
            continue
        if not create:
            problems.append((each.line, f"There is no service {each.slug[:60]}. Create it first."))
        elif team is None:
            problems.append((each.line, f"{each.slug[:60]} is new and has no team. Add one."))
        elif slugify(each.values.get("name") or each.slug) != each.slug:
            problems.append(
                (
                    each.line,
                    f"{each.slug[:60]} is new, and its name would give it another slug. Leave out the name.",
                )
            )
    if problems:
        raise service_yaml.refused(problems)


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
