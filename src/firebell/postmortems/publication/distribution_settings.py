"""The distribution lists of the organization, and which of them a severity has by default."""

from collections.abc import Sequence
from datetime import datetime

from firebell.kit.db import org_settings
from firebell.kit.db.database import Tx
from firebell.kit.db.events import Actor
from firebell.kit.errors import Invalid
from firebell.kit.text import clean_name
from firebell.people import actions as people
from firebell.people.action_permissions import permits
from firebell.people.permissions import Verb
from firebell.postmortems.publication.distribution import (
    SEVERITIES,
    DistributionList,
    DistributionSettings,
    clean_lists,
)

SETTING = "postmortem_distribution"
NAME_MAX_CHARS = 60


async def load(tx: Tx) -> DistributionSettings:
    """Return the lists and the defaults; the shipped ones until someone saved others."""
    stored = await org_settings.get(tx, SETTING)
    if not stored:
        return DistributionSettings()
    return DistributionSettings(
        tuple(
            DistributionList(each["slug"], each["name"], tuple(each["members"])) for each in stored["lists"]
        ),
        tuple(tuple(slugs) for slugs in stored["defaults"]),
    )


@permits(Verb.INCIDENT_SETTINGS_WRITE)
async def save_distribution_settings(
    tx: Tx, actor: Actor, lists: Sequence[DistributionList], defaults: Sequence[Sequence[str]], now: datetime
) -> DistributionSettings:
    """Replace the lists and the defaults by severity; raise `Invalid` naming what is wrong with them."""
    named = [
        DistributionList(each.slug, clean_name(each.name, "lists", limit=NAME_MAX_CHARS), each.members)
        for each in lists
    ]
    cleaned = clean_lists(named)
    await _check_members(tx, cleaned)
    if len(defaults) != SEVERITIES:
        raise Invalid(
            "The defaults are incomplete.", fields={"defaults": f"Give {SEVERITIES} of them, SEV0 to SEV3."}
        )
    slugs = {each.slug for each in cleaned}
    for severity, chosen in enumerate(defaults):
        if unknown := [slug for slug in chosen if slug not in slugs]:
            text = f"There is no list {unknown[0][:40]!r} for SEV{severity}."
            raise Invalid(text, fields={"defaults": text})
    settings = DistributionSettings(cleaned, tuple(tuple(dict.fromkeys(chosen)) for chosen in defaults))
    stored = {
        "lists": [
            {"slug": each.slug, "name": each.name, "members": list(each.members)} for each in settings.lists
        ],
        "defaults": [list(chosen) for chosen in settings.defaults],
    }
    await org_settings.put(tx, SETTING, stored)
    await tx.audit(actor, "postmortem.distribution_settings", "settings:post-mortems", now, **stored)
    return settings


async def _check_members(tx: Tx, lists: Sequence[DistributionList]) -> None:
    """Raise `Invalid` for a team or a person that does not exist."""
    members = [member for each in lists for member in each.members]
    await check_exist(tx, members, "lists")


async def check_exist(tx: Tx, members: Sequence[str], name: str) -> None:
    """Raise `Invalid` if a member names a team or a person that does not exist."""
    person_ids = [int(m.removeprefix("person:")) for m in members if m.startswith("person:")]
    known = {f"person:{i}" for i in await people.people_by_id(tx, person_ids)} if person_ids else set()
    known |= {f"team:{team.id}" for team in await people.teams(tx)}
    for member in members:
        kind, _, value = member.partition(":")
        if kind in ("person", "team") and member not in known:
            raise Invalid(f"There is no {kind} {value}.", fields={name: "Choose another recipient."})
