"""The JSON API of people, teams, fallback responders, contact methods, notification rules and the audit log."""

from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field

from firebell.channels import registry
from firebell.channels.registry import CHANNELS
from firebell.kit import undo
from firebell.kit.db.database import Tx
from firebell.kit.web import api
from firebell.kit.web.api import (
    ApiInput,
    ApiOutput,
    Ctx,
    Id,
    PageParams,
    PathId,
    Removed,
    ShortName,
    StrictBool,
    StrictInt,
    Text,
    TimeZone,
    matching,
    problems,
    removed,
)
from firebell.people import actions, validation
from firebell.people.audit_log import store as audit_store
from firebell.people.authentication import Caller
from firebell.people.contact_methods import actions as contact_method_actions
from firebell.people.model import ContactMethod, MessagePrivacy, MethodState, QuietHours, Role, Team
from firebell.people.permissions import Verb
from firebell.people.route_access import may
from firebell.people.teams import store as team_store
from firebell.people.unit_of_work import Work, work

router = api.router()

AnyCaller = Annotated[Work, work(Verb.OWN_PROFILE_READ)]
Reader = Annotated[Work, work(Verb.PERSON_READ)]
ContactReader = Annotated[Work, work(Verb.CONTACT_METHOD_READ)]
ContactOwner = Annotated[Work, work(Verb.CONTACT_METHOD_WRITE)]
Admin = Annotated[Work, work(Verb.PERSON_WRITE)]
TeamAdmin = Annotated[Work, work(Verb.TEAM_WRITE)]
FallbackAdmin = Annotated[Work, work(Verb.FALLBACK_WRITE)]
Auditor = Annotated[Work, work(Verb.AUDIT_READ)]
Urgency = Literal["high", "low"]


class PersonShown(ApiOutput):
    """A person with an account."""

    id: int
    name: str
    email: str
    role: Role
    tz: str
    active: bool


class Me(PersonShown):
    """The caller and their scopes."""

    scopes: list[str]


EMAIL = r"""^[^@\s<>",;:()\[\]\\]+@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*$"""
"""The usual form of an address; `people.validation` decides."""


class NewPerson(ApiInput):
    """A person to add; email is their first contact method."""

    name: Annotated[ShortName, Field(examples=["Jun Okafor"])]
    email: Annotated[Text, Field(max_length=254, examples=["jun@example.org"]), matching(EMAIL)]
    role: Role = Role.RESPONDER
    tz: TimeZone = "UTC"
    password: Annotated[Text | None, Field(min_length=12, max_length=1000)] = None


class PersonChange(ApiInput):
    """The fields to update; those left out stay unchanged."""

    name: ShortName | None = None
    role: Role | None = None
    tz: TimeZone | None = None
    active: StrictBool | None = None


class Member(ApiOutput):
    """A person's membership in a team."""

    person_id: Id
    role: Literal["member", "manager"] = "member"


class TeamShown(ApiOutput):
    """People who own services together."""

    id: int
    name: str
    slug: str
    members: list[Member]


class NewTeam(ApiInput):
    """A team to add."""

    name: Annotated[ShortName, Field(examples=["Payments"])]
    members: Annotated[tuple[Member, ...], Field(max_length=500)] = ()


class Members(ApiInput):
    """The new members of the team."""

    members: Annotated[list[Member], Field(max_length=500)]


class CatchAll(ApiInput):
    """The fallback responders: paged when every escalation level fails."""

    person_ids: Annotated[list[Id], Field(max_length=500)]


class MethodShown(ApiOutput):
    """A contact method; `suspect` is true if its address failed, `replaces` is used until this one is verified."""

    id: int
    kind: str
    address: str
    label: str
    state: MethodState
    verified_at: datetime | None
    suspect: bool
    replaces: int | None
    language: Annotated[str, Field(description="the language of Firebell’s own text")]
    privacy: Annotated[
        MessagePrivacy,
        Field(description="`title_hidden` shows only the number, severity and service of a page"),
    ]
    test_at: datetime | None
    test_result: Annotated[
        Literal["sent", "accepted", "failed"] | None,
        Field(description="the outcome of the last test or code; a provider's acceptance does not verify"),
    ]


class MethodMade(MethodShown):
    """A new contact method; `secret` is a webhook's signing secret, shown only here."""

    secret: str | None


if TYPE_CHECKING:
    ChannelKind = str
else:
    ChannelKind = Literal[tuple(CHANNELS)]


class NewMethod(ApiInput):
    """A contact method to add: an email address, a webhook URL, or an ntfy topic."""

    kind: ChannelKind
    address: Annotated[Text, Field(min_length=1, max_length=2000, examples=["firebell-mara-7f3a"])]
    label: Annotated[Text, Field(max_length=contact_method_actions.LABEL_MAX_CHARS)] = ""
    replaces: Annotated[
        Id | None, Field(description="the contact method that is used until this one is verified")
    ] = None


class NotificationRuleBody(ApiInput):
    """Notify through the contact method `delay_s` seconds after the page reached the person."""

    delay_s: Annotated[StrictInt, Field(ge=0, le=86400)] = 0
    method_id: Id


class Rules(ApiInput):
    """The notification rules of one urgency."""

    rules: Annotated[list[NotificationRuleBody], Field(max_length=50)]


WALL_TIME = "^([01][0-9]|2[0-3]):[0-5][0-9]$"


class Quiet(ApiInput):
    """Low-urgency notifications are held from `starts` to `ends`, local time in `tz` (default: the caller's zone)."""

    starts: Annotated[Text, Field(max_length=5, examples=["22:00"]), matching(WALL_TIME)]
    ends: Annotated[Text, Field(max_length=5, examples=["07:00"]), matching(WALL_TIME)]
    tz: TimeZone | None = None


class QuietShown(ApiOutput):
    """The caller's quiet hours; null if they are off."""

    hours: Quiet | None


class AuditEntry(ApiOutput):
    """One action in the audit log."""

    id: int
    at: datetime
    by: str
    action: str
    subject: str
    detail: dict[str, Any]


@router.get("/me", tags=["people"], summary="Get the caller and their scopes")
async def get_me(w: AnyCaller) -> Me:
    person = PersonShown.model_validate(await actions.person(w.tx, w.person_id))
    return Me(**person.model_dump(), scopes=sorted(w.scopes))


@router.get("/people", tags=["people"], summary="List people, newest first")
async def list_people(w: Reader, page_params: PageParams) -> list[PersonShown]:
    people = await actions.people(w.tx)
    return [PersonShown.model_validate(p) for p in page_params.newest(people, [p.id for p in people])]


@router.post("/people", status_code=201, tags=["people"], summary="Add a person", responses=problems(409))
async def create_person(
    ctx: Ctx, caller: Annotated[Caller, may(Verb.PERSON_WRITE)], body: NewPerson
) -> PersonShown:
    fields = body.model_dump(exclude={"password"})
    password_hash = None
    if body.password is not None:
        password_hash = await actions.hash_new_password(**fields, password=body.password)
    async with ctx.db.tx() as tx:
        person = await actions.create_person(
            tx, caller.actor, **fields, password_hash=password_hash, now=ctx.clock.now()
        )
    return PersonShown.model_validate(person)


@router.get("/people/{person_id}", tags=["people"], summary="Get a person", responses=problems(404))
async def get_person(w: Reader, person_id: PathId) -> PersonShown:
    return PersonShown.model_validate(await actions.person(w.tx, person_id))


@router.patch(
    "/people/{person_id}",
    tags=["people"],
    summary="Update a person's name, role or time zone, or deactivate them",
    responses=problems(404, 409),
)
async def change_person(w: Admin, person_id: PathId, body: PersonChange) -> PersonShown:
    await actions.update_person(
        w.tx,
        w.actor,
        person_id,
        name=body.name,
        role=body.role,
        tz=body.tz,
        active=body.active,
        now=w.now,
    )
    return PersonShown.model_validate(await actions.person(w.tx, person_id))


def _team(team: Team, members: list[tuple[int, str]]) -> TeamShown:
    listed = [{"person_id": person, "role": role} for person, role in members]
    return TeamShown.model_validate({"id": team.id, "name": team.name, "slug": team.slug, "members": listed})


@router.get("/teams", tags=["people"], summary="List teams and their members, newest first")
async def list_teams(w: Reader, page_params: PageParams) -> list[TeamShown]:
    teams = await actions.teams(w.tx)
    shown = page_params.newest(teams, [t.id for t in teams])
    members = await team_store.members(w.tx, [t.id for t in shown])
    return [_team(t, members[t.id]) for t in shown]


@router.post(
    "/teams", status_code=201, tags=["people"], summary="Create a team", responses=problems(404, 409)
)
async def create_team(w: TeamAdmin, body: NewTeam) -> TeamShown:
    pairs = [(m.person_id, m.role) for m in body.members]
    team = await actions.create_team(w.tx, w.actor, name=body.name, members=pairs, now=w.now)
    return _team(team, await team_store.team_members(w.tx, team.id))


@router.put(
    "/teams/{team_id}/members", tags=["people"], summary="Replace a team's members", responses=problems(404)
)
async def set_team_members(w: TeamAdmin, team_id: PathId, body: Members) -> TeamShown:
    pairs = [(m.person_id, m.role) for m in body.members]
    await actions.set_team_members(w.tx, w.actor, team_id, pairs, w.now)
    return _team(await actions.team(w.tx, team_id), await team_store.team_members(w.tx, team_id))


@router.get("/catch-all", tags=["people"], summary="List the fallback responders")
async def get_catch_all(w: Reader) -> CatchAll:
    return CatchAll(person_ids=await actions.fallback_responders(w.tx))


@router.put("/catch-all", tags=["people"], summary="Replace the fallback responders", responses=problems(404))
async def set_catch_all(w: FallbackAdmin, body: CatchAll) -> CatchAll:
    await actions.set_fallback_responders(w.tx, w.actor, body.person_ids, w.now)
    return CatchAll(person_ids=await actions.fallback_responders(w.tx))


@router.get("/me/contact-methods", tags=["me"], summary="List your contact methods")
async def list_contact_methods(w: ContactReader) -> list[MethodShown]:
    contact_methods = await actions.methods_of(w.tx, [w.person_id])
    return [method_shown(m) for m in contact_methods]


def method_shown(method: ContactMethod) -> MethodShown:
    """Return a contact method as the API shows it."""
    return MethodShown(
        id=method.id,
        kind=method.kind,
        address=method.shown_address if registry.is_sealed(method.kind) else method.address,
        label=method.label,
        state=method.state,
        verified_at=method.verified_at,
        suspect=method.suspect_since is not None,
        replaces=method.replaces,
        language=method.language,
        privacy=method.privacy,
        test_at=method.test_at,
        test_result=method.test_result,
    )


@router.post(
    "/me/contact-methods",
    status_code=201,
    tags=["me"],
    summary="Add a contact method; high-urgency pages use it once it is verified",
    responses=problems(404, 409),
)
async def add_contact_method(
    ctx: Ctx, caller: Annotated[Caller, may(Verb.CONTACT_METHOD_WRITE)], body: NewMethod
) -> MethodMade:
    address = await actions.typed_address(body.kind, body.address, ctx.channel_settings)
    async with ctx.db.tx() as tx:
        method = await actions.add_contact_method(
            tx,
            caller.actor,
            person_id=caller.person_id,
            kind=body.kind,
            address=address,
            label=body.label,
            replaces=body.replaces,
            now=ctx.clock.now(),
        )
    return MethodMade(**method_shown(method).model_dump(), secret=method.new_secret or None)


@router.delete(
    "/me/contact-methods/{method_id}",
    tags=["me"],
    summary="Remove a contact method; the last usable one can't be removed",
    responses=problems(404, 409),
)
async def remove_contact_method(w: ContactOwner, method_id: PathId) -> Removed:
    await actions.remove_contact_method(w.tx, w.actor, method_id, w.person_id, w.now)
    return removed(await undo.offer(w.tx, w.ctx.signer, w.actor, "contact.removed", w.now))


@router.post(
    "/me/contact-methods/{method_id}/test",
    status_code=204,
    tags=["me"],
    summary="Send a test message through a contact method",
    responses=problems(404),
)
async def test_contact_method(w: ContactOwner, method_id: PathId) -> None:
    await actions.request_test(w.tx, w.actor, method_id, w.person_id, w.now)


async def _rules(tx: Tx, person_id: int, urgency: str) -> Rules:
    rules = (await actions.rules_of(tx, [person_id], urgency))[person_id]
    return Rules(rules=[NotificationRuleBody(delay_s=r.delay_s, method_id=r.method.id) for r in rules])


@router.get("/me/rules/{urgency}", tags=["me"], summary="List your notification rules of one urgency")
async def get_rules(w: ContactReader, urgency: Urgency) -> Rules:
    return await _rules(w.tx, w.person_id, urgency)


@router.put(
    "/me/rules/{urgency}",
    tags=["me"],
    summary="Replace your notification rules of one urgency; one delay must be 0",
    responses=problems(404),
)
async def set_rules(w: ContactOwner, urgency: Urgency, body: Rules) -> Rules:
    await actions.set_rules(
        w.tx,
        w.actor,
        person_id=w.person_id,
        urgency=urgency,
        rules=[(r.delay_s, r.method_id) for r in body.rules],
        now=w.now,
    )
    return await _rules(w.tx, w.person_id, urgency)


def _quiet(hours: QuietHours | None) -> QuietShown:
    if hours is None:
        return QuietShown(hours=None)
    return QuietShown(hours=Quiet(starts=f"{hours.starts:%H:%M}", ends=f"{hours.ends:%H:%M}", tz=hours.tz))


@router.get("/me/quiet-hours", tags=["me"], summary="Get your quiet hours")
async def get_quiet_hours(w: ContactReader) -> QuietShown:
    hours_by_person = await actions.quiet_hours(w.tx, [w.person_id])
    return _quiet(hours_by_person.get(w.person_id))


@router.put(
    "/me/quiet-hours", tags=["me"], summary="Set your quiet hours; high-urgency pages still come through"
)
async def set_quiet_hours(w: ContactOwner, body: Quiet) -> QuietShown:
    tz = body.tz or (await actions.person(w.tx, w.person_id)).tz
    hours = validation.clean_quiet_hours(body.starts, body.ends, tz)
    await actions.set_quiet_hours(w.tx, w.actor, w.person_id, hours, w.now)
    return _quiet(hours)


@router.delete("/me/quiet-hours", status_code=204, tags=["me"], summary="Turn off your quiet hours")
async def clear_quiet_hours(w: ContactOwner) -> None:
    await actions.set_quiet_hours(w.tx, w.actor, w.person_id, None, w.now)


@router.get("/audit", tags=["organization"], summary="List the audit log, newest first")
async def list_audit(w: Auditor, page_params: PageParams) -> list[AuditEntry]:
    rows = await audit_store.audit_entries(w.tx, page_params.before, page_params.limit)
    page_params.link([row["id"] for row in rows])
    return [
        AuditEntry(
            id=row["id"],
            at=row["at"],
            by=row["actor_label"],
            action=row["action"],
            subject=row["subject"],
            detail=row["detail"],
        )
        for row in rows
    ]
