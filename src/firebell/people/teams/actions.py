"""Actions on teams and fallback responders; each writes its audit row."""

from collections.abc import Sequence
from datetime import datetime

from firebell.kit import undo
from firebell.kit.db.database import Reads, Tx
from firebell.kit.db.events import Actor
from firebell.kit.errors import Conflict, Invalid, NotFound
from firebell.kit.text import clean_name, slugify
from firebell.people import store, validation
from firebell.people.action_permissions import permits
from firebell.people.model import Team
from firebell.people.permissions import Verb
from firebell.people.teams import store as team_store


async def team_members(tx: Reads, team_id: int, role: str | None = None) -> list[int]:
    """Return the ids of the team's active members, of one role or of all."""
    members = await team_store.team_members(tx, team_id)
    return [person_id for person_id, member_role in members if role in (None, member_role)]


async def team_by_slug(tx: Reads, slug: str) -> Team:
    """Return one team; raise `NotFound`."""
    team = await team_store.team_by_slug(tx, slug)
    if team is None:
        raise NotFound(f"There is no team {slug}.")
    return team


async def team(tx: Tx, team_id: int) -> Team:
    """Return one team; raise `NotFound`."""
    team = next((t for t in await team_store.teams(tx) if t.id == team_id), None)
    if team is None:
        raise NotFound(f"There is no team {team_id}.", fields={"team_id": "Choose an existing team."})
    return team


@permits(Verb.TEAM_WRITE)
async def create_team(
    tx: Tx, actor: Actor, *, name: str, members: Sequence[tuple[int, str]] = (), now: datetime
) -> Team:
    """Create a team with (person id, `member` or `manager`) pairs."""
    clean = clean_name(name, "name")
    await _check_members(tx, members)
    team = await team_store.insert_team(tx, clean, slugify(clean), now)
    if team is None:
        raise Conflict(
            f"There is already a team {clean}.", fields={"name": "This name is taken. Enter another one."}
        )
    await team_store.set_members(tx, team.id, members)
    await tx.audit(actor, "team.created", f"team:{team.id}", now, name=clean)
    return team


async def _check_members(tx: Tx, members: Sequence[tuple[int, str]]) -> None:
    known = await store.people_by_id(tx, [p for p, _ in members])
    for person_id, role in members:
        if person_id not in known:
            raise NotFound(f"There is no person {person_id}.")
        if role not in validation.TEAM_ROLES:
            raise Invalid(f"{role!r} is not a role in a team.", fields={"role": "Use member or manager."})
    if len({p for p, _ in members}) < len(members):
        raise Invalid("Someone is in the list twice.", fields={"members": "List each person once."})


@permits(Verb.TEAM_WRITE)
async def set_team_members(
    tx: Tx, actor: Actor, team_id: int, members: Sequence[tuple[int, str]], now: datetime
) -> None:
    """Replace the members of the team."""
    if not await team_store.lock_team(tx, team_id):
        raise NotFound(f"There is no team {team_id}.")
    await _check_members(tx, members)
    before = await team_store.team_roles(tx, team_id)
    await team_store.set_members(tx, team_id, members)
    final = {*before} == {*members}
    await tx.audit(
        *(actor, "team.members", f"team:{team_id}", now), members=list(members), before=before, final=final
    )


@permits(Verb.TEAM_WRITE)
async def restore_team_members(tx: Tx, actor: Actor, entry: undo.Entry, now: datetime) -> Team:
    """Restore the members before a change; raise `Conflict` when the team was changed since."""
    team_id = entry.subject_id
    await team_store.lock_team(tx, team_id)
    members, before = ({(i, role) for i, role in entry.detail[name]} for name in ("members", "before"))
    if {*await team_store.team_roles(tx, team_id)} != members:
        raise undo.changed_since("someone changed this team since.", "Open the team and change it there.")
    await team_store.set_members(tx, team_id, sorted(before))
    await tx.audit(actor, "team.members", entry.subject, now, members=sorted(before), final=True)
    return next(team for team in await team_store.teams(tx) if team.id == team_id)


@permits(Verb.FALLBACK_WRITE)
async def set_fallback_responders(tx: Tx, actor: Actor, person_ids: Sequence[int], now: datetime) -> None:
    """Replace the fallback responders; raise `Invalid` for none (spec 2.5)."""
    if not person_ids:
        raise Invalid(
            "At least one fallback responder is required.",
            hint="They are paged when every escalation level fails. Choose at least one person.",
        )
    await store.lock_organization(tx)
    if inactive := await _inactive(tx, person_ids):
        raise NotFound(f"There is no active person {inactive[0]}.")
    before, after = sorted(await team_store.fallback_responders(tx)), sorted(set(person_ids))
    await team_store.set_fallback_responders(tx, after)
    final = not before or before == after
    await tx.audit(actor, "catch_all.set", "organization", now, people=after, before=before, final=final)


async def _inactive(tx: Tx, person_ids: Sequence[int]) -> list[int]:
    """Return the ids that don't belong to active people."""
    known = await store.people_by_id(tx, person_ids)
    return [i for i in person_ids if i not in known or not known[i].active]


@permits(Verb.FALLBACK_WRITE)
async def restore_fallback_responders(tx: Tx, actor: Actor, entry: undo.Entry, now: datetime) -> None:
    """Restore the fallback responders before a change.

    Raise `Conflict` if someone changed them since, or if one was deactivated: no one might be left to page.
    """
    await store.lock_organization(tx)
    if await _inactive(tx, entry.detail["before"]):
        raise undo.changed_since("a former fallback responder has been deactivated.", "Change them in Teams.")
    if sorted(await team_store.fallback_responders(tx)) != entry.detail["people"]:
        raise undo.changed_since("someone changed the fallback responders since.", "Change them in Teams.")
    await team_store.set_fallback_responders(tx, entry.detail["before"])
    await tx.audit(actor, "catch_all.set", entry.subject, now, people=entry.detail["before"], final=True)
