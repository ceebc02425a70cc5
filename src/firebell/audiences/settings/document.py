"""The stored form of the audiences, and what a valid audience is (pure)."""

import re
from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import Any

from firebell.audiences import webhooks
from firebell.audiences.model import (
    AFFECTED_CUSTOMERS,
    AudienceDefinition,
    AudienceKind,
    AudienceSettings,
    Cadence,
    Moment,
    Occasion,
)
from firebell.incidents.model import IncidentRole
from firebell.kit.errors import Invalid
from firebell.kit.mail.addresses import clean_address
from firebell.kit.text import clean_name
from firebell.response.model import ResponseGroup

SLUG = re.compile(r"[a-z0-9][a-z0-9-]{0,59}")
MAX_AUDIENCES = 50
MAX_MEMBERS = 100
LEAST_MINUTES, MOST_MINUTES = 5, 7 * 24 * 60
ADDRESS, ROLE, WEBHOOK = "address", "role", "webhook"
_INTERNAL_KINDS = ("person", "team", "group", ROLE, ADDRESS, WEBHOOK)
_EXTERNAL_KINDS = ("customers", "customer", ADDRESS, WEBHOOK)
_MASKED = {ADDRESS: "email addresses", WEBHOOK: "webhooks"}
"""What the audit log, which is never erased, only counts."""


def to_document(settings: AudienceSettings) -> dict[str, Any]:
    """Return the settings as the JSON object that is stored."""
    return {"audiences": [audience_document(each) for each in settings.audiences]}


def audience_document(audience: AudienceDefinition) -> dict[str, Any]:
    """Return one audience as a JSON object."""
    return {
        "slug": audience.slug,
        "name": audience.name,
        "kind": str(audience.kind),
        "members": list(audience.members),
        "cadence": [[each.first, each.every] for each in audience.cadence],
        "occasions": sorted(audience.occasions),
        "has_end": audience.has_end,
        "templates": {str(moment): name for moment, name in audience.templates.items()},
        "follows_updates": audience.follows_updates,
    }


def from_document(document: Mapping[str, Any], version: int) -> AudienceSettings:
    """Return the settings of a stored JSON object."""
    return AudienceSettings(version, tuple(_audience(each) for each in document["audiences"]))


def _audience(values: Mapping[str, Any]) -> AudienceDefinition:
    sev0, sev1, sev2, sev3 = (Cadence(*each) for each in values["cadence"])
    return AudienceDefinition(
        slug=values["slug"],
        name=values["name"],
        kind=AudienceKind(values["kind"]),
        members=tuple(values["members"]),
        cadence=(sev0, sev1, sev2, sev3),
        occasions=frozenset(Occasion(each) for each in values["occasions"]),
        has_end=values["has_end"],
        templates={Moment(moment): name for moment, name in values["templates"].items()},
        follows_updates=values["follows_updates"],
    )


def checked(audience: AudienceDefinition, template_ids: Collection[str]) -> AudienceDefinition:
    """Return a valid audience with its name cleaned; raise `Invalid` naming the field."""
    if not SLUG.fullmatch(audience.slug):
        raise Invalid(
            f"{audience.slug[:40]!r} can't be the address of an audience.",
            fields={"slug": "Use lower-case letters, digits and hyphens."},
        )
    if len(audience.members) > MAX_MEMBERS:
        raise Invalid(
            f"An audience has at most {MAX_MEMBERS} members.",
            fields={"members": f"Choose at most {MAX_MEMBERS}."},
        )
    members = [_checked_member(member, audience.kind) for member in audience.members]
    for severity, each in enumerate(audience.cadence):
        for name, minutes in (("first", each.first), ("every", each.every)):
            if minutes is not None and not LEAST_MINUTES <= minutes <= MOST_MINUTES:
                raise Invalid(
                    f"{minutes} min is not possible.",
                    fields={
                        f"{name}-{severity}": f"Enter {LEAST_MINUTES} to {MOST_MINUTES} min, or leave it blank."
                    },
                )
        if each.every is not None and each.first is None:
            raise Invalid(
                "The first post has no time.",
                fields={f"first-{severity}": "Enter when the first post is due."},
            )
    for moment in Moment:
        if audience.templates.get(moment) not in template_ids:
            raise Invalid(
                f"There is no template {audience.templates.get(moment, '')[:40]!r}.",
                fields={f"template-{moment}": "Choose from the list."},
            )
    return replace(
        audience,
        name=clean_name(audience.name, "name"),
        members=tuple(dict.fromkeys(members)),
    )


def _checked_member(member: str, kind: AudienceKind) -> str:
    """Return a member, an address in lower case; raise `Invalid` at `members`."""
    what, _, which = member.partition(":")
    allowed = _EXTERNAL_KINDS if kind is AudienceKind.EXTERNAL else _INTERNAL_KINDS
    if what not in allowed:
        colleagues = "people, teams, groups, roles, addresses and webhooks"
        text = "customers, addresses and webhooks" if kind is AudienceKind.EXTERNAL else colleagues
        raise Invalid(
            f"{member[:40]!r} can't be a member.",
            fields={"members": f"An {kind} audience has {text}."},
        )
    if what == ADDRESS:
        return f"{ADDRESS}:{_address(which)}"
    if what == WEBHOOK:
        return f"{WEBHOOK}:{webhooks.checked_url(which)}"
    is_known = (
        member == AFFECTED_CUSTOMERS
        if what == "customers"
        else which in list(ResponseGroup)
        if what == "group"
        else which in list(IncidentRole)
        if what == ROLE
        else which.isascii() and which.isdecimal() and len(which) < 19
    )
    if not is_known:
        raise Invalid(f"{member[:40]!r} is not a member.", fields={"members": "Choose from the list."})
    return member


def _address(text: str) -> str:
    try:
        return clean_address(text, "addresses")
    except Invalid as error:
        raise Invalid(
            f"{text[:60]!r} is not an email address.", fields={"members": "Enter one address on each line."}
        ) from error


def addresses_of(audience: AudienceDefinition, kind: str = ADDRESS) -> list[str]:
    """Return the email addresses, or the webhooks, that are members themselves."""
    prefix = f"{kind}:"
    return [each.removeprefix(prefix) for each in audience.members if each.startswith(prefix)]


def without_address(document: Mapping[str, Any], address: str) -> dict[str, Any]:
    """Return a stored document without an address among its members."""
    member = f"{ADDRESS}:{address}"
    return {
        **document,
        "audiences": [
            {**each, "members": [one for one in each["members"] if one != member]}
            for each in document["audiences"]
        ],
    }


def member_id(member: str) -> int:
    """Return the id in a member such as `person:5`."""
    return int(member.partition(":")[2])


def changes(before: AudienceSettings, after: AudienceSettings) -> list[str]:
    """Return one line for each audience that differs, for the audit log."""
    old = {each.slug: audience_document(each) for each in before.audiences}
    new = {each.slug: audience_document(each) for each in after.audiences}
    lines = [f"added {slug}" for slug in new if slug not in old]
    lines += [f"removed {slug}" for slug in old if slug not in new]
    for slug in new:
        if slug in old:
            lines += [
                f"{slug}: {field} is now {_without_addresses(value) if field == 'members' else value}"
                for field, value in new[slug].items()
                if value != old[slug][field]
            ]
    return lines


def _without_addresses(members: list[str]) -> list[str]:
    """Return members as the audit log has them: addresses and webhooks are only counted."""
    kept = [each for each in members if each.partition(":")[0] not in _MASKED]
    counts = {label: sum(each.startswith(f"{kind}:") for each in members) for kind, label in _MASKED.items()}
    return [*kept, *(f"{label}: {number}" for label, number in counts.items() if number)]


def of_incident(declared: AudienceSettings, in_force: AudienceSettings) -> AudienceSettings:
    """Return the audiences of an incident: members and templates in force, times of when it was declared.

    An audience that was removed since keeps its place, so that no clock ends with it.
    """
    current = [_timed(each, declared.audience(each.slug)) for each in in_force.audiences]
    removed = [each for each in declared.audiences if in_force.audience(each.slug) is None]
    return AudienceSettings(declared.version, (*current, *removed))


def _timed(current: AudienceDefinition, declared: AudienceDefinition | None) -> AudienceDefinition:
    if declared is None:
        return current
    return replace(current, cadence=declared.cadence, occasions=declared.occasions, has_end=declared.has_end)
