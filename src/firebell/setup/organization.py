"""Create everything that a team needs to be paged, from the answers of the setup form."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta
from functools import partial
from zoneinfo import ZoneInfo

from firebell.alerts import actions as alerts
from firebell.alerts.model import Integration
from firebell.catalog import actions as catalog
from firebell.kit.db import org_settings
from firebell.kit.db.database import Tx
from firebell.kit.db.events import Actor
from firebell.kit.errors import Invalid
from firebell.kit.text import clean_name
from firebell.kit.web.field_errors import FieldErrors
from firebell.oncall.model import Layer, Unit
from firebell.oncall.rota import layer_versions
from firebell.oncall.schedules import actions as oncall
from firebell.paging import actions as paging
from firebell.paging.model import Level, Target, TargetKind
from firebell.people import actions as people
from firebell.people import authentication, validation
from firebell.people.model import Person
from firebell.people.sign_in import password_rules

_SETUP_LOCK = 7_316_202_612


@dataclass(frozen=True, slots=True)
class Answers:
    """The fields of the setup form: stripped, not yet validated."""

    organization: str
    name: str
    email: str
    password: str
    tz: str
    team: str
    service: str
    second_name: str = ""
    second_email: str = ""
    addresses: Mapping[str, str] = field(default_factory=dict)
    """The admin's contact methods besides email, by channel."""
    handoff_day: int = 0
    handoff_time: time = time(9)


@dataclass(slots=True)
class Organization:
    """What the setup created."""

    admin: Person
    integration: Integration
    service_slug: str
    people: list[int] = field(default_factory=list)
    webhook_id: int = 0
    """The admin's webhook, whose signing secret is shown once; 0 if there is none."""


def check(answers: Answers, errors: FieldErrors | None = None) -> None:
    """Raise `Invalid` naming every field that is missing or malformed, with those already in `errors`."""
    errors = errors or FieldErrors()
    for name in ("organization", "name", "team", "service"):
        errors.value(partial(clean_name, getattr(answers, name), name), None)
    if answers.email:
        errors.value(lambda: validation.clean_email(answers.email), None)
    else:
        errors.add("email", "Enter your email address.")
    errors.value(lambda: validation.check_zone(answers.tz), None)
    errors.value(lambda: password_rules.check(answers.password, (answers.name, answers.email)), None)
    for kind, address in answers.addresses.items():
        if address:
            errors.value(partial(validation.check_address, kind, address), None, {"address": kind})
    _check_second(answers, errors)
    errors.check()


def _check_second(answers: Answers, errors: FieldErrors) -> None:
    if not answers.second_name and not answers.second_email:
        return
    if not answers.second_name:
        errors.add("second_name", "Enter the name of the second person, or remove their address.")
    else:
        errors.value(lambda: clean_name(answers.second_name, "second_name"), None)
    if not answers.second_email:
        errors.add("second_email", "Enter the email address of the second person, or remove their name.")
    elif answers.second_email.lower() == answers.email.lower():
        errors.add("second_email", "This is your own address. Enter the second person’s.")
    else:
        errors.value(lambda: validation.clean_email(answers.second_email, "second_email"), None)


def _anchor(answers: Answers, now: datetime) -> datetime:
    """Return the last handoff at or before `now`, as local time in the organization's time zone."""
    local = now.astimezone(ZoneInfo(answers.tz)).replace(tzinfo=None)
    day = local - timedelta(days=(local.weekday() - answers.handoff_day) % 7)
    handoff = datetime.combine(day.date(), answers.handoff_time)
    return handoff if handoff <= local else handoff - timedelta(days=7)


async def is_open(tx: Tx) -> bool:
    """Return True if there are no people yet, so setup may run."""
    return not await people.has_people(tx)


async def create_organization(tx: Tx, answers: Answers, password_hash: str, now: datetime) -> Organization:
    """Create the admin, team, schedules, policy, service and integration key in one transaction.

    `password_hash` is that of the password in the answers, made before the transaction. Raise `Invalid` for wrong
    answers and when setup is already done.
    """
    check(answers)
    await tx.execute("select pg_advisory_xact_lock($1)", _SETUP_LOCK)
    if not await is_open(tx):
        raise Invalid("Firebell is already set up.", hint="Sign in at /login.")
    admin = await people.create_person(
        tx,
        Actor("system", "Setup"),
        name=answers.name,
        email=answers.email,
        role="admin",
        tz=answers.tz,
        password_hash=password_hash,
        now=now,
    )
    actor = authentication.actor_of(admin)
    await org_settings.put(tx, org_settings.ORGANIZATION_NAME, answers.organization)
    everyone = [admin.id]
    if answers.second_email:
        second = await people.create_person(
            tx,
            actor,
            name=answers.second_name,
            email=answers.second_email,
            role="responder",
            tz=answers.tz,
            now=now,
        )
        everyone.append(second.id)
    await people.set_fallback_responders(tx, actor, everyone, now)
    webhook_id = 0
    for kind, address in answers.addresses.items():
        if address:
            method = await people.add_contact_method(
                tx, actor, person_id=admin.id, kind=kind, address=address, label="", now=now
            )
            webhook_id = method.id if method.new_secret else webhook_id
    members = [(person, "manager" if person == admin.id else "member") for person in everyone]
    team = await people.create_team(tx, actor, name=answers.team, members=members, now=now)
    levels = await _rota(tx, actor, answers, team.id, everyone, now)
    policy = await paging.create_policy(tx, actor, name=answers.team, team_id=team.id, levels=levels, now=now)
    service = await catalog.create_service(
        tx, actor, name=answers.service, team_id=team.id, policy_id=policy.id, now=now
    )
    integration = await alerts.create_integration(tx, actor, service_id=service.id, name="First key", now=now)
    return Organization(admin, integration, service.slug, everyone, webhook_id)


async def _rota(
    tx: Tx, actor: Actor, answers: Answers, team_id: int, everyone: list[int], now: datetime
) -> list[Level]:
    """Create weekly rotations from `now` on, the secondary one person behind; return the levels that page them."""
    names = ["primary", "secondary"] if len(everyone) > 1 else ["primary"]
    levels = []
    for offset, name in enumerate(names):
        rotation = Layer(
            id=0,
            name="Rotation",
            slots=tuple((person,) for person in everyone),
            anchor=_anchor(answers, now),
            unit=Unit.WEEK,
            every=1,
            tz=answers.tz,
            offset=offset,
        )
        schedule = await oncall.create_schedule(
            tx,
            actor,
            name=f"{answers.team} {name}",
            team_id=team_id,
            tz=answers.tz,
            layers=[layer_versions.begun(rotation, now)],
            now=now,
        )
        levels.append(Level(targets=(Target(TargetKind.SCHEDULE, schedule.id),), ack_within_s=300))
    levels.append(Level(targets=(Target(TargetKind.TEAM, team_id),), ack_within_s=300))
    return levels
