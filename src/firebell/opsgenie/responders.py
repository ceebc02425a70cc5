"""Find the people, teams, schedules and policies that a client names, and page them."""

from datetime import datetime

from firebell.alerts.model import Json
from firebell.alerts.sources import opsgenie as source
from firebell.kit.db.database import Tx
from firebell.kit.db.events import Actor
from firebell.kit.text import slugify
from firebell.oncall.schedules import queries as schedules
from firebell.paging import actions as paging
from firebell.paging.model import ManualTarget, ManualTargetKind, Page
from firebell.people import actions as people
from firebell.people.action_permissions import permits
from firebell.people.model import Person
from firebell.people.permissions import Verb

CLIENT = "Opsgenie API"


async def actor_of(tx: Tx, user: str) -> Actor:
    """Return who acts: the person with this name or email, else the client, with the name that it gave."""
    person_ = await person(tx, user)
    if person_ is not None:
        return Actor("source", person_.name, person_.id, via={"client": CLIENT})
    return Actor("source", f"{CLIENT}: {user}" if user else CLIENT)


async def person(tx: Tx, name: str) -> Person | None:
    """Return the active person with this email, or the only one with this name."""
    wanted = name.strip().casefold()
    if not wanted:
        return None
    active = [p for p in await people.people(tx) if p.active]
    by_email = [p for p in active if p.email.casefold() == wanted]
    by_name = [p for p in active if p.name.casefold() == wanted]
    candidates = by_email or by_name
    return candidates[0] if len(candidates) == 1 else None


def name_of(responder: Json) -> str:
    """Return how a client names a responder."""
    if not isinstance(responder, dict):
        return source.text_of(responder)
    names = (source.text_of(responder.get(field)) for field in ("username", "name", "id"))
    return next((name for name in names if name), "")


def target_of(person_: Person) -> ManualTarget:
    """Return a person as the target of a page."""
    return ManualTarget(ManualTargetKind.PERSON, person_.id)


async def resolve(tx: Tx, responder: Json, kind: str = "") -> ManualTarget | None:
    """Return the target that a responder of Opsgenie names, by name, slug or email; None if there is none."""
    name = name_of(responder)
    if isinstance(responder, dict):
        kind = kind or source.text_of(responder.get("type")).casefold()
    if kind in ("", "user") and (person_ := await person(tx, name)):
        return target_of(person_)
    wanted = {name.casefold(), slugify(name)} - {""}
    if kind in ("", "team"):
        for team in await people.teams(tx):
            if {team.name.casefold(), team.slug} & wanted:
                return ManualTarget(ManualTargetKind.TEAM, team.id)
    if kind in ("", "schedule"):
        for schedule in await schedules.schedules(tx):
            if {schedule.name.casefold(), schedule.slug} & wanted:
                return ManualTarget(ManualTargetKind.SCHEDULE, schedule.id)
    if kind in ("", "escalation"):
        for policy in await paging.policies(tx):
            if {policy.name.casefold(), policy.slug} & wanted:
                return ManualTarget(ManualTargetKind.POLICY, policy.id)
    return None


@permits(Verb.PAGE_START)
async def page_responder(
    tx: Tx, actor: Actor, target: ManualTarget, page: Page, why: str, now: datetime
) -> None:
    """Page someone else about a page, and note it there."""
    started = await paging.start_manual_page(tx, actor, target, f"{page.ref} {why}: {page.title}", now)
    await paging.add_note(tx, actor, page.id, f"{started.ref} pages for {page.ref}.", now)
