"""Setup: one form creates everything that a team needs to be paged."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta
from functools import partial
from zoneinfo import ZoneInfo

from fastapi import Request, Response

from firebell.alerts import actions as alerts
from firebell.alerts import queries as alerts_queries
from firebell.alerts.model import Integration
from firebell.catalog import actions as catalog
from firebell.channels.email import CHANNEL as EMAIL
from firebell.channels.registry import CHANNELS, is_ready, wakes
from firebell.kit.db import org_settings
from firebell.kit.db.database import Tx
from firebell.kit.db.events import Actor
from firebell.kit.errors import Conflict, FirebellError, Invalid
from firebell.kit.text import clean_name, to_number
from firebell.kit.web import flash, html, routing, transaction
from firebell.kit.web.field_errors import FieldErrors
from firebell.oncall.model import Layer, Unit
from firebell.oncall.schedules import actions as oncall
from firebell.paging import actions as paging
from firebell.paging.model import Level, Target, TargetKind
from firebell.people import access, passwords, validation
from firebell.people import actions as people
from firebell.people.model import MethodState, Person
from firebell.people.permissions import Verb
from firebell.people.unit_of_work import CurrentVisit
from firebell.setup import token as setup_token

TEST_ALERT = '{"title": "Test alert: it works", "severity": "critical"}'
router = routing.html_router()

_SETUP_LOCK = 7_316_202_612
_TEXTS = (
    *("organisation", "name", "email", "tz", "team", "service"),
    *("second_name", "second_email"),
)
_OFFERED = [channel for channel in CHANNELS.values() if channel.wakes]
_WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


@dataclass(frozen=True, slots=True)
class Answers:
    """The fields of the setup form: stripped, not yet validated."""

    organisation: str
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
    for name in ("organisation", "name", "team", "service"):
        errors.value(partial(clean_name, getattr(answers, name), name), None)
    if answers.email:
        errors.value(lambda: validation.clean_email(answers.email), None)
    else:
        errors.add("email", "Enter your email address.")
    errors.value(lambda: validation.check_zone(answers.tz), None)
    errors.value(lambda: passwords.check(answers.password, (answers.name, answers.email)), None)
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


async def create_organization(tx: Tx, answers: Answers, now: datetime) -> Organization:
    """Create the admin, team, schedules, policy, service and integration key in one transaction.

    Raise `Invalid` for wrong answers and when setup is already done.
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
        password=answers.password,
        now=now,
    )
    actor = access.actor_of(admin)
    await org_settings.put(tx, "organisation", answers.organisation)
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
    """Create a weekly rotation, its secondary one person behind, and return the levels that page them."""
    names = ["primary", "secondary"] if len(everyone) > 1 else ["primary"]
    levels = []
    for offset, name in enumerate(names):
        schedule = await oncall.create_schedule(
            tx,
            actor,
            name=f"{answers.team} {name}",
            team_id=team_id,
            tz=answers.tz,
            layers=[
                Layer(
                    id=0,
                    name="Rotation",
                    slots=tuple((person,) for person in everyone),
                    anchor=_anchor(answers, now),
                    unit=Unit.WEEK,
                    every=1,
                    tz=answers.tz,
                    offset=offset,
                )
            ],
            now=now,
        )
        levels.append(Level(targets=(Target(TargetKind.SCHEDULE, schedule.id),), ack_within_s=300))
    levels.append(Level(targets=(Target(TargetKind.TEAM, team_id),), ack_within_s=300))
    return levels


async def _form(request: Request, values: dict[str, str], error: FirebellError | None) -> Response:
    context = {
        "values": {"tz": "UTC", "handoff_day": "0", "handoff_time": "09:00", **values},
        "error": error,
        "days": list(enumerate(_WEEKDAYS)),
        "channels": _OFFERED,
        "token": setup_token.token(html.ctx(request)),
    }
    return await html.render(request, "setup.html", context)


@router.get("/setup", dependencies=access.public("No one exists yet: setup_token decides."))
async def setup_form(request: Request, token: str = "") -> Response:
    ctx = html.ctx(request)
    async with ctx.db.tx() as tx:
        if not await is_open(tx):
            return html.redirect("/")
    setup_token.check(request, token)
    return await _form(request, {}, None)


@router.post("/setup", dependencies=access.public("No one exists yet: setup_token decides."))
async def setup(request: Request) -> Response:
    ctx = html.ctx(request)
    async with ctx.db.tx() as tx:
        if not await is_open(tx):
            return html.redirect("/")
    form = await request.form(max_files=0)
    values = {name: str(value).strip() for name, value in form.items()}
    # the form carries the token, so that no page of another site can send it
    setup_token.check_token(ctx, values.pop("token", ""))
    try:
        errors = FieldErrors()
        answers = _answers(values, str(form.get("password", "")), errors)
        check(answers, errors)
        async with ctx.db.tx() as tx:
            organization = await create_organization(tx, answers, transaction.now(request))
            await _send_codes(tx, organization.admin, ctx.channel_settings, transaction.now(request))
    except (Invalid, Conflict) as error:
        return await _form(request, values, error)
    url = f"/setup/done?service={organization.service_slug}"
    text = f"{answers.organisation} is set up."
    response = flash.redirect(request, url, text, reveals=organization.webhook_id)
    await access.start_session(request, response, organization.admin)
    return response


async def _send_codes(tx: Tx, admin: Person, channel_settings: Mapping[str, str], now: datetime) -> None:
    """Send the admin a code through each contact method that can be used."""
    for method in await people.methods_of(tx, [admin.id]):
        if is_ready(method.kind, channel_settings):
            await people.request_code(tx, access.actor_of(admin), method.id, admin.id, now)


def _answers(values: dict[str, str], password: str, errors: FieldErrors) -> Answers:
    """Return the answers of the form; an invalid field is added to `errors` and gets its default."""
    texts = {name: values.get(name, "") for name in _TEXTS}
    addresses = {channel.kind: values.get(channel.kind, "") for channel in _OFFERED}
    try:
        at = time.fromisoformat(values.get("handoff_time") or "09:00")
    except ValueError:
        errors.add("handoff_time", "Enter a time such as 09:00.")
        at = time(9)
    day = errors.value(lambda: to_number(values.get("handoff_day") or 0, "handoff_day", most=6), 0)
    return Answers(
        **texts, password=password, addresses=addresses, handoff_day=day, handoff_time=at.replace(tzinfo=None)
    )


@router.get("/setup/done", dependencies=access.needs(Verb.PERSON_WRITE))
async def done(visit: CurrentVisit, service: str) -> Response:
    message = flash.waiting(visit.request, visit.now)
    first_service = await catalog.by_slug(visit.tx, service)
    secret = await people.signing_secret(visit.tx, visit.person.id, message.reveals) if message else ""
    (integration, *_) = await alerts.integrations(visit.tx, first_service.id)
    pages = await paging.pages(visit.tx, limit=1)
    methods = await people.methods_of(visit.tx, [visit.person.id])
    second = next((p for p in await people.people(visit.tx) if p.id != visit.person.id), None)
    # the key is shown in full until it has worked; from then on the service's page reveals it
    key = integration.masked_key if pages else integration.key
    context = {
        "live": "pages",
        "service": first_service,
        "key": key,
        "curl": alerts_queries.source("generic").curl(visit.ctx.public_url, key, TEST_ALERT),
        "page": pages[0] if pages else None,
        "mail_ready": EMAIL.is_ready(visit.ctx.channel_settings),
        "waking": any(wakes(m.kind) for m in methods),
        "second": second,
        "secret": secret,
        "unverified": [
            m for m in methods if m.state is MethodState.NEW and is_ready(m.kind, visit.ctx.channel_settings)
        ],
        "here": f"/setup/done?service={service}",
    }
    return await html.render(visit.request, "setup_done.html", context)
